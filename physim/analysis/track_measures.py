"""What tracks amount to: speeds, displacement, mean square displacement, a persistent walk fitted to it, anisotropy.

Everything is over all tracks of a set together, each pair of positions counting alike; intervals are 95 % ones from
drawing tracks with replacement (bootstrap), so that they tell how other cells would differ, not other movies.
Observables of experiment MIG-4; formulas in `physim.analysis.persistence`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from physim.analysis import persistence
from physim.analysis.persistence import PersistentWalk
from physim.analysis.track_pairs import around, draws, middle_95, over, spread_lags, squares
from physim.analysis.track_sets import Tracks
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
class Estimate:
    """A value and its 95 % interval; NaN where there is none."""

    value: float
    low: float = np.nan
    high: float = np.nan


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


@dataclass(frozen=True)
class Walk:
    """Furth's walk as fitted: S (um/h), P (min), D = S^2 P/n (um^2/h), s (um along an axis)."""

    walk: PersistentWalk
    speed: Estimate
    persistence: Estimate
    diffusion: Estimate
    noise: Estimate
    noise_fitted: bool
    longest_lag: float
    """min, to which the MSD was fitted."""
    warning: str = ""


@dataclass(frozen=True)
class Axes:
    """How much further (D) and faster (S^2) tracks go along their own main axis than across it."""

    diffusion: float
    """D along over D across."""
    speed: float
    """S^2 along over S^2 across."""
    diffusion_by_chance: Estimate
    """The same of isotropic walks: median over NULLS sets, lowest and highest."""
    speed_by_chance: Estimate

    @property
    def real(self) -> bool:
        """One of the two exceeds all that is found by chance: of sets of isotropic walks at most one in 20 does."""
        return self.diffusion > self.diffusion_by_chance.high or self.speed > self.speed_by_chance.high


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
    track has two positions.
    """
    durations = tracks.durations
    if not (durations > 0).any():
        raise InputError(f"{tracks.name}: no track has two positions; nothing can be measured")
    usual, longest = float(np.median(durations[durations > 0])), float(durations.max())
    ends = around(MIDDLE, tracks.interval, 0.5 * usual)
    found = _msd(tracks, spread_lags(tracks.interval, longest, ends or ()), resamples, seed)
    walk, why = _fit(found.up_to(max(0.25 * usual, 4 * tracks.interval)), tracks, noise)
    axes = None if walk is None else _axes(tracks, found.lag[found.lag <= walk.longest_lag], walk.walk, nulls)
    notes = (*tracks.notes, *_few(durations), *([why] if why else []))
    return TrackMeasures(
        tracks, _spread(durations), _speeds(tracks, float(found.lag[0])), _spread(tracks.paths.cell_displacements()),
        found.up_to(max(0.5 * longest, 4 * tracks.interval)).curve(),
        found.exponent(*ends) if ends else None, ends, walk, axes, notes)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Msd:
    """MSD (um^2) at lags (min), how many pairs it is of, and the same of each draw of tracks, (L, draws)."""

    lag: Floats
    msd: Floats
    pairs: NDArray[np.int64]
    drawn: Floats
    tracks: int

    def up_to(self, longest: float) -> _Msd:
        some = self.lag <= longest * (1 + 1e-9)
        return _Msd(self.lag[some], self.msd[some], self.pairs[some], self.drawn[some], self.tracks)

    def curve(self) -> Curve:
        return Curve(self.lag, self.msd, *middle_95(self.drawn.T, self.tracks), self.pairs)

    def exponent(self, near: float, far: float) -> Estimate | None:
        """d ln MSD / d ln t between two lags."""
        one, two = np.flatnonzero(self.lag == near), np.flatnonzero(self.lag == far)
        if not (len(one) and len(two) and self.msd[one[0]] > 0 and self.msd[two[0]] > 0):
            return None
        with np.errstate(divide="ignore", invalid="ignore"):  # where only tracks at rest were drawn
            slopes = np.log(self.drawn[two[0]] / self.drawn[one[0]]) / np.log(far / near)
        value = np.log(self.msd[two[0]] / self.msd[one[0]]) / np.log(far / near)
        (low,), (high,) = middle_95(slopes[:, None], self.tracks)
        return Estimate(float(value), float(low), float(high))


def _msd(tracks: Tracks, lags: Floats, resamples: int, seed: int) -> _Msd:
    square, count = squares(tracks.paths, lags)
    some = count.sum(axis=1) > 0
    if not some.any():
        raise InputError(f"{tracks.name}: no two positions of a track are a multiple of {tracks.interval:.4g} min "
                         "apart; interpolate the tracks to one interval")  # fmt: skip
    square, count = square[some], count[some]
    drawing = draws(square.shape[1], resamples, seed)
    drawn = over(square @ drawing, count @ drawing)
    return _Msd(lags[some], square.sum(1) / count.sum(1), count.sum(1), drawn, square.shape[1])


def _few(durations: Floats) -> list[str]:
    """What is to be said of few tracks."""
    count, said = len(durations), []
    if not (durations > 0).all():
        said.append(f"{(durations <= 0).sum()} of {count} tracks have one position only")
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


def _fit(seen: _Msd, tracks: Tracks, noise: float | None) -> tuple[Walk | None, str]:
    """The walk, or why there is none."""
    n, lags, msd = tracks.dimensions, seen.lag, seen.msd
    if len(lags) < (3 if noise is None else 2):
        return None, "no walk fitted: tracks of so few positions have too few lags"
    if not (msd > 0).all():
        return None, "no walk fitted: at some lag nothing has moved"
    best = persistence.fit(lags, msd, dimensions=n, noise=noise)
    found = []
    for curve in seen.drawn.T:
        some = np.isfinite(curve) & (curve > 0)
        if some.sum() >= 3:
            walk = persistence.fit(lags[some], curve[some], dimensions=n, noise=noise, start=best.persistence)
            found.append((walk.speed, walk.persistence, walk.diffusion, walk.noise))
    low, high = middle_95(np.array(found).reshape(-1, 4), seen.tracks)
    speed, persists, diffusion, error = (
        Estimate(value, float(low[k]), float(high[k]))
        for k, value in enumerate((best.speed, best.persistence, best.diffusion, best.noise)))  # fmt: skip
    warning = ""
    if best.persistence < 0.5 * lags.min():
        warning = "P is shorter than half of the sampling interval: D is known, S and P are not"
    elif best.persistence > lags.max():
        warning = "P is longer than the fitted lags: S is known, P and D are not"
    return Walk(best, speed, persists, diffusion, error, noise is None, float(lags.max()), warning), ""


def _axes(tracks: Tracks, lags: Floats, walk: PersistentWalk, nulls: int) -> Axes | None:
    """At every other lag: what is by chance takes many sets of walks."""
    paths, some = tracks.paths, lags[::2] if len(lags) >= 6 else lags
    given = {"noise": walk.noise, "dimensions": tracks.dimensions}
    try:
        found = persistence.anisotropy(paths, some, **given)  # type: ignore[arg-type]
        chance = []
        for seed in range(nulls):
            made = persistence.walks(walk, len(paths.id), paths.time, seed=seed).position
            alike = replace(paths, position=np.where(np.isfinite(paths.position), made, np.nan))
            null = persistence.anisotropy(alike, some, start=walk.persistence, **given)  # type: ignore[arg-type]
            chance.append((null.ratio, null.speed_ratio))
    except InputError:  # nothing moves across
        return None
    middle, low, high = (of(chance, axis=0) for of in (np.median, np.min, np.max))
    by_chance = [Estimate(float(middle[k]), float(low[k]), float(high[k])) for k in (0, 1)]
    return Axes(found.ratio, found.speed_ratio, *by_chance)
