"""What a deformed fiber network bears: tensions, energies, forces, from where its nodes were and where they are.

The same springs as the term `network`, in float64 on the host. `network` is the stress-free state, `nodes` (N, 3) um
where its nodes are now. A node has moved to the nearest periodic image: by less than half the box. Every spring acts
on a vector v that is linear in the nodes, with rest length r and stiffness k: energy k/2 (|v| - r)^2, force
k (1 - r/|v|) v. nN times um are fJ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physim.errors import InputError
from physim.generate.fiber_network import FiberNetwork, Points


@dataclass(frozen=True)
class Energy:
    """Strain energy by kind, fJ."""

    stretch: float
    bend: float
    crosslink: float

    @property
    def total(self) -> float:
        return self.stretch + self.bend + self.crosslink


@dataclass(frozen=True)
class _Springs:
    """Springs of one kind: their vectors v now, and the four numbers that make energies and forces of them."""

    vector: Points
    """(n, 3)"""
    rest: Points
    """(n,) |v| without stress."""
    stiffness: Points
    """(n,)"""
    ends: NDArray[np.int64]
    """(n, p) the nodes of which v is a linear function."""
    weights: Points
    """(n, p) v = sum of weight x node."""

    def energy(self) -> Points:
        """(n,) fJ."""
        energy: Points = 0.5 * self.stiffness * (_length(self.vector) - self.rest) ** 2
        return energy

    def add_forces(self, force: Points) -> None:
        """Add to the forces on all nodes (N, 3), nN."""
        length = _length(self.vector)
        # A curved place that is straight at this moment pushes to no side; one that was straight pulls by -k v.
        slack = np.divide(self.rest, length, out=np.zeros_like(length), where=length > 0)
        pull = (self.stiffness * (1.0 - slack))[:, None] * self.vector
        for end, weight in zip(self.ends.T, self.weights.T, strict=True):
            np.add.at(force, end, -weight[:, None] * pull)


def displacement(network: FiberNetwork, nodes: ArrayLike) -> Points:
    """(N, 3) um that each node has moved by, to the nearest image of where it is now.

    Raises InputError for nodes that are not those of the network, or not finite.
    """
    now = np.asarray(nodes, float)
    if now.shape != network.nodes.shape:
        raise InputError(f"nodes: shape {now.shape} is not that of the network, {network.nodes.shape}; give the "
                         "present positions of all its nodes")  # fmt: skip
    if not np.isfinite(now).all():
        raise InputError(f"nodes: {int((~np.isfinite(now)).any(axis=1).sum())} positions are not finite; check the run")
    return network.box.image(now - network.nodes)


def deformed(network: FiberNetwork, nodes: ArrayLike) -> FiberNetwork:
    """The same fibers and crosslinks at their present places, for `analysis.network` and `analysis.alignment`.

    Whether a fiber ends at a face of the box is judged at the present places: measure the valence, which does not
    depend on them, before nodes on faces are moved.
    """
    return replace(network, nodes=network.box.wrap(network.nodes + displacement(network, nodes)))


def tension(network: FiberNetwork, nodes: ArrayLike, *, stretch_modulus: float) -> Points:
    """(M,) nN along each segment, EA (|e|/l0 - 1): above 0 where it is stretched. EA: `stretch_modulus`, nN."""
    springs = _stretch(network, displacement(network, nodes), stretch_modulus)
    pull: Points = springs.stiffness * (_length(springs.vector) - springs.rest)
    return pull


def stretch_energy(network: FiberNetwork, nodes: ArrayLike, *, stretch_modulus: float) -> Points:
    """(M,) fJ in each segment, EA/(2 l0) (|e| - l0)^2. EA: `stretch_modulus`, nN."""
    return _stretch(network, displacement(network, nodes), stretch_modulus).energy()


def bend_energy(network: FiberNetwork, nodes: ArrayLike, *, bend_modulus: float) -> Points:
    """(M - F,) fJ at each inner node, EI/(a + b) (|s| - s0)^2 with s = e2/b - e1/a. EI: `bend_modulus`, nN um^2.

    e1, e2 are the segments before and behind the node, a, b their rest lengths; s0 is |s| at rest, so that a curved
    fiber bears nothing however it is turned. In the order of `inner_nodes`.
    """
    return _bend(network, displacement(network, nodes), bend_modulus).energy()


def crosslink_energy(network: FiberNetwork, nodes: ArrayLike, *, crosslink_stiffness: float) -> Points:
    """(X,) fJ in each crosslink, k_x/2 (|d| - d0)^2, d its gap, d0 that at rest. k_x: nN/um."""
    return _crosslinks(network, displacement(network, nodes), crosslink_stiffness).energy()


def strain_energy(network: FiberNetwork, nodes: ArrayLike, *, stretch_modulus: float, bend_modulus: float,
                  crosslink_stiffness: float) -> Energy:  # fmt: skip
    """All of it, by kind, fJ. Moduli as of `stretch_energy`, `bend_energy` and `crosslink_energy`."""
    springs = _all(network, nodes, stretch_modulus, bend_modulus, crosslink_stiffness)
    return Energy(*(float(kind.energy().sum()) for kind in springs))


def node_forces(network: FiberNetwork, nodes: ArrayLike, *, stretch_modulus: float, bend_modulus: float,
                crosslink_stiffness: float) -> Points:  # fmt: skip
    """(N, 3) nN by which the network pulls on each node: minus the gradient of the strain energy.

    What holds a node at rest pulls by the opposite: minus this is what cells and anchors exert on the network.
    """
    force = np.zeros_like(network.nodes)
    for kind in _all(network, nodes, stretch_modulus, bend_modulus, crosslink_stiffness):
        kind.add_forces(force)
    return force


def inner_nodes(network: FiberNetwork) -> NDArray[np.int64]:
    """(M - F,) nodes between two segments of a fiber: where it bends."""
    return network.segments[_before_bend(network), 1].astype(np.int64)


def _all(network: FiberNetwork, nodes: ArrayLike, stretch_modulus: float, bend_modulus: float,
         crosslink_stiffness: float) -> tuple[_Springs, _Springs, _Springs]:  # fmt: skip
    moved = displacement(network, nodes)
    return (_stretch(network, moved, stretch_modulus), _bend(network, moved, bend_modulus),
            _crosslinks(network, moved, crosslink_stiffness))  # fmt: skip


def _stretch(network: FiberNetwork, moved: Points, stretch_modulus: float) -> _Springs:
    ends = network.segments.astype(np.int64)
    weights = np.broadcast_to([-1.0, 1.0], ends.shape)
    return _springs(network.vectors, moved, ends, weights, stretch_modulus / network.lengths)


def _bend(network: FiberNetwork, moved: Points, bend_modulus: float) -> _Springs:
    first = _before_bend(network)
    a, b = network.lengths[first], network.lengths[first + 1]
    rest = network.vectors[first + 1] / b[:, None] - network.vectors[first] / a[:, None]
    ends = np.stack([network.segments[first, 0], network.segments[first, 1], network.segments[first + 1, 1]], axis=1)
    weights = np.stack([1 / a, -1 / a - 1 / b, 1 / b], axis=1)
    return _springs(rest, moved, ends.astype(np.int64), weights, 2 * bend_modulus / (a + b))


def _crosslinks(network: FiberNetwork, moved: Points, crosslink_stiffness: float) -> _Springs:
    rest = network.box.image(network.crosslink_points(0) - network.crosslink_points(1))
    ends = network.segments[network.crosslinks].reshape(-1, 4).astype(np.int64)
    s, t = network.crosslink_at.T
    return _springs(rest, moved, ends, np.stack([1 - s, s, t - 1, -t], axis=1), np.full(len(s), crosslink_stiffness))


def _springs(at_rest: Points, moved: Points, ends: NDArray[np.int64], weights: Points, stiffness: Points) -> _Springs:
    """Springs whose vectors were `at_rest` (n, 3), and have changed as their nodes have moved."""
    vector = at_rest + np.einsum("np,npk->nk", weights, moved[ends])
    return _Springs(vector, _length(at_rest), stiffness, ends, weights)


def _before_bend(network: FiberNetwork) -> NDArray[np.int64]:
    """The segments that another one of the same fiber follows."""
    return np.flatnonzero(network.segment_fiber[1:] == network.segment_fiber[:-1])


def _length(vectors: Points) -> Points:
    length: Points = np.sqrt((vectors * vectors).sum(axis=1))
    return length
