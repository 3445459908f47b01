"""What a collagen gel keeps of a load when its crosslinks turn over: the simulations behind experiment ECM-4.

A sphere in the middle of an anchored gel contracts, holds and lets go; or a gel between plates is sheared at once and
held. Without the term `turnover` the gel is elastic and comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim.analysis import alignment, displacement, mechanics
from physim.errors import InputError
from physim.scenario import Scenario
from physim.simulation import Simulation

Points = NDArray[np.float64]
STEP = 1.0
"""min, and the interval of turnover."""
RADIUS, CONTRACTION = 10.0, 0.3
"""um, and share of it by which the surface moves inwards."""
GRIP = 2.5
"""um: nodes up to so far from the surface move with it; about one segment."""
SHELL = (RADIUS + GRIP, 22.5)
"""um from the middle: where the displacement of free nodes is averaged; farther out held faces stop it."""
CONTRACTING = 10
"""Steps in which the sphere contracts."""
RECOIL = ((0.1, 10), (0.01, 10), (1e-3, 10))
"""Drag (nN min/um^2) and steps of recoil and rest. Let go at once under the drag of the term, which
is no more than a regulariser, a gel flies back farther in a step than its solve can follow."""
SAMPLES = (0, 1, 2, 3, 5, 8, 12, 20, 30, 45, 60)
"""min, at which the stress is taken; further ones follow each 30 min."""
_QUIET = ("terms.turnover.release_rate=0", "terms.turnover.binding_rate=0")


def scenario(parameters: Mapping[str, Any], network_seed: int, seed: int) -> Scenario:
    """A gel with crosslinks that turn over, and in it what is no cell: it only makes room for the sphere.

    `parameters`: load ("sphere": an open box, fibers held at its faces; "shear": periodic along x and y, held by plates
    across z), concentration (mg/ml), bundle_diameter, segment_length, box (um), turnover (parameters of the term, or
    null without it). Moduli are the defaults of the term `network`. Raises InputError.
    """
    sphere = parameters["load"] == "sphere"
    if not sphere and parameters["load"] != "shear":
        raise InputError(f"load: '{parameters['load']}' is not known; write sphere or shear")
    collagen = {name: parameters[name] for name in ("concentration", "bundle_diameter", "segment_length")}
    radius = RADIUS if sphere else 0.1
    terms: dict[str, Any] = {"drag": {}, "network": {}, "links": {"slots": 1, "release_rate": 0.0, "binding_rate": 0.0}}
    if parameters["turnover"] is not None:
        terms["turnover"] = {"interval": STEP, **parameters["turnover"]}
    return Scenario.from_table({
        "title": "Plasticity of a gel",
        "run": {"duration": 1e6 * STEP, "step": STEP, "seed": seed},
        "box": {"size": parameters["box"], "boundary": "open" if sphere else ["periodic", "periodic", "open"]},
        "cells": [{"count": 1, "radius": radius, "nucleus_radius": 0.5 * radius}],
        "collagen": {**collagen, "seed": network_seed},
        "terms": terms,
        "record": {"interval": 10.0 * STEP},
    })  # fmt: skip


def unloaded(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> dict[str, Any]:
    """A gel at rest for `hours`: the share of crosslinks that have broken and are free, and of those that would be.

    expected: 1 - exp(-k_0 t), where none binds again (binding_rate = 0). moved (um): the farthest that a node went.
    """
    sim = Simulation(scenario(parameters, network_seed, seed), device=device)
    before = sim.fiber_nodes()
    sim.step(round(60 * parameters["hours"] / STEP))
    free = sim.read("crosslink_bound") == 0
    expected = -np.expm1(-parameters["turnover"]["release_rate"] * sim.time)
    moved = sim.network.box.image(sim.fiber_nodes() - before)
    return {"free": float(free.mean()), "expected": float(expected), "crosslinks": len(free),
            "moved": float(np.abs(moved).max())}  # fmt: skip


def contract(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> dict[str, Any]:
    """A sphere contracts in CONTRACTING steps, holds for `hours`, and lets go of the gel, which comes to rest.

    Nodes within GRIP of the surface of the sphere, which the fibers do not enter, go CONTRACTION RADIUS toward its
    middle and are held there; then they are free. u is the mean over the free nodes of SHELL of the displacement toward
    the middle. start (um): u when the hold begins; held, residual: u at its end, and at rest after it, over start;
    unrest: by how much residual changed in the last step. order, order_left: radial order of the fibers in SHELL above
    that of the gel as made, when the hold begins and at rest. distance, at_start, at_rest (um): profiles of the
    displacement toward the middle. broken, formed: events per crosslink until the end of the hold; free: share of
    crosslinks then. gripped (nodes), segments, iterations (a step), parts.
    Raises InputError for parameters that make no scenario, PhysicsError if the balance of forces is not found.
    """
    sim = Simulation(scenario(parameters, network_seed, seed), device=device)
    middle, held = sim.positions()[0], sim.read("node_held")
    offset = sim.fiber_nodes() - middle
    distance = np.linalg.norm(offset, axis=1)
    grip = (distance < RADIUS + GRIP) & (held == 0)
    sim.write("node_held", np.where(grip, 1, held))
    inwards = np.where(grip, -CONTRACTION * RADIUS / distance / CONTRACTING, 0.0)[:, None] * offset
    before = _Field(sim, middle)
    for _ in range(CONTRACTING):
        _move(sim, inwards)
        sim.step(1)
    start = _Field(sim, middle)
    sim.step(round(60 * parameters["hours"] / STEP))
    end = _Field(sim, middle)
    status, free = sim.status, float((sim.read("crosslink_bound") == 0).mean())
    sim = _let_go(sim, held)
    almost = _Field(sim, middle)
    sim.step(1)
    rest = _Field(sim, middle)
    links = len(sim.network.crosslinks)
    return {
        "start": start.inwards, "held": end.inwards / start.inwards, "residual": rest.inwards / start.inwards,
        "unrest": abs(rest.inwards - almost.inwards) / start.inwards, "order": start.order - before.order,
        "order_left": rest.order - before.order, "distance": start.distance, "at_start": start.profile,
        "at_rest": rest.profile, "broken": status["crosslinks_broken"] / links,
        "formed": status["crosslinks_formed"] / links, "free": free, "gripped": int(grip.sum()),
        "segments": len(sim.network.segments), "iterations": status["total_iterations"] / status["step"],
        "parts": status["parts"],
    }  # fmt: skip


def _let_go(sim: Simulation, held: NDArray[np.uint32]) -> Simulation:
    """The same gel, only these nodes held and its crosslinks as they are, before the last step of recoil."""
    rates = _QUIET if "turnover" in sim.scenario.terms else ()
    for drag, steps in RECOIL:
        sim = sim.copy([*rates, f"terms.network.drag={drag}"])
        sim.write("node_held", held)
        sim.step(steps - (drag == RECOIL[-1][0]))
    return sim


class _Field:
    """Displacement (um) and order of a gel about a point, at one time."""

    def __init__(self, sim: Simulation, middle: Points) -> None:
        nodes, edges = sim.fiber_nodes(), np.arange(SHELL[0], 0.5 * float(sim.network.box.size.min()) + 1e-6, 2.5)
        self.inwards = -float(displacement.radial_field(sim.network, nodes, middle, SHELL).radial[0])
        profile = displacement.radial_field(sim.network, nodes, middle, edges)
        self.distance, self.profile = profile.radius, -profile.radial
        deformed = mechanics.deformed(sim.network, nodes)
        self.order = float(alignment.radial_order(deformed, middle, SHELL).value[0])


def relax(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> dict[str, Any]:
    """Simple shear by `strain` at once, held for `hours`: minutes, and stress (kPa, of the plates) at each.

    Crosslinks turn over from minute 0 on, at which the gel has found its balance at the strain.
    Raises InputError for parameters that make no scenario, PhysicsError if the balance of forces is not found.
    """
    sim = Simulation(scenario(parameters, network_seed, seed), device=device)
    rates = [f"terms.turnover.{name}={getattr(sim.scenario.terms['turnover'], name)}"
             for name in ("release_rate", "binding_rate")]  # fmt: skip
    sim = sim.copy(_QUIET)
    box, plates = sim.network.box, sim.read("node_held") != 0
    height = sim.network.nodes[:, 2] - 0.5 * (box.lower[2] + box.upper[2])
    height = np.where(plates, 0.5 * box.size[2] * np.sign(height), height)
    times = np.array([t for t in SAMPLES if t <= 60 * parameters["hours"]]
                     + list(range(90, round(60 * parameters["hours"]) + 1, 30)))  # fmt: skip
    increments = max(round(parameters["strain"] / 0.02), 1)
    for _ in range(increments):
        _move(sim, np.outer(parameters["strain"] / increments * height, [1.0, 0.0, 0.0]))
        sim.step(2)
    sim.step(3)
    stress, begin = [_stress(sim, plates, height)], sim.step_count
    sim = sim.copy(rates)
    for time in times[1:]:
        sim.step(begin + round(time / STEP) - sim.step_count)
        stress.append(_stress(sim, plates, height))
    return {"minutes": times.astype(float), "stress_kpa": np.array(stress),
            "free": float((sim.read("crosslink_bound") == 0).mean())}  # fmt: skip


def _stress(sim: Simulation, plates: NDArray[np.bool_], height: Points) -> float:
    """sigma_xz, kPa: -sum of F_x z over the nodes of the plates, over the volume; the gel exerts F (nN) on them."""
    gel = sim.copy(_QUIET)
    gel.write("node_held", np.zeros(gel.shape("node_held"), np.uint32))
    gel.find_forces()
    force = gel.read("node_residual")[:, 0].astype(float)
    return -float((force * height)[plates].sum()) / sim.network.box.volume


def _move(sim: Simulation, by: Points) -> None:
    """Displace the nodes, (N, 3) um."""
    fixed = sim.read("node_position")
    fixed[:, :3] += np.rint(by / sim.box.quantum).astype(np.int64).astype(np.int32)
    sim.write("node_position", fixed)
