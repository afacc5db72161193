"""The input side: a file, read once, as a stream of rows."""

from bulkstatus.source.opening import Source, open_source
from bulkstatus.source.options import Batch, InputOptions

__all__ = ["Batch", "InputOptions", "Source", "open_source"]
