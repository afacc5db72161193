"""A run: rows of the log → paced, concurrent PUTs → results → log.

`run` begins and ends it and reads rows into the `feed`, which says which is next; `conductor` keeps
workers at work on them; `lead` is up to which row the log says they may leave, `gate` how many may
be on the wire, `delivery` what an answer does to its row and to the run, `fault` whose fault it is.
"""

from bulkstatus.job.run.gate import Hold, HoldReason
from bulkstatus.job.run.interface import Ending, Observer, RunOptions, Sender
from bulkstatus.job.run.run import Run

__all__ = ["Ending", "Hold", "HoldReason", "Observer", "Run", "RunOptions", "Sender"]
