"""The table: in Markdown, so that it can go into a page as it is, and as JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Measurement

_HEADER = ("Benchmark", "What", "Bar", "Measured", "Lowest to highest", "Verdict", "Note")
_RIGHT = {"Bar", "Measured", "Lowest to highest"}


def markdown(measurements: Sequence[Measurement], machine: Mapping[str, str], runs: int) -> str:
    """Return the table with the machine and the versions below it."""
    rows = [
        (
            one.benchmark,
            one.what,
            str(one.bar or ""),
            f"{_figure(one.value)} {one.unit}".removesuffix(" ratio"),
            f"{_figure(min(one.samples))} to {_figure(max(one.samples))}",
            one.verdict,
            one.note,
        )
        for one in measurements
    ]
    widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    rule = [
        "-" * (width - 1) + ":" if name in _RIGHT else "-" * width
        for name, width in zip(_HEADER, widths, strict=True)
    ]
    lines = [_line(cells, widths) for cells in (_HEADER, rule, *rows)]
    about = ", ".join(f"{name} {value}" for name, value in machine.items())
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    return "\n".join([*lines, "", f"{day}, median of {runs} runs. {about}.", ""])


def write_json(
    path: Path, measurements: Sequence[Measurement], machine: Mapping[str, str], runs: int
) -> None:
    """Write everything to a file, every run's figure included."""
    document = {
        "measured_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "runs": runs,
        "machine": dict(machine),
        "measurements": [
            {
                "benchmark": one.benchmark,
                "what": one.what,
                "value": one.value,
                "unit": one.unit,
                "bar": str(one.bar) if one.bar else None,
                "verdict": one.verdict or None,
                "samples": list(one.samples),
                "note": one.note,
            }
            for one in measurements
        ],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if name in _RIGHT else cell.ljust(width)
        for name, cell, width in zip(_HEADER, cells, widths, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def _figure(value: float) -> str:
    """Return a figure with three or four digits that mean something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
