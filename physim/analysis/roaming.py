"""Cells of one line roam in one gel: the simulation behind experiments MIG-4 and MIG-5, and what its tracks tell.

A periodic gel has no place that is held, so that what all cells drag on would set it adrift. Places are therefore those
relative to the gel, and the drag of fibers is a hundred times the regulariser: then it drifts slowly enough for its
fibers to sleep, and a segment that moves as fast as a link shortens is still held back by a hundredth of a nN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from physim.analysis import persistence
from physim.analysis.alignment import nematic_tensor
from physim.analysis.migration import Trajectories
from physim.analysis.persistence import PersistentWalk
from physim.errors import InputError
from physim.generate.cells import initial_cells
from physim.generate.halve import halved
from physim.generate.matrix import initial_network
from physim.scenario import Scenario
from physim.simulation import Simulation

Floats = NDArray[np.float64]
SAMPLE, SPEED = 5.0, 10.0
"""min: between two places of a track, and the standard interval of speeds."""
SETTLING = 30.0
"""min, in which the first links bind and begin to pull; they do not count."""
LAGS = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 240.0, 360.0)
"""min, at which the mean square displacement is given; those beyond half of the time are left out."""
ERROR = 0.5
"""um along each axis: a usual error of positions under a microscope."""
NULLS = 5
"""Sets of walks without a main axis."""
_MOVING = {"crosslink_stiffness": 50.0, "tolerance": 0.05, "wake_force": 0.3, "still_distance": 0.002,
           "drag": 1.6667e-2}  # fmt: skip
"""The active set of the scenario `invasion`, and the drag that keeps a periodic gel where it is."""


def levels(spread: float, count: int, seed: int) -> list[float]:
    """`count` levels from a log-normal distribution of median 1, exp(spread q_k), in random order.

    One is drawn out of each of `count` equally likely parts, so that few cells are as different as many.
    """
    random = np.random.Generator(np.random.Philox(seed))
    shares = random.permutation((np.arange(count) + random.random(count)) / count)
    return [round(float(level), 4) for level in np.exp(spread * ndtri(shares))]


def scenario(parameters: Mapping[str, Any], network_seed: int, seed: int) -> Scenario:
    """Cells in a periodic gel. `parameters`:

    concentration (mg/ml), bundle_diameter, segment_length, box (um), alignment: order S of the fibers along x; count:
    how many cells; cell: what a group of cells has (radius, nucleus_radius, cadherin, integrin, mmp); spread: standard
    deviation of ln integrin and ln mmp from cell to cell; terms: of the cells, by name; moving: whether fibers move or
    are held; network: what is changed in that term, if anything; step (min); hours. Raises InputError.
    """
    terms: dict[str, Any] = {name: dict(values) for name, values in parameters["terms"].items()}
    if parameters["moving"]:
        terms["network"] = {**_MOVING, **parameters.get("network", {})}
    cell, count = dict(parameters["cell"]), parameters["count"]
    own = {name: levels(sd, count, (network_seed << 16) + (seed << 4) + k)
           for k, (name, sd) in enumerate(sorted(parameters["spread"].items()))}  # fmt: skip
    cells = [{"name": f"cell {k}", "count": 1, "place": "random", "spacing": 3.0 * cell["radius"], **cell,
              **{name: cell[name] * of[k] for name, of in own.items()}} for k in range(count)]  # fmt: skip
    collagen = {name: parameters[name] for name in ("concentration", "bundle_diameter", "segment_length", "alignment")}
    return Scenario.from_table({
        "title": "Cells roam in collagen",
        "run": {"duration": 1e6, "step": parameters["step"], "seed": seed},
        "box": {"size": parameters["box"], "boundary": "periodic"},
        "cells": cells,
        "collagen": {**collagen, "seed": network_seed},
        "terms": terms,
        "record": {"interval": SAMPLE},
    })  # fmt: skip


def roam(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> dict[str, Any]:
    """The tracks of `hours`, after SETTLING, as `told` tells them; and of cells, means over time:

    force (nN) and links of a cell; drift (um) of the gel; order: <3 x^2 - 1>/2 of the directions of its fibers as made.
    Parameters as of `scenario`, and halved: whether segments are half as long, fibers where they are. Raises InputError
    for parameters that make no scenario, PhysicsError if the balance of forces is not found.
    """
    given = scenario(parameters, network_seed, seed)
    made = halved(initial_network(given, initial_cells(given))) if parameters.get("halved") else None
    sim = Simulation(given, network=made, device=device)
    steps = round(SAMPLE / parameters["step"])
    sim.step(round(SETTLING / parameters["step"]))
    size, cells = np.asarray(sim.scenario.box.size), len(sim.read("id"))
    places, drift, forces, links = [sim.positions()], [np.zeros(3)], [], []
    nodes = sim.fiber_nodes()
    for _ in range(round(60 * parameters["hours"] / SAMPLE)):
        sim.step(steps)
        places.append(sim.positions())
        forces.append(float(sim.read("link_force").sum()) / cells)
        links.append(int((sim.read("link_segment") > 0).sum()) / cells)
        before, nodes = nodes, sim.fiber_nodes()
        move = nodes - before
        drift.append(drift[-1] + np.median(move - size * np.rint(move / size), axis=0))
    time, ids = SAMPLE * np.arange(len(places)), np.arange(cells)
    paths = Trajectories.from_rows(np.repeat(time, cells), np.tile(ids, len(time)), np.concatenate(places),
                                   np.full(len(time) * cells, np.nan), size, True)
    still = _moved(paths, np.asarray(paths.position - np.array(drift)[:, None, :], float))
    return {**told(still, (network_seed << 8) + seed), "force": float(np.mean(forces)), "links": float(np.mean(links)),
            "drift": float(np.linalg.norm(drift[-1])), "order": float(nematic_tensor(sim.network)[0, 0])}  # fmt: skip


def told(paths: Trajectories, seed: int = 0) -> dict[str, Any]:
    """What tracks tell; x is the axis of alignment. Lists with a number per cell, but for those over lags.

    speed, speed_5, speed_20 (um/h): median over 10, 5 and 20 min; speed_seen: over 10 min with ERROR; net (um);
    farthest (um) from the start, of any cell. msd, msd_along, msd_across (um^2) at `lags`: of all axes, of x, mean of y
    and z. root_speed (um/h), persistence and persistence_of_each (min), jitter (um): Furth's walk of all and of each;
    persistence_along and across: with one dimension, across of y and z together. axes: D along each track's own main
    axis over D across it; axes_by_chance: median over NULLS sets of walks without one. speed_alike and
    persistence_alike: of as many cells that are all alike. guidance and guidance_hour: <cos 2 a> of displacements over
    10 and 60 min, a their angle to x as seen along y and along z: 1 along x, 0 by chance, -1 across.
    NaN where nothing moves, or too briefly.
    """
    lags = np.array([lag for lag in LAGS if lag <= 0.5 * paths.time[-1] * (1 + 1e-9)])
    fitted = lags[lags <= max(0.25 * paths.time[-1], 30.0)]
    msd, along, across = paths.msd(lags), _axis(paths, (0,)).msd(lags), _axis(paths, (1, 2)).msd(lags) / 2
    walk = _walk(paths, fitted)
    seen = paths.position + ERROR * np.random.Generator(np.random.Philox(seed)).standard_normal(paths.position.shape)
    found: dict[str, Any] = {
        "speed": paths.cell_speeds(SPEED), "speed_5": paths.cell_speeds(5.0), "speed_20": paths.cell_speeds(20.0),
        "speed_seen": _moved(paths, seen).cell_speeds(SPEED), "net": paths.cell_displacements(),
        "farthest": float(np.linalg.norm(paths.position - paths.position[0], axis=2).max()),
        "lags": lags, "msd": msd, "msd_along": along, "msd_across": across,
        "root_speed": walk.speed, "persistence": walk.persistence, "jitter": walk.noise,
        "persistence_of_each": persistences(paths, fitted, walk.noise),
        "persistence_along": _walk(_axis(paths, (0,)), fitted, 1).persistence,
        "persistence_across": _walk(_axis(paths, (1, 2)), fitted, 2).persistence,
        "guidance": guidance(paths, SPEED), "guidance_hour": guidance(paths, 60.0),
    }  # fmt: skip
    return found | _beside_chance(paths, fitted, walk, seed)


def guidance(paths: Trajectories, interval: float) -> float:
    """<cos 2 a> of displacements over an interval (min); a is their angle to x as seen along y and along z.

    NaN for tracks that are shorter, and where nothing moves.
    """
    try:
        start, end = paths._pairs(interval)
    except InputError:
        return np.nan
    x, y, z = np.moveaxis(paths.position[end] - paths.position[start], 2, 0)
    square = np.stack([x**2 + y**2, x**2 + z**2])
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.stack([x**2 - y**2, x**2 - z**2]) / square
    return float(np.nanmean(cosines)) if (square > 0).any() else np.nan


def persistences(paths: Trajectories, lags: Floats, noise: float) -> Floats:
    """(n,) min, of each cell alone, at the jitter (um) of all; NaN for cells at rest."""
    found = np.full(len(paths.id), np.nan)
    for cell in range(len(paths.id)):
        own = Trajectories(paths.time, paths.id[[cell]], paths.position[:, [cell]], paths.departed[[cell]])
        msd = own.msd(lags)
        if (msd > 0).all():
            found[cell] = persistence.fit(lags, msd, noise=min(noise, 0.9 * np.sqrt(msd.min() / 6))).persistence
    return found


def _beside_chance(paths: Trajectories, lags: Floats, walk: PersistentWalk, first: int) -> dict[str, Any]:
    """`axes`, and what walks of cells that are all alike show of it and of speed and persistence."""
    nothing = np.full(len(paths.id), np.nan)
    if not np.isfinite(walk.speed):
        return {"axes": np.nan, "axes_by_chance": np.nan, "speed_alike": nothing, "persistence_alike": nothing}
    chance: list[float] = []
    try:
        own = persistence.anisotropy(paths, lags, noise=walk.noise).ratio
    except InputError:  # nothing moves across
        own = np.nan
    for seed in range(NULLS * first, NULLS * (first + 1)):
        alike = persistence.walks(walk, len(paths.id), paths.time, seed=seed)
        chance.append(persistence.anisotropy(alike, lags, noise=walk.noise).ratio)
    return {"axes": own, "axes_by_chance": float(np.median(chance)), "speed_alike": alike.cell_speeds(SPEED),
            "persistence_alike": persistences(alike, lags, walk.noise)}  # fmt: skip


def _walk(paths: Trajectories, lags: Floats, dimensions: int = 3) -> PersistentWalk:
    """Furth's walk with its jitter fitted, too; NaN where cells rest or lags are too few."""
    try:
        return persistence.fit_trajectories(paths, lags, noise=None, dimensions=dimensions)
    except InputError:
        return PersistentWalk(np.nan, np.nan, np.nan, dimensions)


def _axis(paths: Trajectories, axes: tuple[int, ...]) -> Trajectories:
    """The same tracks along some axes only."""
    place = np.zeros_like(paths.position)
    place[:, :, axes] = paths.position[:, :, axes]
    return _moved(paths, place)


def _moved(paths: Trajectories, position: Floats) -> Trajectories:
    return Trajectories(paths.time, paths.id, position, paths.departed)
