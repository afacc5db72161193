"""requests in threads, a session for each."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import requests


def put_all(base_url: str, rows: int, threads: int) -> None:
    own = threading.local()

    def put(number: int) -> None:
        if not hasattr(own, "session"):
            own.session = requests.Session()
            own.session.trust_env = False
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
    put_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
