"""Where fibers pass each other, which of these places become crosslinks, and how the pairs are pulled
together.

Fibers as thin as collagen's rarely touch: capture within a bundle diameter leaves a gas, not a gel. So the
nearest approaches are pulled shut, and what results is declared free of stress: this is the gel after it has
formed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from physim.generate import settle
from physim.generate.fiber_network import Box, anchored, holds_needed

Points = NDArray[np.float64]
Index = NDArray[np.int64]
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Crossings:
    """Closest approaches of pairs of fibers, the nearest first."""

    segments: Index
    """(C, 2)."""
    at: Points
    """(C, 2) where on the two segments, 0..1."""
    gap: Points
    """(C, 3) um from the place on the second segment to the one on the first."""

    def __getitem__(self, which: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Crossings:
        return Crossings(self.segments[which], self.at[which], self.gap[which])


def closest_approach(offset: Points, d1: Points, d2: Points) -> tuple[Points, Points, Points]:
    """Parameters s, t in [0, 1] and the vector (3, n) between the nearest points of segments p + s d1 and p -
    offset + t d2.

    All vectors (3, n). Source: C. Ericson, Real-Time Collision Detection, 2005, section 5.1.9.
    """
    a, b, e = _dot(d1, d1), _dot(d1, d2), _dot(d2, d2)
    c, f = _dot(d1, offset), _dot(d2, offset)
    spread = a * e - b * b
    skew = spread > 1e-12 * a * e  # parallel segments have no single nearest pair: take the middle
    s = np.where(skew, np.clip((b * f - c * e) / np.where(skew, spread, 1.0), 0.0, 1.0), 0.5)
    t = np.clip((b * s + f) / e, 0.0, 1.0)
    s = np.clip((b * t - c) / a, 0.0, 1.0)
    return s, t, offset + s * d1 - t * d2


def crossings(begin: Points, end: Points, fiber: Index, box: Box, reach: float) -> Crossings:
    """The closest approach of every two fibers that pass within `reach` (um): at most one for a pair of
    fibers."""
    middle, vector = 0.5 * (begin + end), np.ascontiguousarray((end - begin).T)
    longest = float(np.sqrt(_dot(vector, vector)).max())
    pairs = box.tree(middle).query_pairs(longest + reach, output_type="ndarray")
    fibers = int(fiber[-1]) + 1
    found = []
    for k in range(0, len(pairs), _CHUNK):
        i, j = pairs[k:k + _CHUNK].T
        other = fiber[i] != fiber[j]
        i, j = i[other], j[other]
        d1, d2 = vector[:, i], vector[:, j]
        offset = box.image(middle[i] - middle[j]).T - 0.5 * d1 + 0.5 * d2
        s, t, gap = closest_approach(offset, d1, d2)
        near = _dot(gap, gap) <= reach * reach
        found.append((i[near], j[near], s[near], t[near], *gap[:, near]))
    if not found:
        return Crossings(np.empty((0, 2), np.int64), np.empty((0, 2)), np.empty((0, 3)))
    i, j, s, t, x, y, z = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((j, i, x * x + y * y + z * z))
    pair = np.minimum(fiber[i], fiber[j]) * fibers + np.maximum(fiber[i], fiber[j])
    chosen = order[np.sort(np.unique(pair[order], return_index=True)[1])]
    return Crossings(np.stack([i[chosen], j[chosen]], axis=1), np.stack([s[chosen], t[chosen]], axis=1),
                     np.stack([x[chosen], y[chosen], z[chosen]], axis=1))


def contour(begin: Points, end: Points, fiber: Index) -> tuple[Points, Points]:
    """A coordinate (M,) along all fibers at the start of each segment, 1 um between two fibers, and lengths
    (M,); um."""
    lengths = np.sqrt(((end - begin) ** 2).sum(axis=1))
    return np.cumsum(lengths) - lengths + fiber, lengths


def thin_out(found: Crossings, along: tuple[Points, Points], fiber: Index, apart: float, tilt: float,
             ) -> Crossings:
    """Without crossings that lie too close on a fiber to a nearer one (a greedy choice, the nearest first).

    Too close is less than `apart` (um): two crosslinks at one spot would be one node of valence 5 or 6. Or so
    that the fiber between would tilt by more than `tilt` when both are pulled shut: |u1 - u2| > tilt times
    the contour between.
    """
    place, owner, crossing, side = _on_fibers(found, along, fiber)
    pull = np.where(side, 0.5, -0.5)[:, None] * found.gap[crossing]
    undecided, chosen = np.ones(len(found.gap), bool), np.zeros(len(found.gap), bool)

    def clash(a: Index, b: Index) -> NDArray[np.bool_]:
        between = np.abs(place[a] - place[b])
        torn = ((pull[a] - pull[b]) ** 2).sum(axis=1) > (tilt * between) ** 2
        return (owner[a] == owner[b]) & ((between < apart) | torn)

    def beaten(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which crossings of the mask clash with a nearer one next to them on either fiber."""
        record = np.flatnonzero(mask[crossing])
        a, b = record[:-1], record[1:]
        worse = np.maximum(crossing[a], crossing[b])  # crossings are numbered in order of their gap
        out = np.zeros(len(mask), bool)
        out[worse[clash(a, b)]] = True
        return out

    while undecided.any():
        winners = undecided & ~beaten(undecided)
        while (again := beaten(winners)).any():
            winners &= ~again
        chosen |= winners
        undecided &= ~winners
        record, winner = np.flatnonzero(undecided[crossing]), np.flatnonzero(chosen[crossing])
        after = np.searchsorted(winner, record)
        for neighbor in (winner[np.maximum(after - 1, 0)], winner[np.minimum(after, len(winner) - 1)]):
            undecided[crossing[record[clash(record, neighbor)]]] = False
    return found[chosen]


def choose(found: Crossings, fiber: Index, free_ends: NDArray[np.bool_], valence: float,
           ) -> tuple[Crossings, NDArray[np.bool_]] | None:
    """As many of the nearest crossings as give a mean valence z, and which fibers (F,) they hold; None if too
    few.

    A fiber's arm counts where it leads to another crosslink, so a crosslink has valence 4 in the middle of
    both its fibers, 3 where it is the last on one, 2 where it is the last on both: z = 4 - 2 F/X for F fibers
    and X crosslinks, 4 (1 - 1/n) with n = 2 X/F crosslinks on a fiber. An end at a face, where the box cut
    the fiber, counts as leading on: free_ends (F,) is 2, 1 or 0. Fibers with fewer than two holds
    (crosslinks or faces) are left out.
    """
    joined, needed, ends = fiber[found.segments], holds_needed(free_ends), free_ends.sum(axis=1)

    def outcome(count: int) -> tuple[float, NDArray[np.bool_], NDArray[np.bool_]]:
        stays, linked = anchored(joined[:count], needed)
        return 4.0 - ends[stays].sum() / linked.sum() if linked.any() else 0.0, stays, linked

    few, many = 0, len(joined)
    if outcome(many)[0] < valence:
        return None
    while many - few > 1:
        half = (few + many) // 2
        few, many = (half, many) if outcome(half)[0] < valence else (few, half)
    _, stays, linked = outcome(many)
    return found[:many][linked], stays


def pull_together(begin: Points, end: Points, fiber: Index, links: Crossings, box: Box, rounds: int = 12,
                  ) -> tuple[Points, Points, Points]:
    """Fibers bent so that crosslinked points meet half way: begin, end (M, 3) and the gaps (X,) that remain,
    um.

    In each round a crosslink displaces both its points by half of the gap; between the crosslinks of a fiber
    the displacement is linear in the contour (the least stretch and tilt that serves them), beyond the last
    it is constant. Then the fibers are straightened as far as the crosslinks let them, and the gaps that
    remain closed (`settle`). An end on a face stays on it.
    """
    first = np.arange(len(fiber)) + fiber
    last = np.flatnonzero(np.diff(fiber, append=-1))
    nodes = np.empty((len(fiber) + len(last), 3))
    nodes[first], nodes[first[last] + 1] = begin, end[last]
    fixed, held = box.on_face(nodes), nodes.copy()
    along = contour(begin, end, fiber)
    place, owner, crossing, side = _on_fibers(links, along, fiber)
    node_along = np.empty(len(nodes))
    node_along[first], node_along[first[last] + 1] = along[0], (along[0] + along[1])[last]
    node_fiber = np.repeat(np.arange(len(last)), np.diff(last, prepend=-1) + 1)
    spread = _between(place, owner, node_along, node_fiber)
    sign = np.where(side == 0, -0.5, 0.5)[:, None]
    a, b = first[links.segments[:, 0]], first[links.segments[:, 1]]
    s, t = links.at[:, :1], links.at[:, 1:]
    apart = _at(nodes, a, s) - _at(nodes, b, t)
    turns = box.image(apart) - apart  # which periodic images meet, once for all rounds
    for _ in range(rounds):
        gap = _at(nodes, a, s) - _at(nodes, b, t) + turns
        nodes += spread @ (sign * gap[crossing])
    nodes = np.where(fixed, held, nodes)
    joints = settle.Crosslinks.of((a, b), (s[:, 0], t[:, 0]), len(nodes), turns)
    if len(turns):
        nodes = settle.straighten(nodes, node_fiber, joints, ~fixed)
    for _ in range(3 if len(turns) else 0):  # nodes that would leave the box stay on its face, others make up for it
        nodes = np.where(box.periodic, nodes, np.clip(nodes, box.lower, box.upper))
        fixed = fixed | box.on_face(nodes)
        nodes = settle.close(nodes, joints, ~fixed)
    nodes = np.where(box.periodic, nodes, np.clip(nodes, box.lower, box.upper))
    gap = _at(nodes, a, s) - _at(nodes, b, t) + turns
    return nodes[first], nodes[first + 1], np.sqrt((gap**2).sum(axis=1))


def _at(nodes: Points, first: Index, where: Points) -> Points:
    return (1.0 - where) * nodes[first] + where * nodes[first + 1]


def _on_fibers(found: Crossings, along: tuple[Points, Points], fiber: Index,
               ) -> tuple[Points, Index, Index, NDArray[np.bool_]]:
    """Both ends of every crossing in order along the fibers: contour (um), fiber, crossing, and whether it is
    side 1."""
    segment = found.segments.T.ravel()
    place = along[0][segment] + found.at.T.ravel() * along[1][segment]
    order = np.lexsort((place, fiber[segment]))
    return place[order], fiber[segment][order], order % len(found.gap), order >= len(found.gap)


def _between(place: Points, owner: Index, node_along: Points, node_fiber: Index) -> csr_array:
    """(N, R) weights of the R crosslinked places in the displacement of each node; nodes are in contour
    order."""
    after = np.searchsorted(place, node_along)
    lower, upper = np.maximum(after - 1, 0), np.minimum(after, len(place) - 1)
    below, above = owner[lower] == node_fiber, owner[upper] == node_fiber
    lower, upper = np.where(below, lower, upper), np.where(above, upper, lower)
    width = place[upper] - place[lower]
    share = np.where(width > 0, (node_along - place[lower]) / np.where(width > 0, width, 1.0), 0.5)
    weights = np.stack([1.0 - share, share], axis=1) * (below | above)[:, None]
    columns, start = np.stack([lower, upper], axis=1).ravel(), np.arange(0, 2 * len(node_along) + 1, 2)
    return csr_array((weights.ravel(), columns, start), shape=(len(node_along), len(place)))


def _dot(a: Points, b: Points) -> Points:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
