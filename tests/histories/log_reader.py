"""What a log says, read by the tests' own rules from the format as the design has it."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Content = tuple[str, int | None, str | None]

TO_SEND = "to send"


@dataclass
class Told:
    """`rows` and `latest` are by `n`; `unseen` are those for which a request may have arrived.

    `elsewhere` is what yesterday's log has updated, where there is one beside this.
    `ends` has None for a run without an end. `answered` are the rows with a result of the last
    run that was sent in it, and `through` is the last run's.
    """

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    latest: dict[int, dict[str, Any]] = field(default_factory=dict)
    unseen: set[int] = field(default_factory=set)
    runs: list[dict[str, Any]] = field(default_factory=list)
    ends: list[dict[str, Any] | None] = field(default_factory=list)
    answered: dict[int, dict[str, Any]] = field(default_factory=dict)
    through: int = 0
    elsewhere: set[Content] = field(default_factory=set)

    @property
    def due(self) -> set[int]:
        """The rows that the last run is to send."""
        return {n for first, last in self.runs[-1]["due"] for n in range(first, last + 1)}

    def state(self, n: int) -> str:
        return str(self.latest[n]["outcome"]) if n in self.latest else TO_SEND

    def in_state(self, *states: str) -> set[int]:
        return {n for n in self.rows if self.state(n) in states}

    def content(self, n: int) -> Content:
        row = self.rows[n]
        return row["order_id"], row["status"], row["tracking"]

    def contents(self, *states: str) -> set[Content]:
        """What the rows in some states ask for."""
        return {self.content(n) for n in self.in_state(*states)}

    def done(self) -> set[Content]:
        """What this log and yesterday's have updated."""
        return self.contents("updated") | self.elsewhere

    def counts(self) -> Counter[str]:
        return Counter(result["outcome"] for result in self.latest.values())

    def orders(self, rows: set[int]) -> set[str]:
        return {self.rows[n]["order_id"] for n in rows} - {""}

    def perhaps(self) -> set[str]:
        """The orders that are perhaps touched."""
        return self.orders(self.unseen) - self.orders(self.in_state("updated"))

    def break_off(self) -> None:
        if self.runs and self.ends[-1] is None:
            reached = {n for n in self.due if n <= self.through}
            self.unseen |= reached - self.answered.keys()


def read(path: Path) -> Told:
    """Read a log; a torn last line and a run that has not begun count for nothing."""
    *lines, last = path.read_bytes().split(b"\n") if path.exists() else [b""]
    if last.endswith(b"}") and last.count(b"{") == last.count(b"}"):
        lines.append(last)  # it lacks its line end alone
    records = [json.loads(line) for line in lines]
    begun = len(records)
    for place, record in enumerate(records):
        if record["type"] == "run":
            begun = place
        elif record["type"] in {"sending", "end"}:
            begun = len(records)
    told = Told()
    for record in records[:begun]:
        _take(told, record)
    told.break_off()
    if path.name != "yesterday.results.jsonl":
        yesterday = path.with_name("yesterday.results.jsonl")
        told.elsewhere = read(yesterday).contents("updated") if yesterday.exists() else set()
    return told


def _take(told: Told, record: dict[str, Any]) -> None:
    if record["type"] == "run":
        told.break_off()
        told.runs.append(record)
        told.ends.append(None)
        told.answered, told.through = {}, 0
        for n in told.due & told.in_state("invalid"):
            # A row that is due is none that cannot be sent.
            del told.latest[n]
    elif record["type"] == "row":
        assert record["n"] == len(told.rows) + 1
        told.rows[record["n"]] = record
    elif record["type"] == "sending":
        assert record["through"] >= told.through
        told.through = record["through"]
    elif record["type"] == "result":
        n = record["n"]
        assert [record[name] for name in ("order_id", "status", "tracking", "line")] == [
            told.rows[n][name] for name in ("order_id", "status", "tracking", "line")
        ]
        told.latest[n] = told.answered[n] = record
        (told.unseen.add if record.get("uncertain") else told.unseen.discard)(n)
    else:
        assert record["run_id"] == told.runs[-1]["run_id"]
        assert record["counts"] == dict(told.counts())
        told.ends[-1] = record
