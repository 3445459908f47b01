"""What a fiber network is like: density, pores, crosslinks and order, before a cell has touched it.

Three pores are in use and differ by factors of 2 to 4, so each function names its own. All are measured to
the axes of the fibers (the bundle diameter is a choice of coarse graining; subtract it for the free width),
and by sampling at random points that the seed fixes. Along axes that are not periodic, points keep one mesh
rho^-1/2 away from the faces. Observables (a) to (f) of experiment ECM-1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from physim.analysis.alignment import nematic_tensor, order_and_director
from physim.generate.collagen import FiberNetwork

Points = NDArray[np.float64]
_MEASURE = 0x6D656173
"""Keeps the random numbers of measures apart from those of generators."""


def length_density(network: FiberNetwork) -> float:
    """rho, um of fiber per um^3 of box."""
    return float(network.lengths.sum()) / network.box.volume


class DistanceField:
    """Distance (um) from any point to the nearest fiber axis, exact, through periodic faces."""

    def __init__(self, network: FiberNetwork) -> None:
        self.box = network.box
        parts = int(np.clip(np.ceil(network.lengths.mean() * length_density(network) ** 0.5), 1, 8))
        self.half = network.vectors / (2 * parts)
        start = network.nodes[network.segments[:, 0]]
        odd = np.arange(1, 2 * parts, 2)[:, None]
        self.middle = (start[:, None, :] + self.half[:, None, :] * odd).reshape(-1, 3)
        self.half = np.repeat(self.half, parts, axis=0)
        self.reach = float(np.sqrt((self.half**2).sum(axis=1)).max())
        self.tree: cKDTree = self.box.tree(self.middle)

    def __call__(self, points: Points) -> Points:
        """(n,) um for points (n, 3).

        The nearest pieces by their middles are tried, and more of them until the next cannot be nearer.
        """
        distance = np.empty(len(points))
        todo, count = np.arange(len(points)), 8
        query = self.box.tree_points(points)
        while len(todo):
            count = min(count, len(self.middle))
            to_middle, piece = self.tree.query(query[todo], k=count)
            to_middle, piece = to_middle.reshape(len(todo), -1), piece.reshape(len(todo), -1)
            offset = self.box.image(points[todo, None, :] - self.middle[piece])
            half = self.half[piece]
            along = np.clip((offset * half).sum(-1) / (half * half).sum(-1), -1.0, 1.0)
            offset -= along[..., None] * half
            distance[todo] = np.sqrt((offset * offset).sum(-1).min(axis=1))
            unsure = (to_middle[:, -1] - self.reach < distance[todo]) & (count < len(self.middle))
            todo, count = todo[unsure], 4 * count
        return distance


def nearest_obstacle_pore(network: FiberNetwork, samples: int = 4000, seed: int = 0) -> float:
    """(a) Mean diameter (um) of the sphere about a random point that touches the nearest fiber; 1/sqrt(rho)
    for lines."""
    return 2.0 * float(DistanceField(network)(_random_points(network, samples, _random(seed, 1))).mean())


def bubble_pore(network: FiberNetwork, samples: int = 150, seed: int = 0) -> float:
    """(b) Mean diameter (um) of the largest empty sphere that contains a random point.

    Found by a random search for the center, so a lower bound, low by about 3 %.
    """
    random = _random(seed, 2)
    points = _random_points(network, samples, random)
    return 2.0 * float(_grow(network, points, random, contain=True).mean())


def largest_sphere(network: FiberNetwork, samples: int = 4000, seed: int = 0) -> float:
    """Diameter (um) of the largest empty sphere found by climbing from the widest of random points: a lower
    bound."""
    random = _random(seed, 3)
    points = _random_points(network, samples, random)
    distance = DistanceField(network)(points)
    widest = points[np.argsort(-distance, kind="stable")[:30]]
    return 2.0 * float(_grow(network, widest, random, contain=False).max())


def valence_histogram(network: FiberNetwork) -> tuple[dict[int, int], float]:
    """(d) Number of crosslinks by valence, and the mean valence.

    The valence of a crosslink is the number of fiber arms that lead from it to another crosslink, or out of a
    face of the box that cut the fiber: 4 where two fibers cross, 3 where one ends on another (end-on), 2
    where both end; arms that dangle do not count. Crosslinks closer than a bundle diameter along a fiber are
    one node, of valence 5 or more.
    """
    if not len(network.crosslinks):
        return {}, float("nan")
    place, owner, crossing = _along_fibers(network)
    first, last = owner != np.concatenate([[-1], owner[:-1]]), owner != np.concatenate([owner[1:], [-1]])
    gap = np.diff(place, append=np.inf)
    same = ~last & (gap < network.bundle_diameter)
    links = len(network.crosslinks)
    pair = (crossing[same], np.roll(crossing, -1)[same])
    join = coo_array((np.ones(len(pair[0])), pair), shape=(links, links))
    _, node = connected_components(join, directed=False)
    leads_out = ~network.free_ends
    forward = np.where(last, leads_out[owner, 1], ~same)
    backward = np.where(first, leads_out[owner, 0], ~np.roll(same, 1))
    valence = np.bincount(node[crossing], weights=forward.astype(int) + backward).astype(int)
    kinds, counts = np.unique(valence, return_counts=True)
    return {int(k): int(c) for k, c in zip(kinds, counts, strict=True)}, float(valence.mean())


def crosslink_spacings(network: FiberNetwork) -> Points:
    """(e) Contour lengths (um) between neighbouring crosslinks on the fibers."""
    place, owner, _ = _along_fibers(network)
    return np.diff(place)[owner[1:] == owner[:-1]]


def nematic_order(network: FiberNetwork) -> tuple[float, Points]:
    """(f) S and director (3,): largest eigenvalue and its vector of Q = <3 t t - 1>/2, weighted by length.

    0 for isotropic, 1 for parallel fibers. The largest of three eigenvalues: chance alone gives about F^-1/2
    for F fibers.
    """
    return order_and_director(nematic_tensor(network))


def describe(network: FiberNetwork, seed: int = 0) -> dict[str, float]:
    """The numbers a run starts with, by name with unit; under 3 s for 100,000 segments. See `report`."""
    histogram, mean = valence_histogram(network)
    total = max(sum(histogram.values()), 1)
    spacing = crosslink_spacings(network)
    gap = network.box.image(network.crosslink_points(0) - network.crosslink_points(1))
    return {
        "fibers": network.fibers, "segments": len(network.segments), "crosslinks": len(network.crosslinks),
        "pruned fibers": network.pruned, "bundle diameter (um)": network.bundle_diameter,
        "length density (um/um^3)": length_density(network),
        "mean segment (um)": float(network.lengths.mean()),
        "longest segment (um)": float(network.lengths.max()),
        "mean fiber (um)": float(network.lengths.sum()) / network.fibers,
        "crosslink spacing (um)": float(spacing.mean()) if len(spacing) else float("inf"),
        "mean crosslink gap (um)": float(np.sqrt((gap**2).sum(axis=1)).mean()) if len(gap) else 0.0,
        "mean valence": mean,
        "valence > 4 (%)": 100.0 * sum(n for v, n in histogram.items() if v > 4) / total,
        "nematic order S": nematic_order(network)[0],
        "nearest-obstacle pore (um)": nearest_obstacle_pore(network, seed=seed),
        "bubble pore (um)": bubble_pore(network, seed=seed),
        "largest sphere (um)": largest_sphere(network, seed=seed),
    }


def report(network: FiberNetwork, seed: int = 0) -> str:
    """`describe` as lines of text, with a warning where segments are too long for the mechanics."""
    numbers = describe(network, seed)
    lines = [f"{name:>28}  {value:.4g}" for name, value in numbers.items()]
    if numbers["mean segment (um)"] > 0.5 * numbers["crosslink spacing (um)"]:
        lines.append("  segments are longer than half the crosslink spacing: for pores, not for moduli")
    return "\n".join(lines)


def _random(seed: int, purpose: int) -> np.random.Generator:
    """Other numbers than the generator draws: with its streams, and its seed, points fall onto the fibers."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, _MEASURE, purpose))))


def _random_points(network: FiberNetwork, count: int, random: np.random.Generator) -> Points:
    box = network.box
    margin = np.where(box.periodic, 0.0, np.minimum(length_density(network) ** -0.5, 0.25 * box.size))
    return box.lower + margin + random.random((count, 3)) * (box.size - 2 * margin)


def _grow(network: FiberNetwork, points: Points, random: np.random.Generator, contain: bool, tries: int = 24,
          rounds: int = 12) -> Points:
    """(n,) radius of the largest empty sphere found near each point, or containing it: a shrinking random
    search.

    Spheres stay inside the box along axes that are not periodic (empty space outside is not a pore).
    """
    field, box = DistanceField(network), network.box
    closed = np.logical_not(box.periodic)

    def radius(centers: Points) -> Points:
        to_face = np.where(closed, np.minimum(centers - box.lower, box.upper - centers), np.inf).min(axis=1)
        return np.minimum(field(centers), to_face)

    best, widest = points.copy(), radius(points)
    scale = 1.2 * length_density(network) ** -0.5
    for _ in range(rounds):
        trial = best[:, None, :] + scale * random.standard_normal((len(points), tries, 3))
        empty = radius(trial.reshape(-1, 3)).reshape(len(points), tries)
        if contain:
            outside = ((trial - points[:, None, :]) ** 2).sum(-1) > np.maximum(empty, 0.0) ** 2
            empty = np.where(outside, -np.inf, empty)
        pick = np.argmax(empty, axis=1)
        row = np.flatnonzero(empty[np.arange(len(points)), pick] > widest)
        best[row], widest[row] = trial[row, pick[row]], empty[row, pick[row]]
        scale *= 0.75
    return widest


def _along_fibers(network: FiberNetwork) -> tuple[Points, NDArray[np.int64], NDArray[np.int64]]:
    """Both ends of all crosslinks in order along the fibers: contour (um), fiber, crosslink; each (2 X,)."""
    start = np.cumsum(network.lengths) - network.lengths
    segment = network.crosslinks.T.ravel().astype(np.int64)
    place = start[segment] + network.crosslink_at.T.ravel() * network.lengths[segment]
    owner = network.segment_fiber[segment].astype(np.int64)
    order = np.lexsort((place, owner))
    return place[order], owner[order], order % len(network.crosslinks)
