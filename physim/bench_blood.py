"""`physim bench`, blood: many cells in many vessels, the time of a step of the flow.

A network like that of a tumor, with wide vessels so that they hold the cells, flow estimated: cells of one sphere, and
cells of two ends. The time is that of whole steps, in which the network answers to its cells every ten of them.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from physim.meshes.centerlines import Centerlines
from physim.meshes.generate_tubes import bifurcation
from physim.meshes.generate_tumour import tumour
from physim.scenario import Scenario
from physim.simulation import Simulation

ROOM = (620.0, 620.0, 90.0)
"""um, of the vessels; some 5,500 segments of 3 um in 160 branches."""
RADIUS, NUCLEUS = 3.0, 1.5
"""um, of a cell."""
SPHERES: dict[str, Any] = {"vessel_wall": {}, "bond": {}, "plasma": {}}
ENDS: dict[str, Any] = {"elongation": {}, "bond": {}, "plasma": {}}
STEP = 1e-3 / 60
"""min: 1 ms."""


def network(quick: bool) -> Centerlines:
    return bifurcation() if quick else tumour(size=ROOM, apart=52.0, radius=9.0, spread=0.2, seed=1)


def segments(vessels: Centerlines) -> int:
    """Between consecutive points."""
    return len(vessels.points) - vessels.branches


def write(vessels: Centerlines, path: Path) -> None:
    """As `meshes.read` takes it."""
    branch = np.repeat(np.arange(vessels.branches), np.diff(vessels.first))
    rows = np.column_stack([branch, vessels.points, vessels.radius])
    np.savetxt(path, rows, "%.9g", ",", header="branch,x,y,z,radius", comments="")


def simulation(vessels: Centerlines, count: int, terms: dict[str, Any], device: str | None = None,
               profile: bool = False) -> Simulation:  # fmt: skip
    """`count` cells at random in the lumen."""
    reach = vessels.radius.max() + 10.0
    size = (np.ptp(vessels.points, axis=0) + 2 * reach).tolist()
    with tempfile.TemporaryDirectory(prefix="physim-bench-") as folder:
        file = Path(folder) / "network.csv"
        write(vessels, file)
        table = {"title": "blood", "run": {"duration": 1e5 * STEP, "step": STEP}, "box": {"size": size},
                 "cells": [{"count": count, "place": "random", "radius": RADIUS, "nucleus_radius": NUCLEUS}],
                 "vessels": {"file": str(file)}, "terms": terms, "record": {"interval": 100 * STEP}}  # fmt: skip
        return Simulation(Scenario.from_table(table), device=device, profile=profile)


def rows(quick: bool, device: str | None, bandwidth: float, row: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """`blood`, cells of one sphere, and `blood_ends`, a tenth as many of two ends."""
    vessels, count, found = network(quick), 100 if quick else 10_000, []
    for name, many, terms in (("blood", count, SPHERES), ("blood_ends", count // 10, ENDS)):
        sim = simulation(vessels, many, terms, device)
        ms = milliseconds(sim, 10 if quick else 50)
        found.append(row(name, many, ms, sim, bandwidth) | {"segments": segments(vessels)})
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
