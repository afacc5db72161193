"""The `zyte-api` command: the nearest asyncio bulk client. It POSTs each line of a file."""

import sysconfig
from pathlib import Path

from benchmarks.inputs import order_id


def command(base_url: str, rows: int, folder: Path) -> list[str]:
    queries = folder / "queries.jl"
    queries.write_text(
        "".join(
            f'{{"url":"{base_url}/order/{order_id(number)}/status","httpResponseBody":true}}\n'
            for number in range(rows)
        )
    )
    return [
        str(Path(sysconfig.get_path("scripts"), "zyte-api")),
        *("--api-url", f"{base_url}/", "--api-key", "KEY", "--n-conn", "16"),
        *("--output", str(folder / "answers.jl"), "--loglevel", "ERROR", str(queries)),
    ]
