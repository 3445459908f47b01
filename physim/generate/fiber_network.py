"""A network of fibers as plain arrays, and what can be cut out of it.

Made by `generate.collagen`, measured by `analysis.network`, loaded into the state's node and segment arrays.
All lengths in um, all positions float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from physim.errors import InputError

Points = NDArray[np.float64]
Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Box:
    """A rectangular box, periodic along some axes."""

    lower: Points
    upper: Points
    periodic: tuple[bool, bool, bool]

    @property
    def size(self) -> Points:
        """(3,) um."""
        return self.upper - self.lower

    @property
    def volume(self) -> float:
        """um^3."""
        return float(np.prod(self.size))

    def image(self, vectors: Points) -> Points:
        """(..., 3) vectors between the nearest periodic images of their two ends."""
        period = np.where(self.periodic, self.size, 0.0)
        per_period = np.where(self.periodic, 1.0 / self.size, 0.0)
        return vectors - period * np.rint(vectors * per_period)

    def wrap(self, positions: Points) -> Points:
        """(..., 3) positions moved into [lower, upper) along the periodic axes."""
        turns = np.floor((positions - self.lower) / self.size)
        inside = positions - np.where(self.periodic, turns * self.size, 0.0)
        rounded_out = np.logical_and(self.periodic, (inside < self.lower) | (inside >= self.upper))
        return np.where(rounded_out, self.lower, inside)

    def on_face(self, positions: Points) -> NDArray[np.bool_]:
        """(..., 3) whether a position lies on a face of each axis that is not periodic, within 1e-6 um."""
        near = np.minimum(np.abs(positions - self.lower), np.abs(positions - self.upper)) < 1e-6
        return near & ~np.array(self.periodic)

    def tree(self, positions: Points) -> cKDTree:
        """A k-d tree that knows the periodic axes; query it with `tree_points`."""
        return cKDTree(self.tree_points(positions), boxsize=np.where(self.periodic, self.size, 0.0))

    def tree_points(self, positions: Points) -> Points:
        """Positions in the frame of `tree`: the lower corner is the origin."""
        shifted = self.wrap(positions) - self.lower
        return np.where(np.logical_and(self.periodic, shifted >= self.size), 0.0, shifted)


@dataclass(frozen=True)
class FiberNetwork:
    """Fibers as chains of nodes, joined by crosslinks. The state as given is free of stress.

    Segments are ordered fiber by fiber and the nodes of a fiber are consecutive: segment k of fiber f joins
    nodes k + f and k + f + 1.
    """

    nodes: Points
    """(N, 3) um, inside the box; wrapped into [lower, upper) along periodic axes."""
    segments: Ids
    """(M, 2) node indices."""
    segment_fiber: Ids
    """(M,) fiber of each segment, 0, 1, 2, ... without gaps."""
    crosslinks: Ids
    """(X, 2) the two segments that a crosslink joins."""
    crosslink_at: Points
    """(X, 2) where on these segments, 0 at the first node to 1 at the second."""
    lower: Points
    """(3,) um."""
    upper: Points
    """(3,) um."""
    periodic: tuple[bool, bool, bool]
    bundle_diameter: float
    """um, of every fiber."""
    pruned: int = 0
    """Fibers that were drawn but left out, because fewer than two crosslinks or faces held them."""
    notes: tuple[str, ...] = ()
    """Lines on how the network came about, for the user."""
    reserve: int = 0
    """Fibers at the end that wait to be laid down (`generate.reserve`): no part of the network until then."""

    @property
    def box(self) -> Box:
        return Box(self.lower, self.upper, self.periodic)

    @property
    def fibers(self) -> int:
        """Number of fibers, those that wait to be laid down included."""
        return len(self.nodes) - len(self.segments)

    @cached_property
    def made(self) -> FiberNetwork:
        """Without the fibers that wait to be laid down."""
        return self.first(self.fibers - self.reserve) if self.reserve else self

    def first(self, fibers: int) -> FiberNetwork:
        """The first so many fibers, with the crosslinks among them; nothing in reserve."""
        segments = int(np.searchsorted(self.segment_fiber, fibers))
        among = (self.crosslinks < segments).all(axis=1)
        return replace(
            self, nodes=self.nodes[: segments + fibers], segments=self.segments[:segments],
            segment_fiber=self.segment_fiber[:segments], crosslinks=self.crosslinks[among],
            crosslink_at=self.crosslink_at[among], reserve=0,
        )  # fmt: skip

    @cached_property
    def vectors(self) -> Points:
        """(M, 3) um from the first to the second node of each segment, through the faces where that is
        shorter."""
        return self.box.image(self.nodes[self.segments[:, 1]] - self.nodes[self.segments[:, 0]])

    @cached_property
    def lengths(self) -> Points:
        """(M,) um."""
        return np.sqrt((self.vectors**2).sum(axis=1))

    @property
    def midpoints(self) -> Points:
        """(M, 3) um, wrapped."""
        return self.box.wrap(self.nodes[self.segments[:, 0]] + 0.5 * self.vectors)

    @property
    def free_ends(self) -> NDArray[np.bool_]:
        """(F, 2) whether the first and the last node of a fiber end inside the box, not at a face that cut
        it."""
        last = np.flatnonzero(np.diff(self.segment_fiber, append=-1))
        first = np.concatenate([[0], last[:-1] + 1]).astype(np.int64)[:len(last)]
        ends = np.stack([self.segments[first, 0], self.segments[last, 1]], axis=1)
        return np.logical_not(self.box.on_face(self.nodes[ends]).any(axis=2))

    def crosslink_points(self, side: int) -> Points:
        """(X, 3) um, not wrapped: where each crosslink holds its first (side 0) or second (side 1)
        segment."""
        segment = self.crosslinks[:, side]
        first, at = self.nodes[self.segments[segment, 0]], self.crosslink_at[:, side, None]
        return first + at * self.vectors[segment]


def assemble(begin: Points, end: Points, fiber: NDArray[np.integer], links: NDArray[np.integer], at: Points,
             box: Box, bundle_diameter: float, pruned: int = 0, notes: tuple[str, ...] = ()) -> FiberNetwork:
    """A network from the two ends (M, 3) of segments in order and their fiber (M,): 0, 1, 2, ... without
    gaps."""
    first = np.arange(len(fiber)) + fiber
    last = np.flatnonzero(np.diff(fiber, append=-1))  # last segment of each fiber
    nodes = np.empty((len(fiber) + len(last), 3))
    nodes[first] = begin
    nodes[first[last] + 1] = end[last]
    return FiberNetwork(
        box.wrap(nodes), np.stack([first, first + 1], axis=1).astype(np.int32), fiber.astype(np.int32),
        links.reshape(-1, 2).astype(np.int32), at.reshape(-1, 2), box.lower, box.upper, box.periodic,
        bundle_diameter, pruned, notes,
    )


def runs(fiber: NDArray[np.integer], keep: NDArray[np.bool_]) -> NDArray[np.int64]:
    """New fiber numbers of the kept segments: what is left between two gaps of a fiber is a fiber of its
    own."""
    before = np.concatenate([[False], keep[:-1] & (fiber[1:] == fiber[:-1])]) if len(fiber) else keep
    return np.cumsum((keep & ~before)[keep]) - 1


def keep_segments(network: FiberNetwork, keep: NDArray[np.bool_], pruned: int = 0) -> FiberNetwork:
    """The network without the segments where keep (M,) is false, nor the crosslinks on them; all
    renumbered."""
    kept_link = keep[network.crosslinks].all(axis=1)
    number = np.cumsum(keep) - 1
    segments = network.segments[keep]
    return assemble(
        network.nodes[segments[:, 0]], network.nodes[segments[:, 1]], runs(network.segment_fiber, keep),
        number[network.crosslinks[kept_link]], network.crosslink_at[kept_link], network.box,
        network.bundle_diameter, network.pruned + pruned, network.notes,
    )


def along_curve(network: FiberNetwork) -> FiberNetwork:
    """The same network with its fibers numbered along a space-filling curve (Morton order of their middles).

    Fibers that touch are then near each other in memory, which is what a step waits for in large boxes.
    """
    count = np.bincount(network.segment_fiber, minlength=network.fibers)
    middle = np.stack([np.bincount(network.segment_fiber, axis, network.fibers) for axis in network.midpoints.T], 1)
    cell = np.minimum((middle / count[:, None] - network.lower) / network.box.size * 1024, 1023).astype(np.int64)
    code = sum(((cell[:, axis] >> bit) & 1) << (3 * bit + axis) for bit in range(10) for axis in range(3))
    order = np.argsort(code, kind="stable")
    segments = np.argsort(np.argsort(order)[network.segment_fiber], kind="stable")
    ends = network.nodes[network.segments[segments]]
    fiber = np.repeat(np.arange(network.fibers), count[order])
    return assemble(ends[:, 0], ends[:, 1], fiber, np.argsort(segments)[network.crosslinks], network.crosslink_at,
                    network.box, network.bundle_diameter, network.pruned, network.notes)


def holds_needed(free_ends: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(F,) crosslinks that must hold a fiber: two, or one where a face of the box cut it (free_ends (F, 2)).

    A fiber with none or one has no resistance to being reeled in by a cell (8 of 486 in the prototype), so it
    is no obstacle and no foothold. Beyond a face the gel goes on: the mechanics holds the nodes there.
    """
    return np.clip(free_ends.sum(axis=1), 1, 2)


def anchored(joined: NDArray[np.integer], needed: NDArray[np.integer],
             ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which fibers (F,), and which of the crosslinks joined (X, 2), stay when fibers with fewer than needed
    (F,) go.

    Repeated until nothing changes: a fiber that goes takes its crosslinks from its partners.
    """
    fiber = np.ones(len(needed), bool)
    link = np.ones(len(joined), bool)
    while True:
        count = np.bincount(joined[link].ravel(), minlength=len(needed))
        loose = fiber & (count < needed)
        if not loose.any():
            return fiber, link
        fiber &= ~loose
        link &= fiber[joined].all(axis=1)


def carve(network: FiberNetwork, centers: ArrayLike, radii: float | Sequence[float] | Points) -> FiberNetwork:
    """The network without every segment of which any part lies within a sphere: gel does not polymerise
    inside cells.

    centers (K, 3) and radii (K,) or one radius, um; periodic images count. Crosslinks on a removed segment
    go, a fiber that is cut becomes two. Fibers and pieces that had, or whose fiber had, two crosslinks and
    that the cut leaves with fewer go too (counted in `pruned`): they would lie loose in the gel. Raises
    InputError for a radius that is not positive or a center that is not finite.
    """
    spheres = np.asarray(centers, float).reshape(-1, 3)
    radius = np.broadcast_to(np.asarray(radii, float), len(spheres))
    if not (np.isfinite(spheres).all() and np.isfinite(radius).all() and (radius > 0).all()):
        raise InputError("carve: centers must be finite and radii positive, in um. Check the cells placed.")
    if not len(spheres) or not len(network.segments):
        return network
    box, middle, vector = network.box, network.midpoints, network.vectors
    tree, center = box.tree(middle), box.tree_points(spheres)
    reach = radius + 0.5 * network.lengths.max() + 1e-9
    keep = np.ones(len(vector), bool)
    for some in np.array_split(np.arange(len(spheres)), -(-len(spheres) // 1000)):  # bounds the list of pairs
        found = tree.query_ball_point(center[some], reach[some])
        sphere = np.repeat(some, [len(f) for f in found])
        segment = np.concatenate([np.asarray(f, np.int64) for f in found])
        offset = box.image(spheres[sphere] - middle[segment])
        along = (offset * vector[segment]).sum(1) / np.maximum((vector[segment] ** 2).sum(1), 1e-300)
        offset -= np.clip(along, -0.5, 0.5)[:, None] * vector[segment]
        keep[segment[(offset**2).sum(1) <= radius[sphere] ** 2]] = False
    cut = keep_segments(network, keep)
    joined, needed = network.segment_fiber[network.crosslinks], holds_needed(network.free_ends)
    held = np.bincount(joined.ravel(), minlength=network.fibers) >= needed
    was_held = np.zeros(cut.fibers, bool)
    was_held[cut.segment_fiber] = held[network.segment_fiber[keep]]
    needed = np.where(was_held, holds_needed(cut.free_ends), 0)
    stays, _ = anchored(cut.segment_fiber[cut.crosslinks], needed)
    return keep_segments(cut, stays[cut.segment_fiber], int((~stays).sum()))
