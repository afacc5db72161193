"""What the README has people type."""

import asyncio
import configparser
import datetime
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bulkstatus.cli import cli
from bulkstatus.sandbox import Sandbox
from tests import program

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


# Where README has the files of those who run it by itself.
SERVER_FOLDER = "/srv/orders"


def crontab_command() -> str:
    """Return what cron gives to the shell."""
    (line,) = [line for line in LINES if re.match(r"[\d*]+ [\d*]+ \* \* [\d*-]+ ", line)]
    command = line.split(maxsplit=5)[5]
    # To cron a bare percent sign is the end of the line.
    assert not re.search(r"(?<!\\)%", command)
    return command.replace("\\%", "%")


def service() -> configparser.SectionProxy:
    """Return the unit's [Service]."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment] - as the standard library's pages do it
    (text,) = [block for block in BLOCKS if block.startswith("[Service]")]
    unit.read_string(text)
    return unit["Service"]


def service_command() -> str:
    """Return what systemd gives to the shell, in the folder that the unit names."""
    shell, option, command = shlex.split(service()["ExecStart"].replace("%%", "\0"))
    assert (shell, option) == ("/bin/sh", "-c")
    assert "%" not in command
    return f"cd {service()['WorkingDirectory']} && {command}".replace("\0", "%")


@pytest.mark.skipif(os.name != "posix", reason="these are for systems with a shell")
@pytest.mark.parametrize("command", [crontab_command(), service_command()], ids=["cron", "systemd"])
async def test_what_runs_by_itself_sends_the_days_file_once(tmp_path: Path, command: str) -> None:
    today = datetime.date.today()
    for day in (today, today + datetime.timedelta(1)):  # should it be midnight by now
        (tmp_path / f"dispatch-{day}.csv").write_text(
            "order_id,status,tracking\n1001,8,\n1002,8,\n"
        )
    found = tmp_path / "bin" / "bulkstatus"
    found.parent.mkdir()
    found.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m bulkstatus "$@"\n')
    found.chmod(0o755)
    assert SERVER_FOLDER in command
    async with Sandbox() as sandbox:
        path = os.pathsep.join([str(found.parent), os.environ["PATH"]])
        environ = program.environment(str(sandbox.base_url), PATH=path)
        for _ in range(2):
            process = await asyncio.create_subprocess_shell(
                command.replace(SERVER_FOLDER, str(tmp_path)), env=environ
            )
            assert await process.wait() == 0
            assert sandbox.counts.total() == 2
    assert [path.suffixes for path in tmp_path.glob("*.jsonl")] == [[".results", ".jsonl"]]


def test_the_service_starts_again_for_those_exit_statuses_alone_that_waiting_helps() -> None:
    statuses = dict(re.findall(r"^\| (\d)[ ,].*?\| (.*) \|$", README, re.MULTILINE))
    told = {int(status) for status in service()["RestartPreventExitStatus"].split()}
    assert service()["Restart"] == "on-failure"
    assert "trying again later goes on" in statuses["3"]
    assert told == set(map(int, statuses)) - {0, 3}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="the system has no systemd")
def test_systemd_takes_the_service(tmp_path: Path) -> None:
    unit = tmp_path / "dispatch.service"
    lines = ["[Service]", *(f"{key}={value}" for key, value in service().items())]
    unit.write_text("\n".join(lines).replace("User=orders", "User=root") + "\n")
    judged = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert unit.name not in judged.stderr + judged.stdout
