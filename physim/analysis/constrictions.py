"""A cluster of cells in blood before a constriction: the simulation behind experiment CIR-3, and how it is measured.

The cluster starts as a ball in the wide part. Time counts from when the first front enters the narrow part, to when
the last rear has left it. Nobody is told to line up, and no cell is merged with another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from physim.scenario import Scenario
from physim.simulation import Simulation

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
SAMPLE = 0.06
"""s, at which cells are looked at."""
AFTER = 2.0
"""s, for which a cluster that has passed is followed."""
LATEST = 30.0
"""s, after which a cluster that has not entered is given up."""
TAPER, ENDS = 40.0, 80.0
"""um: of the constriction that `vessels.network` makes."""
_MARGIN = 10.0
"""um between vessels and the box, on both sides together."""


@dataclass(frozen=True)
class Sample:
    """Cells at one time: n of them, in the order of their ids."""

    time: float
    """s since the start."""
    ends: Floats
    """(n, 2, 3) um, rear and front; x from the beginning of the narrow part."""
    radius: Floats
    """(n, 2) um."""
    bonds: Ids
    """(b, 2), each once."""


def scenario(parameters: Mapping[str, Any], cluster: int, seed: int) -> Scenario:
    """A ball of cells before a constriction, another one for each `cluster`. `parameters`:

    diameter, length, wide (um) of the narrow part and diameter of what is before and behind it; pressure (kPa) that
    drives the network; speed (um/min) of blood alone in the narrow part, in the mean; cells: how many; radius,
    nucleus_radius, spacing (um); terms; step (min); seconds: how long after the entry it is waited for the last cell.
    Voxels are two fifths of the narrow radius, so that the surface is as wide as it is asked to be within 2 %.
    Raises InputError.
    """
    wide, narrow = 0.5 * parameters["wide"], 0.5 * parameters["diameter"]
    total = 2 * (TAPER + ENDS) + parameters["length"]
    ball = 0.55 * parameters["spacing"] * parameters["cells"] ** (1 / 3) + parameters["radius"]
    across = 2 * max(wide, 1.3 * ball) + _MARGIN
    size = [total + 2 * wide + _MARGIN, across, across]
    center = [0.5 * (size[0] - total) + ENDS - ball, 0.5 * across, 0.5 * across]
    return Scenario.from_table({
        "title": "A cluster of cells before a constriction",
        "run": {"duration": 60.0, "step": parameters["step"], "seed": 1000 * seed + cluster},
        "box": {"size": size},
        "cells": [{"count": parameters["cells"], "radius": parameters["radius"], "spacing": parameters["spacing"],
                   "nucleus_radius": parameters["nucleus_radius"], "center": center}],
        "vessels": {"network": "constriction", "radius": wide, "narrow": narrow, "length": parameters["length"],
                    "voxel": 0.4 * narrow, "pressure": parameters["pressure"],
                    "speed": parameters["speed"] * (narrow / wide) ** 2},
        "terms": parameters["terms"],
        "record": {"interval": SAMPLE / 60},
    })  # fmt: skip


def look(sim: Simulation, origin: float) -> Sample:
    """What the cells of a simulation are now; `origin` um is where the narrow part begins."""
    ids = sim.read("id")
    order = np.argsort(ids)
    ends = sim.box.to_micron(sim.read("position"))[order].reshape(-1, 2, 3)
    ends[..., 0] -= origin
    radius = sim.read("end_radius").astype(float)[order].reshape(-1, 2)
    held = sim.read("bond_partner").astype(np.int64)[:, order][:, 1::2]  # fronts keep the bonds: 1 + id of a front
    own = np.broadcast_to(np.arange(held.shape[1]), held.shape)
    pairs = np.stack([own[held > 0], (held[held > 0] - 2) // 2], axis=1)
    return Sample(60 * sim.time, ends, radius, pairs[pairs[:, 0] < pairs[:, 1]])


def departed(sim: Simulation) -> NDArray[np.bool_]:
    """(n,) whether a cell has left the vessel, by a port, in the order of ids."""
    found: NDArray[np.bool_] = sim.read("departed")[np.argsort(sim.read("id"))][1::2] > 0
    return found


def last_bonds(before: Sample, gone: NDArray[np.bool_], now_gone: NDArray[np.bool_]) -> Ids:
    """(b, 2) bonds of the cells that have left since the sample `before`, as they were then."""
    return before.bonds[(now_gone & ~gone)[before.bonds].any(axis=1)]


def pieces(sample: Sample) -> Ids:
    """(n,) number of the piece of the cluster to which each cell belongs, by bonds."""
    count = len(sample.ends)
    one, two = sample.bonds.T
    found: Ids = connected_components(coo_array((np.ones(len(one)), (one, two)), (count, count)), directed=False)[1]
    return found


def in_file(sample: Sample, length: float) -> bool | None:
    """Whether the cells in the narrow part are one behind the other; None where there are fewer than two of them.

    Of two cells side by side the shorter one overlaps the other, along the vessel, by more than half of its length.
    """
    low = (sample.ends[..., 0] - sample.radius).min(axis=1)
    high = (sample.ends[..., 0] + sample.radius).max(axis=1)
    x = sample.ends[..., 0]
    within = (x.max(axis=1) > 0) & (x.min(axis=1) < length)
    low, high = low[within], high[within]
    if len(low) < 2:
        return None
    common = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    shorter = np.minimum((high - low)[:, None], high - low)
    np.fill_diagonal(common, 0.0)
    return bool((common <= 0.5 * shorter).all())


def extent(sample: Sample) -> float:
    """um, root mean square distance of the cells from their common middle."""
    middle = sample.ends.mean(axis=1)
    return float(np.sqrt(((middle - middle.mean(axis=0)) ** 2).sum(axis=1).mean()))


def passage(parameters: Mapping[str, Any], cluster: int, seed: int, device: str | None) -> dict[str, Any]:
    """How the cluster of `scenario` fares.

    passed: share of its cells whose rear has left the narrow part in time; whole: 1 where all have; time (s): from the
    entry until then, NaN where not all have; file: share of the samples, with two or more cells in the narrow part, in
    which they are one behind the other, NaN without any; alone: share of the cells that bonds do not join to the
    largest piece at the end, bonds of those that have left the vessel as they were then; chain, end: root mean square
    distance of cells from their middle, over that at the start, at most and at the end, until one leaves the vessel;
    wide (um): the farthest that an end was from the axis, over the radius of the wide part.
    Raises InputError for parameters that make no scenario, PhysicsError if the balance of forces is not found.
    """
    sim = Simulation(scenario(parameters, cluster, seed), device=device)
    length, middle = parameters["length"], 0.5 * (sim.box.upper + sim.box.lower)
    origin = float(middle[0]) - 0.5 * length
    now = first = look(sim, origin)
    files: list[bool] = []
    held = now.bonds[:0]
    gone = np.zeros(len(now.ends), bool)
    entry, done, chain, end, wide = np.nan, np.nan, 1.0, 1.0, 0.0
    while not gone.all():
        sim.step(max(1, round(SAMPLE / 60 / sim.step_length)))
        held = np.vstack([held, last_bonds(now, gone, departed(sim))])
        now, gone = look(sim, origin), departed(sim)
        x = now.ends[..., 0]
        if np.isnan(entry) and x.max() > 0:
            entry = now.time
        if (order := in_file(now, length)) is not None:
            files.append(order)
        if not gone.any():
            end = extent(now) / extent(first)
            chain = max(chain, end)
        wide = max(wide, float(np.linalg.norm(now.ends[..., 1:] - middle[1:], axis=-1).max()))
        if np.isnan(done) and x.min() > length:
            done = now.time
        limit = LATEST if np.isnan(entry) else entry + parameters["seconds"] if np.isnan(done) else done + AFTER
        if now.time >= limit:
            break
    piece = pieces(replace(now, bonds=np.vstack([now.bonds, held])))
    through = now.ends[..., 0].min(axis=1) > length
    return {
        "passed": float(through.mean()), "whole": float(through.all()), "time": float(done - entry),
        "file": float(np.mean(files)) if files else np.nan, "alone": 1 - float(np.bincount(piece).max()) / len(piece),
        "chain": chain, "end": end, "wide": wide / (0.5 * parameters["wide"]),
    }  # fmt: skip
