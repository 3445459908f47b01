"""The smallest scenario around given cells and fibers, and what is read back of it, in the order of ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from physim.generate.fiber_network import FiberNetwork
from physim.simulation import Simulation
from physim.state import ARRAYS

HELD = ["terms.network=off", "terms.turnover=off", "terms.proteolysis=off", "run.step=0.1 min"]
"""Of the scenario `invasion`: its fibers held, which costs little, in the steps that tests count."""


def table(terms: dict[str, Any], size: Any = 200.0, boundary: Any = "open", step: float = 0.1, seed: int = 1,
          collagen: bool = False) -> dict[str, Any]:  # fmt: skip
    """A scenario with these terms; its cells and collagen only stand for those that the test gives."""
    scenario = {
        "title": "test",
        "run": {"duration": 1e6 * step, "step": step, "seed": seed},
        "box": {"size": size, "boundary": boundary},
        "cells": [{"count": 1}],
        "terms": terms,
        "record": {"interval": 10 * step},
    }
    if collagen:
        scenario["collagen"] = {"concentration": 0.1, "bundle_diameter": 1.0, "fiber_length": 10.0}
    return scenario


def cells(position: Any, radius: Any = 8.4, nucleus_radius: Any = 4.7, cadherin: Any = 1.0,
          integrin: Any = 1.0) -> dict[str, np.ndarray]:  # fmt: skip
    """Cells of type 0 with ids 0, 1, 2, ... at (n, 3) um; the other values one for all or one each."""
    position = np.array(position, float).reshape(-1, 3)
    n = len(position)
    one_each = {
        "radius": radius,
        "nucleus_radius": nucleus_radius,
        "cadherin": cadherin,
        "integrin": integrin,
    }
    given = {name: np.broadcast_to(value, n).astype(np.float32) for name, value in one_each.items()}
    return {
        "id": np.arange(n, dtype=np.uint32),
        "position": position,
        "type": np.zeros(n, np.uint32),
        **given,
    }


def network(
    begin: Any, end: Any, size: Any = 200.0, periodic: tuple[bool, bool, bool] = (False,) * 3
) -> FiberNetwork:
    """Fibers of one segment each, from `begin` to `end` (m, 3) um."""
    begin, end = np.array(begin, float).reshape(-1, 3), np.array(end, float).reshape(-1, 3)
    m = len(begin)
    return FiberNetwork(
        nodes=np.stack([begin, end], axis=1).reshape(-1, 3),
        segments=np.arange(2 * m, dtype=np.int32).reshape(m, 2),
        segment_fiber=np.arange(m, dtype=np.int32),
        crosslinks=np.zeros((0, 2), np.int32), crosslink_at=np.zeros((0, 2)),
        lower=np.zeros(3), upper=np.broadcast_to(size, 3).astype(float), periodic=periodic,
        bundle_diameter=0.2,
    )  # fmt: skip


def by_id(sim: Simulation, name: str) -> np.ndarray:
    """A cell array with the cells in the order of ids: (n,), (n, 3) for vectors, (slots, n) for tables."""
    order, values = np.argsort(sim.read("id")), sim.read(name)
    if ARRAYS[name].rows != "1":
        return values[:, order]
    return values[order][:, :3] if values.ndim > 1 else values[order]


def resistance(sim: Simulation) -> np.ndarray:
    """(n, 3, 3) nN min/um: the block of each cell in the operator of the solve, by id."""
    xx, yy, zz, xy, xz, yz = by_id(sim, "resistance").astype(float)
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]).transpose(2, 0, 1)


def from_fixed_point(words: np.ndarray) -> np.ndarray:
    """(items, 3) nN from the two 32-bit words of 64-bit fixed point, component-major."""
    quanta = words[:, 0].astype(np.uint64) | words[:, 1].astype(np.uint64) << np.uint64(32)
    return quanta.view(np.int64).reshape(3, -1).T / 2.0**32


def pair_entries(sim: Simulation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids (m,) of both cells of all entries of the neighbour lists; resistance (m, 2) along and across."""
    rows, ids, count = sim.layout.neighbor_rows, sim.read("id"), sim.read("neighbor_count").astype(int)
    i = np.repeat(np.arange(len(ids)), count)
    k = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    entry = (i // 8 * rows + k) * 8 + i % 8
    return ids[i], ids[sim.read("neighbor")[entry]], sim.read("pair_resistance")[entry].astype(float)
