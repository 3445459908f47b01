"""What a run will need before it starts: memory, disk and time. Estimates: links and lists grow, cells divide.

Disk is measured, not computed: two frames of the real cells, with numbers where there still are zeros at time zero,
are written by the recorder into a temporary folder and counted there.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from physim import cell_table
from physim.errors import InputError, PhysimError
from physim.record import Recorder, Snapshot
from physim.scenario import Scenario

_KEPT = 2  # checkpoints
_SUMMARY = 3_000
_HEADERS = 8_000
"""Bytes of a checkpoint beside its arrays, 600 for each of them."""
_TIMED_SECONDS = 3.0
_MOST_JUNCTIONS = 12
_THINNED = 0.1
"""Share of the segments that cells have begun to cut, where they do."""


@dataclass(frozen=True)
class Disk:
    """Bytes on disk of a run without pictures."""

    frames: int
    per_frame: int
    """A frame, its table rows and its line in the list of frames, rows of the null arm, as compressed on disk."""
    fixed: int
    """Fibers, scenario, summary."""
    checkpoint: int
    seconds_per_frame: float

    @property
    def total(self) -> int:
        return self.frames * self.per_frame + self.fixed + _KEPT * self.checkpoint


def _frame_count(scenario: Scenario, first: int) -> int:
    """Records from step `first` on, the one at the end included."""
    return 1 + math.ceil((_steps(scenario) - first) / max(1, round(scenario.record.interval / scenario.run.step)))


def _steps(scenario: Scenario) -> int:
    return max(1, round(scenario.run.duration / scenario.run.step))


def disk(sim: Any) -> Disk | None:
    """Bytes that a recorded run of this simulation takes on disk; None if no temporary folder can be written."""
    scenario = sim.scenario
    sizes = []
    try:
        snapshot = sim.snapshot().kept(links=scenario.record.links, fibers=scenario.record.fibers)
        with tempfile.TemporaryDirectory(prefix="physim-estimate-") as name:
            folder = Path(name)
            names = [group.name for group in scenario.cells]
            recorder = Recorder(folder, scenario_toml=scenario.to_toml(), run_info={}, network=sim.network,
                                type_names=names, obstacles=sim.obstacles, vessels=sim.vessels)  # fmt: skip
            null = folder / "null"
            null.mkdir()
            for seed in range(2):
                lively = _lively(snapshot, seed, sim)
                begin = time.perf_counter()
                recorder.write(lively)
                seconds = time.perf_counter() - begin
                if scenario.null:
                    rows = cell_table.rows(lively.time, lively.cells, cell_table.TRAJECTORY)
                    cell_table.write(null / f"part_{seed}.parquet", rows)
                cell_table.join(folder / "table", folder / "cells.parquet")
                cell_table.join(null, folder / "null.parquet")
                sizes.append(_size(folder) - _size(folder / "table") - _size(null))
    except (OSError, PhysimError):  # the run itself will say what is wrong
        return None
    per_frame = sizes[1] - sizes[0]
    frames, fixed = _frame_count(scenario, sim.step_count), sizes[0] - per_frame + _SUMMARY
    return Disk(frames, per_frame, fixed, sim.saved_bytes + _HEADERS, seconds)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _lively(snapshot: Snapshot, seed: int, sim: Any) -> Snapshot:
    """The snapshot with numbers for the zeros of time zero, which would compress to nothing; all links bound."""
    random = np.random.default_rng(seed)
    cells = dict(snapshot.cells)
    n = len(cells["id"])
    cells["position"] = cells["position"] + random.normal(size=(n, 3))
    for name, needs in (("velocity", "displacement"), ("force", "force"), ("link_force", "link_force"),
                        ("polarity", "polarity")):  # fmt: skip
        if needs in sim.buffers:
            cells[name] = random.normal(size=cells[name].shape).astype(cells[name].dtype)
    if "junction_partner" in sim.buffers:
        cells["junctions"] = random.integers(0, _MOST_JUNCTIONS, n, dtype=np.int32)
    links = snapshot.links
    if links is not None and "link_segment" in sim.buffers:
        slots = sim.layout.links
        cells["bound_links"] = random.integers(0, slots, n, endpoint=True, dtype=np.int32)
        centre = np.repeat(cells["position"], slots, axis=0)
        links = {
            "cell_id": np.repeat(cells["id"], slots),
            "cell_position": centre,
            "point": centre + random.normal(scale=10.0, size=centre.shape),
            "tension": random.normal(size=n * slots).astype(np.float32),
        }
    fibers = None if snapshot.fibers is None else dict(snapshot.fibers)
    if fibers is not None and "displacement" in fibers:
        moved = random.normal(size=fibers["position"].shape)
        fibers |= {"position": fibers["position"] + moved, "displacement": moved,
                   "tension": random.normal(size=len(fibers["tension"]))}  # fmt: skip
    if fibers is not None and "area" in fibers:
        thinned = random.random(len(fibers["area"])) < _THINNED
        fibers["area"] = np.where(thinned, random.random(len(thinned)), 1.0)
    if fibers is not None and "shed_integrins" in fibers:
        some = random.random(len(fibers["shed_integrins"])) < _THINNED
        fibers["shed_integrins"] = np.where(some, random.integers(1, 1000, len(some)), 0)
    return replace(snapshot, cells=cells, links=links, fibers=fibers)


def room(folder: Path, found: Disk | None, *, runs: int = 1, force: bool = False) -> str:
    """What so many runs will take on disk, in words. Raises InputError if `folder`'s disk has less, unless forced.

    The folder need not exist yet.
    """
    if found is None:
        return "size not known, no temporary folder can be written"
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    free, need = shutil.disk_usage(there).free, runs * found.total
    if need > free and not force:
        raise InputError(
            f"{folder}: about {megabytes(need)} are needed and {megabytes(free)} are free; free some, use another "
            "disk (--out), record less often (--set record.interval=...), or run all the same with --force"
        )
    many = f"{runs:,} runs of {found.frames:,} frames" if runs > 1 else f"{found.frames:,} frames"
    return f"{many}, about {megabytes(need)}"


def megabytes(count: float) -> str:
    """Bytes as a person reads them."""
    if count < 1e6:
        return f"{max(count, 1e3) / 1e3:.0f} kB"
    return f"{count / 1e6:,.1f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"


@dataclass(frozen=True)
class Cost:
    """Of the steps that were timed."""

    steps: int
    seconds_per_step: float


def time_steps(sim: Any, seconds: float = _TIMED_SECONDS) -> Cost:
    """Take steps for about so many seconds, after two that build kernels and lists; the simulation moves on."""
    sim.step(2)
    total = _steps(sim.scenario)
    first, begin, piece = sim.step_count, time.perf_counter(), 1
    while (spent := time.perf_counter() - begin) < seconds and sim.step_count < total:
        sim.step(min(piece, total - sim.step_count))
        taken = max(1, sim.step_count - first)
        each = (time.perf_counter() - begin) / taken
        piece = max(1, min(2 * piece, int((seconds - spent) / max(each, 1e-9) / 2)))
    steps = sim.step_count - first
    return Cost(steps, (time.perf_counter() - begin) / steps if steps else 0.0)


def report(sim: Any) -> str:
    """All that can be said before a run, as `physim estimate` prints it; takes steps for a few seconds."""
    scenario, network, total = sim.scenario, sim.network, _steps(sim.scenario)
    found, cost = disk(sim), time_steps(sim)
    fibers = "none"
    if network is not None:
        fibers = f"{network.made.fibers:,} in {len(network.made.segments):,} segments"
        fibers += f", and {network.reserve:,} in reserve" if network.reserve else ""
    size = time_words = "not known"
    if found is not None:
        size = (f"about {megabytes(found.total)}: {found.frames:,} frames of {megabytes(found.per_frame)}, "
                f"{_KEPT} checkpoints of {megabytes(found.checkpoint)}, {megabytes(found.fixed)} once; no pictures")
    if cost.steps:
        arms = 1 if scenario.null_arm() is None else 2
        records = found.frames * found.seconds_per_frame if found is not None else 0.0
        time_words = f"about {duration(arms * (total * cost.seconds_per_step + records))}: {total:,} steps of "
        time_words += f"{cost.seconds_per_step * 1e3:.3g} ms" + (", and the null arm as many" if arms == 2 else "")
    return f"""{scenario.title}
  cells     {sim.status["cells"]:,}
  fibers    {fibers}
  memory    {megabytes(sim.memory)} on the device ({sim.device_info["device"]})
            {megabytes(peak_memory())} at most in the host so far
  disk      {size}
  time      {time_words}
These are estimates, from {cost.steps:,} steps at the start: costs change as cells spread, divide and bind, and as
neighbour lists grow."""


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def peak_memory() -> int:
    """Most bytes that this process has had; 0 where the system does not say."""
    try:
        import resource
        import sys
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
