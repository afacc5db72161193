"""What each setting may be, which source of it wins, and what a log keeps: tables."""

import json
from pathlib import Path
from typing import Any

import pytest

from bulkstatus.errors import LogRefused, SettingsRefused
from bulkstatus.settings.sources import resolve, settings_for
from bulkstatus.settings.table import LOGGED, SETTINGS, names_of
from bulkstatus.settings.values import COLUMNS, normal_base_url
from bulkstatus.source.options import FIELDS, VOID

FOLDER = Path(__file__).parent
CASES = json.loads((FOLDER / "precedence.json").read_text("utf-8"))

#: For each setting, a value as it is kept and not by default, others that it may have, and others
#: that have no use.
VALUES = json.loads((FOLDER / "values.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["what"] for case in CASES])
def test_the_first_source_that_has_a_setting_wins(tmp_path: Path, case: dict[str, Any]) -> None:
    (tmp_path / "config.toml").write_text(case.get("file", ""), "utf-8")
    environ = {"BULKSTATUS_CONFIG_DIR": str(tmp_path), **case.get("environ", {})}
    given, logged = case.get("given", {}), case.get("logged")
    if "refused" in case:
        with pytest.raises((LogRefused, SettingsRefused)) as refusal:
            settings_for(given, logged, log_name="day.results.jsonl", environ=environ)
        assert case["refused"] in str(refusal.value)
        assert isinstance(refusal.value, LogRefused) == ("day.results" in str(refusal.value))
        return
    settings = settings_for(given, logged, environ=environ)
    for name, (value, origin) in case["expected"].items():
        assert (name, settings.values[name], settings.origins[name]) == (name, value, origin)


def test_every_setting_has_values_in_the_table() -> None:
    assert [name for name, *_ in VALUES] == list(SETTINGS)
    assert all(SETTINGS[name].default != kept for name, kept, *_ in VALUES)
    assert (*FIELDS, VOID) == COLUMNS


@pytest.mark.parametrize(("name", "kept", "also", "unfit"), VALUES)
def test_a_setting_takes_what_has_a_use_and_nothing_else(
    name: str, kept: object, also: list[object], unfit: list[object]
) -> None:
    setting = SETTINGS[name]
    # What is kept gives the same again.
    assert setting.read(kept)[0] == kept
    for value in also:
        again, used = setting.read(value)
        assert setting.read(again) == (again, used)
    for value in unfit:
        with pytest.raises(SettingsRefused) as refusal:
            setting.read(value)
        assert name == "base_url" or setting.option in str(refusal.value)
        assert "s3cr3t" not in str(refusal.value)
        assert "\x1b" not in str(refusal.value)


def test_a_log_gives_back_the_settings_that_it_keeps(tmp_path: Path) -> None:
    environ = {"BULKSTATUS_CONFIG_DIR": str(tmp_path)}
    given = {name: value for name, value, *_ in VALUES if name != "profile"}
    settings = settings_for(
        {**given, "ca_file": Path("own.pem"), "quota": ("1/m",)}, None, "argument", environ=environ
    )
    logged = json.loads(json.dumps(settings.logged))
    again = settings_for({}, logged, environ=environ)
    assert logged.keys() == set(names_of(*LOGGED))
    for name in SETTINGS:
        is_kept = name in logged
        assert (getattr(again, name) == getattr(settings, name)) == (is_kept or name == "profile")
        assert (again.origins[name] == "result log") == is_kept, name
    options = [words[0] for words in again.typed(logged)]
    assert list(dict.fromkeys(options)) == [SETTINGS[name].option for name in logged]
    assert not list(settings_for({}, environ=environ).typed(SETTINGS))


def test_a_path_that_is_none_is_told() -> None:
    with pytest.raises(SettingsRefused, match="must be a path"):
        resolve(("argument", {"ca_file": b"x"}))


def test_no_key_is_ever_among_the_settings(tmp_path: Path) -> None:
    environ = {"BULKSTATUS_CONFIG_DIR": str(tmp_path), "BULKSTATUS_API_KEY": "s3cr3t"}
    assert "s3cr3t" not in repr(settings_for({}, environ=environ))


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("https://api.example.:8443/V1//", "https://api.example:8443/V1"),
        ("http://LOCALHOST:8080", "http://localhost:8080"),
        ("http://localhost.:8080/", "http://localhost:8080"),
        ("http://localhost:080?", "http://localhost"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://[0:0::1]:80/", "http://[::1]"),
        ("https://BÜCHER.example", "https://bücher.example"),
        ("http://localhost.example", None),
        ("http://127.0.0.1.example:1", None),
        ("http://[::2]", None),
        ("https://@api.example", None),
        ("https://api.example?x=1", None),
        ("https://api.example#x", None),
        ("https://good.example\\.evil.example", None),
        ("https://good.example/a b", None),
        ("https://good\t.example", None),
        ("ftp://api.example", None),
        ("https://.", None),
        ("https://a..example", None),
        ("https://[::1", None),
        ("https://[x:y]", None),
        ("https://api.example:port", None),
    ],
)
def test_a_base_url_is_safe_and_has_one_spelling(typed: str, normal: str | None) -> None:
    if normal is None:
        with pytest.raises(SettingsRefused, match=r"^The base URL"):
            normal_base_url(typed)
    else:
        assert normal_base_url(typed) == normal
        assert normal_base_url(normal) == normal
