"""Persistent random walks: speed, persistence and anisotropy out of trajectories, of a run or of a microscope.

Furth's formula, in n dimensions, with S the root mean square speed and P the persistence time:

    MSD(t) = 2 S^2 P (t - P (1 - exp(-t/P))) + 2 n s^2

ballistic, (S t)^2, while t << P, and diffusive, 2 n D t with D = S^2 P/n, when t >> P; s is the error of a position
along one axis (localisation of a real track; jitter of a cell that rests). Source: Fuerth, Z. Physik 2:244 (1920);
anisotropic walks: Wu, Giri, Sun & Wirtz, PNAS 111:3949 (2014). Observables of experiment MIG-4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from physim.analysis.migration import Trajectories
from physim.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PersistentWalk:
    """A walk after Furth."""

    speed: float
    """um/h, root mean square, of all `dimensions` together."""
    persistence: float
    """min; a hundredth of the shortest or a hundred times the longest lag are the ends of what a fit can tell."""
    noise: float = 0.0
    """um, along one axis."""
    dimensions: int = 3

    @property
    def diffusion(self) -> float:
        """D = S^2 P/n, um^2/h."""
        return self.speed**2 * self.persistence / 60 / self.dimensions

    def msd(self, lags: ArrayLike) -> Floats:
        """um^2 at lags in min."""
        lag, per_minute = np.asarray(lags, float), self.speed / 60
        turns = lag + self.persistence * np.expm1(-lag / self.persistence)
        return 2 * per_minute**2 * self.persistence * turns + 2 * self.dimensions * self.noise**2


@dataclass(frozen=True)
class Anisotropy:
    """Walks along the main axis of each cell's own path and across it."""

    major: PersistentWalk
    minor: PersistentWalk
    """The mean of the two axes across; both walks have one dimension."""

    @property
    def ratio(self) -> float:
        """D major over D minor."""
        return self.major.diffusion / self.minor.diffusion

    @property
    def speed_ratio(self) -> float:
        """S^2 major over S^2 minor."""
        return (self.major.speed / self.minor.speed) ** 2


def fit(lags: ArrayLike, msd: ArrayLike, *, dimensions: int = 3, noise: float | None = 0.0,
        start: float | None = None) -> PersistentWalk:  # fmt: skip
    """The walk whose MSD (um^2) is nearest at these lags (min): least squares of ln MSD, all lags alike.

    `noise` (um along one axis) is taken as given, or fitted if None. Spread the lags evenly in their logarithm, from
    below the persistence to a quarter of the recorded time. The search begins at three persistences, or at `start`
    (min) alone where it is about known. Raises InputError for fewer lags than unknowns, or an MSD that is not positive.
    """
    lag, seen = np.asarray(lags, float), np.asarray(msd, float)
    unknowns = 2 if noise is not None else 3
    if lag.shape != seen.shape or lag.ndim != 1 or len(lag) < unknowns:
        raise InputError(f"lags: {lag.size} lags and {seen.size} values; give at least {unknowns} of each")
    if not ((lag > 0).all() and np.isfinite(seen).all() and (seen > 0).all()):
        raise InputError("msd: lags and mean square displacements must be positive; a cell at rest has no persistence")
    shortest, longest = lag.min(), lag.max()
    floor = 0.0 if noise is None else 2 * dimensions * noise**2
    clear = np.maximum(seen - floor, 0.01 * seen)
    speed = 60 * np.sqrt(clear[np.argmin(lag)]) / shortest
    low = [np.log(1e-6 * speed), np.log(0.01 * shortest)]
    high = [np.log(100 * speed), np.log(100 * longest)]
    if noise is None:
        most = np.sqrt(seen.min() / (2 * dimensions))
        low, high = [*low, np.log(1e-6 * most)], [*high, np.log(most)]

    def walk(x: Floats) -> PersistentWalk:
        s = noise if noise is not None else float(np.exp(x[2]))
        return PersistentWalk(float(np.exp(x[0])), float(np.exp(x[1])), s, dimensions)

    found = []
    begin = (shortest, np.sqrt(shortest * longest), longest) if start is None else (start,)
    for persistence in begin:  # two of the three can end in a bound
        at = np.log([speed, persistence, 0.1 * most] if noise is None else [speed, persistence])
        at = np.clip(at, np.add(low, 1e-9), np.add(high, -1e-9))
        found.append(least_squares(lambda x: np.log(walk(x).msd(lag)) - np.log(seen), at, bounds=(low, high)))
    return walk(min(found, key=lambda f: f.cost).x)


def fit_trajectories(paths: Trajectories, lags: ArrayLike, *, noise: float | None = 0.0,
                     dimensions: int = 3) -> PersistentWalk:  # fmt: skip
    """The walk of all cells together (`Trajectories.msd`); lags in min, multiples of the recording interval.

    Give `dimensions` = 2 for paths in a plane, with z = 0.
    """
    return fit(lags, paths.msd(lags), noise=noise, dimensions=dimensions)


def exponent(paths: Trajectories, lag: float) -> float:
    """d ln MSD / d ln t at a lag (min), between half and twice of it: 2 for straight paths, 1 for random ones.

    Raises InputError if no records are half, or twice, as far apart.
    """
    near, far = paths.msd([0.5 * lag, 2 * lag])
    return float(np.log(far / near) / np.log(4))


def correlation(paths: Trajectories, lags: ArrayLike, interval: float) -> Floats:
    """<v(s) . v(s + t)> / <v^2> for lags t (min), v from displacements over `interval` min; exp(-t/P) for Furth's walk.

    At lags below `interval` the two displacements overlap. Raises InputError for lags that no records are apart.
    """
    start, end = paths._pairs(interval)
    moves = dict(zip(start.tolist(), paths.position[end] - paths.position[start], strict=True))
    square = np.nanmean([np.nanmean((move**2).sum(1)) for move in moves.values()])
    result = []
    for lag in np.atleast_1d(np.asarray(lags, float)):
        pairs = [(moves[a], moves[b]) for a, b in zip(*(k.tolist() for k in paths._pairs(lag)), strict=True)
                 if a in moves and b in moves] if lag > 0 else [(move, move) for move in moves.values()]  # fmt: skip
        if not pairs:
            raise InputError(f"lags: no two displacements over {interval:g} min begin {lag:g} min apart; shorten them")
        result.append(np.nanmean([np.nanmean((a * b).sum(1)) for a, b in pairs]) / square)
    return np.array(result)


def anisotropy(paths: Trajectories, lags: ArrayLike, *, noise: float = 0.0, dimensions: int = 3,
               start: float | None = None) -> Anisotropy:  # fmt: skip
    """Walks along and across the main axis of each cell's displacements over the shortest lag (min).

    Each path is turned into the principal axes of its own displacements (in the plane z = 0 for two `dimensions`); the
    MSD along each axis is a mean over cells, fitted with n = 1. `noise` and `start` are those of `fit`, and it raises
    InputError as `fit` does.
    """
    lag = np.atleast_1d(np.asarray(lags, float))
    place = paths.position[:, :, :dimensions]
    earlier, later = paths._pairs(float(lag.min()))
    move = np.nan_to_num(place[later] - place[earlier])
    axes = np.linalg.eigh(np.einsum("tci,tcj->cij", move, move))[1][:, :, ::-1]  # the longest first
    turned = np.einsum("tci,cij->tcj", place, axes)
    along = []
    for axis in range(dimensions):
        flat = np.where(np.isfinite(paths.position), 0.0, np.nan)
        flat[:, :, 0] = turned[:, :, axis]
        along.append(Trajectories(paths.time, paths.id, flat, paths.departed).msd(lag))
    major, minor = (fit(lag, msd, dimensions=1, noise=noise, start=start)
                    for msd in (along[0], np.mean(along[1:], axis=0)))  # fmt: skip
    return Anisotropy(major, minor)


def isotropic_anisotropy(paths: Trajectories, lags: ArrayLike, *, seed: int = 0, noise: float = 0.0,
                         dimensions: int = 3) -> Anisotropy:  # fmt: skip
    """What `anisotropy` finds for walks without a main axis: as many cells and records, the same speed and persistence.

    By chance each path is longer along one axis. Tracks of 12, 24 and 72 h with a persistence of 30 min have a `ratio`
    of 3.3, 2.4 and 1.7 and a `speed_ratio` of 1.8, 1.5 and 1.3. Only what exceeds that means anything.
    """
    walk = fit_trajectories(paths, lags, noise=noise, dimensions=dimensions)
    made = walks(walk, len(paths.id), paths.time, seed=seed).position
    seen = np.where(np.isfinite(paths.position), made, np.nan)
    alike = Trajectories(paths.time, paths.id, seen, paths.departed)
    return anisotropy(alike, lags, noise=noise, dimensions=dimensions)


def walks(walk: PersistentWalk, cells: int, time: ArrayLike, *, seed: int = 0) -> Trajectories:
    """Trajectories (T, cells, 3) of walks at `time` (min), by Ornstein-Uhlenbeck velocities; z = 0 for two dimensions.

    Displacement over an interval t and velocity at its end are drawn together, exactly:

        v' = a v + g,  x' = x + P (1 - a) v + h,  a = exp(-t/P)

    with g and h normal, variances s^2 (1 - a^2) and s^2 P^2 (2 t/P - 3 + 4 a - a^2), covariance s^2 P (1 - a)^2, and
    s^2 = S^2/n. Source: Gillespie, Phys Rev E 54:2084 (1996).
    """
    times = np.asarray(time, float)
    random = np.random.Generator(np.random.Philox(seed))
    n = walk.dimensions
    square, keep = (walk.speed / 60) ** 2 / n, walk.persistence
    place = np.zeros((len(times), cells, n))
    velocity = np.sqrt(square) * random.standard_normal((cells, n))
    for k, step in enumerate(np.diff(times)):
        a = np.exp(-step / keep)
        with_v, with_x = square * (1 - a**2), square * keep**2 * (2 * step / keep - 3 + 4 * a - a**2)
        both = square * keep * (1 - a) ** 2
        first, second = random.standard_normal((2, cells, n))
        g = np.sqrt(with_v) * first
        h = both / np.sqrt(with_v) * first + np.sqrt(max(with_x - both**2 / with_v, 0.0)) * second
        place[k + 1] = place[k] + keep * (1 - a) * velocity + h
        velocity = a * velocity + g
    place += walk.noise * random.standard_normal(place.shape)
    position = np.zeros((len(times), cells, 3))
    position[:, :, :n] = place
    return Trajectories(times, np.arange(cells, dtype=np.uint32), position, np.full(cells, np.nan))
