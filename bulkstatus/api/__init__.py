"""The Order Status API: one PUT an order, and what its answer means.

`client` sends, through one session and within `deadlines`; `answer` judges what came back;
`credentials` has the key and keeps it out of every text; `access` has the trusted authorities and
the proxy. Nothing is imported here, since aiohttp takes longer to load than `--help` to print.
"""
