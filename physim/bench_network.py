"""`physim bench`, the network: cells that pull ever harder on a gel, the time of a step beside its error.

Forty cells, each with twelve links that shorten, in an anchored box with 0.05 um of fiber per um^3. The error is to
a run with a quarter of the step and a hundredth of the tolerance, in which no fiber sleeps.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from physim.generate.cells import initial_cells
from physim.generate.collagen import length_density
from physim.generate.fiber_network import FiberNetwork, carve
from physim.generate.matrix import grown
from physim.scenario import Scenario
from physim.simulation import Simulation

CELLS, LINKS, CONCENTRATION, BUNDLE, SEGMENT = 40, 12, 2.16, 0.2, 2.5
STEP = 0.1
"""min: 6 s."""
LOADED_STEPS = 60
SOFT = 50.0
"""nN/um: crosslinks of the scenario `invasion`; stiffer ones are for gels that stiffen."""
NODES_PER_SEGMENT = 1.09
"""Fibers have a node more than segments; and segments are a little shorter than SEGMENT."""


def side_of(nodes: int) -> float:
    """Edge (um) of a cube with about so many nodes."""
    volume = nodes / NODES_PER_SEGMENT / 1.03 * SEGMENT / length_density(CONCENTRATION, BUNDLE)
    return float(volume ** (1 / 3))


def scenario(side: float, step: float, spread: float, **network: float) -> Scenario:
    """The box, the cells within `spread` of its middle, links that neither bind nor let go."""
    cells = [{"count": 1, "place": "spheroid"}]
    return Scenario.from_table({
        "title": "relax", "run": {"duration": 1e5 * step, "step": step, "seed": 1},
        "box": {"size": side, "boundary": "open"}, "cells": cells,
        "collagen": {"concentration": CONCENTRATION, "bundle_diameter": BUNDLE, "segment_length": SEGMENT},
        "terms": {"drag": {}, "network": network,
                  "links": {"slots": LINKS, "release_rate": 0.0, "binding_rate": 0.0, "contraction_speed": 0.3}},
        "record": {"interval": 10 * step},
    })  # fmt: skip


def pullers(side: float, count: int, spread: float) -> dict[str, np.ndarray]:
    """So many cells at random, at least 20 um apart, in a cube of edge `spread` in the middle of the box."""
    rng, found = np.random.default_rng(3), np.zeros((0, 3))
    while len(found) < count:
        place = side / 2 + (rng.random(3) - 0.5) * spread
        if not len(found) or np.linalg.norm(found - place, axis=1).min() > 20.0:
            found = np.vstack([found, place])
    cells = initial_cells(scenario(side, STEP, spread))
    return {name: found if name == "position" else np.arange(count, dtype=np.uint32) if name == "id"
            else np.repeat(values, count, axis=0) for name, values in cells.items()}  # fmt: skip


def attached(network: FiberNetwork, position: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Twelve links of each cell: 1 + segment, where on it, rest length; to segments 9 to 14 um away, spread evenly."""
    rng = np.random.default_rng(5)
    tree = network.box.tree(network.midpoints)
    segment, rest = np.zeros((LINKS, len(position)), np.uint32), np.zeros((LINKS, len(position)), np.float32)
    for i, centre in enumerate(position):
        near = np.array(sorted(tree.query_ball_point(network.box.tree_points(centre), 14.0)))
        distance = np.linalg.norm(network.midpoints[near] - centre, axis=1)
        chosen = rng.choice(near[distance > 9.0], LINKS, replace=False)
        segment[:, i] = chosen + 1
        rest[:, i] = np.linalg.norm(network.midpoints[chosen] - centre, axis=1)
    return segment, np.full(segment.shape, 0.5, np.float32), rest


class Pull:
    """The network and the cells, made once; simulations of them with one step and tolerance or another."""

    def __init__(self, nodes: int, count: int = CELLS, spread: float | None = None) -> None:
        self.side = side_of(nodes)
        self.spread = self.side - 45.0 if spread is None else spread
        self.cells = pullers(self.side, count, self.spread)
        whole = grown(scenario(self.side, STEP, self.spread))
        self.network = carve(whole, self.cells["position"], self.cells["radius"].astype(float))

    def start(self, step: float, device: str | None = None, **network: float) -> Simulation:
        """With the cells bound; `network` sets parameters of the term."""
        law = scenario(self.side, step, self.spread, **network)
        sim = Simulation(law, cells=self.cells, network=self.network, device=device)
        for name, values in zip(("link_segment", "link_at", "link_rest"),
                                attached(self.network, self.cells["position"]), strict=True):  # fmt: skip
            sim.write(name, values)
        return sim


def displacement(sim: Simulation) -> np.ndarray:
    """(N, 3) um of the nodes since the beginning, in an open box."""
    return sim.fiber_nodes() - sim.network.nodes


def measure(pull: Pull, device: str | None = None, steps: int = LOADED_STEPS, **network: float) -> dict[str, Any]:
    """Median, mean and worst ms per step over `steps` from the start of the load, and the error at their end.

    `error` is rms (difference) / rms (displacement), `largest` the largest difference in um, `active` the median share
    of the fibers that are solved for.
    """
    sim = pull.start(STEP, device, **network)
    sim.advance(1)
    times, awake, iterations = [], [], sim.status["total_iterations"]
    for step in range(2, steps + 1):
        begin = time.perf_counter()
        sim.advance(step)
        times.append(1e3 * (time.perf_counter() - begin))
        awake.append(sim.status["awake"])
    law: Any = sim.scenario.terms["network"]
    tight = {"tolerance": law.tolerance / 100, "accuracy": law.accuracy / 100, "wake_force": 0.0}
    exact = pull.start(STEP / 4, device, **{**network, **tight})
    exact.advance(4 * steps)
    moved, wanted = displacement(sim), displacement(exact)
    difference = np.linalg.norm(moved - wanted, axis=1)
    scale = float(np.sqrt((wanted**2).sum(axis=1).mean()))
    return {"nodes": len(moved), "ms": statistics.median(times), "mean_ms": statistics.mean(times),
            "worst_ms": max(times), "error": float(np.sqrt((difference**2).mean())) / scale,
            "largest": float(difference.max()), "rms": scale,
            "active": statistics.median(awake) / pull.network.fibers, "rounds": sim.status["total_rounds"] / steps,
            "iterations": (sim.status["total_iterations"] - iterations) / (steps - 1)}  # fmt: skip


def rows(quick: bool, device: str | None, bandwidth: float, row: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """`relax` (all fibers in each step), ten times as many nodes, `relax_soft` with crosslinks as in the scenario
    `invasion`, and `relax_local`: one cell, and fibers that sleep elsewhere.

    The error stands beside the time; the larger network is timed alone, its reference would take too long.
    """
    scale, found = 10 if quick else 1, []
    for name, nodes, count, network in (
        ("relax", 57_000 // scale, CELLS // scale, {"wake_force": 0.0}),
        ("relax_soft", 57_000 // scale, CELLS // scale, {"crosslink_stiffness": SOFT, "wake_force": 0.0}),
        ("relax_local", 57_000 // scale, 1, {"crosslink_stiffness": SOFT, "wake_force": 0.05}),
    ):
        pull = Pull(nodes, count, None if count > 1 else 1.0)
        result = measure(pull, device, 10 if quick else LOADED_STEPS, **network)
        sim = pull.start(STEP, device, **network)
        found.append(row(name, result["nodes"], result["ms"], sim, bandwidth) | result)
        print(f"{'':14} error {result['error']:.1%} of {result['rms']:.3g} um rms, at most {result['largest']:.2g} um; "
              f"{result['mean_ms']:.3g} ms in the mean; {result['iterations']:.0f} iterations, "
              f"{result['active']:.0%} of the fibers active")  # fmt: skip
    if not quick:
        sim = Pull(570_000, 10 * CELLS).start(STEP, device, wake_force=0.0)
        sim.advance(3)  # in the first steps of a load the last velocity is no guess
        before, times = sim.status["total_iterations"], []
        for step in range(4, 10):
            begin = time.perf_counter()
            sim.advance(step)
            times.append(1e3 * (time.perf_counter() - begin))
        ms, iterations = statistics.median(times), (sim.status["total_iterations"] - before) / len(times)
        found.append(row("relax", sim.layout.nodes, ms, sim, bandwidth))
        each = 1e6 * ms / sim.layout.nodes / iterations
        print(f"{'':14} {iterations:.0f} iterations, {each:.0f} ns per node and iteration")
    return found
