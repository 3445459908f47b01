"""Cells before rigid pores: the simulations behind experiment MIG-3.

(a) a plate with round holes across a gel, one cell before each hole, polarity through it; (b) a gel whose fibers are
held. Nothing yields but the cell, so that what passes is decided by the forces on its nucleus.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim.analysis.migration import Trajectories, unwrap
from physim.analysis.section_pore import section_pore
from physim.scenario import Scenario
from physim.simulation import Simulation

SAMPLE = 10.0
"""min, at which places are taken."""
THICKNESS, PITCH = 1.0, 20.0
"""um, of the plate; and from hole to hole."""
GAP = 0.6
"""um between the front of a cell and the plate at the start."""
_STILL = 1e8
"""min: persistence of a polarity that does not turn."""
Points = NDArray[np.float64]


def _without(parameters: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {term: dict(values) for term, values in parameters["terms"].items() if term not in names}


def plate_scenario(parameters: Mapping[str, Any], network_seed: int, seed: int) -> Scenario:
    """Cells before a plate, in held fibers on both sides of it. `parameters`:

    concentration (mg/ml), bundle_diameter, segment_length, box (um, three; periodic along x); area (um^2) of the holes,
    null: no plate; radius, nucleus_radius (um) and terms of the cell, who cuts nothing here and keeps its polarity;
    step (min); hours. Raises InputError.
    """
    box, area = parameters["box"], parameters["area"]
    across = 1 + 2 * int((0.5 * min(box[1:]) - parameters["radius"]) / PITCH)
    center = [0.5 * box[0] - 0.5 * THICKNESS - GAP - parameters["radius"], 0.5 * box[1], 0.5 * box[2]]
    plate = {"kind": "plate", "axis": "x", "thickness": THICKNESS, "pitch": PITCH, "hole_area": area}
    return Scenario.from_table({
        "title": "Cells before a plate with holes",
        "run": {"duration": 1e6, "step": parameters["step"], "seed": seed},
        "box": {"size": box, "boundary": ["periodic", "open", "open"]},
        "cells": [{"count": across**2, "place": "sheet", "axis": "x", "spacing": PITCH, "center": center,
                   "radius": parameters["radius"], "nucleus_radius": parameters["nucleus_radius"]}],
        "collagen": {**_gel(parameters), "seed": network_seed},
        "obstacles": [plate] if area is not None else [],
        "terms": _without(parameters, "proteolysis", "contact_guidance") | {"polarity": {"persistence": _STILL}},
        "record": {"interval": SAMPLE},
    })  # fmt: skip


def net_scenario(parameters: Mapping[str, Any], network_seed: int, seed: int) -> Scenario:
    """Cells in a periodic gel whose fibers are held; `parameters` as of `plate_scenario`, and cells: how many; cut:
    whether they cut fibers. Raises InputError."""
    return Scenario.from_table({
        "title": "Cells among held fibers",
        "run": {"duration": 1e6, "step": parameters["step"], "seed": seed},
        "box": {"size": parameters["box"], "boundary": "periodic"},
        "cells": [{"count": parameters["cells"], "place": "random", "radius": parameters["radius"],
                   "nucleus_radius": parameters["nucleus_radius"]}],
        "collagen": {**_gel(parameters), "seed": network_seed},
        "terms": _without(parameters, *(() if parameters["cut"] else ("proteolysis",))),
        "record": {"interval": SAMPLE},
    })  # fmt: skip


def before_plate(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> dict[str, Any]:
    """How cells fare at the plate of `plate_scenario`, one on the axis of each hole, its front GAP um away.

    late (um/h): displacement along x in the second half of `hours` over that time, mean over cells; passed: share of
    cells whose center is a radius of the nucleus beyond the plate at the end; force (nN): sum of a cell's link forces,
    mean over cells and samples.
    Raises InputError for parameters that make no scenario, PhysicsError if the balance of forces is not found.
    """
    sim = Simulation(plate_scenario(parameters, network_seed, seed), device=device)
    polarity = np.zeros(sim.shape("polarity"), np.float32)
    polarity[:, 0] = 1.0
    sim.write("polarity", polarity)
    places, force = _walk(sim, parameters["hours"])
    along, half = places[:, :, 0], len(places) // 2
    beyond = 0.5 * parameters["box"][0] + 0.5 * THICKNESS + parameters["nucleus_radius"]
    return {
        "late": float((along[-1] - along[half]).mean() / (parameters["hours"] * (1 - half / (len(places) - 1)))),
        "passed": float((along[-1] > beyond).mean()), "force": force,
    }  # fmt: skip


def among_fibers(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> dict[str, Any]:
    """How cells fare in the gel of `net_scenario`.

    late (um/h): |displacement| in the second half of `hours` over that time, median over cells; speed (um/h):
    median over cells in steps of SAMPLE min; pore (um^2): `section_pore` as made; force as of `before_plate`.
    Raises as that.
    """
    sim = Simulation(net_scenario(parameters, network_seed, seed), device=device)
    assert sim.network is not None
    pore = section_pore(sim.network, seed=network_seed)
    places, force = _walk(sim, parameters["hours"])
    half, cells = len(places) // 2, places.shape[1]
    time = SAMPLE * np.arange(len(places))
    paths = Trajectories.from_rows(np.repeat(time, cells), np.tile(np.arange(cells), len(places)),
                                   places.reshape(-1, 3), np.full(places.size // 3, np.nan))  # fmt: skip
    late = np.linalg.norm(places[-1] - places[half], axis=1) * 60 / (time[-1] - time[half])
    return {"late": float(np.median(late)), "speed": paths.speed_at(SAMPLE), "pore": pore, "force": force}


def _gel(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in ("concentration", "bundle_diameter", "segment_length")}


def _walk(sim: Simulation, hours: float) -> tuple[Points, float]:
    """(T, n, 3) um, continuous; mean sum of a cell's link forces, nN."""
    places, forces = [sim.positions()], []
    for _ in range(round(60 * hours / SAMPLE)):
        sim.step(round(SAMPLE / sim.scenario.run.step))
        places.append(sim.positions())
        forces.append(float(sim.read("link_force").sum()) / len(places[0]))
    return unwrap(np.array(places), sim.box.upper - sim.box.lower, sim.box.periodic), float(np.mean(forces))
