"""Networks that move on a device without cells that do anything, and the float64 network that they must agree with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from reference import scenes
from reference.network import Network

from physim.generate.fiber_network import FiberNetwork
from physim.simulation import Simulation

PULL = str(Path(__file__).parent / "own_terms" / "pull.py")
EXACT = {"tolerance": 1e-8, "least_force": 0.0, "accuracy": 1e-12, "wake_force": 0.0}
"""Of the term `network`: balanced to the last bit of the positions, and no fiber sleeps."""
QUASISTATIC = 1e3
"""min: a step in which drag is nothing."""
MODULI = ("stretch_modulus", "bend_modulus", "crosslink_stiffness", "crosslink_rigidity")


def gel(make_simulation: Callable[..., Simulation], net: FiberNetwork, *, step: float = QUASISTATIC,
        terms: dict[str, Any] | None = None, cells: Any = None, **law: float) -> Simulation:  # fmt: skip
    """`net` in a box of its size, periodic where it is, with parameters `law` and more terms; and one idle cell, or
    these.
    """
    law = {"stretch_modulus": 1e4, "bend_modulus": 100.0, "crosslink_rigidity": 10.0, **law}
    laws = {"network": law, "pull": {}} | (terms or {})
    table = scenes.table(laws, list(net.upper - net.lower), step=step, collagen=True,
                         boundary=["periodic" if along else "open" for along in net.periodic])  # fmt: skip
    table["own_terms"], table["cells"] = [PULL], [{"count": 1, "radius": 1.0, "nucleus_radius": 0.5}]
    middle = 0.5 * (net.upper - net.lower)
    return make_simulation(table, cells=scenes.cells([middle], 1.0, 0.5) if cells is None else cells, network=net)


def reference(sim: Simulation, formed: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None) -> Network:
    """The float64 network of a simulation, at rest where rounding has put its nodes, without what is cut or unbound.

    formed: which of all crosslinks (X,) rest where the nodes were at (N, 3), with the frames (F, 3, 3) of then.
    """
    term: Any = next(term for term in sim.terms if term.name == "network")
    nodes, bound = sim.box.to_micron(sim.box.to_fixed(sim.network.nodes)), sim.read("crosslink_bound").astype(bool)
    net = replace(sim.network, nodes=nodes, crosslinks=sim.read("crosslink_segments")[bound].astype(int),
                  crosslink_at=sim.read("crosslink_at")[bound].astype(float))  # fmt: skip
    return Network.of(net, area=area(sim), formed=formed and (formed[0][bound], *formed[1:]),
                      **{name: getattr(term, name) for name in MODULI})  # fmt: skip


def area(sim: Simulation) -> np.ndarray:
    """(M,) of each segment over that of a whole fiber."""
    return sim.read("segment_area") / 2**24


def place(sim: Simulation, nodes: np.ndarray) -> None:
    """Put the nodes at (N, 3) um."""
    sim.write("node_position", sim.box.to_fixed(nodes))


def hold(sim: Simulation, held: np.ndarray) -> None:
    """Hold these nodes (N,), and no others."""
    sim.write("node_held", np.asarray(held).astype(np.uint32))


def pull(sim: Simulation, force: np.ndarray) -> None:
    """Outside forces (N, 3) nN."""
    sim.write("node_pull", np.pad(force, ((0, 0), (0, 1))).astype(np.float32))


def enqueue(sim: Simulation, part: str, *names: str) -> None:
    """Kernels of a part of the step, all of them or those of these names."""
    launches = sim.schedule.parts[part]
    sim.loop.enqueue([launch for launch in launches if not names or launch.name in names])
    sim.device.drain()


def forces(sim: Simulation) -> np.ndarray:
    """(N, 3) nN on the nodes where they are; 0 on those that are held."""
    sim.find_forces()
    assert not sim.status["halt"], "the step froze: take one first, so that there is room for all lists"
    return sim.read("node_residual")[:, :3].astype(float)
