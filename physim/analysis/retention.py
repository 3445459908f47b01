"""Cells that blood brings into a bed of capillaries, one by one: the simulations behind experiment CIR-1.

A cell has two ends (term `elongation`), blood carries it (`plasma`), and there is nothing else that could hold it: no
bonds, no adhesion to the wall. What is retained is so by its size and stiffness.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim.meshes import networks
from physim.meshes.centerlines import Centerlines
from physim.scenario import Scenario
from physim.simulation import Simulation
from physim.vessels import MARGIN

Floats = NDArray[np.float64]
LOOK = 0.1
"""s between looks at a cell."""
STILL, REST = 0.05, 2.0
"""um and s: a cell neither end of which has moved by so much in that time is at rest, and no longer followed."""
_AHEAD = 5.0
"""um between the inlet and the rear of a cell at the start."""
_SPARE = 5.0
"""um of box around the vessels."""


def bed_scenario(parameters: Mapping[str, Any], network: int, seed: int) -> Scenario:
    """A cell in the built-in network `bed` of this seed. `parameters`, in um, kPa, s:

    bed; pressure between inlet and outlets; speed, um/s, of blood at the inlet; radius, nucleus_radius, modulus,
    nucleus_modulus of the cell; step, s. Raises InputError.
    """
    made = networks.generated(parameters["bed"], network)
    low, high = ((made.points + sign * made.radius[:, None]) for sign in (-1, 1))
    size = high.max(axis=0) - low.min(axis=0) + 2 * (MARGIN + _SPARE)
    return Scenario.from_table({
        "title": "A cell in a bed of capillaries",
        "run": {"duration": "10 min", "step": f"{parameters['step']} s", "seed": seed},
        "box": {"size": [float(x) for x in np.ceil(size)]},
        "cells": [{"count": 1, "radius": parameters["radius"], "nucleus_radius": parameters["nucleus_radius"]}],
        "vessels": {"network": parameters["bed"], "seed": network, "speed": f"{parameters['speed']} um/s",
                    "pressure": parameters["pressure"]},
        "terms": {"elongation": {"modulus": parameters["modulus"], "nucleus_modulus": parameters["nucleus_modulus"]},
                  "plasma": {}},
        "record": {"interval": f"{LOOK} s"},
    })  # fmt: skip


def first_pass(parameters: Mapping[str, Any], network: int, seed: int, device: str | None) -> dict[str, Any]:
    """What becomes of `cells` cells, each by itself in the bed, within `seconds` of its release at the inlet.

    The first is released on the axis, the others as far from it as the wall lets them. retained: share that has not
    left by an outlet; at_rest: share that came to rest before time was up; transit: s to an outlet, mean of those that
    left; way: um that the middle of a cell has gone, mean. Of those retained: room, radius of the vessel that they are
    in over their own; long, um between their ends; near: share within a vessel's width of a fork or a sharp bend;
    borne: kPa between the ends of the branch, the cells in it included. NaN where there is none. bottleneck: as of
    that function.
    """
    scenario = bed_scenario(parameters, network, seed)
    start, aside = _inlet(scenario, parameters, network)
    sim = Simulation(scenario, cells=_cell(start, parameters), device=device)
    first, found = sim.save(), []
    for k in range(parameters["cells"]):
        if k:
            sim.restore(first.arrays)
            turn = 2 * np.pi * k / max(parameters["cells"] - 1, 1)
            sim.write("position", _moved(sim, np.cos(turn) * aside[0] + np.sin(turn) * aside[1]))
        found.append(_follow(sim, parameters["seconds"]))
    kept = [one for one in found if not one["left"]]
    return {
        "retained": len(kept) / len(found), "at_rest": _mean([one["rest"] for one in found]),
        "transit": _mean([one["time"] for one in found if one["left"]]), "way": _mean([one["way"] for one in found]),
        "room": _mean([one["room"] / parameters["radius"] for one in kept]),
        "long": _mean([one["long"] for one in kept]), "near": _mean([one["near"] for one in kept]),
        "borne": _mean([one["borne"] for one in kept]), "bottleneck": bottleneck(sim, parameters),
    }  # fmt: skip


def bottleneck(sim: Simulation, parameters: Mapping[str, Any]) -> float:
    """Along the best way through the bed, the least of what a cell that closes a branch bears over what it must bear.

    It bears the pressure dP between the ends of a branch without flow (Thevenin), while blood goes by all others, and
    enters where that is E e^2/2 + E_n f^2/2 at least, e = 2 ln(R/a), f = 2 ln(R_n/a) > 0 for the least radius a of the
    branch (`terms.blood.Elongation`). Below 1 nothing gets through, whatever its way around corners.
    """
    assert sim.vessels is not None
    made, closed = sim.vessels.blood.network, sim.vessels.circulation
    least = np.array([made.branch(b)[1].min() for b in range(made.branches)])
    outer, inner = (np.maximum(2 * np.log(parameters[name] / least), 0.0) for name in ("radius", "nucleus_radius"))
    needed = 0.5 * parameters["modulus"] * outer**2 + 0.5 * parameters["nucleus_modulus"] * inner**2
    borne, _ = closed.seen(np.zeros(made.branches), np.arange(made.branches))
    ratio = np.abs(borne) / np.maximum(needed, 1e-12)
    free = np.flatnonzero(made.degree == 1)
    inlet, outlets = int(free[np.argmin(made.nodes[free, 0])]), set(free.tolist())
    group = np.arange(len(made.nodes))
    for branch in np.argsort(-ratio, kind="stable"):
        one, two = group[made.ends[branch]]
        group[group == two] = one
        if any(group[node] == group[inlet] for node in outlets - {inlet}):
            return float(ratio[branch])
    return 0.0


def _follow(sim: Simulation, seconds: float) -> dict[str, Any]:
    """One cell until it leaves, comes to rest, or time is up."""
    every, back, begin = round(LOOK / 60 / sim.step_length), round(REST / LOOK), sim.time
    ends, left, rest = [sim.positions()], False, False
    while (sim.time - begin) * 60 < seconds - 0.5 * LOOK and not (left or rest):
        sim.step(every)
        ends.append(sim.positions())
        left = bool(sim.read("departed").any())
        moved = np.linalg.norm(ends[-1] - ends[max(len(ends) - 1 - back, 0)], axis=1).max()
        rest = len(ends) > back and not left and bool(moved < STILL)
    path = np.array(ends).mean(axis=1)
    found = {"left": left, "rest": rest, "time": (sim.time - begin) * 60,
             "long": float(np.linalg.norm(np.diff(ends[-1], axis=0))),
             "way": float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())}  # fmt: skip
    return found | ({} if left else _where(sim, path[-1]))


def _where(sim: Simulation, place: Floats) -> dict[str, float]:
    """Of a cell in the bed: radius of the vessel, whether a fork or a corner is near, pressure on its branch."""
    assert sim.vessels is not None
    made = sim.vessels.blood.network
    point = int(np.argmin(np.linalg.norm(made.points - place, axis=1)))
    branch, held = int(np.searchsorted(made.first, point, side="right")) - 1, sim.read("branch").astype(float)
    forks = np.concatenate([made.nodes[made.degree > 2], made.points[_corners(made)]])
    flow, nearest = float(sim.read("branch_flow")[branch]), np.linalg.norm(forks - place, axis=1).min(initial=np.inf)
    borne = held[branch, 0] - flow * (held[branch, 1] - sim.vessels.circulation.resistance[branch])
    return {"room": float(made.radius[point]), "borne": float(abs(borne)),
            "near": float(nearest < 2 * made.radius[point])}  # fmt: skip


def _corners(made: Centerlines) -> NDArray[np.int64]:
    """Points within branches at which they turn by more than 30 degrees."""
    step = np.diff(made.points, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1), 1e-9)[:, None]
    sharp = np.flatnonzero((step[:-1] * step[1:]).sum(axis=1) < np.cos(np.pi / 6)) + 1
    return np.setdiff1d(sharp, np.concatenate([made.first[1:-1], made.first[1:-1] - 1]))


def _inlet(scenario: Scenario, parameters: Mapping[str, Any], network: int) -> tuple[Floats, Floats]:
    """(3,) um in the box, a little behind the inlet; (2, 3) um across the vessel, as far as the wall lets a cell go."""
    made = networks.generated(parameters["bed"], network)
    low, high = ((made.points + sign * made.radius[:, None]) for sign in (-1, 1))
    shift = 0.5 * (np.array(scenario.box.lower) + scenario.box.upper - low.min(axis=0) - high.max(axis=0))
    free = np.flatnonzero(made.degree == 1)
    inlet = int(free[np.argmin(made.nodes[free, 0])])
    branch = int(np.flatnonzero((made.ends == inlet).any(axis=1))[0])
    points, wide = made.branch(branch)
    points, wide = (points, wide) if made.ends[branch, 0] == inlet else (points[::-1], wide[::-1])
    axis = (points[1] - points[0]) / np.linalg.norm(points[1] - points[0])
    across = np.linalg.svd(axis[None])[2][1:]
    gap = max(0.9 * (float(wide[0]) - parameters["radius"]), 0.0)
    return points[0] + shift + (parameters["radius"] + _AHEAD) * axis, gap * across


def _cell(place: Floats, parameters: Mapping[str, Any]) -> dict[str, Any]:
    one = {**{name: parameters[name] for name in ("radius", "nucleus_radius")}, "cadherin": 1.0, "integrin": 1.0}
    return {"id": np.zeros(1, np.uint32), "position": place[None], "type": np.zeros(1, np.uint32),
            **{name: np.full(1, value, np.float32) for name, value in one.items()}}  # fmt: skip


def _moved(sim: Simulation, by: Floats) -> NDArray[np.int32]:
    """Positions as the device has them, all moved by (3,) um."""
    made = sim.read("position").copy()
    made[:, :3] += np.round(by / sim.world["quantum"][:3]).astype(np.int32)
    return made


def _mean(values: list[Any]) -> float:
    return float(np.mean(values)) if values else float("nan")
