"""What is printed with `--json`: one object, as UTF-8 on every console."""

from typing import Any

import click
import orjson

from bulkstatus.preflight import Plan


def plan_record(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it."""
    return {
        "rows": plan.rows,
        "due": plan.due,
        "orders": plan.orders,
        "duplicates": plan.duplicates,
        "superseded": plan.superseded,
        "invalid": plan.invalid,
        "conflicts": plan.conflicts,
        "by_status": {str(int(status)): count for status, count in plan.by_status.items() if count},
        "without_tracking": plan.without_tracking,
        "rounded": plan.rounded,
        "problems": [problem._asdict() for problem in plan.problems],
    }


def print_json(record: dict[str, Any]) -> None:
    """Print one JSON object to stdout: UTF-8 everywhere, whatever the console's encoding."""
    click.echo(orjson.dumps(record))


def utf8_text(text: str) -> str:
    """Return `text` with what UTF-8 cannot hold escaped: the odd bytes of a file's name."""
    return text.encode("utf-8", "backslashreplace").decode()
