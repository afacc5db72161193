"""requests in threads, a session for each, as its documentation has it.

With a fourth argument, `tuned`, the sessions do not look at the environment and at `.netrc` for
every request.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import requests


def put_all(base_url: str, rows: int, threads: int, trust_env: bool) -> None:
    own = threading.local()

    def put(number: int) -> None:
        if not hasattr(own, "session"):
            own.session = requests.Session()
            own.session.trust_env = trust_env
            own.session.headers.update({"authorization": "basic REF:KEY"})
        own.session.put(
            f"{base_url}/order/{46140204 + number}/status",
            json={"status": 8, "shipping_tracking": f"H023YA{number:010d}"},
            timeout=30,
            allow_redirects=False,
        ).raise_for_status()

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(put, range(rows)):
            pass


if __name__ == "__main__":
    put_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] != ["tuned"])
