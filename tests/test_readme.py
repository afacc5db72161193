"""What the README has people type."""

import re
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_a_rehearsal_against_an_address_keeps_out_of_the_real_log() -> None:
    lines = [line for block in BLOCKS for line in block.splitlines()]
    sent = [line for line in lines if " send " in line and "--base-url http://127.0.0.1" in line]
    assert sent
    assert all("--log rehearsal.results.jsonl" in line for line in sent)


def test_no_script_writes_its_output_to_what_could_be_an_input() -> None:
    written = [name for block in BLOCKS for name in re.findall(r'>>? *"?([^\s"]+)', block)]
    assert "$day.out" in written
    assert not [name for name in written if name.endswith((".txt", ".csv", ".tsv", ".xlsx"))]


def test_what_to_do_about_a_wrong_cancellation_is_said_where_one_is_made() -> None:
    cancel = README.partition("**Cancel.**")[2].partition("**Resume.**")[0]
    assert "do not say whether a cancelled order can be set back" in cancel
    assert "`bulkstatus report LOG --rows rows.csv`" in cancel
