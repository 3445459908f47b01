"""What a cell has left along its path: how empty, how wide, how long, and how fibers are ordered around it.

A path is a polyline (K, 3) of places that a cell has been to, um, such as a cell's rows of `migration.Trajectories`,
joined the short way where the box is periodic. Distances are to the path's nearest point, and "along" is along the path
there. Measure the same path before, during and after the passage, and a path where no cell went: until they are
compared, pores are tunnels, too. Fibers are taken at their axes; the bundle diameter is a choice of coarse graining.
Observables of experiments TRK-2 and TRK-3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physim.analysis.alignment import ascending, over
from physim.analysis.network import DistanceField
from physim.errors import InputError
from physim.generate.fiber_network import Box, FiberNetwork

Points = NDArray[np.float64]
_PIECE = 0.5
"""um; segments are cut into pieces of at most this length, each of which counts where its middle is."""


@dataclass(frozen=True)
class BorderProfile:
    """Fibers by their distance from a path, in B shells between B + 1 edges (um)."""

    edges: Points
    density: Points
    """(B,) um of fiber per um^3 of the shell that lies in the box."""
    order: Points
    """(B,) <(3 cos^2 - 1)/2>, cos between fiber and path: 1 along it, 0 isotropic, -1/2 across; nan without fibers."""
    length: Points
    """(B,) um of fiber."""


class Path:
    """A polyline in a box, and what is nearest to it. Raises InputError for fewer than two places, or all the same."""

    def __init__(self, box: Box, places: ArrayLike) -> None:
        points = np.asarray(places, float)
        if points.ndim != 2 or points.shape[1] != 3 or len(points) < 2 or not np.isfinite(points).all():
            raise InputError(f"path: shape {points.shape}; give at least two places (K, 3), um, all of them numbers")
        step = box.image(np.diff(points, axis=0))
        size = np.linalg.norm(step, axis=1)
        if not size.sum() > 0:
            raise InputError("path: all its places are the same; give a path of a cell that has moved")
        self.box, self.length = box, float(size.sum())
        whole = points[0] + np.concatenate([np.zeros((1, 3)), np.cumsum(step, axis=0)])[np.r_[True, size > 0]]
        parts = np.maximum(np.ceil(size[size > 0] / _PIECE), 1).astype(int)
        at = np.concatenate([(np.arange(n) / n)[:, None] * (b - a) + a
                             for n, a, b in zip(parts, whole[:-1], whole[1:], strict=True)])  # fmt: skip
        self.places: Points = np.concatenate([at, whole[-1:]])
        """(P, 3) um, at most half a um apart."""
        self._vectors = np.diff(self.places, axis=0)
        self._tree = box.tree(self.places)

    def nearest(self, points: Points) -> tuple[Points, Points]:
        """Distance (n,) of points (n, 3) to the path, um, and its direction (n, 3) at the nearest point."""
        _, place = self._tree.query(self.box.tree_points(points))
        best, along = np.full(len(points), np.inf), np.zeros((len(points), 3))
        for piece in (np.maximum(place - 1, 0), np.minimum(place, len(self._vectors) - 1)):
            vector = self._vectors[piece]
            offset = self.box.image(points - self.places[piece])
            share = np.clip((offset * vector).sum(1) / (vector**2).sum(1), 0.0, 1.0)
            distance = np.linalg.norm(offset - share[:, None] * vector, axis=1)
            nearer = distance < best
            best[nearer] = distance[nearer]
            along[nearer] = (vector / np.linalg.norm(vector, axis=1, keepdims=True))[nearer]
        return best, along

    def around(self, reach: float, samples: int, seed: int) -> tuple[Points, float]:
        """Random points (n, 3) in the box, evenly in all that is within `reach` um of the path, and um^3 for each."""
        box, periodic = self.box, np.asarray(self.box.periodic)
        low = np.where(periodic, box.lower, np.maximum(box.lower, self.places.min(0) - reach))
        high = np.where(periodic, box.upper, np.minimum(box.upper, self.places.max(0) + reach))
        if not (high > low).all():
            raise InputError("path: it lies outside the box of the network; give places in um, in the frame of the run")
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, 0x70617468))))
        points = low + random.random((samples, 3)) * (high - low)
        return points[self.nearest(points)[0] <= reach], float(np.prod(high - low)) / samples


def void_fraction(network: FiberNetwork, path: ArrayLike, within: float = 4.0, clearance: float = 2.5, *,
                  samples: int = 100_000, seed: int = 0) -> float:  # fmt: skip
    """Share of the volume within `within` um of a path in which no fiber is nearer than `clearance` um.

    The default clearance is half the width of the narrowest tunnel that is published (5 um). For straight lines at
    random it is exp(-pi rho clearance^2). nan where nothing of it lies in the box.
    """
    points, _ = Path(network.box, path).around(within, samples, seed)
    return float((_clearance(network, points) > clearance).mean()) if len(points) else float("nan")


def widths(network: FiberNetwork, path: ArrayLike) -> tuple[Points, Points]:
    """Where along a path (P,), um, and how wide it is there (P,), um: the sphere around that place that meets no fiber.

    The mean of 2 r over a line that no cell has taken is the pore (a), `network.nearest_obstacle_pore`.
    """
    places = Path(network.box, path).places
    step = np.linalg.norm(np.diff(places, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(step)]), 2.0 * _clearance(network, places)


def tunnel_length(network: FiberNetwork, path: ArrayLike, width: float = 5.0) -> float:
    """um of a path that are at least `width` um wide, see `widths`."""
    along, wide = widths(network, path)
    share = np.where(wide >= width, 1.0, 0.0)
    return float((np.diff(along) * 0.5 * (share[1:] + share[:-1])).sum())


def fiber_near(network: FiberNetwork, path: ArrayLike, within: float = 4.0) -> float:
    """um of fiber within `within` um of a path. What it was before less what it is now was cut or pushed away."""
    return float(lengths_near(network, path, within).sum())


def lengths_near(network: FiberNetwork, path: ArrayLike, within: float = 4.0) -> Points:
    """(M,) um of each segment within `within` um of a path."""
    pieces = _Pieces(network)
    near = pieces.length * (Path(network.box, path).nearest(pieces.middle)[0] < within)
    return np.asarray(np.bincount(pieces.owner, near, len(network.segments)), float)


def border_profile(network: FiberNetwork, path: ArrayLike, edges: ArrayLike, *, samples: int = 200_000, seed: int = 0,
                   ) -> BorderProfile:  # fmt: skip
    """Density and order of fibers against the distance from a path, in shells.

    Segments are cut into pieces of at most 0.5 um, which count where their middles are. The volume of a shell in the
    box is found by `samples` random points. Raises InputError for edges that do not ascend.
    """
    radii, line, pieces = ascending(edges), Path(network.box, path), _Pieces(network)
    distance, along = line.nearest(pieces.middle)
    square = pieces.length * (pieces.direction * along).sum(1) ** 2
    length, squares = (np.histogram(distance, radii, weights=w)[0] for w in (pieces.length, square))
    points, volume_each = line.around(float(radii[-1]), samples, seed)
    volume = np.histogram(line.nearest(points)[0], radii)[0] * volume_each
    return BorderProfile(radii, over(length, volume), 1.5 * over(squares, length) - 0.5, length)


def usable(path: ArrayLike, margin: float) -> Points:
    """The places of a path (K, 3) that are farther than `margin` um from its first and from its last one.

    Gel is carved out around a cell where it starts, and pressed by it where it is: neither is what its passage leaves.
    """
    places = np.asarray(path, float)
    apart = [np.linalg.norm(places - end, axis=1) for end in (places[0], places[-1])]
    return places[np.minimum(*apart) > margin]


class _Pieces:
    """Segments in pieces of at most 0.5 um: owner (n,), middle (n, 3), length (n,) um, direction (n, 3)."""

    def __init__(self, network: FiberNetwork) -> None:
        parts = np.maximum(np.ceil(network.lengths / _PIECE), 1).astype(int)
        self.owner = owner = np.repeat(np.arange(len(parts)), parts)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(parts) - parts, parts)
        begin = network.nodes[network.segments[:, 0]][owner]
        self.middle = begin + ((number + 0.5) / parts[owner])[:, None] * network.vectors[owner]
        self.length = (network.lengths / parts)[owner]
        self.direction = (network.vectors / network.lengths[:, None])[owner]


def _clearance(network: FiberNetwork, points: Points) -> Points:
    """(n,) um from points (n, 3) to the nearest fiber axis; infinite where there is no fiber."""
    return DistanceField(network)(points) if len(network.segments) else np.full(len(points), np.inf)
