"""What a command says of itself: help, examples, completion; and that it says so at once."""

import os
import shlex
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from click.shell_completion import get_completion_class

import bulkstatus.__main__
from bulkstatus.cli import _COMMANDS, cli
from bulkstatus.order import OrderStatus, parse_status
from bulkstatus.settings.table import SETTINGS, names_of
from tests.cli.conftest import Program
from tests.program import Ended, run


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)  # type: ignore[attr-defined] - a group
    assert found is not None
    return found


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


def test_a_word_of_a_file_may_hold_the_sign_that_parts_it_from_its_status() -> None:
    words = ["x.csv", "--word", "sent = ok=8", "--column", "tracking=a=b"]
    given = command("check").make_context("check", words).params
    assert (given["word"], given["column"]) == ({"sent = ok": "8"}, {"tracking": "a=b"})


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
        ("send x.csv --column tracking=A --column Tracking=B", '"tracking" is said to be two'),
        ("check x.csv --word Sent=8 --word Sent=64", '"Sent" is said to be two'),
        ("send x.csv --max-failures 1.5", "1.5"),
        ("send x.csv --cancellations many", "many"),
        ("send x.csv --cancellations -1", "-1"),
        ("check x.csv --profile x", '"x"'),
        ("sandbox --port 65536", "65536"),
        ("sandbox --fail x", "x"),
    ],
)
def test_what_is_mistyped_is_quoted_and_gives_exit_status_2(
    program: Program, arguments: str, quoted: str
) -> None:
    done = program(*arguments.split())
    assert (done.status, done.out, quoted in done.err) == (2, "", True), done.err


def test_the_shell_completes_commands_statuses_and_files(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_BULKSTATUS_COMPLETE", "bash_complete")

    def complete(*words: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", " ".join(["bulkstatus", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        return [line.partition(",")[2] for line in program().out.splitlines() if line]

    assert complete("s") == ["send", "sandbox", "statuses", "schema"]
    assert complete("send", "--status", "can") == ["cancelled"]
    names = complete("send", "--status", "")
    assert [parse_status(name) for name in names] == list(OrderStatus)
    for words in (["send"], ["check"], ["resume"], ["resume", "log.jsonl"], ["report"]):
        assert complete(*words, "x") == ["x"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_completion_script_calls_the_program(program: Program, shell: str) -> None:
    if get_completion_class(shell) is None:
        pytest.skip("click has PowerShell from 8.5 on")
    done = program("completion", shell)
    assert (done.status, f"{shell}_complete" in done.out) == (0, True)


@pytest.mark.parametrize("module", ["click", "bulkstatus.cli.output"])
async def test_ctrl_c_while_the_program_is_loaded_ends_it_quietly(
    module: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert await run("sned", PYTHONPATH=path) == Ended(130, "", "")


def test_the_installed_command_is_the_one_that_ends_quietly() -> None:
    (entry,) = entry_points(group="console_scripts", name="bulkstatus")
    assert entry.load() is bulkstatus.__main__.main


# What click brings with it is not ours to judge.
DRAWING = {"rich"}
HEAVY = DRAWING | {
    "aiohttp", "aiolimiter", "asyncio", "email", "keyring", "orjson", "platformdirs", "sqlite3",
    "ssl", "tomllib", "truststore", "urllib.request", "uvloop", "yarl", "bulkstatus.order",
    "bulkstatus.pace", "bulkstatus.job", "bulkstatus.settings.sources",
}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        ("--version", HEAVY),
        ("--help", HEAVY),
        ("send --help", HEAVY),
        ("config --help", HEAVY),
        ("check today.csv", DRAWING),
    ],
)
async def test_nothing_is_loaded_that_is_not_needed_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, heavy: set[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("today.csv").write_text("order id,status,tracking\n1,8,\n")
    done = await run(*arguments.split(), PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert (done.status, "bulkstatus.cli" in loaded, loaded & heavy) == (0, True, set())
