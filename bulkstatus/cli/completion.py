"""`bulkstatus completion`."""

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    With it the shell completes commands, options, statuses, profiles and files.

    \b
    Examples:
      bulkstatus completion bash >> ~/.bashrc
      bulkstatus completion zsh >> ~/.zshrc
      bulkstatus completion fish > ~/.config/fish/completions/bulkstatus.fish
    """
    from click.shell_completion import get_completion_class

    from bulkstatus.cli import cli

    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(cli, {}, "bulkstatus", "_BULKSTATUS_COMPLETE").source())
