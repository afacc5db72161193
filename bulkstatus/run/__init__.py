"""A run: rows → paced, concurrent PUTs → results → log.

`conductor` keeps workers at work, `reader` brings rows to the `feed`, which says which is next,
`gate` how many may be on the wire, `delivery` what an answer does to its row and to the run,
`backoff` how long a row waits.
"""

from bulkstatus.run.conductor import Run
from bulkstatus.run.gate import Hold, HoldReason
from bulkstatus.run.interface import Ending, Observer, RunOptions, Sender, Silent

__all__ = ["Ending", "Hold", "HoldReason", "Observer", "Run", "RunOptions", "Sender", "Silent"]
