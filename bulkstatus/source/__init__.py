"""The input side: a file, looked at as a whole once, then read as rows as often as needed."""

from bulkstatus.source.opening import Source, open_source
from bulkstatus.source.options import Batch, InputOptions

__all__ = ["Batch", "InputOptions", "Source", "open_source"]
