"""What a command says of itself: help, examples, completion; and that it says so at once."""

import os
import shlex
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from click.shell_completion import get_completion_class

import bulkstatus.__main__
from bulkstatus.cli import _COMMANDS, cli
from bulkstatus.order import OrderStatus, parse_status
from bulkstatus.settings.table import SETTINGS, names_of


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)  # type: ignore[attr-defined] - a group
    assert found is not None
    return found


def program(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bulkstatus", *arguments],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_help_holds_examples_that_the_command_line_takes(name: str) -> None:
    lines = (command(name).help or "").splitlines()
    found = [shlex.split(line)[1:] for line in lines if line.strip().startswith("bulkstatus ")]
    assert found
    for arguments in found:
        assert arguments[0] == name
        words = [word for word in arguments[1:] if not word.startswith((">", "~"))]
        if {">", ">>", "|"} & set(arguments):
            words = words[:1] if name == "completion" else []
        command(name).make_context(name, words)


@pytest.mark.parametrize("name", _COMMANDS)
def test_help_is_in_the_words_of_those_who_read_it(name: str) -> None:
    text = command(name).get_help(click.Context(command(name), info_name=name))
    assert not {"<=", ">="} & set(text.split())
    takes_input = any("INPUT" in str(p.metavar) for p in command(name).params)
    assert ("INPUT" in text) == takes_input
    for parameter in command(name).params:
        if isinstance(parameter, click.Option) and parameter.name != "port":
            assert parameter.help, f"{name} {parameter.opts[0]}"


def test_every_setting_is_an_option_of_the_commands_that_send() -> None:
    for name in SETTINGS.keys() - names_of("account"):
        for command_name in ("send", "resume"):
            (option,) = (p for p in command(command_name).params if p.name == name)
            assert option.opts == [SETTINGS[name].option]
    of_check = {p.name for p in command("check").params} & SETTINGS.keys()
    assert of_check == {*names_of("input", "profile"), "save_layout"}


@pytest.mark.parametrize(
    ("arguments", "quoted"),
    [
        ("sned", "sned"),
        ("send x.csv --limt 3", "--limt"),
        ("send x.csv --column trackng=T", "trackng"),
        ("send x.csv --column tracking", "tracking"),
        ("send x.csv --max-failures 1.5", "1.5"),
        ("send x.csv --cancellations many", "many"),
        ("send x.csv --cancellations -1", "-1"),
        ("check x.csv --profile x", '"x"'),
        ("sandbox --port 65536", "65536"),
        ("sandbox --fail x", "x"),
    ],
)
def test_what_is_mistyped_is_quoted_and_gives_exit_status_2(arguments: str, quoted: str) -> None:
    done = program(*arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert quoted in done.stderr
    assert "Traceback" not in done.stderr


def complete(*words: str) -> list[str]:
    done = program(
        _BULKSTATUS_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(["bulkstatus", *words]),
        COMP_CWORD=str(len(words)),
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_the_shell_completes_commands_statuses_and_files() -> None:
    assert complete("s") == ["send", "sandbox", "statuses", "schema"]
    assert complete("send", "--status", "can") == ["cancelled"]
    names = complete("send", "--status", "")
    assert [parse_status(name) for name in names] == list(OrderStatus)
    for words in (["send"], ["check"], ["resume"], ["resume", "log.jsonl"], ["report"]):
        assert complete(*words, "x") == ["x"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_completion_script_calls_the_program(shell: str) -> None:
    if get_completion_class(shell) is None:
        pytest.skip("click has PowerShell from 8.5 on")
    done = program("completion", shell)
    assert done.returncode == 0
    assert f"{shell}_complete" in done.stdout


@pytest.mark.parametrize("module", ["click", "bulkstatus.cli.output"])
def test_ctrl_c_while_the_program_is_loaded_ends_it_quietly(module: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = program("sned", PYTHONPATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_installed_command_is_the_one_that_ends_quietly() -> None:
    (entry,) = entry_points(group="console_scripts", name="bulkstatus")
    assert entry.load() is bulkstatus.__main__.main


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["send", "--help"], ["config", "--help"]]
)
def test_nothing_heavy_is_loaded_to_answer(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bulkstatus", *arguments],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    # What click brings with it is not ours to judge.
    heavy = {
        "aiohttp", "aiolimiter", "asyncio", "email", "keyring", "orjson", "platformdirs", "rich",
        "sqlite3", "ssl", "tomllib", "truststore", "urllib.request", "uvloop", "yarl",
        "bulkstatus.order", "bulkstatus.pace", "bulkstatus.job", "bulkstatus.settings.sources",
    }  # fmt: skip
    assert loaded & heavy == set()
