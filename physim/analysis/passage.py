"""One cell crosses a gel and is taken away, and what it leaves: the simulation behind experiments TRK-3 and TRK-4.

The cell starts near one end of an elongated box with held faces. Its polarity points along the box and does not turn,
so that its path is nearly straight, and the same path can be measured before, during and after the passage. Only the
part that is `MARGIN` away from both ends counts: the gel is carved where a cell starts, and pressed where it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim import operations
from physim.analysis import mechanics, tunnels
from physim.analysis.matrix_balance import MatrixBalance, matrix_balance
from physim.generate.fiber_network import FiberNetwork
from physim.scenario import Scenario
from physim.simulation import Saved, Simulation

Points = NDArray[np.float64]
STEP, SAMPLE, AFTER = 0.2, 5.0, 30.0
"""min: the step, the places of a path, and how long the gel comes to rest when the cell has been taken away."""
IDLE = 5.0
"""min: the step, and the interval of repair, in a gel without cells."""
RADIUS = 8.4
"""um of the cell: the wall of its tunnel is taken to be so far from the path."""
START = 14.0
"""um from the face at which the cell starts."""
MARGIN = RADIUS + 4.0
"""um of a path at each of its ends that do not count."""
NEAR, NUCLEUS = 4.0, 4.7
"""um: from the path, where the void is measured; radius of the nucleus."""
SAMPLES = 20_000
"""Random points, of which those near the path give void and volumes of shells; a void is known to 0.004 by them."""
EDGES = (0.0, 2.8, 5.6, *(RADIUS + 3.0 * k for k in range(6)))
"""um from the path, of the shells: three within the cell's radius, five of 3 um beyond."""
_CROSSING = ("concentration", "bundle_diameter", "segment_length", "box", "moving", "cut", "sideways", "pull",
             "turnover", "softer", "repairs", "hours")  # fmt: skip
"""Parameters on which the passage depends."""


@dataclass(frozen=True)
class Passage:
    """A gel that a cell has crossed, in the moment after it has been taken away."""

    scenario: Scenario
    saved: Saved
    made: FiberNetwork
    nodes: Points
    """(N, 3) um, with the cell at the end of its path."""
    path: Points
    """(K, 3) um, where the cell was each `SAMPLE` min."""
    minutes: float
    force: float
    """nN: sum of the tensions of its links, mean over the places of the path."""

    @property
    def usable(self) -> Points:
        return tunnels.usable(self.path, MARGIN)


def scenario(parameters: Mapping[str, Any], network_seed: int, seed: int) -> Scenario:
    """One cell at one end of a gel. `parameters`:

    concentration (mg/ml), bundle_diameter, segment_length, box (um, three); moving: whether fibers move or are held;
    cut: rate of proteolysis (1/min; 0: none); sideways (um): how far beside the cell it acts; pull: contraction speed
    of links without load (um/min; 0: no traction); turnover: parameters of the term, or null without it; softer:
    factor by which EI and k_c are less than calibrated; repairs: whether the term repair is there, which does nothing
    before the time constant is set; hours. All else is the HT-1080-like set of the prototype. Raises InputError.
    """
    terms: dict[str, Any] = {
        "drag": {"coefficient": 2.0}, "polarity": {"persistence": 1e8}, "steric": {}, "nucleus": {},
        "links": {"slots": 16, "contraction_speed": parameters["pull"], "release_rate": 0.02},
        "proteolysis": {"rate": parameters["cut"], "sideways": parameters["sideways"]},
    }  # fmt: skip
    if parameters["moving"]:
        terms["network"] = {"crosslink_stiffness": 50.0, "tolerance": 0.05, "wake_force": 0.3, "still_distance": 0.002,
                            "bend_modulus": 59.0 / parameters["softer"],
                            "crosslink_rigidity": 5.7 / parameters["softer"]}  # fmt: skip
    if parameters["turnover"] is not None:
        terms["turnover"] = parameters["turnover"]
    if parameters["repairs"]:
        terms["repair"] = {"time": 1e12}
    box = parameters["box"]
    collagen = {name: parameters[name] for name in ("concentration", "bundle_diameter", "segment_length")}
    return Scenario.from_table({
        "title": "One cell crosses a gel",
        "run": {"duration": 1e6, "step": STEP, "seed": seed},
        "box": {"size": box, "boundary": "open"},
        "cells": [{"count": 1, "radius": RADIUS, "nucleus_radius": NUCLEUS,
                   "center": [START, 0.5 * box[1], 0.5 * box[2]]}],
        "collagen": {**collagen, "seed": network_seed},
        "terms": terms,
        "record": {"interval": 10.0},
    })  # fmt: skip


def cross(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> Passage:
    """The passage of these parameters. It ends after `hours`, or where the cell has come within its radius of a face.

    The last ones are kept in memory: arms that are measured along one path, or go on from one gel, share them.
    Raises InputError for parameters that make no scenario, PhysicsError if the balance of forces is not found.
    """
    return _cross(json.dumps({name: parameters[name] for name in _CROSSING}), network_seed, seed, device)


@lru_cache(maxsize=2)
def _cross(parameters: str, network_seed: int, seed: int, device: str | None) -> Passage:
    given = json.loads(parameters)
    sim = Simulation(scenario(given, network_seed, seed), device=device)
    polarity = np.zeros(sim.shape("polarity"), np.float32)
    polarity[:, 0] = 1.0
    sim.write("polarity", polarity)
    path, forces = [sim.positions()[0]], []
    while sim.time < 60 * given["hours"] - 1e-6 and _room(sim, path[-1]) > RADIUS:
        sim.step(round(SAMPLE / STEP))
        path.append(sim.positions()[0])
        forces.append(float(sim.read("link_force").sum()))
    minutes, nodes = sim.time, sim.fiber_nodes()
    operations.remove_cells(sim, sim.read("id"))
    return Passage(sim.scenario, sim.save(), sim.network, nodes, np.array(path), minutes, float(np.mean(forces)))


def _room(sim: Simulation, place: Points) -> float:
    """um from a place to the nearest face."""
    return float(np.minimum(place - sim.box.lower, sim.box.upper - place).min())


def trace(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> dict[str, Any]:
    """What a passage leaves around its path: before (the gel as made), during, and `AFTER` min after it.

    `parameters`: those of `scenario`, and along: null, or what else is changed in them for the passage whose path is
    measured, where the cell of this one does not move. Of each time: void, the share within NEAR of the path without
    fiber within 2.5 um, the radius of the narrowest tunnel that is published; room, without fiber within NUCLEUS; width
    (um), median along the path; density (um/um^3) and order in the shells between EDGES;
    shift (um), the mean displacement of the nodes within 3 um of the wall. moved (um): the farthest that a node of an
    uncut segment went until the end of the passage, MARGIN or more from where the cell started. usable (um of path),
    minutes, speed (um/h, from end to end), force (nN), taken (share of the collagen), unaccounted (units of the
    balance). NaN where less than two places of the path are usable.
    Raises InputError for parameters that make no scenario, PhysicsError if the balance of forces is not found.
    """
    own = cross(parameters, network_seed, seed, device)
    along = parameters["along"]
    path = (own if along is None else cross({**parameters, **along}, network_seed, seed, device)).usable
    area = own.saved.arrays["segment_area"]
    sim = Simulation(own.scenario, device=device, saved=own.saved)
    sim.step(round(AFTER / STEP))
    states = {"before": (own.made.nodes, np.ones_like(area)), "during": (own.nodes, area),
              "after": (sim.fiber_nodes(), sim.read("segment_area"))}  # fmt: skip
    balance = matrix_balance(sim)
    whole = np.ones(len(own.made.nodes), bool)
    whole[own.made.segments[area == 0].ravel()] = False
    far = np.linalg.norm(own.made.nodes - own.path[0], axis=1) > MARGIN
    moved = np.linalg.norm(mechanics.displacement(own.made, own.nodes), axis=1)
    found: dict[str, Any] = {
        "minutes": own.minutes, "force": own.force, "moved": float(moved[far & whole].max()),
        "speed": 60 * float(np.linalg.norm(own.path[-1] - own.path[0])) / own.minutes,
        "usable": _length(own.made, path),
        "taken": balance.taken / balance.initial, "unaccounted": unaccounted(balance),
    }  # fmt: skip
    for time, (nodes, area) in states.items():
        found |= {f"{name}_{time}": value for name, value in _around(own.made, nodes, area, path).items()}
    return found


def _around(made: FiberNetwork, nodes: Points, area: NDArray, path: Points) -> dict[str, Any]:
    """What `trace` measures of one time."""
    if len(path) < 2:
        shells = np.full(len(EDGES) - 1, np.nan)
        return {"void": np.nan, "room": np.nan, "width": np.nan, "shift": np.nan, "density": shells, "order": shells}
    now = mechanics.deformed(made, nodes, area)
    profile = tunnels.border_profile(now, path, EDGES, samples=SAMPLES)
    distance = tunnels.Path(made.box, path).nearest(made.nodes)[0] - RADIUS
    border = (distance > 0) & (distance < 3.0)
    shift = np.linalg.norm(mechanics.displacement(made, nodes)[border], axis=1)
    width = float(np.median(tunnels.widths(now, path)[1]))
    void, room = (tunnels.void_fraction(now, path, NEAR, clearance, samples=SAMPLES) for clearance in (2.5, NUCLEUS))
    return {"void": void, "room": room, "width": width,
            "shift": float(shift.mean()), "density": profile.density, "order": profile.order}  # fmt: skip


def unaccounted(balance: MatrixBalance) -> int:
    """Units of collagen that the balance misses: 0."""
    return balance.present + balance.taken + balance.dissolved - balance.initial - balance.deposited


def fade(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> dict[str, Any]:
    """How what a follower would gain from is lost to repair, in the gel that a cell has crossed and left.

    `parameters`: those of `scenario` with repairs, time (min, the constant of repair; null: none), stretch (as of the
    term repair) and delays (h, ascending from 0). At each delay: missing (um of whole fiber), of what lay within MARGIN
    of the path when the gel was made, which is all that the cell took there; missing_near, within NEAR; void as in
    `trace`. pristine: that void before the cell came. Fibers grow back from the ends of a gap, so that what is missing
    near the path lasts longer.
    minutes, usable (um), unaccounted as in `trace`.
    Raises InputError for parameters that make no scenario, PhysicsError if the balance of forces is not found.
    """
    own = cross(parameters, network_seed, seed, device)
    path, time = own.usable, parameters["time"]
    changes = [f"run.step={IDLE}", f"terms.repair.interval={IDLE}", f"terms.proteolysis.interval={IDLE}", "null=off"]
    if time is not None:
        changes += [f"terms.repair.time={time}", f"terms.repair.stretch={parameters['stretch']}"]
    sim = Simulation(own.scenario.changed(changes), device=device, saved=own.saved)
    found: dict[str, list[float]] = {"missing": [], "missing_near": [], "void": []}
    begin = sim.step_count
    for delay in parameters["delays"]:
        sim.step(begin + round(60 * delay / IDLE) - sim.step_count)
        for name, value in _missing(own.made, sim.fiber_nodes(), sim.read("segment_area"), path).items():
            found[name].append(value)
    before = _around(own.made, own.made.nodes, np.ones(len(own.made.segments)), path)
    return {**found, "minutes": own.minutes, "usable": _length(own.made, path), "pristine": before["void"],
            "unaccounted": unaccounted(matrix_balance(sim))}  # fmt: skip


def _missing(made: FiberNetwork, nodes: Points, area: NDArray, path: Points) -> dict[str, float]:
    """What `fade` measures of one time."""
    if len(path) < 2:
        return dict.fromkeys(("missing", "missing_near", "void"), np.nan)
    lost = 1.0 - area / 2.0**24
    return {"missing": float((tunnels.lengths_near(made, path, MARGIN) * lost).sum()),
            "missing_near": float((tunnels.lengths_near(made, path, NEAR) * lost).sum()),
            "void": tunnels.void_fraction(mechanics.deformed(made, nodes, area), path, NEAR, samples=SAMPLES)}


def _length(made: FiberNetwork, path: Points) -> float:
    return tunnels.Path(made.box, path).length if len(path) > 1 else 0.0
