"""The report side: a result log → what happened, as text, as JSON, as tables and as a page.

`summarise` reads the log and makes a `Report`, of which `timeline`, `runs` and `groups` are the
parts. `text` and `record` say it, `rows` and `failures` write tables, `page` draws it.
"""

from bulkstatus.reporting.record import report_record
from bulkstatus.reporting.summary import Report, summarise
from bulkstatus.reporting.text import failures_text, report_text

__all__ = ["Report", "failures_text", "report_record", "report_text", "summarise"]
