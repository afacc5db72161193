"""The job: a checked input and a log become a run.

`job` has `send` and `resume`, `ready` the way from the question to the end. `check` reads an
input into a `worklist` and judges it, with what is `known` of its orders by its log and others;
`beginning` says what a run begins with, and `plan` counts it; `terms` has what is given, proposed
and given back, `wording` says what is proposed, and `consent` what is missing for a yes; `names`
is where logs are, `connection` how the API is reached, `refusals` what to do where one or a file
stands in the way. The run itself is in `bulkstatus.job.run`.
"""

from bulkstatus.job.job import changed_file, check, log_and_file, resume, send, send_or_resume
from bulkstatus.job.terms import Declined, Ended, Proposal, RowsRefused, Terms

__all__ = [
    "Declined",
    "Ended",
    "Proposal",
    "RowsRefused",
    "Terms",
    "changed_file",
    "check",
    "log_and_file",
    "resume",
    "send",
    "send_or_resume",
]
