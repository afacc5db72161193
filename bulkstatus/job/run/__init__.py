"""A run: rows of the log → paced, concurrent PUTs → results → log.

`run` begins and ends it. `reader` brings rows to the `feed`, which says which is next, and
`conductor` keeps workers at work on them; `lead` is up to which row the log says they may leave,
`gate` how many may be on the wire, `delivery` what an answer does to its row and to the run,
`backoff` how long a row waits.
"""

from bulkstatus.job.run.gate import Hold, HoldReason
from bulkstatus.job.run.interface import Ending, Observer, RunOptions, Sender, Silent
from bulkstatus.job.run.run import Run

__all__ = ["Ending", "Hold", "HoldReason", "Observer", "Run", "RunOptions", "Sender", "Silent"]
