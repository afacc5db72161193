"""One `curl --parallel` with a configuration file that holds every request."""

from pathlib import Path

from benchmarks.inputs import order_id, tracking
from benchmarks.needs import program

_REQUEST = """\
url = "{base_url}/order/{order}/status"
request = "PUT"
header = "authorization: basic REF:KEY"
header = "content-type: application/json"
data = "{{\\"status\\": 8, \\"shipping_tracking\\": \\"{tracking}\\"}}"
output = "/dev/null"
"""


def command(base_url: str, rows: int, folder: Path) -> list[str]:
    configuration = folder / "requests.curl"
    with configuration.open("w") as file:
        for number in range(rows):
            if number:
                file.write("next\n")
            file.write(
                _REQUEST.format(
                    base_url=base_url, order=order_id(number), tracking=tracking(number)
                )
            )
    return [
        *(program("curl") or "curl", "--disable", "--silent", "--parallel"),
        *("--parallel-max", "16", "--config", str(configuration)),
    ]
