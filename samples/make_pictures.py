"""Makes the pictures that the README shows: `python samples/make_pictures.py`, half a minute.

All show what the program itself draws. `pictures/live-view.svg` is the live view of a run whose
course is told to it here. `pictures/report.png` is the report page of a real run of
`dispatch.csv` against the sandbox, which is asked for faults and answers unevenly. Only the user
and the host in that run's log are replaced by invented ones before the page is made.
`pictures/desk.png` and `pictures/desk-question.png` are two pages of the desk of that folder.

The pages need Chromium, which draws them, and port 8080 for the sandbox. Its figures vary a
little from time to time, since requests overtake one another.
"""

import asyncio
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler
from rich.console import Console
from yarl import URL

import bulkstatus
from bulkstatus.desk import serve
from bulkstatus.errors import BulkstatusError
from bulkstatus.job.run import Hold, HoldReason
from bulkstatus.log.records import Outcome, Result
from bulkstatus.pace import Rate
from bulkstatus.progress.course import Course
from bulkstatus.progress.view import drawing
from bulkstatus.reporting.page import write_page
from bulkstatus.sandbox import Faults, Sandbox
from bulkstatus.source import InputOptions, open_source

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"

COLUMNS = 100
MONOSPACE = (
    "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', "
    "monospace"
)

# In pixels; the height ends the picture below the first thing to do.
REPORT_SIZE = (900, 950)
DESK_SIZE = (900, 720)

# The time of day in the live view, in seconds since the epoch.
WALL = time.mktime((2026, 11, 23, 17, 37, 0, 0, 0, -1))

USER, HOST = "anna", "DESK-3"
PORT = 8080
SEED = 20261123
LIMITED = "Request limit exceeded, try again later"


def results(count: int, outcome: Outcome) -> list[Result]:
    return [Result(1, 2, "46140204", 8, None, outcome, 200, 1, 41.7, "")] * count


async def held_course() -> Course:
    """Return the course of a run that was two thirds through when it met a limit."""
    now = 0.0
    course = Course(1204, Rate(10, 1.0), clock=lambda: now, wall=lambda: WALL)
    for second in range(80):
        now += 1.0
        course.wrote(results(10, Outcome.UPDATED))
        if second % 10 == 7:
            course.wrote(results(1, Outcome.REJECTED))
        if second in {22, 51, 64}:
            course.wrote(results(1, Outcome.FAILED))
        course.sample()
    hold = Hold(HoldReason.LIMIT, LIMITED, asyncio.get_running_loop().time(), 320.0)
    course.holding(hold)
    now += 1.0
    course.sample()
    return course


def live_view() -> str:
    """Return the live view as SVG, which loads nothing."""
    course = asyncio.run(held_course())
    console = Console(
        file=io.StringIO(),
        record=True,
        width=COLUMNS,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        no_color=False,
    )
    console.print(drawing(course, console))
    console.print()
    svg = console.export_svg(
        title="bulkstatus send dispatch.csv", font_aspect_ratio=0.6, unique_id="live-view"
    )
    # Rich has a font loaded; one of the reader's machine is about as wide, and stretched to fit.
    svg = re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", MONOSPACE).replace("arial", "arial, sans-serif")
    return svg.replace(" textLength=", ' lengthAdjust="spacingAndGlyphs" textLength=')


class UnevenSandbox(Sandbox):
    """A sandbox that takes a while to answer, now less, now more."""

    def make_app(self) -> web.Application:
        dice = random.Random(SEED)

        @web.middleware
        async def late(request: web.Request, handler: Handler) -> web.StreamResponse:
            await asyncio.sleep(0.05 * dice.lognormvariate(0.0, 0.4))
            return await handler(request)

        app = super().make_app()
        app.middlewares.append(late)
        return app


async def send(log: Path) -> None:
    """Send the day's dispatches to a sandbox with faults that does not know all the orders."""
    # Beside the log, so that the page calls the file by its name alone.
    dispatches = Path(shutil.copy(HERE / "dispatch.csv", log.parent))
    async with await open_source(str(dispatches), InputOptions()) as source:
        orders = [row.order_id async for batch in source.batches() for row in batch.rows]
    unknown = {orders[place] for place in (31, 90, 158, 217, 266)}
    sandbox = UnevenSandbox(
        orders=set(orders) - unknown,
        faults=Faults(limit=(200, 18.0), fail=0.09, drop=0.03, seed=SEED),
    )
    base_url = await sandbox.start(port=PORT)
    try:
        await bulkstatus.send(
            dispatches,
            log=log,
            base_url=base_url,
            ref_id="12345",
            api_key="a-key-of-the-sandbox",
            rate="15/s",
            quota="none",
            attempts=2,
        )
    finally:
        await sandbox.stop()


def make_neutral(log: Path) -> None:
    """Put an invented user and host in the place of those that made the log."""
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    for record in records:
        if record["type"] == "run":
            record.update(user=USER, host=HOST)
    log.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def report_picture(browser: str, folder: Path, picture: Path) -> None:
    """Draw the beginning of the report page of a run to `picture`."""
    # Names alone, as somebody has them who stands in the folder.
    os.chdir(folder)
    log, page = Path("dispatch.results.jsonl"), Path("dispatch.html")
    for name in [name for name in os.environ if name.startswith("BULKSTATUS_")]:
        del os.environ[name]
    os.environ["BULKSTATUS_CONFIG_DIR"] = str(folder)
    asyncio.run(send(log))
    make_neutral(log)
    write_page(page, asyncio.run(bulkstatus.report(log)))
    draw(browser, folder, page, picture, REPORT_SIZE)


async def desk_pages(folder: Path) -> dict[str, str]:
    """Return pages of the desk of a folder as HTML: its files, and the question about one."""
    os.environ.update(BULKSTATUS_REF_ID="12345", BULKSTATUS_API_KEY="a-key-of-nobody")
    os.environ["BULKSTATUS_STATE_DIR"] = str(folder / "state")
    desk = asyncio.create_task(serve(folder, 0, False))
    while not (led := led_to(folder)):  # noqa: ASYNC110 - it opens by itself
        await asyncio.sleep(0.05)
    address = URL(re.findall('href="([^"]+)"', led)[0])
    paths = {"desk": "/", "desk-question": "/send?file=evening.csv"}
    pages = {}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await session.get(address)
        for name, path in paths.items():
            async with session.get(address.join(URL(path))) as answer:
                pages[name] = (await answer.text()).replace(str(folder), "~/dispatch")
        await session.post(address.with_path("/quit"), headers={"Origin": str(address.origin())})
    await desk
    return pages


def led_to(folder: Path) -> str:
    """Return the private page that leads to the desk, "" until it does."""
    return "".join(path.read_text() for path in folder.glob("state/desk-*.html"))


def desk_pictures(browser: str, folder: Path) -> None:
    """Draw two pages of the desk, in the folder of the report's run, at the end of a day."""
    for name in ("cancellations.txt", "mistakes.csv"):
        shutil.copy(HERE / name, folder)
    lines = (HERE / "dispatch.csv").read_text("utf-8").replace(",4614", ",4615").splitlines(True)
    (folder / "evening.csv").write_text("".join(lines[:87]), "utf-8")
    for name, html in asyncio.run(desk_pages(folder)).items():
        page = folder / f"{name}.html"
        page.write_text(html, "utf-8")
        draw(browser, folder, page, PICTURES / f"{name}.png", DESK_SIZE)


def draw(browser: str, folder: Path, page: Path, picture: Path, size: tuple[int, int]) -> None:
    """Draw the beginning of a page to `picture`, of so many pixels."""
    width, height = size
    subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            *("--disable-sync", f"--user-data-dir={folder / 'browser'}", "--hide-scrollbars"),
            *(f"--window-size={width},{height}", "--force-device-scale-factor=1"),
            *(f"--screenshot={picture}", page.absolute().as_uri()),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "live-view.svg").write_text(live_view(), encoding="utf-8", newline="")
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        sys.exit(
            f"report.png is not made: none of {', '.join(names)} is on the PATH. Install Chromium "
            "(Debian: apt install chromium; macOS: brew install chromium) and start this again."
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            report_picture(browser, Path(folder), PICTURES / "report.png")
            desk_pictures(browser, Path(folder))
        except BulkstatusError as error:
            sys.exit(f"report.png is not made: {error}")


if __name__ == "__main__":
    main()
