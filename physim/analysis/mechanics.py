"""What a deformed fiber network bears: tensions, energies, forces, from where its nodes were and where they are.

The energy of the term `network`, in float64 on the host. `network` is the stress-free state, `nodes` (N, 3) um where
its nodes are now. A node has moved to the nearest periodic image: by less than half the box. With l, e the length and
the vector of a segment, l0 its length at rest, t = e/l0, s = t2 - t1 the bend between segments of rest lengths a and b,
g the gap that has opened in a crosslink:

    E = sum EA/(2 l0) (l - l0)^2 + sum k_x/2 g^2 + sum_f min_R [sum EI/(a + b) (s - R s0)^2 + sum k_c/2 (t - R t0)^2]

in which R is the rotation of fiber f: its own bends and both segments of each of its crosslinks count. nN times um are
fJ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physim.errors import InputError
from physim.generate.fiber_network import FiberNetwork, Points, keep_segments
from physim.network_state import gap_basis

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Energy:
    """Strain energy by kind, fJ."""

    stretch: float
    bend: float
    crosslink: float
    turning: float

    @property
    def total(self) -> float:
        return self.stretch + self.bend + self.crosslink + self.turning


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


def deformed(network: FiberNetwork, nodes: ArrayLike, area: ArrayLike | None = None) -> FiberNetwork:
    """The same fibers and crosslinks at their present places, for all of `analysis` that takes a network.

    `area` (M,), as in a snapshot, leaves out segments where it is 0, and crosslinks on them; other crosslinks stay as
    they were made, even if they have since broken. Whether a fiber ends at a face of the box is judged at the present
    places: measure the valence, which does not depend on them, before nodes on faces are moved.
    """
    moved = replace(network, nodes=network.box.wrap(network.nodes + displacement(network, nodes)))
    return moved if area is None else keep_segments(moved, np.asarray(area) > 0)


def tension(network: FiberNetwork, nodes: ArrayLike, *, stretch_modulus: float, rest: ArrayLike | None = None,
            ) -> Points:  # fmt: skip
    """(M,) nN along each segment, EA (l/l0 - 1): above 0 where it is stretched. EA: `stretch_modulus`, nN.

    `rest` (M,), um, is l0 where segments have come to rest otherwise than they were made.
    """
    length = _length(_vectors(network, displacement(network, nodes)))
    pull: Points = stretch_modulus * (length / (network.lengths if rest is None else np.asarray(rest)) - 1.0)
    return pull


def stretch_energy(network: FiberNetwork, nodes: ArrayLike, *, stretch_modulus: float) -> Points:
    """(M,) fJ in each segment, EA/(2 l0) (l - l0)^2. EA: `stretch_modulus`, nN."""
    strain = tension(network, nodes, stretch_modulus=1.0)
    energy: Points = 0.5 * stretch_modulus * strain**2 * network.lengths
    return energy


def bend_energy(network: FiberNetwork, nodes: ArrayLike, *, bend_modulus: float, crosslink_rigidity: float) -> Points:
    """(M - F,) fJ at each inner node, EI/(a + b) (s - R s0)^2, in the order of `inner_nodes`.

    EI: `bend_modulus`, nN um^2; k_c: `crosslink_rigidity`, nN um, which has a say in R.
    """
    framed = _Framed.of(network, displacement(network, nodes), bend_modulus, crosslink_rigidity)
    return framed.energy[: framed.bends]


def turning_energy(
    network: FiberNetwork, nodes: ArrayLike, *, bend_modulus: float, crosslink_rigidity: float
) -> Points:
    """(X, 2, 2) fJ at each crosslink, in the frame of either fiber, of either segment: k_c/2 (t - R t0)^2."""
    framed = _Framed.of(network, displacement(network, nodes), bend_modulus, crosslink_rigidity)
    return framed.energy[framed.bends :].reshape(-1, 2, 2)


def crosslink_energy(network: FiberNetwork, nodes: ArrayLike, *, crosslink_stiffness: float) -> Points:
    """(X,) fJ in each crosslink, k_x/2 g^2. k_x: nN/um."""
    energy: Points = 0.5 * crosslink_stiffness * (_Gaps.of(network, displacement(network, nodes)).opened ** 2).sum(1)
    return energy


def strain_energy(network: FiberNetwork, nodes: ArrayLike, *, stretch_modulus: float, bend_modulus: float,
                  crosslink_stiffness: float, crosslink_rigidity: float) -> Energy:  # fmt: skip
    """All of it, by kind, fJ. Moduli as of the term `network`."""
    framed = _Framed.of(network, displacement(network, nodes), bend_modulus, crosslink_rigidity)
    return Energy(
        float(stretch_energy(network, nodes, stretch_modulus=stretch_modulus).sum()),
        float(framed.energy[: framed.bends].sum()),
        float(crosslink_energy(network, nodes, crosslink_stiffness=crosslink_stiffness).sum()),
        float(framed.energy[framed.bends :].sum()),
    )


def node_forces(network: FiberNetwork, nodes: ArrayLike, *, stretch_modulus: float, bend_modulus: float,
                crosslink_stiffness: float, crosslink_rigidity: float) -> Points:  # fmt: skip
    """(N, 3) nN by which the network pulls on each node: minus the gradient of the strain energy.

    What holds a node at rest pulls by the opposite: minus this is what cells and anchors exert on the network.
    """
    moved = displacement(network, nodes)
    vectors = _vectors(network, moved)
    slope = stretch_modulus * (1.0 / network.lengths - 1.0 / _length(vectors))[:, None] * vectors
    _Framed.of(network, moved, bend_modulus, crosslink_rigidity).add_slope(slope)
    force = np.zeros_like(network.nodes)
    _Gaps.of(network, moved).add(crosslink_stiffness, slope, force)
    np.add.at(force, network.segments[:, 0], slope)
    np.add.at(force, network.segments[:, 1], -slope)
    return force


def inner_nodes(network: FiberNetwork) -> Index:
    """(M - F,) nodes between two segments of a fiber: where it bends."""
    return network.segments[_before_bend(network), 1].astype(np.int64)


@dataclass(frozen=True)
class _Framed:
    """What rests in the frames of fibers: n vectors, each a difference of two t (bends) or one t; bends come first."""

    now: Points
    """(n, 3)"""
    turned: Points
    """(n, 3) what it would be at rest, R times what it was."""
    stiffness: Points
    """(n,) nN um: energy k/2 (now - turned)^2."""
    segments: Index
    """(n, 2): t of the second minus t of the first, of which -1 is none."""
    lengths: Points
    """(M,) of segments at rest."""
    bends: int

    @classmethod
    def of(cls, network: FiberNetwork, moved: Points, bend_modulus: float, crosslink_rigidity: float) -> _Framed:
        first, length = _before_bend(network), network.lengths
        own = np.repeat(network.segment_fiber[network.crosslinks].ravel(), 2)
        other = np.repeat(network.crosslinks[:, None, :], 2, axis=1).ravel()
        bends = np.stack([first, first + 1], axis=1)
        segments = np.concatenate([bends, np.stack([np.full(len(other), -1), other], axis=1)]).astype(np.int64)
        fiber = np.concatenate([network.segment_fiber[first], own])
        stiffness = np.concatenate([2.0 * bend_modulus / (length[first] + length[first + 1]),
                                    np.full(len(own), float(crosslink_rigidity))])  # fmt: skip

        def of(vectors: Points) -> Points:
            slope = vectors / length[:, None]
            before: Points = np.where(segments[:, :1] >= 0, slope[segments[:, 0]], 0.0)
            result: Points = slope[segments[:, 1]] - before
            return result

        now, rest = of(_vectors(network, moved)), of(network.vectors)
        sums = np.zeros((network.fibers, 3, 3))
        np.add.at(sums, fiber, stiffness[:, None, None] * now[:, :, None] * rest[:, None, :])
        turned = (_best_rotation(sums)[fiber] @ rest[:, :, None])[:, :, 0]
        return cls(now, turned, stiffness, segments, length, len(first))

    @cached_property
    def energy(self) -> Points:
        """(n,) fJ."""
        energy: Points = 0.5 * self.stiffness * ((self.now - self.turned) ** 2).sum(axis=1)
        return energy

    def add_slope(self, slope: Points) -> None:
        """Add dE/de to (M, 3). The best rotation has no part in it."""
        pull = self.stiffness[:, None] * (self.now - self.turned)
        before, behind = self.segments.T
        np.add.at(slope, behind, pull / self.lengths[behind, None])
        bent = before >= 0
        np.add.at(slope, before[bent], -pull[bent] / self.lengths[before[bent], None])


def _best_rotation(sums: Points) -> Points:
    """(F, 3, 3) the rotations R of largest tr(R' S), from the quaternion q of largest q' N q.

    Source: Horn, J Opt Soc Am A 4:629 (1987).
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = sums.transpose(1, 2, 0)
    n = np.stack([
        xx + yy + zz, zy - yz, xz - zx, yx - xy,
        zy - yz, xx - yy - zz, xy + yx, zx + xz,
        xz - zx, xy + yx, yy - xx - zz, yz + zy,
        yx - xy, zx + xz, yz + zy, zz - xx - yy,
    ], axis=1).reshape(-1, 4, 4)  # fmt: skip
    w, x, y, z = np.linalg.eigh(n)[1][:, :, 3].T
    rows = [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
            2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
            2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]  # fmt: skip
    return np.stack(rows, axis=1).reshape(-1, 3, 3)


@dataclass(frozen=True)
class _Gaps:
    """What has opened in each crosslink: its gap less alpha e1 + beta e2 + c e1 x e2, of which it was made; or, between
    segments that are nearly parallel, less a length (`network_state.gap_basis`).
    """

    opened: Points
    """(X, 3) um."""
    places: Points
    """(X, 2) where on its two segments it takes hold, alpha and beta included."""
    skew: Points
    """(X,) c, 1/um."""
    vectors: tuple[Points, Points]
    segments: NDArray[np.integer]
    nodes: NDArray[np.integer]
    """(M, 2)"""

    @classmethod
    def of(cls, network: FiberNetwork, moved: Points) -> _Gaps:
        gap = network.box.image(network.crosslink_points(0) - network.crosslink_points(1))
        rest, now = ([v[network.crosslinks[:, side]] for side in (0, 1)]
                     for v in (network.vectors, _vectors(network, moved)))  # fmt: skip
        _, inverse, parallel = gap_basis(rest[0], rest[1])
        made = (inverse @ gap[:, :, None])[:, :, 0]
        places = network.crosslink_at - made[:, :2] * np.array([1.0, -1.0])
        ends = moved[network.segments[network.crosslinks]]  # (X, side, end, 3)
        shift = (1.0 - places)[:, :, None] * ends[:, :, 0] + places[:, :, None] * ends[:, :, 1]
        left = gap - made[:, :1] * rest[0] - made[:, 1:2] * rest[1]
        opened = left + shift[:, 0] - shift[:, 1] - made[:, 2:] * np.cross(now[0], now[1])
        apart, length = np.where(parallel, np.linalg.norm(left, axis=1), 0.0), np.linalg.norm(opened, axis=1)
        opened *= 1.0 - np.divide(apart, length, out=np.zeros(len(apart)), where=apart > 0)[:, None]
        return cls(opened, places, made[:, 2], (now[0], now[1]), network.crosslinks, network.segments)

    def add(self, stiffness: float, slope: Points, force: Points) -> None:
        """Add to dE/de (M, 3) what the cross product makes of it, and to the forces on nodes (N, 3) the rest."""
        grip = stiffness * self.opened
        np.add.at(slope, self.segments[:, 0], -self.skew[:, None] * np.cross(self.vectors[1], grip))
        np.add.at(slope, self.segments[:, 1], -self.skew[:, None] * np.cross(grip, self.vectors[0]))
        for side, pull in ((0, -grip), (1, grip)):
            nodes, at = self.nodes[self.segments[:, side]], self.places[:, side, None]
            np.add.at(force, nodes[:, 0], (1.0 - at) * pull)
            np.add.at(force, nodes[:, 1], at * pull)


def _vectors(network: FiberNetwork, moved: Points) -> Points:
    """(M, 3) um of the segments after a displacement of the nodes."""
    return network.vectors + moved[network.segments[:, 1]] - moved[network.segments[:, 0]]


def _before_bend(network: FiberNetwork) -> Index:
    """The segments that another one of the same fiber follows."""
    return np.flatnonzero(network.segment_fiber[1:] == network.segment_fiber[:-1])


def _length(vectors: Points) -> Points:
    length: Points = np.sqrt((vectors * vectors).sum(axis=1))
    return length
