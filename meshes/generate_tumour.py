"""A network like that of a tumor: random, tortuous, with loops, of changing width. Made branch by branch.

Nodes are thrown at random. Pairs that Delaunay's triangulation makes neighbors are joined in random order, where the
new branch leaves both nodes at a wide angle to those there and keeps its distance from all others. They grow beyond the
sides of the box and are cut there, as those of an image are; what ends blindly within it is taken away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay

from physim.errors import InputError
from physim.meshes.centerlines import Centerlines, chains, joined
from physim.meshes.parted import parted

Points = NDArray[np.float64]
Ids = NDArray[np.int64]
WIDEST_COSINE = 0.4
"""Of the angle (66 degrees) between branches that meet; narrower ones would fuse for a long way."""
MOST_AT_NODE = 3
STRAIGHT = 10.0
"""um, the scale over which bends begin at a node: what lies between two branches there must open steadily."""
BEND = 1.3
"""Radii of a vessel: bends are no tighter, or they would enclose tissue."""
GAP = 4.0
"""um of tissue at least between vessels that do not meet."""
_SPACING, _TRIES = 3.0, 3


def tumour(*, size: tuple[float, float, float] = (450.0, 450.0, 70.0), apart: float = 49.0, radius: float = 5.5,
           spread: float = 0.35, tortuosity: float = 0.15, loops: float = 0.5, seed: int = 0) -> Centerlines:
    """A network in a box of `size` um, one connected component.

    Rat mammary carcinoma R3230AC: capillaries are a nonplanar meshwork of segments of 67 um (mean) and 10 um in
    diameter, 49 um apart (Less, Skalak, Sevick & Jain, Cancer Res 51:265, 1991): `apart` and `radius` are from there;
    the latter is the median of what is tried, and 1.1 times that of the network, as thick vessels find room less often.
    Choices without a source: `spread`, the standard deviation of ln R between branches (along them it is
    0.4 of that); `tortuosity`, the amplitude of bends over the length of a branch, which makes paths 1.1 to 1.3 times
    as long as the way straight on; `loops`, the share of branches that could close a loop and do. Raises InputError
    for a box that holds no network.
    """
    box = np.array(size, float)
    values = {"apart": apart, "radius": radius, "size": float(box.min(initial=1.0))}
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise InputError(f"{name}: {value:g}; give a length above 0 (um)")
    if not (0 <= spread <= 1 and 0 <= tortuosity <= 0.3 and 0 <= loops <= 1):
        raise InputError(f"spread {spread:g}, tortuosity {tortuosity:g}, loops {loops:g}: give 0..1, 0..0.3 and 0..1")
    if apart < 4 * radius or box.prod() > 2e4 * apart**3:
        raise InputError(f"apart: {apart:g} um in a box of {box.tolist()} um with vessels of {radius:g} um radius; "
                         "give at least four radii, and a box of at most 20,000 such cubes")  # fmt: skip
    random = np.random.Generator(np.random.Philox(seed))
    beyond = apart * np.array([1.0, 1.0, 0.0])
    grown = _Growth(_scattered(box + 2 * beyond, apart, random) - beyond, spread, tortuosity, random)
    for one, two in _candidates(grown.places, 2.2 * apart, random):
        if grown.group(one) != grown.group(two) or random.random() < loops:
            wide = radius * float(np.exp(np.clip(random.normal(0, spread), -2 * spread, 2 * spread)))
            for _ in range(_TRIES):
                if grown.try_branch(one, two, wide):
                    break
    edges = _without_blind_ends(grown, grown.cut(box))
    if not len(edges):
        raise InputError(f"tumour: a box of {box.tolist()} um holds no network of vessels {apart:g} um apart; "
                         "give a larger box, or another seed")  # fmt: skip
    return parted(_smoothed(grown, edges), 0.5 * GAP)


def _scattered(box: Points, apart: float, random: np.random.Generator) -> Points:
    """Places in the box, none nearer to another than 0.65 apart, as many as go in easily."""
    kept = np.zeros((0, 3))
    for place in random.uniform(0, box, (int(12 * box.prod() / apart**3) + 50, 3)):
        if not len(kept) or np.linalg.norm(kept - place, axis=1).min() > 0.65 * apart:
            kept = np.concatenate([kept, place[None]])
    return kept


def _candidates(places: Points, longest: float, random: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of neighbors in random order, short ones rather sooner."""
    if len(places) < 5:
        return []
    simplices = Delaunay(places).simplices
    pairs = np.concatenate([simplices[:, [a, b]] for a in range(4) for b in range(a)])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    length = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    pairs, length = pairs[length < longest], length[length < longest]
    order = np.argsort(length * random.uniform(0.5, 1.0, len(length)), kind="stable")
    return [(int(a), int(b)) for a, b in pairs[order]]


@dataclass
class _Growth:
    """Branches so far."""

    places: Points
    spread: float
    tortuosity: float
    random: np.random.Generator
    course: dict[tuple[int, int], Points] = field(default_factory=dict)
    wide: dict[tuple[int, int], float] = field(default_factory=dict)
    leaves: dict[int, list[Points]] = field(default_factory=dict)
    """Directions in which branches leave each node."""
    parent: dict[int, int] = field(default_factory=dict)
    boxes: Points = field(default_factory=lambda: np.zeros((0, 2, 3)))
    """(branches, 2, 3) um, the least and the largest place in each, with its width."""

    def group(self, node: int) -> int:
        while (above := self.parent.get(node, node)) != node:
            node = above
        return node

    def try_branch(self, one: int, two: int, wide: float) -> bool:
        """A branch between two nodes, unless it comes too close to another one or bends too tightly."""
        if max(len(self.leaves.get(node, ())) for node in (one, two)) >= MOST_AT_NODE:
            return False
        points = self._bent(self.places[one], self.places[two])
        out = [(points[a] - points[b]) / np.linalg.norm(points[a] - points[b]) for a, b in ((3, 0), (-4, -1))]
        for node, way in zip((one, two), out, strict=True):
            if any(way @ other > WIDEST_COSINE for other in self.leaves.get(node, [])):
                return False
        if _tightest(points) < BEND * wide:
            return False
        if any(self._touches(pair, (one, two), points, wide) for pair in self._near(points, wide)):
            return False
        self.boxes = np.concatenate([self.boxes, [[points.min(0) - wide, points.max(0) + wide]]])
        self.course[one, two], self.wide[one, two] = points, wide
        for node, way in zip((one, two), out, strict=True):
            self.leaves.setdefault(node, []).append(way)
        self.parent[self.group(one)] = self.group(two)
        return True

    def _bent(self, begin: Points, end: Points) -> Points:
        """Points from one place to another, with bends of one to three half waves in random directions."""
        length = float(np.linalg.norm(end - begin))
        share = np.linspace(0, 1, int(np.ceil(length / _SPACING)) + 6)
        aside = sum(np.sin(np.pi * k * share)[:, None] * self.random.normal(0, self.tortuosity * length / k, 3)
                    for k in (1, 2, 3))  # fmt: skip
        aside *= np.clip(length * np.minimum(share, 1 - share) / STRAIGHT - 0.5, 0, 1)[:, None]
        aside = gaussian_filter1d(aside, 1.5, axis=0, mode="constant")
        aside[[0, -1]] = 0.0
        along = (end - begin) / length
        return np.asarray(begin + share[:, None] * (end - begin) + aside - (aside @ along)[:, None] * along, np.float64)

    def _near(self, points: Points, wide: float) -> list[tuple[int, int]]:
        """Branches that may be too close to these points."""
        room = 1.3 * wide + GAP + 0.3 * max(self.wide.values(), default=0.0)
        apart = (self.boxes[:, 0] > points.max(0) + room) | (self.boxes[:, 1] < points.min(0) - room)
        pairs = list(self.course)
        return [pairs[k] for k in np.flatnonzero(~apart.any(axis=1))]

    def _touches(self, pair: tuple[int, int], own: tuple[int, int], points: Points, wide: float) -> bool:
        """Whether points are too close to those of a branch. Where both end at a node they may be, next to it."""
        other, gap = self.course[pair], 1.3 * (wide + self.wide[pair]) + GAP
        distance = np.linalg.norm(points[:, None] - other[None], axis=2)
        for node in set(pair) & set(own):
            for line, far in ((points, distance.min(axis=1)), (other, distance.min(axis=0))):
                order = np.argsort(np.linalg.norm(line - self.places[node], axis=1), kind="stable")
                off, far = np.linalg.norm(line[order] - self.places[node], axis=1), far[order]
                parted = int(np.argmax(far >= gap))
                if far[parted] < gap or off[parted] > 1.6 * gap or (far[parted:] < gap).any():
                    return True
                if (np.diff(far[: parted + 1]) < 0).any():  # closer again before they have parted
                    return True
            return False
        return bool((distance < gap).any())


    def cut(self, box: Points) -> set[int]:
        """Cut branches at the sides of the box in x and y; the nodes that this makes.

        Stumps are dropped, and of branches that would have met outside all but one, as they may overlap where they end.
        """
        ends: set[int] = set()
        outside: set[int] = set()
        for pair in list(self.course):
            course, wide = self.course.pop(pair), self.wide.pop(pair)
            inside = np.asarray(((course >= 0) & (course <= box))[:, :2].all(axis=1), np.bool_)
            if inside[-1] and not inside[0]:
                pair, course, inside = pair[::-1], course[::-1], inside[::-1]
            if not inside[0]:
                continue
            if not inside[-1]:
                course = course[: int(np.argmin(inside))]
                if len(course) < 4 or np.linalg.norm(course[-1] - course[0]) < 3 * wide or pair[1] in outside:
                    continue
                outside.add(pair[1])
                ends.add(len(self.places))
                pair = pair[0], len(self.places)
                self.places = np.concatenate([self.places, course[-1:]])
            self.course[pair], self.wide[pair] = course, wide
        return ends


def _tightest(points: Points) -> float:
    """um, the least radius of curvature |r'|^3/|r' x r''| along points."""
    slope = np.gradient(points, axis=0)
    bend = np.gradient(slope, axis=0)
    turning = np.linalg.norm(np.cross(slope, bend), axis=1) / np.linalg.norm(slope, axis=1) ** 3
    return float(1 / max(turning.max(), 1e-9))


def _without_blind_ends(grown: _Growth, ends: set[int]) -> Ids:
    """Edges of the largest component, without those that end blindly elsewhere than at the sides of the box."""
    edges, count = np.array(list(grown.course), np.int64).reshape(-1, 2), len(grown.places)
    while len(edges):
        degree = np.bincount(edges.ravel(), minlength=count)
        degree[list(ends)] = 2
        blind = (degree == 1)[edges].any(axis=1)
        if not blind.any():
            graph = coo_array((np.ones(len(edges)), edges.T), shape=(count, count))
            component = connected_components(graph, directed=False)[1][edges[:, 0]]
            return edges[component == np.bincount(component).argmax()]
        edges = edges[~blind]
    return edges


def _smoothed(grown: _Growth, edges: Ids) -> Centerlines:
    """Branches from fork to fork, rounded where edges meet; their widths change smoothly, and by some along the way."""
    lines, ends = [], []
    for chain in chains(edges):
        points, wide = list[Points](), list[Points]()
        for a, b in pairwise(chain):
            pair = (a, b) if (a, b) in grown.course else (b, a)
            course = grown.course[pair] if pair == (a, b) else grown.course[pair][::-1]
            points.append(course if not points else course[1:])
            wide.append(np.full(len(points[-1]), grown.wide[pair]))
        course, thick = np.concatenate(points), np.concatenate(wide)
        sigma = 0.8 * float(np.median(thick)) / _SPACING
        reach = min(int(4 * sigma) + 1, len(course) - 1)
        longer = np.pad(course, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
        course[1:-1] = gaussian_filter1d(longer, sigma, axis=0)[reach + 1 : -reach - 1]
        along = gaussian_filter1d(grown.random.normal(0, 1, len(thick) + 24), 4.0)[12:-12]
        thick = np.exp(gaussian_filter1d(np.log(thick), 4.0, mode="nearest") + 0.4 * grown.spread * along)
        lines.append((course, thick))
        ends.append((chain[0], chain[-1]))
    return joined(lines, ends)
