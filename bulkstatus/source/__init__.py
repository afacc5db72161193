"""The input side: a file, read once, as a stream of rows."""

from bulkstatus.source.doubt import InQuestion
from bulkstatus.source.opening import Source, open_source
from bulkstatus.source.options import Asks, Batch, InputOptions

__all__ = ["Asks", "Batch", "InQuestion", "InputOptions", "Source", "open_source"]
