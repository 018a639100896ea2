"""System metrics: what a run's processes and its machine did over time.

A sample is taken every other second and costs about a millisecond. When ``MOST_SAMPLES`` are kept,
every second one is dropped, and half as many are taken from then on. So a run of a week has no more
of them than one of ten minutes, evenly spaced.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import psutil

from mlcore.core import MlcoreError
from mlcore.runs.store.artifacts import SYSTEM

if TYPE_CHECKING:
    from mlcore.runs.execution.claims import Claim

Sample = dict[str, float]
"""Values by column; see ``SYSTEM_COLUMNS``."""

SAMPLE_EVERY: Final = 2.0
"""Seconds between two samples at first."""

MOST_SAMPLES: Final = 300
"""Samples of a run at most."""

FIRST_WRITE: Final = 6.0
"""Seconds of a run before its samples are first written; a shorter run has none."""

_WRITE_EVERY: Final = 30.0
_LONGER: Final = 1.2  # a run writes again when it is a fifth longer

SYSTEM_COLUMNS: Final[Mapping[str, str]] = {
    "seconds": "seconds of the run until the sample was taken",
    "cpu": "use of the run's process and its children, in percent of one core",
    "memory": "resident memory of the process and its children, in bytes",
    "machine_cpu": "use of all cores of the machine, in percent",
    "machine_memory": "memory of the machine that is in use, in percent",
    "disk_read": "bytes per second that the process and its children read from disk",
    "disk_written": "bytes per second that they wrote to disk",
    "network_received": "bytes per second that the machine received",
    "network_sent": "bytes per second that the machine sent",
    "gpu": "use of the busiest GPU, in percent",
    "gpu_memory": "memory in use on all GPUs, in bytes",
    "gpu_temperature": "temperature of the hottest GPU, in °C",
}
"""The columns of the system metrics. Disk is missing on macOS, GPU where there is none."""

_log = logging.getLogger("mlcore.worker")


class SystemMonitor:
    """Takes samples of this process, its children and the machine.

    Args:
        began: Seconds that the run had trained before, if it was resumed.
        before: The samples of that time.
    """

    def __init__(self, began: float = 0.0, before: Sequence[Sample] = ()) -> None:
        self.samples: list[Sample] = list(before)
        self._began, self._start = began, time.monotonic()
        self._every = SAMPLE_EVERY
        self._last = self._start
        self._me = psutil.Process()
        self._gpus = _gpu_handles()
        self._cpu_of: dict[int, float] = {}
        self._disk_of: dict[int, tuple[int, int]] = {}
        self._counters()
        self._network = _network()
        psutil.cpu_percent()  # its first answer is about nothing

    def seconds(self) -> float:
        """Seconds of the run until now."""
        return self._began + time.monotonic() - self._start

    @property
    def due(self) -> bool:
        """Whether it is time for the next sample."""
        return time.monotonic() - self._last >= 0.9 * self._every

    def sample(self) -> None:
        """Take a sample."""
        now = time.monotonic()
        passed, self._last = max(now - self._last, 1e-3), now
        cpu, read, written, memory = self._counters()
        network, self._network = self._network, _network()
        found = {
            "seconds": self.seconds(),
            "cpu": 100 * cpu / passed,
            "memory": memory,
            "machine_cpu": psutil.cpu_percent(),
            "machine_memory": psutil.virtual_memory().percent,
            "disk_read": read / passed,
            "disk_written": written / passed,
            "network_received": (self._network[0] - network[0]) / passed,
            "network_sent": (self._network[1] - network[1]) / passed,
            **_gpu_sample(self._gpus),
        }
        self.samples.append(found)
        if len(self.samples) >= MOST_SAMPLES:
            del self.samples[::2]
            self._every *= 2

    def packed(self) -> bytes:
        """The samples as JSON: a list of numbers for each column."""
        return pack_samples(self.samples)

    def _counters(self) -> tuple[float, float, float, float]:
        """CPU seconds and bytes read and written since the last call, and resident bytes."""
        cpu = read = written = memory = 0.0
        alive = {}
        for process in self._processes():
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    used = times.user + times.system
                    memory += process.memory_info().rss
                    disk = process.io_counters() if hasattr(process, "io_counters") else None
            except psutil.Error:  # it has ended meanwhile, or belongs to another user
                continue
            alive[process.pid] = process
            cpu += max(0.0, used - self._cpu_of.get(process.pid, 0.0))
            self._cpu_of[process.pid] = used
            if disk is not None:
                before = self._disk_of.get(process.pid, (0, 0))
                self._disk_of[process.pid] = (disk.read_bytes, disk.write_bytes)
                read += max(0, disk.read_bytes - before[0])
                written += max(0, disk.write_bytes - before[1])
        for gone in self._cpu_of.keys() - alive.keys():
            del self._cpu_of[gone]
            self._disk_of.pop(gone, None)
        return cpu, read, written, memory

    def _processes(self) -> Iterator[psutil.Process]:
        yield self._me
        try:
            yield from self._me.children(recursive=True)
        except psutil.Error:
            return


def pack_samples(samples: Sequence[Sample]) -> bytes:
    """Samples as JSON: a list of numbers for each column, rounded to four significant digits."""
    names = [name for name in SYSTEM_COLUMNS if any(name in sample for sample in samples)]
    columns = {
        name: [_rounded(sample[name]) if name in sample else None for sample in samples]
        for name in names
    }
    return json.dumps(columns, separators=(",", ":")).encode()


def read_samples(content: bytes) -> list[Sample]:
    """The samples that ``pack_samples`` wrote; none if the content is something else."""
    try:
        columns = json.loads(content)
        count = len(columns["seconds"])
        return [
            {
                name: float(columns[name][at])
                for name in SYSTEM_COLUMNS
                if name in columns and columns[name][at] is not None
            }
            for at in range(count)
        ]
    except (ValueError, TypeError, KeyError, IndexError):
        return []


class SystemRecorder:
    """Takes the system metrics of runs that train as one program, and stores them with each.

    What hinders it never hinders the runs: they go on without.

    Args:
        claims: The runs.
    """

    def __init__(self, claims: Sequence[Claim]) -> None:
        self._claims = list(claims)
        self._monitor: SystemMonitor | None = None
        self._written = 0.0
        self._writer = f"sys{os.getpid():x}"
        self._off = False

    def keep(self) -> None:
        """Take a sample if one is due, and write if it is time; call it every other second."""
        self._guarded(self._keep)

    def end(self) -> None:
        """Write what was sampled since the last time."""
        self._guarded(self._end)

    def _guarded(self, act: Callable[[], None]) -> None:
        if self._off:
            return
        try:
            act()
        except (MlcoreError, OSError, psutil.Error) as error:
            self._off = True
            _log.debug("No more system metrics: %s", error)

    def _keep(self) -> None:
        monitor = self._monitor
        if monitor is None:  # not before: it costs more than the shortest runs
            monitor = self._monitor = self._begin()
        if monitor.due:
            monitor.sample()
        again = min(self._written * _LONGER, self._written + _WRITE_EVERY)
        if monitor.seconds() >= max(FIRST_WRITE, again):
            self._write(monitor)

    def _end(self) -> None:
        monitor = self._monitor
        if monitor is not None and monitor.seconds() >= FIRST_WRITE:
            monitor.sample()
            self._write(monitor)

    def _begin(self) -> SystemMonitor:
        run = self._claims[0].run.refresh()
        known = run.artifacts.content(SYSTEM)
        return SystemMonitor(run.elapsed, read_samples(known) if known else [])

    def _write(self, monitor: SystemMonitor) -> None:
        self._written = monitor.seconds()
        content = monitor.packed()
        for claim in self._claims:
            claim.run.artifacts.put(SYSTEM, 0, content, self._writer, durable=False)


def _network() -> tuple[int, int]:
    counted = psutil.net_io_counters()
    return (0, 0) if counted is None else (counted.bytes_recv, counted.bytes_sent)


def _gpu_handles() -> list[object]:
    """NVIDIA's GPUs, as ``nvidia-ml-py`` knows them; none without it or a driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return [pynvml.nvmlDeviceGetHandleByIndex(at) for at in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # noqa: BLE001 - whatever a driver says, the run has no GPU columns then
        return []


def _gpu_sample(handles: Sequence[object]) -> Sample:
    if not handles:
        return {}
    import pynvml

    try:
        use = [pynvml.nvmlDeviceGetUtilizationRates(one).gpu for one in handles]
        memory = [pynvml.nvmlDeviceGetMemoryInfo(one).used for one in handles]
        hot = [pynvml.nvmlDeviceGetTemperature(one, pynvml.NVML_TEMPERATURE_GPU) for one in handles]
    except pynvml.NVMLError:
        return {}
    return {"gpu": max(use), "gpu_memory": sum(memory), "gpu_temperature": max(hot)}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}") if abs(value) < 1e6 else round(value)
