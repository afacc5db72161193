"""`samples/engines`: a file in shards by what runs many things on many machines, for real."""

import asyncio
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bulkstatus.sandbox import Faults, Sandbox
from tests import program
from tests.schema import check_log
from tests.test_readme import service

ENGINES = Path(__file__).parent.parent / "samples" / "engines"
SHARDS = 8

pytestmark = pytest.mark.skipif(os.name != "posix", reason="these are for systems with a shell")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [f"{order},{status},\n" for order in range(1000, 1040) for status in (515, 516)]
    (tmp_path / "dispatch.csv").write_text("order_id,status,tracking\n" + "".join(rows))
    found = tmp_path / "bin" / "bulkstatus"
    found.parent.mkdir()
    found.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m bulkstatus "$@" --rate none\n'
    )
    found.chmod(0o755)
    return tmp_path


def environment(folder: Path, sandbox: Sandbox, **more: str) -> dict[str, str]:
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    return program.environment(str(sandbox.base_url), PATH=path, **more)


async def run(command: list[str], environ: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(*command, env=environ)
    return await process.wait()


def kubernetes() -> list[tuple[list[str], dict[str, str]]]:
    """Return the command of each pod, and what Kubernetes puts into its environment."""
    yaml = pytest.importorskip("yaml")
    spec = yaml.safe_load((ENGINES / "kubernetes-job.yaml").read_text("utf-8"))["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 8, 8)
    (rule,) = spec["podFailurePolicy"]["rules"]
    told = set(map(int, service()["RestartPreventExitStatus"].split()))
    assert (rule["action"], set(rule["onExitCodes"]["values"])) == ("FailIndex", told)
    pod = spec["template"]["spec"]
    # Kubernetes takes the policy with this alone.
    assert pod["restartPolicy"] == "Never"
    (container,) = pod["containers"]
    assert rule["onExitCodes"]["containerName"] == container["name"]
    assert {one["name"] for one in container["env"]} == {"BULKSTATUS_REF_ID", "BULKSTATUS_API_KEY"}
    return [(container["command"], {"JOB_COMPLETION_INDEX": str(n)}) for n in range(SHARDS)]


def slurm() -> list[tuple[list[str], dict[str, str]]]:
    script = ENGINES / "slurm-array.sh"
    assert f"#SBATCH --array=1-{SHARDS}\n" in script.read_text("utf-8")
    count = {"SLURM_ARRAY_TASK_COUNT": str(SHARDS)}
    return [
        ([str(script), "/orders/dispatch.csv"], {**count, "SLURM_ARRAY_TASK_ID": str(n)})
        for n in range(1, SHARDS + 1)
    ]


def parallel() -> list[tuple[list[str], dict[str, str]]]:
    if shutil.which("parallel") is None:
        pytest.skip("GNU parallel is not installed")
    return [([str(ENGINES / "parallel.sh"), "/orders/dispatch.csv"], {})]


@pytest.mark.parametrize(("engine", "times"), [(kubernetes, 1), (slurm, 1), (parallel, 2)])
async def test_every_order_is_sent_by_one_shard_and_nothing_the_second_time(
    folder: Path, engine: Callable[[], list[tuple[list[str], dict[str, str]]]], times: int
) -> None:
    commands = engine()
    async with Sandbox() as sandbox:
        for _ in range(times):
            ends = await asyncio.gather(
                *(
                    run(
                        [word.replace("/orders/", f"{folder}/") for word in command],
                        environment(folder, sandbox, **more),
                    )
                    for command, more in commands
                )
            )
            assert set(ends) == {0}
            assert sandbox.counts.total() == 80
        assert all([put.status for put in puts] == [515, 516] for puts in sandbox.received.values())
        assert len(sandbox.received) == 40
    logs = {path.name for path in folder.glob("*.jsonl")}
    assert logs == {f"dispatch.shard-{n}-of-8.results.jsonl" for n in range(1, SHARDS + 1)}


DRIVER = f"""
import sys
sys.path.insert(0, {str(ENGINES)!r})
import dask_shards
from dask.distributed import LocalCluster
if __name__ == "__main__":
    options = {{"n_workers": 3, "threads_per_worker": 1, "dashboard_address": None}}
    with LocalCluster(host="127.0.0.1", **options) as cluster:
        print(*(worker.pid for worker in cluster.workers.values()), flush=True)
        sys.exit(dask_shards.main(cluster.scheduler_address, sys.argv[1], {SHARDS}, rate="none"))
"""


def log_at_work(process: int) -> Path | None:
    """Return the log that a process has open, where some of its rows, not most, have a result."""
    with suppress(OSError):  # a file that has just been closed
        for file in Path(f"/proc/{process}/fd").iterdir():
            path = file.readlink()
            if path.suffix == ".jsonl":
                text = path.read_text()
                if 10 < text.count('"type":"result"') < text.count('"type":"row"') / 2:
                    return path
    return None


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system has no /proc")
@pytest.mark.parametrize("count", [400, pytest.param(20_000, marks=pytest.mark.soak)])
async def test_a_dask_worker_that_is_killed_is_followed_by_one_that_goes_on(
    folder: Path, count: int
) -> None:
    pytest.importorskip("distributed")
    statuses, orders = (515, 516, 8), range(10_000, 10_000 + count)
    rows = "".join(f"{order},{status},\n" for order in orders for status in statuses)
    (folder / "dispatch.csv").write_text(f"order_id,status,tracking\n{rows}")
    (folder / "driver.py").write_text(DRIVER)
    async with Sandbox(faults=Faults(latency=0.05)) as sandbox:
        driver = await asyncio.create_subprocess_exec(
            *(sys.executable, str(folder / "driver.py"), str(folder / "dispatch.csv")),
            env=environment(folder, sandbox, PYTHONPATH=str(ENGINES.parents[1])),
            stdout=asyncio.subprocess.PIPE,
        )
        assert driver.stdout is not None
        pids = [int(pid) for pid in (await driver.stdout.readline()).split()]
        assert len(pids) == 3
        killed = None
        async with asyncio.timeout(60):
            while killed is None:
                await asyncio.sleep(0.01)
                for pid in pids:
                    if killed is None and (killed := log_at_work(pid)) is not None:
                        os.kill(pid, signal.SIGKILL)
        assert await asyncio.wait_for(driver.wait(), 60 + count / 20) == 0
        puts = {order: [put.status for put in there] for order, there in sandbox.received.items()}
    assert len(puts) == len(orders)
    # Whatever was sent again: each order went through its statuses in their order.
    assert all(sorted(there, key=statuses.index) == there for there in puts.values())
    assert {status for there in puts.values() for status in there} == set(statuses)
    for log in folder.glob("*.results.jsonl"):
        records = check_log(log)
        ids = {str(record["order_id"]) for record in records if record["type"] == "row"}
        results = [record["n"] for record in records if record["type"] == "result"]
        # No row whose result is logged was sent again, and only where a worker was lost any was.
        assert len(results) == len(set(results)) == len(ids) * len(statuses)
        runs = sum(record["type"] == "run" for record in records)
        assert runs == (2 if log == killed else 1)
        assert log == killed or all(len(puts[order]) == len(statuses) for order in ids)
