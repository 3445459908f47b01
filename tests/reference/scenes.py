"""The smallest scenario around given cells and fibers, and the forces of its first step, in the order of ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from physim.generate.fiber_network import FiberNetwork
from physim.simulation import Simulation


def table(terms: dict[str, Any], size: Any = 200.0, boundary: Any = "open", step: float = 0.1, seed: int = 1,
          collagen: bool = False) -> dict[str, Any]:  # fmt: skip
    """A scenario with these terms; its cells and collagen only stand for those that the test gives."""
    scenario = {
        "title": "test",
        "run": {"duration": 1e6, "step": step, "seed": seed},
        "box": {"size": size, "boundary": boundary},
        "cells": [{"count": 1}],
        "terms": terms,
        "record": {"interval": 10 * step},
    }
    if collagen:
        scenario["collagen"] = {"concentration": 0.1, "bundle_diameter": 1.0}
    return scenario


def cells(position: Any, radius: Any = 8.4, nucleus_radius: Any = 4.7, cadherin: Any = 1.0,
          integrin: Any = 1.0) -> dict[str, np.ndarray]:  # fmt: skip
    """Cells of type 0 with ids 0, 1, 2, ... at (n, 3) um; the other values one for all or one each."""
    position = np.array(position, float).reshape(-1, 3)
    n = len(position)
    one_each = {"radius": radius, "nucleus_radius": nucleus_radius, "cadherin": cadherin, "integrin": integrin}
    return {"id": np.arange(n, dtype=np.uint32), "position": position, "type": np.zeros(n, np.uint32),
            **{name: np.broadcast_to(values, n).astype(np.float32) for name, values in one_each.items()}}  # fmt: skip


def network(begin: Any, end: Any, size: Any = 200.0, periodic: tuple[bool, bool, bool] = (False,) * 3) -> FiberNetwork:
    """Fibers of one segment each, from `begin` to `end` (m, 3) um."""
    begin, end = np.array(begin, float).reshape(-1, 3), np.array(end, float).reshape(-1, 3)
    m = len(begin)
    return FiberNetwork(
        nodes=np.concatenate([begin, end]),
        segments=np.stack([np.arange(m), np.arange(m) + m], axis=1).astype(np.int32),
        segment_fiber=np.arange(m, dtype=np.int32),
        crosslinks=np.zeros((0, 2), np.int32), crosslink_at=np.zeros((0, 2)),
        lower=np.zeros(3), upper=np.broadcast_to(size, 3).astype(float), periodic=periodic, bundle_diameter=0.2,
    )  # fmt: skip


def by_id(sim: Simulation, name: str) -> np.ndarray:
    """A cell array with the cells (last axis of slot tables) in the order of their ids; vectors without padding."""
    order, values = np.argsort(sim.read("id")), sim.read(name)
    if values.ndim > 1 and values.shape[0] != len(order):
        return values[:, order]
    return values[order][:, :3] if values.ndim > 1 and values.shape[1] == 4 else values[order]


def from_fixed_point(words: np.ndarray) -> np.ndarray:
    """(items, 3) nN from the two 32-bit words of 64-bit fixed point, component-major."""
    quanta = words[:, 0].astype(np.uint64) | words[:, 1].astype(np.uint64) << np.uint64(32)
    return quanta.view(np.int64).reshape(3, -1).T / 2.0**32
