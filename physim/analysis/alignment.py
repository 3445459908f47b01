"""How fibers are ordered: the nematic tensor, of all fibers or about a place; radial and axial order, and density.

All averages are over length of fiber, exact for straight segments: what lies inside a shell counts, by its length, also
where a segment passes through. `network` is the state to be measured; `mechanics.deformed` makes it of moved nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physim.errors import InputError
from physim.generate.fiber_network import FiberNetwork

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """A measure in B shells between B + 1 edges (um)."""

    edges: Points
    value: Points
    """(B,), nan in a shell without fibers."""
    length: Points
    """(B,) um of fiber in each shell: the weight of its value."""

    @property
    def radius(self) -> Points:
        """(B,) um, the middle of each shell."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])


def nematic_tensor(network: FiberNetwork, weights: Points | None = None) -> Points:
    """Q = <3 t t - 1>/2 (3, 3) over the tangents t, weighted by length, or by (M,) `weights`; nan without weight."""
    weight = network.lengths if weights is None else np.asarray(weights, float)
    if not weight.sum() > 0:
        return np.full((3, 3), np.nan)
    tangent = network.vectors / network.lengths[:, None]
    q: Points = 1.5 * (tangent * (weight / weight.sum())[:, None]).T @ tangent - 0.5 * np.eye(3)
    return q


def order_and_director(tensor: Points) -> tuple[float, Points]:
    """S, the largest eigenvalue of a nematic tensor, and its vector (3,), whose largest component is positive.

    S is 0 for isotropic and 1 for parallel fibers. As the largest of three eigenvalues, it is about F^-1/2 by chance
    alone for F fibers.
    """
    if not np.isfinite(tensor).all():
        return float("nan"), np.full(3, np.nan)
    values, vectors = np.linalg.eigh(tensor)
    director = vectors[:, -1]
    return float(values[-1]), director * (1.0 if director[np.argmax(np.abs(director))] > 0 else -1.0)


def local_order(network: FiberNetwork, center: ArrayLike, outer: float, inner: float = 0.0) -> tuple[float, Points]:
    """S and director (3,) of the fibers in the shell (or ball, the window) `inner` to `outer` um from a point.

    nan without fibers there. Raises InputError for radii that do not ascend.
    """
    inside = _length_within(network, center, ascending([inner, outer]))
    return order_and_director(nematic_tensor(network, inside[1] - inside[0]))


def radial_order(network: FiberNetwork, center: ArrayLike, edges: ArrayLike) -> Profile:
    """A(r) = <(3 cos^2 - 1)/2> in shells about a point, cos between fiber and radius: the 3D radial order.

    1 radial (TACS-3), 0 isotropic, -1/2 tangential (TACS-2). The mean of cos^2 over the part of a segment inside a
    sphere is integrated: with s the place along it from where it passes the center at distance h,
    cos^2 = s^2/(s^2 + h^2), whose integral is s - h atan(s/h). Raises InputError for edges that do not ascend.
    """
    radii = ascending(edges)
    offset, along = _from_point(network, center)
    miss = np.sqrt(np.maximum((offset**2).sum(1) - along**2, 0.0))
    ends = along[:, None] + 0.5 * network.lengths[:, None] * [-1, 1]
    length, square = [], []
    for radius in radii:
        half = np.sqrt(np.maximum(radius**2 - miss**2, 0.0))[:, None]
        s = np.clip(ends, -half, half)
        angle = np.arctan2(s, np.where(miss > 0, miss, 1.0)[:, None])
        length.append((s[:, 1] - s[:, 0]).sum())
        square.append(length[-1] - (miss * (angle[:, 1] - angle[:, 0])).sum())
    return _profile(radii, np.array(length), np.array(square))


def axial_order(network: FiberNetwork, point: ArrayLike, axis: ArrayLike, edges: ArrayLike) -> Profile:
    """A(d) = <(3 cos^2 - 1)/2> by the distance d (um) from the line through `point` along `axis`; cos to the axis.

    1 along it, 0 isotropic, -1/2 across. Raises InputError for an axis without length, edges that do not ascend.
    """
    radii, direction = ascending(edges), np.asarray(axis, float)
    if not np.linalg.norm(direction) > 0:
        raise InputError(f"axis: {direction.tolist()} has no direction; give a vector")
    direction = direction / np.linalg.norm(direction)
    offset = network.box.image(network.midpoints - np.asarray(point, float))
    flat = lambda v: v - (v @ direction)[:, None] * direction  # noqa: E731
    across, square = flat(network.vectors), (network.vectors @ direction / network.lengths) ** 2
    inside = network.lengths * _shares(flat(offset), across, radii)
    return _profile(radii, inside.sum(1), (inside * square).sum(1))


def density_profile(network: FiberNetwork, center: ArrayLike, edges: ArrayLike) -> Profile:
    """um of fiber per um^3 in shells about a point.

    Raises InputError for edges that do not ascend, or that reach out of the box or beyond half a periodic one, where
    shells are not whole.
    """
    radii, box, middle = ascending(edges), network.box, np.asarray(center, float)
    room = np.where(box.periodic, 0.5 * box.size, np.minimum(middle - box.lower, box.upper - middle))
    if radii[-1] > room.min() + 1e-9:
        raise InputError(f"edges: {radii[-1]:g} um is beyond the nearest face, {room.min():g} um away; end there")
    length = np.diff(_length_within(network, middle, radii).sum(1))
    return Profile(radii, length / (4 / 3 * np.pi * np.diff(radii**3)), length)


def _profile(edges: Points, length: Points, square: Points) -> Profile:
    """Order in shells, from the length and the integral of cos^2 within each edge."""
    length, square = np.diff(length), np.diff(square)
    mean = np.divide(square, length, out=np.full(len(length), np.nan), where=length > 1e-12)
    return Profile(edges, 1.5 * mean - 0.5, length)


def ascending(edges: ArrayLike) -> Points:
    """Edges of shells, um, as an array. Raises InputError if they do not ascend from 0 or more."""
    radii = np.asarray(edges, float)
    shells = radii.ndim == 1 and len(radii) > 1 and np.isfinite(radii).all()
    if not (shells and radii[0] >= 0 and (np.diff(radii) > 0).all()):
        raise InputError(f"edges: {np.array2string(radii, threshold=6)} must be radii that ascend from 0 or more, um")
    return radii


def over(total: ArrayLike, count: ArrayLike) -> Points:
    """total/count in each of B shells; nan where the count is 0."""
    sums, number = np.asarray(total, float), np.asarray(count, float)
    return np.divide(sums, number, out=np.full(len(number), np.nan), where=number > 0)


def _from_point(network: FiberNetwork, center: ArrayLike) -> tuple[Points, Points]:
    """From a point to the middle of each segment (M, 3), and how far along the segment that is (M,); um."""
    offset = network.box.image(network.midpoints - np.asarray(center, float))
    return offset, (offset * network.vectors).sum(1) / network.lengths


def _length_within(network: FiberNetwork, center: ArrayLike, radii: Points) -> Points:
    """(B + 1, M) um of each segment inside spheres of the given radii about a point."""
    offset, _ = _from_point(network, center)
    return network.lengths * _shares(offset, network.vectors, radii)


def _shares(offset: Points, vector: Points, radii: Points) -> Points:
    """(B + 1, M) which share of a segment offset + t vector, |t| <= 1/2, has at most these lengths."""
    square, slope = (vector**2).sum(1), (offset * vector).sum(1)
    crosses = square > 1e-18
    safe = np.where(crosses, square, 1.0)
    nearest = (offset**2).sum(1) - slope**2 / safe
    shares = []
    for radius in radii:
        half = np.sqrt(np.maximum(radius**2 - nearest, 0.0) / safe)
        begin, end = (np.clip(-slope / safe + sign * half, -0.5, 0.5) for sign in (-1, 1))
        shares.append(np.where(crosses, end - begin, (offset**2).sum(1) <= radius**2))
    return np.array(shares)
