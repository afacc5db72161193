"""The program: `python -m bulkstatus`, and the `bulkstatus` command."""

import sys


def main() -> None:
    """Run the program; Ctrl-C ends it quietly also while it is still being loaded."""
    try:
        from bulkstatus.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
