"""`send` and `resume` from end to end.

`runs` is their course: check the file, ask, run, and say what came of it. `terms` has what they
are given, propose and give back, `proposal` makes what is proposed, `resumed` finds what a resume
goes on with and `withdrawn` which of its rows were taken back, `record` makes the log's record of
a run and the log's name, `connection` says how the API is reached, `refusal` what to do where a
log or rows of the file stand in the way, and `typed` by which options settings are typed.
"""

from bulkstatus.sending.runs import resume, send
from bulkstatus.sending.terms import Declined, Proposal, RowsRefused, Summary, Terms

__all__ = ["Declined", "Proposal", "RowsRefused", "Summary", "Terms", "resume", "send"]
