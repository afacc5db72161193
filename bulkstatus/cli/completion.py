"""`bulkstatus completion`."""

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish", "powershell"]))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    With it the shell completes commands, options, statuses, profiles and files. The line for
    PowerShell belongs into the file that $PROFILE names there.

    \b
    Examples:
      bulkstatus completion bash >> ~/.bashrc
      bulkstatus completion zsh >> ~/.zshrc
      bulkstatus completion fish > ~/.config/fish/completions/bulkstatus.fish
      bulkstatus completion powershell | Out-String | Invoke-Expression
    """
    from click.shell_completion import get_completion_class

    from bulkstatus.cli import cli

    completion = get_completion_class(shell)
    if completion is None:  # PowerShell came with click 8.5
        raise click.ClickException(
            f"The installed click knows no {shell}. Upgrade it:  pip install --upgrade click"
        )
    click.echo(completion(cli, {}, "bulkstatus", "_BULKSTATUS_COMPLETE").source())
