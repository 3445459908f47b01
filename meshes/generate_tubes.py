"""Vessels of a simple shape: a tube, a bifurcation by Murray's law, a tube with a constriction."""

from __future__ import annotations

import numpy as np

from physim.errors import InputError
from physim.meshes.centerlines import Centerlines, joined, straight


def tube(*, length: float = 300.0, radius: float = 8.0) -> Centerlines:
    """A straight tube along x. Lengths in um; raises InputError where they are not above 0."""
    _check(length=length, radius=radius)
    return joined([straight(np.zeros(3), np.array([length, 0, 0]), (radius, radius), _spacing(radius))], [(0, 1)])


def bifurcation(*, radius: float = 10.0, length: float = 120.0, asymmetry: float = 1.0) -> Centerlines:
    """A vessel along x that forks in a plane, into two of the same length; um.

    Murray's law: r0^3 = r1^3 + r2^3, with r2 = asymmetry r1, and the angles to the parent

        cos t1 = (r0^4 + r1^4 - r2^4)/(2 r0^2 r1^2),   cos t2 = (r0^4 + r2^4 - r1^4)/(2 r0^2 r2^2)

    (37.5 degrees each where they are alike). Sources: Murray, PNAS 12:207 (1926); J Gen Physiol 9:835 (1926), recalled.
    Raises InputError for lengths that are not above 0, or an asymmetry not in (0, 1].
    """
    _check(length=length, radius=radius, asymmetry=asymmetry)
    if asymmetry > 1:
        raise InputError(f"asymmetry: {asymmetry:g} is above 1; give the smaller daughter over the larger one")
    one = radius * (1 + asymmetry**3) ** (-1 / 3)
    two = asymmetry * one
    fork = np.array([length, 0.0, 0.0])
    lines = [straight(np.zeros(3), fork, (radius, radius), _spacing(two))]
    for own, other, sign in ((one, two, 1), (two, one, -1)):
        cosine = (radius**4 + own**4 - other**4) / (2 * radius**2 * own**2)
        onward = np.array([cosine, sign * np.sqrt(1 - cosine**2), 0.0])
        lines.append(straight(fork, fork + length * onward, (own, own), _spacing(two)))
    return joined(lines, [(0, 1), (1, 2), (1, 3)])


def constriction(*, radius: float = 12.0, narrow: float = 3.5, length: float = 40.0, taper: float = 40.0,
                 ends: float = 80.0) -> Centerlines:  # fmt: skip
    """A tube along x that narrows to `narrow` over `taper`, stays so for `length`, and widens again; um.

        r(s) = R - (R - narrow) (1 - cos(pi s/taper))/2   within the taper

    Clusters of tumor cells were seen to pass capillaries of 5, 7 and 10 um in diameter: Au and co-workers, PNAS
    113:4947 (2016), recalled. Raises InputError for lengths that are not above 0, or `narrow` above `radius`.
    """
    _check(radius=radius, narrow=narrow, length=length, taper=taper, ends=ends)
    if narrow > radius:
        raise InputError(f"narrow: {narrow:g} um is wider than the tube of {radius:g} um; give less")
    total = 2 * (ends + taper) + length
    points, _ = straight(np.zeros(3), np.array([total, 0, 0]), (0.0, 0.0), min(1.5, taper / 8, _spacing(narrow)))
    within = np.clip((0.5 * total - np.abs(points[:, 0] - 0.5 * total) - ends) / taper, 0, 1)
    return joined([(points, radius - (radius - narrow) * 0.5 * (1 - np.cos(np.pi * within)))], [(0, 1)])


def _spacing(radius: float) -> float:
    """um between points: at least two to a radius, and no more than 3."""
    return min(3.0, 0.5 * radius)


def _check(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise InputError(f"{name}: {value:g}; give a number above 0 (um)")
