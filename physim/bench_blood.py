"""`physim bench`, blood: many cells in many vessels, the time of a step of the flow.

A network like that of a tumor, its flow estimated: cells of one sphere, and cells of two ends. The time is that of
whole steps, in which the network answers to its cells every ten of them.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from physim.meshes.centerlines import Centerlines
from physim.meshes.generate_tubes import bifurcation
from physim.meshes.generate_tumour import tumour
from physim.scenario import load
from physim.simulation import Simulation

ROOM, WIDER = (560.0, 560.0, 55.0), 1.4
"""um, of a network of the default sizes, and by how much all of it is larger: 6,306 segments in 184 branches."""
CELL = ["cells.0.radius=2.5 um", "cells.0.nucleus_radius=1.5 um"]
"""So many of 3 um would hardly find room."""
ENDS = ["terms.vessel_wall=off", "terms.elongation=on"]


def network(quick: bool) -> Centerlines:
    if quick:
        return bifurcation()
    made = tumour(size=ROOM, seed=1)
    return replace(made, points=WIDER * made.points, radius=WIDER * made.radius)


def write(vessels: Centerlines, path: Path) -> None:
    """As `meshes.read` takes it."""
    branch = np.repeat(np.arange(vessels.branches), np.diff(vessels.first))
    rows = np.column_stack([branch, vessels.points, vessels.radius])
    np.savetxt(path, rows, "%.9g", ",", header="branch,x,y,z,radius", comments="")


def simulation(vessels: Centerlines, count: int, changes: Sequence[str] = (), device: str | None = None,
               profile: bool = False) -> Simulation:  # fmt: skip
    """The scenario `tumour_network` in other vessels, with `count` cells, in steps of 1 ms."""
    reach = vessels.radius.max() + 3.5
    size = (np.ptp(vessels.points, axis=0) + 2 * reach).tolist()
    with tempfile.TemporaryDirectory(prefix="physim-bench-") as folder:
        file = Path(folder) / "network.csv"
        write(vessels, file)
        scenario = load("tumour_network", [f"vessels.file={file}", f"box.size={size}", f"cells.0.count={count}",
                                           "run.step=1 ms", "run.duration=1 min", "null=off", *CELL,
                                           *changes])  # fmt: skip
        return Simulation(scenario, device=device, profile=profile)


def rows(quick: bool, device: str | None, bandwidth: float, row: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """`blood`, cells of one sphere, and `blood_ends`, a tenth as many of two ends."""
    vessels, count, found = network(quick), 100 if quick else 10_000, []
    for name, many, changes in (("blood", count, []), ("blood_ends", count // 10, ENDS)):
        sim = simulation(vessels, many, changes, device)
        ms = milliseconds(sim, 10 if quick else 50)
        assert sim.vessels is not None
        kept = sim.vessels.blood.network
        found.append(row(name, many, ms, sim, bandwidth) | {"segments": len(kept.points) - kept.branches})
    return found


def milliseconds(sim: Simulation, steps: int, repeats: int = 5) -> float:
    """Median over `repeats` of the wall time of `steps` steps, a multiple of ten, per step."""
    sim.step(10)
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        sim.step(steps)
        times.append((time.perf_counter() - begin) * 1e3 / steps)
    return statistics.median(times)
