"""Makes the sample files beside this script: `python samples/make_samples.py`.

They are invented, and the same each time. `dispatch.csv` is a day's export of a courier tool,
`dispatch.jsonl` the same day as JSON Lines, `cancellations.txt` a list of order IDs to cancel,
`mistakes.csv` an export with one of each mistake that a row can hold.
"""

import csv
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

HERE = Path(__file__).parent

HEADER = [
    "Shipment ID",
    "Order Number",
    "Customer",
    "Service",
    "Status",
    "Tracking Number",
    "Postcode",
    "Weight kg",
    "Despatched At",
]

CODES = {
    "Dispatched": 8,
    "QC Query": 32,
    "Dispatched (Retailer Notified)": 64,
    "On Hold": 256,
    "Sent to Shipper": 515,
    "Received by Shipper": 516,
}

FIRST_NAMES = ["Ada", "Bram", "Chidi", "Dörte", "Elif", "Finn", "Grace", "Hanna", "Iris", "Zoë"]
LAST_NAMES = ["Abara", "Brünn", "Castel", "Dunmore", "Ekholm", "Farley", "Greve", "Hollis"]
COMPANIES = ["Harper, Finch & Daughters", 'The "Blue Door" Shop', "Nordlicht GmbH", "Quill, Ltd"]
SERVICES = ["Next Day", "48 Hour", "Letterbox", "Signed For, Insured"]

ORDERS = 300
CANCELLATIONS = 60

T = TypeVar("T")


class Dice:
    """Choices drawn with `Random.random` alone, which gives the same on every Python."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, bound: int) -> int:
        return int(self._random.random() * bound)

    def pick(self, choices: list[T]) -> T:
        return choices[self.below(len(choices))]


class Event(NamedTuple):
    """One row of the export; `minute` counts from midnight."""

    minute: int
    shipment: str
    order: str
    customer: str
    service: str
    status: str
    tracking: str
    postcode: str
    weight: str

    def cells(self) -> list[str]:
        hours, minutes = divmod(self.minute, 60)
        return [*self[1:], f"2026-11-23 {hours:02}:{minutes:02}"]


def course(number: int) -> list[str]:
    """Return the statuses that the order with this number goes through that day."""
    if number % 25 == 7:
        return ["Sent to Shipper", "Received by Shipper", "Dispatched"]
    if number % 50 == 11:
        return ["Dispatched", "Dispatched (Retailer Notified)"]
    if number % 50 == 23:
        return ["Received by Shipper"]
    if number % 60 == 31:
        return ["On Hold"]
    if number % 100 == 41:
        return ["QC Query"]
    return ["Dispatched"]


def order_id(number: int, dice: Dice) -> str:
    """Return mostly a number of the platform, now and then a reference of a shop."""
    if number % 30 == 4:
        return f"{3165671600 + number}-WEB{number % 7 + 1}"
    if number % 30 == 19:
        return f"8679{number:05}FC{dice.below(0x10000):04X}"
    return str(46140204 + 3 * number)


def customer(dice: Dice) -> str:
    if dice.below(12) == 0:
        return dice.pick(COMPANIES)
    return f"{dice.pick(LAST_NAMES)}, {dice.pick(FIRST_NAMES)}"


def postcode(dice: Dice) -> str:
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    inward = letters[dice.below(len(letters))] + letters[dice.below(len(letters))]
    # No real postcode begins with ZX.
    return f"ZX{dice.below(30) + 1} {dice.below(10)}{inward}"


def dispatch() -> list[Event]:
    """Return the day's events in the order of time."""
    dice = Dice(20261123)
    events = []
    for number in range(ORDERS):
        shipment = f"SHP-{700100 + number}"
        order, name, service = order_id(number, dice), customer(dice), dice.pick(SERVICES)
        where, weight = postcode(dice), f"{(dice.below(480) + 5) / 100:.2f}"
        tracking = f"H{number % 40:03}YA{361469 + 7919 * number:010}"
        minute = 8 * 60 + dice.below(7 * 60)
        for status in course(number):
            shown = "" if status in {"On Hold", "QC Query"} else tracking
            events.append(
                Event(minute, shipment, order, name, service, status, shown, where, weight)
            )
            minute += 15 + dice.below(40)
    return sorted(events, key=lambda event: event.minute)


def record(event: Event) -> dict[str, str | int]:
    update: dict[str, str | int] = {"order_id": event.order, "status": CODES[event.status]}
    if event.tracking:
        update["tracking"] = event.tracking
    return update


def cancellations() -> list[str]:
    return [str(46150011 + 17 * number) for number in range(CANCELLATIONS)]


# (what is wrong, order number, status, tracking number), each in a row of its own.
MISTAKES = [
    ("nothing", "46140204", "Dispatched", "H000YA0000361469"),
    ("nothing", "46140207", "dispatched", "H001YA0000369388"),
    ("nothing, but it stands here twice", "46140210", "Dispatched", "H002YA0000377307"),
    ("nothing, but it stands here twice", "46140210", "Dispatched", "H002YA0000377307"),
    ("no order number", "", "Dispatched", "H003YA0000385226"),
    ("a dot for an order number", ".", "Dispatched", "H004YA0000393145"),
    ("a quotation mark in the order number", '46140"219', "Dispatched", "H005YA0000401064"),
    ("an invisible character in the order number", "4614\u200b0222", "Dispatched", ""),
    ("a character lost in conversion", "46140225-M\ufffdLLER", "Dispatched", ""),
    ("scientific notation", "4.61402E+07", "Dispatched", "H006YA0000408983"),
    ("scientific notation with a comma", "4,61402E+07", "Dispatched", "H007YA0000416902"),
    ("a decimal fraction", "46140228.0", "Dispatched", "H008YA0000424821"),
    ("a date", "12-May", "Dispatched", "H009YA0000432740"),
    ("a formula error", "#N/A", "Dispatched", "H010YA0000440659"),
    ("another formula error", "#REF!", "Dispatched", "H011YA0000448578"),
    ("a program's missing value", "nan", "Dispatched", "H012YA0000456497"),
    ("a mistyped status", "46140231", "Dispached", "H013YA0000464416"),
    ("a code that is no status", "46140234", "9", ""),
    ("no status", "46140237", "", "H014YA0000472335"),
    ("tracking in scientific notation", "46140240", "Dispatched", "1.23457E+14"),
    ("tracking on a cancelled order", "46140243", "Cancelled", "H015YA0000480254"),
    ("a cell too few", "46140246", "Dispatched", "H016YA0000488173"),
    ("a cell too many", "46140249", "Dispatched", "H017YA0000496092"),
    ("backwards: first dispatched", "46140252", "Dispatched", "H018YA0000504011"),
    ("backwards: then sent to the shipper", "46140252", "Sent to Shipper", "H018YA0000504011"),
    ("dispatched, and cancelled below", "46140255", "Dispatched", "H019YA0000511930"),
    ("cancelled, and dispatched above", "46140255", "Cancelled", ""),
    ("one tracking number", "46140258", "Dispatched", "H020YA0000519849"),
    ("another tracking number", "46140258", "Dispatched", "H021YA0000527768"),
]


def mistakes() -> list[list[str]]:
    rows = [["What Is Wrong", "Order Number", "Status", "Tracking Number", "Postcode"]]
    for wrong, order, status, tracking in MISTAKES:
        row = [wrong, order, status, tracking, "ZX1 2AB"]
        if wrong == "a cell too few":
            row.pop()
        elif wrong == "a cell too many":
            row.append("ZX1 2AB")
        rows.append(row)
    return rows


def write_csv(path: Path, rows: Iterable[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")


def main(folder: Path = HERE) -> None:
    events = dispatch()
    write_csv(folder / "dispatch.csv", [HEADER, *(event.cells() for event in events)])
    write_lines(folder / "dispatch.jsonl", (json.dumps(record(event)) for event in events))
    write_lines(folder / "cancellations.txt", cancellations())
    write_csv(folder / "mistakes.csv", mistakes())


if __name__ == "__main__":
    main()
