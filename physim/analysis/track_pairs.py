"""Pairs of positions of tracks: how far apart at which lags, and how that varies when other tracks are drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

from physim.analysis.migration import Trajectories
from physim.errors import InputError

Floats = NDArray[np.float64]
_LAGS = 28


def squares(paths: Trajectories, lags: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    """(L, n) um^2, sum of |x(t + lag) - x(t)|^2 of each track, and (L, n) how many pairs it is of.

    Pairs with a gap at one end do not count, nor do those after a departure. `Trajectories.msd` is the ratio of the
    sums over tracks. Lags (min) that no records are apart have no pairs.
    """
    wanted = np.atleast_1d(np.asarray(lags, float))
    total, count = np.zeros((len(wanted), len(paths.id))), np.zeros((len(wanted), len(paths.id)), np.int64)
    for k, lag in enumerate(wanted):
        try:
            start, end = paths._pairs(float(lag))
        except InputError:
            continue
        move = ((paths.position[end] - paths.position[start]) ** 2).sum(axis=2)
        move[paths.time[end, None] >= paths.departed] = np.nan
        seen = np.isfinite(move)
        total[k], count[k] = np.where(seen, move, 0.0).sum(0), seen.sum(0)
    return total, count


def step_speeds(paths: Trajectories, interval: float) -> Floats:
    """um/h: |x(t + interval) - x(t)| / interval (min) of every track and start. Raises InputError if there is none."""
    start, end = paths._pairs(interval)
    move = np.linalg.norm(paths.position[end] - paths.position[start], axis=2)
    return move[np.isfinite(move) & ~(paths.time[end, None] >= paths.departed)] * (60.0 / interval)


def around(middle: float, interval: float, longest: float) -> tuple[float, float] | None:
    """Multiples of the interval next to half and twice of a time (min), none above `longest`; None if they are not
    half as far apart as the nearer is long."""
    near = max(1.0, np.rint(0.5 * middle / interval))
    far = min(np.rint(2 * middle / interval), np.floor(longest / interval + 1e-6))
    return (float(near * interval), float(far * interval)) if far >= 1.5 * near else None


def spread_lags(interval: float, longest: float, more: tuple[float, ...]) -> Floats:
    """min: multiples of the interval, spread evenly in their logarithm, to half of the longest track."""
    most = max(4.0, np.floor(0.5 * longest / interval + 1e-6))
    steps = np.unique(np.rint(np.geomspace(1.0, most, _LAGS)))
    return np.unique(np.concatenate([steps * interval, [lag for lag in more if lag <= longest * (1 + 1e-9)]]))


def draws(n: int, resamples: int, seed: int) -> Floats:
    """(n, resamples): how often each track was drawn."""
    picked = np.random.default_rng(seed).integers(0, n, (resamples if n > 1 else 0, n))
    return np.array([np.bincount(row, minlength=n) for row in picked], float).reshape(len(picked), n).T


def over(a: Floats, b: Floats) -> Floats:
    """a/b, NaN where b is 0."""
    return np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0)


def middle_95(values: Floats, tracks: int) -> tuple[Floats, Floats]:
    """The 95 % interval of what was drawn, (draws, ...); NaN where fewer than 20 draws have a number.

    Quantiles q and 1 - q with q = Phi(-t sqrt(n/(n - 1))), t the 97.5 % quantile of Student's t with n - 1 degrees of
    freedom, n the number of tracks: 2.5 % for many, less for few, of which plain quantiles make too narrow intervals.
    Source: Hesterberg, Am Stat 69:371 (2015), "expanded percentile interval".
    """
    low, high = np.full(values.shape[1:], np.nan), np.full(values.shape[1:], np.nan)
    enough = np.isfinite(values).sum(axis=0) >= 20
    if enough.any() and tracks > 1:
        q = float(ndtr(-stdtrit(tracks - 1, 0.975) * np.sqrt(tracks / (tracks - 1))))
        low[enough], high[enough] = np.nanquantile(values[:, enough], [q, 1 - q], axis=0)
    return low, high
