"""What `check` does: the preflight alone, in words, as JSON or as a CSV to mend."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bulkstatus.cli.description import input_sections, laid_out, plan_sections
from bulkstatus.cli.execute import run_in_loop, settings_of
from bulkstatus.cli.problems import show_problems, write_problems
from bulkstatus.cli.records import plan_record, print_json
from bulkstatus.config import Settings
from bulkstatus.preflight import Plan, check_source
from bulkstatus.sending.refusal import how_to_list_all
from bulkstatus.source import Source, open_source
from bulkstatus.terminal import tell
from bulkstatus.text import printable
from bulkstatus.wording import counted

#: How many problems are shown.
_SHOWN = 20


def check(path: str, as_json: bool, problems_path: Path | None, options: Mapping[str, Any]) -> int:
    """Check a file, print what was found and return the exit status."""
    keep = _SHOWN if problems_path is None and not as_json else None
    settings = settings_of(options)
    source, plan = run_in_loop(_check(path, settings, keep))
    if problems_path is not None:
        write_problems(plan.problems, problems_path, path)
    exit_status = 2 if plan.refused else 0
    if as_json:
        print_json(
            {
                "exit_status": exit_status,
                "input": source.name,
                "sha256": source.sha256,
                "encoding": source.encoding,
                "notes": list(source.notes),
                "columns": dict(source.columns),
                **plan_record(plan),
            }
        )
    else:
        _show(source, plan, settings, path, problems_path)
    return exit_status


async def _check(path: str, settings: Settings, keep: int | None) -> tuple[Source, Plan]:
    async with await open_source(path, settings.input) as source:
        return source, await check_source(source, last_wins=settings.last_wins, keep=keep)


def _show(
    source: Source, plan: Plan, settings: Settings, path: str, problems_path: Path | None
) -> None:
    sections = [*input_sections(source, plan, settings), *plan_sections(plan, "Good")]
    tell(laid_out(sections, sys.stdout), whole=True)
    if not plan.refused:
        tell("\nNothing speaks against sending this file.")
        return
    tell("")
    show_problems(plan.problems[:_SHOWN], plan.refused, sys.stdout, tell)
    rows = f"{plan.refused} of {counted(plan.rows, 'row')}"
    tell(f"\n{rows} cannot be sent. Correct them and check the file again.")
    if problems_path is not None:
        tell(f"All of them are listed in {printable(str(problems_path))}.")
    elif plan.refused > _SHOWN:
        tell(how_to_list_all(path, settings))
