"""What tracks amount to: speeds, displacement, mean square displacement, a persistent walk fitted to it, anisotropy.

Everything is over all tracks of a set together, each pair of positions counting alike; intervals are 95 % ones from
drawing tracks with replacement (bootstrap), so that they tell how other cells would differ, not other movies.
Observables of experiment MIG-4; formulas in `physim.analysis.persistence`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from physim.analysis.track_pairs import around, draws, middle_95, over, spread_lags, squares
from physim.analysis.track_sets import Tracks
from physim.analysis.track_walk import Axes, Estimate, Msd, Walk, axes_of, fit_walk
from physim.errors import InputError

Floats = NDArray[np.float64]
SPEEDS = (5.0, 10.0, 20.0)
"""min over which speeds are told, or the next longer interval that was recorded."""
MIDDLE = 30.0
"""min, of the exponent of the MSD: from about half to twice of it."""
RESAMPLES = 200
NULLS = 39
"""Sets of isotropic walks."""


@dataclass(frozen=True)
class Spread:
    """Median and quartiles over tracks."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True, eq=False)
class Curve:
    """The mean square displacement (um^2) at lags (min), with its interval, and how many pairs it is of."""

    lag: Floats
    msd: Floats
    low: Floats
    high: Floats
    pairs: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrackMeasures:
    """All of one set of tracks; None where the tracks are too few or too short to tell."""

    tracks: Tracks
    duration: Spread
    """min."""
    speeds: dict[float, Spread]
    """um/h, by the interval (min) over which displacements were taken: median of each track, over tracks."""
    displacement: Spread
    """um, first to last."""
    curve: Curve
    exponent: Estimate | None
    exponent_lags: tuple[float, float] | None
    """min: MIDDLE/2 and 2 MIDDLE, or half of the median duration if that is less."""
    walk: Walk | None
    axes: Axes | None
    notes: tuple[str, ...] = field(default=())


def measure(tracks: Tracks, *, noise: float | None = None, resamples: int = RESAMPLES, nulls: int = NULLS,
            seed: int = 0) -> TrackMeasures:  # fmt: skip
    """Measure a set of tracks; `noise` (um, error of a position along one axis) is fitted unless given.

    The walk is fitted to lags up to a quarter of the median duration, four intervals at least. Raises InputError if no
    track has two positions, or if the noise alone is more than the MSD at the shortest lag.
    """
    durations = tracks.durations
    if not (durations > 0).any():
        raise InputError(f"{tracks.name}: no track has two positions; nothing can be measured")
    usual, longest = float(np.median(durations[durations > 0])), float(durations.max())
    ends = around(MIDDLE, tracks.interval, 0.5 * usual)
    found = _msd(tracks, spread_lags(tracks.interval, longest, ends or ()), resamples, seed)
    walk, why = fit_walk(found.up_to(max(0.25 * usual, 4 * tracks.interval)), tracks, noise)
    axes = None if walk is None else axes_of(tracks, found.lag[found.lag <= walk.longest_lag], walk, nulls)
    seen = durations > 0
    moved = tracks.paths.cell_displacements()[seen]
    notes = (*tracks.notes, *_few(durations), *([why] if why else []))
    return TrackMeasures(
        tracks, _spread(durations[seen]), _speeds(tracks, float(found.lag[0])), _spread(moved),
        _curve(found.up_to(max(0.5 * longest, 4 * tracks.interval))),
        found.exponent(*ends) if ends else None, ends, walk, axes, notes)  # fmt: skip


def _msd(tracks: Tracks, lags: Floats, resamples: int, seed: int) -> Msd:
    square, count = squares(tracks.paths, lags)
    some = count.sum(axis=1) > 0
    if not some.any():
        raise InputError(f"{tracks.name}: no two positions of a track are a multiple of {tracks.interval:.4g} min "
                         "apart; interpolate the tracks to one interval")  # fmt: skip
    square, count = square[some], count[some]
    drawing = draws(square.shape[1], resamples, seed)
    drawn = over(square @ drawing, count @ drawing)
    return Msd(lags[some], square.sum(1) / count.sum(1), count.sum(1), drawn, square.shape[1])


def _curve(found: Msd) -> Curve:
    return Curve(found.lag, found.msd, *middle_95(found.drawn.T, found.tracks), found.pairs)


def _few(durations: Floats) -> list[str]:
    """What is to be said of few tracks."""
    count, said = len(durations), []
    if not (durations > 0).all():
        said.append(f"{(durations <= 0).sum()} of {count} tracks have one position only and are in no median")
    if count < 8:
        said.append("one track has no interval" if count == 1 else
                    f"{count} tracks do not tell their intervals well; 8 or more do")  # fmt: skip
    return said


def _spread(values: Floats) -> Spread:
    seen = values[np.isfinite(values)]
    return Spread(*(map(float, np.quantile(seen, [0.5, 0.25, 0.75])) if len(seen) else [np.nan] * 3))


def _speeds(tracks: Tracks, shortest: float) -> dict[float, Spread]:
    """At SPEEDS or the next longer intervals that tracks have; else at their shortest lag (min)."""
    found: dict[float, Spread] = {}
    for interval in SPEEDS:
        lag = round(float(np.ceil(interval / tracks.interval - 1e-6) * tracks.interval), 9)
        if lag not in found and squares(tracks.paths, [lag])[1].any():
            found[lag] = _spread(tracks.paths.cell_speeds(lag))
    return found or {shortest: _spread(tracks.paths.cell_speeds(shortest))}
