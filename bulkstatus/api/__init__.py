"""The Order Status API: one PUT an order, and what its answer means.

`client` sends, through one session and within a time limit; `answer` judges what came back;
`access` has the key, which it keeps out of every text, the trusted authorities and the proxy.
Nothing is imported here, since aiohttp takes longer to load than `--help` to print.
"""
