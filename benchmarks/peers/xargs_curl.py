"""`xargs -P` with curl: one process and one connection for each order."""

from pathlib import Path

from benchmarks.inputs import order_id
from benchmarks.needs import program


def command(base_url: str, rows: int, folder: Path) -> list[str]:
    orders = folder / "orders.txt"
    orders.write_text("".join(f"{order_id(number)}\n" for number in range(rows)))
    return [
        *(program("xargs") or "xargs", "-a", str(orders), "-P", "16", "-I", "ORDER"),
        *(program("curl") or "curl", "--silent", "--fail", "--output", "/dev/null"),
        *("--request", "PUT", "--header", "authorization: basic REF:KEY"),
        *("--header", "content-type: application/json"),
        *("--data", '{"status": 8, "shipping_tracking": "H023YAORDER"}'),
        f"{base_url}/order/ORDER/status",
    ]
