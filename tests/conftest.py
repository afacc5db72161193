"""What every test stands on: nothing of the user's own settings, state or credentials."""

import os
import signal

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Where the tests run in the background of a script; what they start is to be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _own_world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("BULKSTATUS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    world = tmp_path_factory.mktemp("world")
    monkeypatch.setenv("BULKSTATUS_STATE_DIR", str(world / "state"))
    monkeypatch.setenv("BULKSTATUS_CONFIG_DIR", str(world / "config"))
