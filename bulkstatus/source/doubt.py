"""`InQuestion`: what is not certain of a table's columns, and the command that would do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bulkstatus.errors import InputRefused
from bulkstatus.source.columns import (
    WORDS,
    Column,
    could_hold_ids,
    has_inner_id,
    normalise,
    quoted,
    speaks_of,
)
from bulkstatus.source.options import FIELDS, LABELS
from bulkstatus.words import counted

# How many columns a question lists, and how many it names for a field.
_LISTED, _NAMED = 40, 8

# `id` alone does not tell whose it is.
_TOLD = {"order_id": "order"}


class InQuestion(InputRefused):
    """Which column is which is not certain, or what words of the status column mean.

    `table` are all columns; `fields` has each field in question with the positions of those that
    could be meant, the likeliest first; `taken` are the headers of the other fields' columns.
    `words` are those of the status column that mean no status. `kind` is the format.
    """

    def __init__(
        self,
        name: str,
        table: Sequence[Column],
        fields: Mapping[str, Sequence[int]],
        note: str = "",
        taken: Iterable[int] = (),
        words: Sequence[str] = (),
        kind: str = "",
    ) -> None:
        self.name, self.table, self.fields, self.words = name, table, fields, words
        self._has_header = kind != "jsonl"
        self.taken = {table[place].header for place in taken}
        self.doubts = " ".join([*filter(None, [note]), *self._doubts()])
        shown = "\n".join(self._shown())
        which = " and ".join(f'--column {field}="HEADER"' for field in fields)
        says = "; --column tracking= says that there is none" if "tracking" in fields else ""
        # A column that could hold it is in question beside --status as well.
        alone = "--column status= with --status" if fields.get("status") else "--status"
        gives = f"; {alone} gives all rows one" if "status" in fields else ""
        none = f"none of the nine statuses is {' or '.join(map(quoted, words))}"
        means = f"; {none}: say what each means with --word" if words else ""
        super().__init__(
            f"{name}: which column is which is not certain, so nothing was sent. {self.doubts}\n"
            f"Its columns, with their first cells:\n{shown}\n"
            f"Say which is meant with {which}{says}{gives}{means}."
        )

    def _shown(self) -> Iterator[str]:
        """Yield the columns: of a wide table those that could be meant, and some of the others."""
        meant = [place for places in self.fields.values() for place in places[:_NAMED]]
        shown = sorted([*dict.fromkeys([*meant, *range(len(self.table))])][:_LISTED])
        yield from (f"  {self.table[place]}" for place in shown)
        if more := len(self.table) - len(shown):
            yield f"  and {counted(more, 'more column')}"

    def _doubts(self) -> Iterator[str]:
        for field, places in self.fields.items():
            could = [quoted(self.table[place].header) for place in places]
            if len(could) > 1:
                same = " Rename what has the same name." if len(set(could)) < len(could) else ""
                more = [counted(len(could) - _NAMED, "other")] if len(could) > _NAMED else []
                *some, last = could[:_NAMED] + more
                yield f"{', '.join(some)} and {last} could be the {LABELS[field]}.{same}"
                continue
            like = f"; {could[0]} could be it" if could else ""
            yield f"There is no column that is known to hold the {LABELS[field]}{like}."
            if could and has_inner_id(self.table[places[0]]):
                yield "Write what is in its braces under a name of its own first."
            if not could and any(column.filled and not column.header for column in self.table):
                yield "One that has no name cannot be chosen: give it one in the header first."
            if field == "order_id" and self._has_header and len(self.table) <= len(FIELDS):
                yield "If that line is an order already, add --no-header; if it stands above the"
                yield "header, delete it."

    @property
    def options(self) -> list[str]:
        """The words of a command line that would do."""
        words: list[str] = []
        for field, places in self.fields.items():
            is_given = field == "status" and not places
            named = f"{field}={self._named(field)}"
            words += ["--status", "STATUS"] if is_given else ["--column", named]
        for word in self.words:
            words += ["--word", f"{word}=CODE"]
        return words

    def _named(self, field: str) -> str:
        """Return the column to name for a field: HEADER where nobody knows which.

        It alone has the field's own words, or it alone could be meant and says nothing of another
        field. By its looks alone none is the order ID where another could be it as well, nor then
        the tracking, for it may be that other one.
        """
        places = self.fields[field]
        headers = [c.header for c in map(self.table.__getitem__, places) if not has_inner_id(c)]
        own = [header for header in headers if WORDS.get(normalise(header)) == field]
        mine = _TOLD.get(field, field)
        others = {_TOLD.get(other, other) for other in FIELDS} - {mine}
        likely = own or [h for h in headers if not any(speaks_of(other, h) for other in others)]
        is_one = len(likely) == 1 and likely == (headers[:1] if own else headers)
        header = likely[0] if is_one else "" if field == "tracking" and not places else "HEADER"
        if own or speaks_of(mine, header):
            return header
        if field == "order_id":
            rest = (c for c in self.table if c.header not in {*self.taken, header})
            return "HEADER" if any(map(could_hold_ids, rest)) else header
        is_lost = "order_id" in self.fields and self._named("order_id") == "HEADER"
        return "HEADER" if field == "tracking" and is_lost else header
