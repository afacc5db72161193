"""What a command says of itself: help, suggestions, completion; and that it says so at once."""

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
from bulkstatus.config import config_path
from bulkstatus.order import OrderStatus, parse_status


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


def examples(name: str) -> list[list[str]]:
    lines = (command(name).help or "").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.strip().startswith("bulkstatus ")]


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_help_holds_examples_that_the_command_line_takes(name: str) -> None:
    found = examples(name)
    assert found
    for arguments in found:
        assert arguments[0] == name
        words = [word for word in arguments[1:] if not word.startswith((">", "~"))]
        if {">", ">>", "|"} & set(arguments):
            words = words[:1] if name == "completion" else []
        command(name).make_context(name, words)


def test_every_option_says_what_it_does() -> None:
    for name in _COMMANDS:
        for parameter in command(name).params:
            if isinstance(parameter, click.Option) and parameter.name != "port":
                assert parameter.help, f"{name} {parameter.opts[0]}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sned"], 'There is no command "sned". Did you mean send?'),
        (["zzz"], "There are: send, resume"),
        (["send", "x.csv", "--limt", "3"], "--limit"),
        (["send", "x.csv", "--column", "trackng=T"], 'Did you mean tracking="T"?'),
        (["check", "x.csv", "--status", "cancled"], "did you mean Cancelled (128)?"),
        (["check", "x.csv", "--profile", "x"], 'There is no profile "x"'),
    ],
)
def test_what_is_mistyped_gets_a_suggestion_and_exit_status_2(
    arguments: list[str], said: str
) -> None:
    done = program(*arguments)
    assert said in done.stderr
    assert done.returncode == 2


def complete(*words: str) -> list[str]:
    done = program(
        _BULKSTATUS_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(["bulkstatus", *words]),
        COMP_CWORD=str(len(words)),
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_the_shell_completes_commands_statuses_and_profiles() -> None:
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[profile.default]\n[profile.staging]\n[profile.shop]\n")
    assert complete("s") == ["send", "sandbox", "statuses", "schema"]
    assert complete("send", "--status", "can") == ["cancelled"]
    assert complete("send", "--status", "51") == ["512", "513", "515", "516"]
    everything = complete("send", "--status", "")
    assert {parse_status(value) for value in everything} == set(OrderStatus)
    assert len(everything) == 2 * len(OrderStatus)
    assert not any(set(" ()") & set(value) for value in everything)
    assert complete("check", "--profile", "s") == ["staging", "shop"]
    path.write_text("broken")
    assert complete("check", "--profile", "s") == []


def test_the_shell_completes_the_files_of_every_command_that_takes_one() -> None:
    for words in (["send"], ["check"], ["resume"], ["resume", "log.jsonl"], ["report"]):
        done = program(
            _BULKSTATUS_COMPLETE="bash_complete",
            COMP_WORDS=" ".join(["bulkstatus", *words, "x"]),
            COMP_CWORD=str(len(words) + 1),
        )
        assert done.stdout.splitlines() == ["file,x"]


def test_the_help_of_sending_says_where_the_account_and_the_address_come_from() -> None:
    for name in ("send", "resume"):
        said = command(name).help or ""
        for variable in ("BULKSTATUS_REF_ID", "BULKSTATUS_API_KEY", "BULKSTATUS_BASE_URL"):
            assert variable in said
    for kind in (".xlsx", ".gz", "JSON Lines", "TSV"):
        assert kind in (command("send").help or "")


@pytest.mark.parametrize("name", _COMMANDS)
def test_help_is_in_the_words_of_those_who_read_it(name: str) -> None:
    text = command(name).get_help(click.Context(command(name), info_name=name))
    assert "<=" not in text.replace(" ", "")
    assert ">=" not in text.replace(" ", "")
    takes_input = any("INPUT" in str(p.metavar) for p in command(name).params)
    assert ("INPUT" in text) == takes_input


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--limit", "0"], '"0" is not a whole number from 1 up.'),
        (["--limit", "-1"], '"-1" is not a whole number from 1 up.'),
        (["--max-failures", "1.5"], '"1.5" is not a whole number from 1 up.'),
        (["--cancellations", "many"], '"many" is not a whole number from 0 up.'),
    ],
)
def test_a_number_that_is_none_is_said_in_words(arguments: list[str], said: str) -> None:
    done = program("send", "x.csv", *arguments)
    assert said in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize("module", ["click", "bulkstatus.cli.refusal"])
def test_ctrl_c_while_the_program_is_loaded_ends_it_quietly(module: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
    )
    done = program("sned", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_installed_command_is_the_one_that_ends_quietly() -> None:
    (entry,) = entry_points(group="console_scripts", name="bulkstatus")
    assert entry.load() is bulkstatus.__main__.main


def test_powershell_completes_as_the_others_do() -> None:
    if get_completion_class("powershell") is None:
        pytest.skip("click has it from 8.5 on")
    done = program(
        _BULKSTATUS_COMPLETE="powershell_complete",
        COMP_WORDS="bulkstatus send --status can",
        COMP_CWORD="3",
    )
    assert done.stdout.splitlines() == ["plain", "cancelled", "Cancelled"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_completion_script_calls_the_program(shell: str) -> None:
    if get_completion_class(shell) is None:
        pytest.skip("click has PowerShell from 8.5 on")
    done = program("completion", shell)
    assert done.returncode == 0
    assert "_BULKSTATUS_COMPLETE" in done.stdout
    assert f"{shell}_complete" in done.stdout


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
        "bulkstatus.config", "bulkstatus.order", "bulkstatus.sending",
    }  # fmt: skip
    assert loaded & heavy == set()
