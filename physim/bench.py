"""`physim bench`: wall time of whole steps, rebuilds, launches and copies included, as a table and as JSON."""

from __future__ import annotations

import json as json_text
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from physim import bench_batch, bench_blood, bench_network, bench_walls
from physim.errors import InputError
from physim.scenario import Scenario, load
from physim.simulation import Simulation

_REPEATS = 5
FULL_LAW: dict[str, Any] = {"contact": {}, "junction": {}, "crawl": {}, "friction": {}, "polarity": {}}
HELD = ["terms.network=off", "terms.turnover=off", "terms.proteolysis=off", "run.step=0.1 min", "box.size=180 um",
        "cells.0.count=50"]  # fmt: skip
"""The scenario `invasion` as it was before its fibers moved."""


def lattice(count: int, spacing: float = 16.0, jitter: float = 0.5, seed: int = 0) -> np.ndarray:
    """Positions (count, 3) um of a face-centred cubic lattice (12 neighbours at `spacing`), jittered by +-jitter um."""
    side = int(np.ceil((count / 4) ** (1 / 3)))
    corner = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cube = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    points = ((cube + corner).reshape(-1, 3) * spacing * np.sqrt(2))[:count]
    return points + np.random.default_rng(seed).uniform(-jitter, jitter, points.shape) + 20.0


def dense_cells(count: int, terms: dict[str, Any], device: str | None = None, profile: bool = False) -> Simulation:
    """`count` touching cells (R 8.41 um) under the given terms: the benchmark of contact mechanics."""
    position = lattice(count)
    cells = {"id": np.arange(count, dtype=np.uint32), "type": np.zeros(count, np.uint32), "position": position,
             "radius": np.full(count, 8.41, np.float32), "nucleus_radius": np.full(count, 4.7, np.float32),
             "cadherin": np.ones(count, np.float32), "integrin": np.ones(count, np.float32)}  # fmt: skip
    table = {"title": "bench", "run": {"duration": "1000 h"}, "terms": terms,
             "cells": [{"count": 1, "place": "random"}],
             "box": {"size": float(position.max() + 20.0), "boundary": "open"}}  # fmt: skip
    return Simulation(Scenario.from_table(table), device=device, profile=profile, cells=cells)


def milliseconds_per_step(sim: Simulation, steps: int, repeats: int = _REPEATS) -> float:
    """Median over `repeats` of the wall time of `steps` consecutive steps, per step."""
    sim.advance(sim.step_count + 2)
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        sim.advance(sim.step_count + steps)
        times.append((time.perf_counter() - begin) * 1e3 / steps)
    return statistics.median(times)


def step_bytes(sim: Simulation) -> int:
    """Bytes of a step without rebuild: every array that a kernel declares, once, twice if it is added to."""
    return sum(launch.nbytes for part in sim.schedule.parts.values() for launch in part if launch.when != "rebuild")


def main(*, device: str | None = None, json: Path | None = None, quick: bool = False) -> dict[str, Any]:
    """Run the benchmarks, print the table, write the JSON; returns what it wrote. Raises InputError before timing."""
    if json is not None and (json.is_dir() or not os.access(json.parent, os.W_OK | os.X_OK)):
        raise InputError(f"--json {json}: cannot be written; give a file in a folder that is there and may be written")
    scale = 100 if quick else 1
    cases = [
        ("contact", 100_000 // scale, {"physicell": {}}, 100),
        ("contact", 1_000_000 // scale, {"physicell": {}}, 100),
        ("contact_full", 100_000 // scale, FULL_LAW, 20),
    ]
    rows: list[dict[str, Any]] = []
    bandwidth, info = 0.0, dict[str, Any]()
    print(f"{'name':14} {'size':>9} {'ms/step':>10} {'items/s':>12} {'B/item':>8} {'of copy bandwidth':>18}")
    for name, size, terms, steps in cases:
        sim = dense_cells(size, terms, device)
        bandwidth = bandwidth or sim.device.copy_bandwidth(1 << 27)
        info = dict(sim.device_info)
        rows.append(_row(name, size, milliseconds_per_step(sim, steps), sim, bandwidth))
    for name, changes in (("invasion", []), ("invasion_held", HELD)):
        sim = Simulation(load("invasion", changes), device=device)
        rows.append(_row(name, sim.layout.cells, milliseconds_per_step(sim, 20 if quick else 100), sim, bandwidth))
    rows += bench_network.rows(quick, device, bandwidth, _row)
    rows.append(bench_batch.row(quick, device))
    rows.append(bench_walls.row(quick, device))
    rows += bench_blood.rows(quick, device, bandwidth, _row)
    result = {"device": info.get("device", ""), "rows": rows, "copy_bandwidth": bandwidth}
    if json is not None:
        json.write_text(json_text.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _row(name: str, size: int, ms: float, sim: Simulation, bandwidth: float) -> dict[str, Any]:
    moved = step_bytes(sim)
    row = {"name": name, "size": size, "ms": ms, "items_per_s": size / ms * 1e3, "bytes": moved,
           "bytes_per_item": sim.memory / size, "bandwidth_share": moved / (ms * 1e-3) / bandwidth}  # fmt: skip
    print(
        f"{name:14} {size:9} {ms:10.3f} {row['items_per_s']:12.3g} {row['bytes_per_item']:8.0f}"
        f" {row['bandwidth_share']:18.0%}"
    )
    return row
