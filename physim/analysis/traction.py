"""How hard one cell pulls on a collagen gel, and how far that reaches: the simulation behind experiment REM-1.

One cell in the middle of an anchored gel (a box with open faces, at which fibers are held), with integrin links, steric
contact and a moving network. It controls its force: links shorten until they stall. The control holds displacement
instead: stiff links that neither let go nor stall shorten by a given length.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim.analysis import displacement, mechanics
from physim.errors import InputError
from physim.scenario import Scenario
from physim.simulation import Simulation
from physim.terms import LaboratoryDrag, Links, Network

Points = NDArray[np.float64]
STEP, SAMPLES = 0.1, 4
"""min; and how often force, energy and displacements are taken in the last quarter of the time: their means count."""
UNBUCKLED = 100.0
"""Factor on EI with which no fiber buckles under the pull of a cell: Euler's load goes as EI."""
BINDING, SHORTENING = 60.0, 1.5
"""Under displacement clamp: min in which the slots bind fibers without pulling, um by which the links then shorten."""
RIGID = 100.0
"""nN/um, of links under displacement clamp: the gel gives way and not the link, whose own 2 nN/um would."""
_CELL = {"count": 1, "radius": 8.4, "nucleus_radius": 4.7}
_TERMS: dict[str, Any] = {
    "drag": {"coefficient": 2.0}, "polarity": {"persistence": 45.0, "feedback": 0.2}, "steric": {}, "nucleus": {},
}  # fmt: skip
"""The cell of the built-in scenario `invasion`: the MDA-MB-231-like set."""
RELAXATION = 2.0
"""min, after which a gel whose cell has let go or holds is at rest: 2 nN min/um of drag against some nN/um."""
_SHELL = 5.0
"""um, width of the shells of the displacement profile."""


def scenario(parameters: Mapping[str, Any], network_seed: int, seed: int) -> Scenario:
    """One cell in an anchored gel.

    `parameters`: concentration (mg/ml), bundle_diameter, segment_length, box (um), clamp ("force" or "displacement"),
    buckling (true or false), and of `pull` hours. Moduli are the defaults of the term `network`. Raises InputError.
    """
    network: dict[str, float] = {}
    links: dict[str, float] = {"slots": 16}
    if not parameters["buckling"]:
        network["bend_modulus"] = UNBUCKLED * Network().bend_modulus
    if parameters["clamp"] == "displacement":
        links |= {"contraction_speed": 0.0, "release_rate": 0.0, "stiffness": RIGID, "overreach": 1e3, "shortest": 0.0}
    elif parameters["clamp"] != "force":
        raise InputError(f"clamp: '{parameters['clamp']}' is not known; write force or displacement")
    collagen = {name: parameters[name] for name in ("concentration", "bundle_diameter", "segment_length")}
    return Scenario.from_table({
        "title": "One cell pulls on a gel",
        "run": {"duration": 1e4, "step": STEP, "seed": seed},
        "box": {"size": parameters["box"], "boundary": "open"},
        "cells": [_CELL],
        "collagen": {**collagen, "seed": network_seed},
        "terms": {**_TERMS, "links": links, "network": network},
        "record": {"interval": 10.0},
    })  # fmt: skip


def pull(parameters: Mapping[str, Any], network_seed: int, seed: int, device: str | None) -> dict[str, Any]:
    """One cell pulls for `hours`; means over the last quarter. Under displacement clamp it binds, shortens and rests.

    As traction microscopy does, forces, energy and displacements are those above the gel in which the same cell has let
    go, as after cytochalasin (`relaxed`): its body still takes its room. contractility (nN) and polarity:
    `displacement.contraction` of what links and contact put on the nodes; net: of the same without that reference.
    link_force (nN): sum of tensions. unbalanced: what the fibers' reaction and the drag of the cell leave, over
    link_force. energy (fJ): strain of the network. laboratory_share (%): what drag on cell and fibers takes of
    link_force. distance, displacement (um): shells about the cell, and the mean displacement toward it there. links,
    largest_displacement (um, since the start), awake (share of fibers), iterations (a step), parts, segments.
    Parameters as of `scenario`.
    Raises InputError for parameters that make no scenario, PhysicsError if the balance of forces is not found.
    """
    sim = Simulation(scenario(parameters, network_seed, seed), device=device)
    if parameters["clamp"] == "displacement":
        sim.step(round(BINDING / STEP))
        speed = Links().contraction_speed
        sim = sim.copy(["terms.links.binding_rate=0", f"terms.links.contraction_speed={speed}",
                        "terms.links.stall_force=1e9"])  # fmt: skip
        sim.step(round(SHORTENING / speed / STEP))
        sim = sim.copy(["terms.links.contraction_speed=0"])
        sim.step(round(RELAXATION / STEP))
        samples = [_sample(sim)]
    else:
        steps = round(60 * parameters["hours"] / STEP)
        samples = []
        for until in np.linspace(0.75 * steps, steps, SAMPLES).round().astype(int):
            sim.step(int(until) - sim.step_count)
            samples.append(_sample(sim))
    status = sim.status
    return {name: np.mean([one[name] for one in samples], axis=0) for name in samples[0]} | {
        "iterations": status["total_iterations"] / status["step"], "parts": status["parts"],
        "segments": len(sim.network.segments),
    }  # fmt: skip


def node_forces(sim: Simulation) -> Points:
    """(N, 3) nN that links and contact put on the nodes of the network, at the end of the last step."""
    low, high = (sim.read("node_force")[:, word].astype(np.uint64) for word in (0, 1))
    quanta: NDArray[np.int64] = (low | high << np.uint64(32)).view(np.int64)
    return quanta.reshape(3, -1).T / 2.0**32


def laboratory_drag(sim: Simulation) -> tuple[Points, Points]:
    """(n, 3) and (N, 3) nN with which drag holds cells, zeta v, and nodes, zeta_l l v, against the laboratory.

    l is half the length of the two segments of a node; signs are those of v.
    """
    named = {term.name: term for term in sim.terms}
    drag: Any = named.get("drag", LaboratoryDrag())
    law: Any = named["network"]
    share = np.bincount(sim.network.segments.ravel(), np.repeat(0.5 * sim.network.lengths, 2), len(sim.network.nodes))
    nodes = law.drag * share[:, None] * sim.read("node_velocity")[:, :3].astype(float)
    return drag.coefficient * sim.cells["velocity"].astype(float), nodes


def relaxed(sim: Simulation) -> Simulation:
    """The same cell and gel after all links have let go, at rest: the reference of traction microscopy."""
    other = sim.copy(["terms.links.binding_rate=0", "terms.links.release_rate=1e6"])
    other.step(round(RELAXATION / sim.step_length))
    return other


def _energy(sim: Simulation) -> float:
    """fJ of strain in the network."""
    law: Any = next(term for term in sim.terms if term.name == "network")
    wanted = inspect.signature(mechanics.strain_energy).parameters  # the moduli have there the names of the term's
    moduli = {name: getattr(law, name) for name in wanted if name in type(law).model_fields}
    return mechanics.strain_energy(sim.network, sim.fiber_nodes(), **moduli).total


def _sample(sim: Simulation) -> dict[str, Any]:
    """What is measured at one time."""
    snapshot, nodes, center = sim.snapshot(), sim.fiber_nodes(), sim.positions()[0]
    forces, drags = node_forces(sim), laboratory_drag(sim)
    reference = relaxed(sim)
    found = displacement.contraction(nodes, forces - node_forces(reference))
    before = mechanics.deformed(sim.network, reference.fiber_nodes())
    edges = np.arange(10.0, 0.5 * float(sim.network.box.size.min()) + 1e-6, _SHELL)
    field = displacement.radial_field(before, nodes, center, edges)
    tension = float(snapshot.cells["link_force"].sum())
    per_tension = 1 / tension if tension > 0 else 0.0
    unbalanced = np.linalg.norm(forces.sum(axis=0) + drags[0].sum(axis=0))
    return {
        "contractility": found.contractility, "polarity": found.polarity, "link_force": tension,
        "net": displacement.contraction(nodes, forces).contractility,
        "links": int(snapshot.cells["bound_links"].sum()), "unbalanced": float(unbalanced) * per_tension,
        "energy": _energy(sim) - _energy(reference),
        "laboratory_share": 100 * per_tension * sum(float(np.linalg.norm(f, axis=1).sum()) for f in drags),
        "distance": field.radius, "displacement": -field.radial,
        "largest_displacement": float(np.linalg.norm(mechanics.displacement(sim.network, nodes), axis=1).max()),
        "awake": sim.status["awake"] / sim.network.fibers,
    }  # fmt: skip
