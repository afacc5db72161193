"""The yes to a run: what is still missing for it, and what was said wrong."""

from collections.abc import Mapping
from dataclasses import dataclass

from bulkstatus.errors import Refused, SettingsRefused
from bulkstatus.job.terms import Proposal
from bulkstatus.job.wording import CELL, rows_told
from bulkstatus.words import counted, printable


@dataclass(frozen=True)
class Said:
    """What was said of a run before it was known what it would do.

    `cancellations` is how many orders it cancels, None where no number was said; `changed_input`
    that a file may bring more than the log's own rows that are still to be sent; `yes` that it is
    to be done. `words` has how the user says each of these, with {} for the number.
    """

    words: Mapping[str, str]
    cancellations: int | None
    changed_input: bool
    yes: bool = True

    def check(self, proposal: Proposal, needs_all: bool) -> None:
        """Raise SettingsRefused for a wrong number, and with `needs_all` for what was not said.

        No number is needed where runs of the log were told of all cancellations. Where a command
        is repeated, the number that it says is the file's, and fewer are left by then.
        """
        plan, count, number = proposal.plan, proposal.plan.cancellations, self.cancellations
        are_told = not plan.untold_cancellations
        is_right = number == count or (are_told and (number is None or proposal.restarts))
        missing: dict[str, str] = {}
        if needs_all and not self.yes:
            missing[self.words["yes"]] = "There is no terminal to ask on."
        if not is_right and (needs_all or number is not None):
            instead = "" if number is None else f", not {number:,}"
            told = f"This run would cancel {counted(count, 'order')}{instead}."
            missing[self.words["cancellations"].format(count)] = told
        if needs_all and not self.changed_input and (changes := _changes(proposal)):
            told = f"The file is not as the log has it: {changes}."
            missing[self.words["changed_input"]] = told
        if missing:
            say = f"Nothing was sent. If all this is meant, say {' '.join(missing)}."
            raise SettingsRefused(" ".join([*missing.values(), say]))


def _changes(proposal: Proposal) -> str:
    """Return what a mended file brings besides the log's own rows that are still to be sent."""
    if proposal.source is None or proposal.log is None:
        return ""
    plan = proposal.plan
    counts = {
        "new or mended": plan.new,
        "refused before and sent again": plan.rejected,
        "withdrawn": plan.withdrawn,
        "of the log left to be sent later": plan.left,
    }
    return ", ".join(rows_told(counts))


def check_typed(number: str, count: int) -> None:
    """Raise Refused where what was typed is not the number of the cancellations."""
    if number != str(count):
        raise Refused(f'You typed "{printable(number, CELL)}", and {count} is needed.')
