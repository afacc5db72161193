"""Send a file in shards on a Dask cluster.

    python dask_shards.py tcp://scheduler:8786 /shared/dispatch.csv 8

The workers need bulkstatus, the credentials (environment or profile), and the folder of the file,
where each shard's log goes, on storage that all of them share and that can lock. A shard whose
worker is lost is taken over by another one and goes on from its log. Rate and quotas are each
shard's own: eight at a rate of 1/s are eight a second.

The exit status is the worst of the shards'; where it is 3, the same command again goes on.
"""

import sys
from functools import partial
from typing import Any

from dask.distributed import Client

import bulkstatus


def send_shard(path: str, settings: dict[str, Any], shard: str) -> int:
    """Send a shard, or go on with it, and return the exit status that the command would have."""
    return bulkstatus.sync.send(path, shard=shard, go_on=True, **settings).ending.exit_status


def main(scheduler: str, path: str, count: int, **settings: Any) -> int:
    """Send all shards and return the worst of their exit statuses."""
    shards = [f"{index}/{count}" for index in range(1, count + 1)]
    with Client(scheduler) as client:
        work = client.map(partial(send_shard, path, settings), shards, pure=False, retries=3)
        return max(client.gather(work))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), rate="1/s"))
