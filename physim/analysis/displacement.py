"""How a network has moved around a cell, how far that reaches, and how strongly and in which direction it is pulled.

Distances are to where nodes were in the stress-free state, displacements as of `mechanics.displacement`. Nodes lie
evenly along fibers, so that a mean over nodes is one over length of fiber. Observables of experiments REM-1 and REM-3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physim.analysis.alignment import ascending, over
from physim.analysis.mechanics import displacement
from physim.errors import InputError
from physim.generate.fiber_network import FiberNetwork

Points = NDArray[np.float64]
_SECTORS = 60
"""Directions that the bootstrap draws from: each holds several mesh sizes a few cell radii away."""


@dataclass(frozen=True)
class RadialField:
    """Mean displacement in B shells about a point; nan in a shell without nodes."""

    edges: Points
    """(B + 1,) um."""
    radius: Points
    """(B,) um, mean distance of the nodes of each shell."""
    radial: Points
    """(B,) um, mean of u . r/|r|: below 0 toward the point, as around a cell that contracts."""
    size: Points
    """(B,) um, mean of |u|, in which all directions count."""
    nodes: NDArray[np.int64]
    """(B,) how many."""


@dataclass(frozen=True)
class Decay:
    """u_r = coefficient (r/um)^exponent, fitted to the means of shells."""

    exponent: float
    interval: tuple[float, float]
    """95 % of the exponent."""
    coefficient: float
    """um, with the sign of u_r."""
    shells: int
    """Used: those with nodes and with this sign."""

    def at(self, radius: ArrayLike) -> Points:
        """u_r of the fit, um, at distances in um."""
        fitted: Points = self.coefficient * np.asarray(radius, float) ** self.exponent
        return fitted


@dataclass(frozen=True)
class Contraction:
    """How forces pull together. `contractility` is in nN, `epicenter` (3,) in um; `axis` (3,) is a unit vector."""

    contractility: float
    epicenter: Points
    polarity: float
    """Share of the contractility along `axis`: 1/3 from all sides alike, 1 for a dipole."""
    axis: Points


def radial_field(network: FiberNetwork, nodes: ArrayLike, center: ArrayLike, edges: ArrayLike) -> RadialField:
    """Displacement of the nodes (N, 3), um, in shells about a point. Raises InputError for edges that do not ascend."""
    radii = ascending(edges)
    distance, moved, unit = _around(network, nodes, center)
    shell = np.searchsorted(radii, distance, side="right") - 1
    inside = (shell >= 0) & (shell < len(radii) - 1)
    shell, count = shell[inside], np.bincount(shell[inside], minlength=len(radii) - 1)
    mean = lambda of: over(np.bincount(shell, of[inside], len(count)), count)  # noqa: E731
    radial, size = (moved * unit).sum(1), np.sqrt((moved**2).sum(1))
    return RadialField(radii, mean(distance), mean(radial), mean(size), count)


def decay(network: FiberNetwork, nodes: ArrayLike, center: ArrayLike, edges: ArrayLike, *, samples: int = 1000,
          seed: int = 0) -> Decay:  # fmt: skip
    """The exponent by which u_r falls with distance: slope of log |mean u_r| against log r over shells.

    Least squares, all shells alike. In a linear medium about a contracting sphere it is -2; a medium that buckles
    carries it farther. The interval is a bootstrap over sectors of the solid angle, since neighbouring nodes move
    together. Shells without nodes, or of the other sign than the strongest, are left out. Held faces force u to 0: end
    well before them. Raises InputError for edges that do not ascend, or if fewer than three shells are left.
    """
    radii = ascending(edges)
    distance, moved, unit = _around(network, nodes, center)
    shells = len(radii) - 1
    shell = np.searchsorted(radii, distance, side="right") - 1
    inside = (shell >= 0) & (shell < shells)
    place = np.argmax(unit[inside] @ _directions(_SECTORS).T, axis=1) * shells + shell[inside]
    sums = np.array([
        np.bincount(place, of, _SECTORS * shells).reshape(_SECTORS, shells)
        for of in (np.ones(len(place)), distance[inside], (moved * unit).sum(1)[inside])
    ])  # fmt: skip
    exponent, coefficient, used = _power_law(*sums.sum(axis=1))
    if used < 3:
        raise InputError(f"edges: only {used} shells have nodes that move to the same side; give wider or more shells")
    random = np.random.Generator(np.random.Philox(seed))
    drawn = random.multinomial(_SECTORS, np.full(_SECTORS, 1 / _SECTORS), size=samples) @ sums
    found = [_power_law(*one)[0] for one in drawn.swapaxes(0, 1)]
    low, high = np.nanquantile(found, [0.025, 0.975])
    return Decay(exponent, (float(low), float(high)), coefficient, used)


def contraction(points: ArrayLike, forces: ArrayLike) -> Contraction:
    """Contractility, epicenter and polarity of forces (n, 3), nN, on a medium at `points` (n, 3), um.

    The epicenter c is the point nearest to the lines of all forces, by least squares of |f| times distance:
    [sum f^2 1 - f f^T] c = sum f^2 x - f (f . x). With n = (c - x)/|c - x|, the contractility is sum n . f, and the
    polarity is the largest eigenvalue of the symmetric part of sum n f^T over its trace, which is the contractility.
    Where all lines are parallel, c is the point on them nearest to the middle of the points, weighted by |f|.
    Of forces on nodes, leave out those of anchors. Nothing is defined (nan) without forces. Source: Steinwachs et al.,
    Nat. Methods 13:171, 2016, and its software (contractility, epicenter); Koch et al., PLoS ONE 7:e33476, 2012.
    """
    x, f = np.asarray(points, float).reshape(-1, 3), np.asarray(forces, float).reshape(-1, 3)
    if x.shape != f.shape:
        raise InputError(f"forces: {len(f)} forces at {len(x)} points; give one for each")
    strength = np.sqrt((f**2).sum(1))
    if not strength.sum() > 0:
        return Contraction(0.0, np.full(3, np.nan), float("nan"), np.full(3, np.nan))
    middle = (strength[:, None] * x).sum(0) / strength.sum()
    x = x - middle
    square = (strength**2).sum() * np.eye(3) - f.T @ f
    target = ((strength**2)[:, None] * x - (f * x).sum(1)[:, None] * f).sum(0)
    center = np.linalg.pinv(square, rcond=1e-9, hermitian=True) @ target
    to_center = center - x
    far = np.sqrt((to_center**2).sum(1))
    apart = far[:, None] > 1e-12 * max(far.max(), 1.0)  # a force at the epicenter points nowhere
    inward = np.divide(to_center, far[:, None], out=np.zeros_like(x), where=apart)
    pull = inward.T @ f
    values, vectors = np.linalg.eigh(0.5 * (pull + pull.T))
    total = float(np.trace(pull))
    share = float(values[-1]) / total if total > 0 else float("nan")
    return Contraction(total, middle + center, share, vectors[:, -1])


def link_forces(links: Mapping[str, Points], cell: int | None = None) -> tuple[Points, Points]:
    """Where the links of a snapshot hold fibers (n, 3), um, and pull there toward their cell (n, 3), nN.

    `cell` is the id of one cell; by default the links of all. For `contraction`.
    """
    here = np.ones(len(links["cell_id"]), bool) if cell is None else links["cell_id"] == cell
    point, centre = (np.asarray(links[name], float)[here] for name in ("point", "cell_position"))
    arm = centre - point
    length = np.sqrt((arm**2).sum(1, keepdims=True))
    return point, links["tension"][here, None] * np.divide(arm, length, out=np.zeros_like(arm), where=length > 0)


def _around(network: FiberNetwork, nodes: ArrayLike, center: ArrayLike) -> tuple[Points, Points, Points]:
    """Of all nodes: distance (N,) to a point, displacement (N, 3), um, and direction from the point (N, 3)."""
    offset = network.box.image(network.nodes - np.asarray(center, float))
    distance = np.sqrt((offset**2).sum(1))
    unit = np.divide(offset, distance[:, None], out=np.zeros_like(offset), where=distance[:, None] > 0)
    return distance, displacement(network, nodes), unit


def _power_law(count: Points, distance: Points, radial: Points) -> tuple[float, float, int]:
    """Exponent, coefficient and number of shells, of the sums over the nodes of each shell; nan of fewer than two."""
    mean, radius = over(radial, count), over(distance, count)
    if not np.isfinite(mean).any():
        return float("nan"), float("nan"), 0
    sign = np.sign(mean[np.nanargmax(np.abs(mean))])
    used = sign * mean > 0
    if used.sum() < 2:
        return float("nan"), float("nan"), int(used.sum())
    slope, level = np.polyfit(np.log(radius[used]), np.log(sign * mean[used]), 1)
    return float(slope), float(sign * np.exp(level)), int(used.sum())


def _directions(count: int) -> Points:
    """(count, 3) unit vectors spread evenly over the sphere: a Fibonacci lattice."""
    k = np.arange(count) + 0.5
    height, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    flat = np.sqrt(1 - height**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)

