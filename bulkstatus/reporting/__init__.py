"""The report: result logs → what happened, as text, JSON, tables and a page.

`summarise` reads a log and makes a `Summary`, `several.add_up` one of several; the others tell it:
`text`, `as_json`, `tables`, `page`, and `mend` for the rows to mend. `failures` words what failed
and what to do.
"""

from bulkstatus.reporting.as_json import summary_record
from bulkstatus.reporting.summary import Summary, summarise
from bulkstatus.reporting.text import summary_lines

__all__ = ["Summary", "summarise", "summary_lines", "summary_record"]
