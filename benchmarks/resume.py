"""Resume: how soon a run goes on whose log has a million results, and in how much memory."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.inputs import write_csv, write_log
from benchmarks.measure import Bench, Measurement, at_most, median
from benchmarks.needs import NGINX, POSIX
from benchmarks.nginx import moments, nginx
from benchmarks.process import Failed, bulkstatus, peak_mebibytes, run

NEEDS = (POSIX, NGINX)
ROWS = 1_000_000
LEFT = 1_000


def measure(bench: Bench) -> Iterator[Measurement]:
    rows = max(bench.rows_or(ROWS), 2 * LEFT)
    source = write_csv(bench.folder / "orders.csv", rows)
    for where, left in (
        ("at the end", range(rows - LEFT, rows)),
        ("spread evenly", range(0, rows // LEFT * LEFT, rows // LEFT)),
    ):
        bench.say(f"resume: {bench.runs} runs with {rows:,} results, {LEFT:,} rows left {where}")
        kept = write_log(bench.folder / "kept.jsonl", source, rows, left)
        figures = [_resume(bench.folder, kept) for _ in range(bench.runs)]
        for what, unit, samples, bar in (
            ("first PUT", "s", [seconds for seconds, _ in figures], at_most(5)),
            ("peak", "MiB", [peak for _, peak in figures], at_most(200)),
        ):
            yield Measurement(
                "resume", f"{what}, {LEFT:,} left {where}", median(samples), unit, samples, bar
            )


def _resume(folder: Path, kept: Path) -> tuple[float, float]:
    """Resume from a copy of a log and return the seconds to the first PUT and the peak in MiB."""
    log = folder / "orders.results.jsonl"
    shutil.copyfile(kept, log)
    with nginx(folder, logged=True) as server:
        command = bulkstatus("resume", log, "--base-url", server.base_url, "--rate", "none")
        ended = run([*command, "--yes", "--quiet"], folder)
    sent: Sequence[float] = moments(server.log)
    if len(sent) != LEFT:
        raise Failed(f"resume sent {len(sent):,} rows instead of {LEFT:,}")
    return sent[0] - ended.started, peak_mebibytes(ended)
