"""A sphere that blood carries in a tube, against published solutions of Stokes' equations: for experiment CIR-0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from physim.scenario import Scenario
from physim.simulation import Simulation

SPEED = 100.0
"""um/s, mean over the tube."""
PLASMA = 2e-8
"""kPa min, 1.2 mPa s."""
_STEPS = 20
"""Of 1 ms, over which a free sphere is followed."""


def haberman(ratio: float) -> tuple[float, float]:
    """K_1 and K_2 of F = 6 pi mu a (K_2 u - K_1 v): a sphere on the axis of a tube, where the fluid has the speed u.

    Approximate solution of Haberman & Sayre, David Taylor Model Basin Report 1143 (1958), for ratios of radii up to
    0.8; recalled.
    """
    r = ratio
    below = 1 - 2.1050 * r + 2.0865 * r**3 - 1.7068 * r**5 + 0.72603 * r**6
    return (1 - 0.75857 * r**5) / below, (1 - 2 / 3 * r**2 - 0.20217 * r**5) / below


def scenario(radius: float, own: float, voxel: float) -> Scenario:
    """A sphere of radius `own` in a tube, um."""
    return Scenario.from_table({
        "title": "A sphere in a tube", "run": {"duration": "10 min", "step": "1 ms"},
        "box": {"size": [180.0, 2 * radius + 10, 2 * radius + 10]},
        "cells": [{"count": 1, "radius": own, "nucleus_radius": 0.2 * own}],
        "vessels": {"network": "tube", "radius": radius, "length": 120.0, "voxel": voxel,
                    "speed": f"{SPEED} um/s", "pressure": "0.5 kPa"},
        "terms": {"plasma": {}, "vessel_wall": {}}, "record": {"interval": "0.1 s"},
    })  # fmt: skip


def drag(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> dict[str, Any]:
    """A sphere in a tube of `radius`, at a distance `offset` from the axis, its radius `ratio` of that of the tube.

    On the axis, over Haberman & Sayre: held, the force on it at rest; speed, at which it goes by itself. Off the axis,
    where it touches the wall: attached, the force at rest over 32 tau R^2 (Goldman, Cox & Brenner 1967: in uniform
    shear; here shear falls toward the axis), tau = 4 mu U/R_tube. What it holds back of the flow is taken into account.
    """
    radius, own = parameters["radius"], parameters["ratio"] * parameters["radius"]
    made = scenario(radius, own, parameters["voxel"])
    at = 0.5 * (np.array(made.box.lower) + made.box.upper) + np.array([0.0, parameters["offset"], 0.0])
    one = {"radius": own, "nucleus_radius": 0.2 * own, "cadherin": 1.0, "integrin": 1.0}
    cells = {"id": np.zeros(1, np.uint32), "position": at[None], "type": np.zeros(1, np.uint32),
             **{name: np.full(1, value, np.float32) for name, value in one.items()}}  # fmt: skip
    sim = Simulation(made, cells=cells, device=device)
    sim.find_forces()
    force = float(sim.read("force")[0, 0])
    flow = float(sim.read("branch_flow")[0] / sim.read("branch")[0, 2])
    if parameters["offset"]:
        shear = PLASMA * 4 * SPEED * 60 / radius
        return {"attached": force / (32 * shear * own**2 * flow)}
    resisted, carried = haberman(parameters["ratio"])
    sim.step(_STEPS)
    gone = float(sim.positions()[0, 0] - at[0]) / (_STEPS * 1e-3)
    return {"held": force / (carried * 6 * np.pi * PLASMA * own * 2 * SPEED * 60 * flow),
            "speed": gone / (carried / resisted * 2 * SPEED)}  # fmt: skip
