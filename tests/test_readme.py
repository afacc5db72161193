"""What the README has people type."""

import re
import shlex
from pathlib import Path

import click
import pytest

from bulkstatus.cli import cli

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]


def _without_shell(line: str) -> str:
    """Return a line without what the shell makes of it: a date, and quotes around it all."""
    return re.sub(r"\$\(.*?\)", "DATE", line).rstrip("'")


COMMANDS = sorted(
    {
        re.split(r" >>? | \| ", command)[0]
        for line in LINES
        for command in re.findall(r"\bbulkstatus ([a-z]+ .*)", _without_shell(line))
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_the_program_takes(command: str) -> None:
    name, *arguments = shlex.split(command)
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    found.make_context(name, arguments)


def test_commands_are_found() -> None:
    assert {command.split()[0] for command in COMMANDS} >= {"send", "resume", "check", "report"}


def test_a_rehearsal_against_an_address_keeps_out_of_the_real_log() -> None:
    sent = [line for line in LINES if " send " in line and "--base-url http://127.0.0.1" in line]
    assert sent
    assert all("--log rehearsal.results.jsonl" in line for line in sent)


def test_what_to_do_about_a_wrong_list_is_said_where_one_is_sent() -> None:
    cancel = README.partition("**Cancel.**")[2].partition("**Rehearse.**")[0]
    assert "whether a cancelled order can be set back" in " ".join(cancel.split())
    assert "--withdraw" in cancel
    assert "--touched" in cancel
