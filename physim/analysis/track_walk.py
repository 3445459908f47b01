"""A persistent walk fitted to the mean square displacement of tracks, what of it is known, and along which axes.

Short persistences cannot be told from errors of positions: at lags t >> P the MSD is 2 n D t + 2 n (s^2 - D P), so that
D is known, but of s and P one number only. Where P is long, MSD is S^2 t^2, and D is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from physim.analysis import persistence
from physim.analysis.persistence import PersistentWalk
from physim.analysis.track_pairs import middle_95
from physim.analysis.track_sets import Tracks
from physim.errors import InputError

Floats = NDArray[np.float64]
_NOTHING = 1e-3
"""Of the largest error of a position that the MSD allows: what is below cannot be told from none."""


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; NaN where there is none, or none is known.

    Without a value, `low` or `high` is what it is above or below; an infinite `high` is beyond what can be told.
    """

    value: float
    low: float = np.nan
    high: float = np.nan

    @classmethod
    def within(cls, value: float, low: float, high: float) -> Estimate:
        """With the interval widened to the value, if it lies outside."""
        return cls(float(value), float(min(low, value) if low == low else low),
                   float(max(high, value) if high == high else high))  # fmt: skip


UNKNOWN = Estimate(np.nan)
"""Known by being this object, since NaN is not even equal to itself."""


@dataclass(frozen=True, eq=False)
class Msd:
    """MSD (um^2) at lags (min), how many pairs it is of, and the same of each draw of tracks, (L, draws)."""

    lag: Floats
    msd: Floats
    pairs: NDArray[np.int64]
    drawn: Floats
    tracks: int

    def up_to(self, longest: float) -> Msd:
        some = self.lag <= longest * (1 + 1e-9)
        return Msd(self.lag[some], self.msd[some], self.pairs[some], self.drawn[some], self.tracks)

    def exponent(self, near: float, far: float) -> Estimate | None:
        """d ln MSD / d ln t between two lags."""
        one, two = np.flatnonzero(self.lag == near), np.flatnonzero(self.lag == far)
        if not (len(one) and len(two) and self.msd[one[0]] > 0 and self.msd[two[0]] > 0):
            return None
        with np.errstate(divide="ignore", invalid="ignore"):  # where only tracks at rest were drawn
            slopes = np.log(self.drawn[two[0]] / self.drawn[one[0]]) / np.log(far / near)
        value = np.log(self.msd[two[0]] / self.msd[one[0]]) / np.log(far / near)
        (low,), (high,) = middle_95(slopes[:, None], self.tracks)
        return Estimate.within(value, low, high)

    def at_rest(self) -> bool:
        """The MSD does not grow: from the shortest lag to the longer half by less than half, and perhaps not at all."""
        far = self.lag >= np.median(self.lag)
        growth = float(self.msd[far].mean() - self.msd[0])
        (low,), _ = middle_95((self.drawn[far].mean(axis=0) - self.drawn[0])[:, None], self.tracks)
        return growth < 0.5 * self.msd[0] and low <= 0 if np.isfinite(low) else growth < 0.2 * self.msd[0]


@dataclass(frozen=True)
class Walk:
    """Furth's walk as fitted: S (um/h), P (min), D = S^2 P/n (um^2/h), s (um along an axis); UNKNOWN what is not."""

    walk: PersistentWalk
    """The curve, of which single numbers may be unknown."""
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
    """How much further (D) and faster (S^2) tracks go along their own main axis than across it; NaN if not known."""

    diffusion: float
    """D along over D across."""
    speed: float
    """S^2 along over S^2 across."""
    diffusion_by_chance: Estimate
    """The same of isotropic walks: median over sets, lowest and highest."""
    speed_by_chance: Estimate

    @property
    def real(self) -> bool:
        """One of the two exceeds all that is found by chance."""
        return self.diffusion > self.diffusion_by_chance.high or self.speed > self.speed_by_chance.high


def fit_walk(seen: Msd, tracks: Tracks, noise: float | None) -> tuple[Walk | None, str]:
    """The walk, or why there is none. Raises InputError if the noise (um) is more than the MSD allows."""
    n, lags, msd = tracks.dimensions, seen.lag, seen.msd
    if not (msd > 0).all():
        return None, "no walk fitted: at some lag nothing has moved"
    _allowed(seen, tracks, noise)
    if len(lags) < (3 if noise is None else 2):
        return None, "no walk fitted: tracks of so few positions have too few lags"
    if seen.at_rest():
        return None, f"no motion beyond the error of positions, {np.sqrt(msd.mean() / (2 * n)):.3g} um along an axis"
    best = persistence.fit(lags, msd, dimensions=n, noise=noise)
    found = []
    for curve in seen.drawn.T:
        some = np.isfinite(curve) & (curve > 0)
        if some.sum() >= 3:
            other = persistence.fit(lags[some], curve[some], dimensions=n, noise=noise, start=best.persistence)
            found.append((other.speed, other.persistence, other.diffusion, other.noise))
    low, high = middle_95(np.array(found).reshape(-1, 4), seen.tracks)
    speed, persists, diffusion, error = (
        Estimate.within(value, low[k], high[k])
        for k, value in enumerate((best.speed, best.persistence, best.diffusion, best.noise)))  # fmt: skip
    if noise is None:
        error = _error(error, float(np.sqrt(msd.min() / (2 * n))))
    walk = Walk(best, speed, persists, diffusion, error, noise is None, float(lags.max()))
    return _known(walk, float(lags.min())), ""


def _allowed(seen: Msd, tracks: Tracks, noise: float | None) -> None:
    if not noise:
        return
    n, least = tracks.dimensions, float(seen.msd[0])
    if len(seen.lag) > 1 and seen.at_rest():
        least *= 1.5  # all of it is error, and by chance less than it should be
    if 2 * n * noise**2 > least:
        raise InputError(f"{tracks.name}: a noise of {noise:.4g} um alone would be a mean square displacement of "
                         f"{2 * n * noise**2:.3g} um^2, but it is {seen.msd[0]:.3g} um^2 over {seen.lag[0]:.3g} min; "
                         "give less, or none to have it fitted")  # fmt: skip


def _error(noise: Estimate, most: float) -> Estimate:
    """Zero, or below its upper end, instead of the least value of the search."""
    if noise.value < _NOTHING * most:
        return Estimate(np.nan, np.nan, max(noise.high, _NOTHING * most)) if noise.high > 0 else Estimate(0.0)
    return replace(noise, low=0.0) if noise.low < _NOTHING * most else noise


def _known(walk: Walk, shortest: float) -> Walk:
    """Without the numbers that these lags (min) do not tell, and with a line of which they are."""
    keeps, longest = walk.persistence, walk.longest_lag
    short = min(keeps.value, keeps.low) < 0.5 * shortest if np.isfinite(keeps.low) else keeps.value < 0.5 * shortest
    unknown = "S, P and the error of a position are" if walk.noise_fitted else "S and P are"
    noise = UNKNOWN if walk.noise_fitted else walk.noise
    if short and keeps.value > longest:
        return replace(walk, speed=UNKNOWN, persistence=UNKNOWN, diffusion=UNKNOWN, noise=noise,
                       warning="P may be short or long: D, " + unknown + " not known")  # fmt: skip
    if short:
        return replace(walk, speed=UNKNOWN, persistence=UNKNOWN, noise=noise, warning="P may be shorter than half of "
                       "the sampling interval: D is known; " + unknown + " not")  # fmt: skip
    if keeps.value > longest:
        above = Estimate(np.nan, min(keeps.low, longest) if np.isfinite(keeps.low) else longest)
        return replace(walk, persistence=above, diffusion=UNKNOWN,
                       warning="P is longer than the fitted lags: S is known, P and D are not")  # fmt: skip
    if keeps.high > longest:
        return replace(walk, persistence=replace(keeps, high=np.inf), diffusion=replace(walk.diffusion, high=np.inf))
    return walk


def axes_of(tracks: Tracks, lags: Floats, fitted: Walk, nulls: int) -> Axes | None:
    """At every other lag: what is by chance takes many sets of walks. None if nothing moves across or all is unknown.

    Where the noise was fitted it is fitted to each set, too: what is known better varies less.
    """
    paths, some, walk = tracks.paths, lags[::2] if len(lags) >= 6 else lags, fitted.walk
    n = tracks.dimensions
    known = [np.isfinite(fitted.diffusion.value), np.isfinite(fitted.speed.value)]
    if not any(known):
        return None
    try:
        found = persistence.anisotropy(paths, some, noise=walk.noise, dimensions=n)
        chance = []
        for seed in range(nulls):
            made = persistence.walks(walk, len(paths.id), paths.time, seed=seed).position
            alike = replace(paths, position=np.where(np.isfinite(paths.position), made, np.nan))
            seen = (persistence.fit(lags, alike.msd(lags), dimensions=n, noise=None, start=walk.persistence)
                    if fitted.noise_fitted else walk)  # fmt: skip
            null = persistence.anisotropy(alike, some, start=seen.persistence, noise=seen.noise, dimensions=n)
            chance.append((null.ratio, null.speed_ratio))
    except InputError:  # nothing moves across
        return None
    middle, low, high = (of(chance, axis=0) for of in (np.median, np.min, np.max))
    by_chance = [Estimate(float(middle[k]), float(low[k]), float(high[k])) if known[k] else UNKNOWN for k in (0, 1)]
    diffusion, speed = (ratio if known[k] else np.nan for k, ratio in enumerate((found.ratio, found.speed_ratio)))
    return Axes(diffusion, speed, *by_chance)
