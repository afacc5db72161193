"""The desk: the whole job in a browser on this machine. It decides nothing by itself.

`program` keeps it open, `door` says which requests are answered, `server` answers them, and
`pages` makes what is seen. `folder` is what lies in the folder, `drop` what is dropped into it,
and `work` what is asked and the run that goes on.
"""

from bulkstatus.desk.program import serve

__all__ = ["serve"]
