"""Numbers of a stress-strain curve: how stiff a gel is at first, where it stiffens and how.

`strain` is the shear gamma (ascending from 0, which need not be among them), `stress` the shear stress sigma in kPa, of
one curve; a stress-free network has sigma = 0 at gamma = 0. NaN where a curve does not have what is asked for.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Curve = NDArray[np.float64]
_DECADE_POINTS = 4
"""A slope over a decade of stress needs at least so many points in it."""


def differential_modulus(strain: ArrayLike, stress: ArrayLike) -> tuple[Curve, Curve, Curve]:
    """(n,) gamma, sigma (kPa) and K = d sigma / d gamma (kPa) in the middle of each interval, from gamma = 0 on.

    The chord of an interval is the tangent in its middle to second order in its width.
    """
    gamma, sigma = _from_zero(strain, stress)
    return (gamma[1:] + gamma[:-1]) / 2, (sigma[1:] + sigma[:-1]) / 2, np.diff(sigma) / np.diff(gamma)


def linear_modulus(strain: ArrayLike, stress: ArrayLike) -> float:
    """G0 (kPa): K of the first interval, sigma / gamma at the smallest strain."""
    return float(differential_modulus(strain, stress)[2][0])


def onset(strain: ArrayLike, stress: ArrayLike, factor: float = 1.5) -> float:
    """Strain gamma_0 at which K first passes `factor` G0, linear between the middles of intervals."""
    gamma, _, modulus = differential_modulus(strain, stress)
    return _first_crossing(gamma, modulus, factor * modulus[0])


def critical_strain(strain: ArrayLike, stress: ArrayLike) -> float:
    """Strain gamma_c where d ln K / d ln gamma is largest; NaN unless K rises by half somewhere."""
    gamma, _, modulus = differential_modulus(strain, stress)
    if not (modulus > 0).all() or modulus.max() < 1.5 * modulus[0]:
        return math.nan
    slope = np.diff(np.log(modulus)) / np.diff(np.log(gamma))
    k = int(np.argmax(slope))
    return float(math.sqrt(gamma[k] * gamma[k + 1]))


def stiffening_exponent(strain: ArrayLike, stress: ArrayLike) -> float:
    """Largest slope of ln K against ln sigma that holds over a decade of sigma (least squares over all points in it).

    0 for a linear material. NaN if the curve spans no decade with at least four points.
    """
    _, sigma, modulus = differential_modulus(strain, stress)
    rising = (sigma > 0) & (modulus > 0)
    x, y = np.log(sigma[rising]), np.log(modulus[rising])
    slopes = []
    for k, begin in enumerate(x):
        inside = (x >= begin) & (x <= begin + math.log(10.0) + 1e-12)
        if inside.sum() < _DECADE_POINTS or x[k:].max() < begin + math.log(10.0) - 1e-12:
            continue
        slopes.append(float(np.polyfit(x[inside], y[inside], 1)[0]))
    return max(slopes, default=math.nan)


def modulus_at_stress(strain: ArrayLike, stress: ArrayLike, at: float) -> float:
    """K (kPa) where sigma first is `at` (kPa), linear in ln K and ln sigma; NaN outside of the curve."""
    _, sigma, modulus = differential_modulus(strain, stress)
    rising = np.maximum.accumulate(sigma) <= sigma
    good = rising & (sigma > 0) & (modulus > 0)
    if good.sum() < 2 or not sigma[good][0] <= at <= sigma[good][-1]:
        return math.nan
    return float(np.exp(np.interp(math.log(at), np.log(sigma[good]), np.log(modulus[good]))))


def _from_zero(strain: ArrayLike, stress: ArrayLike) -> tuple[Curve, Curve]:
    gamma, sigma = np.asarray(strain, float), np.asarray(stress, float)
    if len(gamma) and gamma[0] != 0:
        gamma, sigma = np.concatenate([[0.0], gamma]), np.concatenate([[0.0], sigma])
    return gamma, sigma


def _first_crossing(x: Curve, y: Curve, level: float) -> float:
    above = np.flatnonzero(y >= level)
    if not len(above) or above[0] == 0:
        return math.nan
    k = int(above[0])
    return float(x[k - 1] + (level - y[k - 1]) / (y[k] - y[k - 1]) * (x[k] - x[k - 1]))


def modulus_at_strain(strain: ArrayLike, stress: ArrayLike, at: float) -> float:
    """K (kPa) at a strain, linear between the middles of intervals; NaN outside of them."""
    gamma, _, modulus = differential_modulus(strain, stress)
    return float(np.interp(at, gamma, modulus)) if gamma[0] <= at <= gamma[-1] else math.nan
