"""How much of their integrins migrating cells leave behind: the simulation behind experiment MIG-7.

Several cells, far from each other, in one periodic gel whose fibers are held: a hundredth of the price of one that
moves, so that there are many releases to count. Nothing leaves the box, so that the balance is that of all cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from physim.analysis.integrin_balance import IntegrinBalance, integrin_balance
from physim.analysis.migration import Trajectories
from physim.scenario import Scenario
from physim.simulation import Simulation

STEP, SAMPLE = 0.2, 10.0
"""min: the step, and the interval at which places are taken, the standard one for speeds."""
SETTLING = 30.0
"""min, in which the first links bind and begin to pull; they do not count."""
_TERMS: dict[str, Any] = {
    "contact": {}, "drag": {"coefficient": 2.0}, "polarity": {"persistence": 45.0, "feedback": 0.2}, "steric": {},
    "nucleus": {}, "links": {"slots": 16}, "proteolysis": {},
}  # fmt: skip
"""The cell of the built-in scenario `invasion`: the MDA-MB-231-like set."""


def scenario(parameters: Mapping[str, Any], network_seed: int, seed: int) -> Scenario:
    """Cells that migrate and shed. `parameters`:

    concentration (mg/ml), bundle_diameter, segment_length, box (um); cells: how many; integrin: their relative level,
    to which binding rate, strength of links and number of integrins are proportional; ripping: share left over share
    kept without load, q_0 (0: none is left); gain: how much more often links bind fibers with many shed integrins (0:
    they are no ligand); moving: whether fibers move, held at walls across z, so that the gel does not slide; hours.
    Raises InputError.
    """
    terms = {**_TERMS, "shedding": {"ripping_ratio": parameters["ripping"], "ligand_gain": parameters["gain"]}}
    boundary = ["periodic"] * 3
    if parameters["moving"]:
        boundary[2], terms["walls"] = "wall", {}
        terms["network"] = {"crosslink_stiffness": 50.0, "tolerance": 0.05, "wake_force": 0.3, "still_distance": 0.002}
    collagen = {name: parameters[name] for name in ("concentration", "bundle_diameter", "segment_length")}
    return Scenario.from_table({
        "title": "Cells leave integrins behind",
        "run": {"duration": 1e6, "step": STEP, "seed": seed},
        "box": {"size": parameters["box"], "boundary": boundary},
        "cells": [{"count": parameters["cells"], "place": "random", "radius": 8.4, "nucleus_radius": 4.7,
                   "spacing": 25.0, "integrin": parameters["integrin"]}],
        "collagen": {**collagen, "seed": network_seed},
        "terms": terms,
        "record": {"interval": SAMPLE},
    })  # fmt: skip


def rip(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> dict[str, Any]:
    """What cells leave on fibers in `hours`, after SETTLING. Parameters as of `scenario`.

    left_share: left/(left + returned), of the integrins of all links that let go. per_micron: shed units per um of
    path, the path in steps of SAMPLE min; per_day: shed units per cell and day over those of a cell. speed (um/h):
    median over cells of the median over SAMPLE min; net (um): median displacement. force (nN) and links of a cell,
    means over cells and samples. releases: of links, per cell and h. unaccounted: what the balance of integrins misses
    at the end. shed: on fibers at the end, over those of all cells at the start.
    Raises InputError for parameters that make no scenario, PhysicsError if the balance of forces is not found.
    """
    sim = Simulation(scenario(parameters, network_seed, seed), device=device)
    sim.step(round(SETTLING / STEP))
    first, released = integrin_balance(sim), sim.status["links_released"]
    ids, places, forces, links = np.sort(sim.read("id")), [sim.positions()], [], []
    for _ in range(round(60 * parameters["hours"] / SAMPLE)):
        sim.step(round(SAMPLE / STEP))
        places.append(sim.positions())
        forces.append(float(sim.read("link_force").sum()))
        links.append(int((sim.read("link_segment") > 0).sum()))
    last, cells = integrin_balance(sim), len(ids)
    time = SAMPLE * np.arange(len(places))
    paths = Trajectories.from_rows(np.repeat(time, cells), np.tile(ids, len(places)), np.concatenate(places),
                                   np.full(len(places) * cells, np.nan), parameters["box"], sim.box.periodic)
    length = float(np.linalg.norm(np.diff(paths.position, axis=0), axis=2).sum())
    left, returned = last.left - first.left, last.returned - first.returned
    whole = last.initial / cells
    return {
        "left_share": left / (left + returned) if left + returned else np.nan,
        "per_micron": left / length if length else np.nan,
        "per_day": left / whole / cells * 24 / parameters["hours"],
        "speed": paths.speed_at(SAMPLE), "net": paths.net_displacement(), "force": float(np.mean(forces)) / cells,
        "links": float(np.mean(links)) / cells,
        "releases": (sim.status["links_released"] - released) / cells / parameters["hours"],
        "unaccounted": unaccounted(last), "shed": last.shed / last.initial,
    }  # fmt: skip


def unaccounted(balance: IntegrinBalance) -> int:
    """Integrins that the balance misses: 0."""
    return balance.surface + balance.bound + balance.shed + balance.degraded - balance.initial - balance.synthesised
