"""How cells of a run move: speeds, displacements, mean square displacement, how far they invaded.

Reads the table that `physim.record` wrote (cells.parquet, null.parquet), so it works on another machine, and
spot tables of TrackMate, so that cells under a microscope are measured in the same way.
Positions are made continuous through periodic faces; a cell that has left by an open face stays where the
first record after that has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physim.errors import InputError

Floats = NDArray[np.float64]


def unwrap(position: Floats, size: ArrayLike, periodic: ArrayLike) -> Floats:
    """(T, n, 3) um made continuous in time along periodic axes: each step is taken to the nearest image.

        dx -> dx - L rint(dx / L)

    Exact while no cell moves more than half a box, L / 2, between two records. NaN (no such cell) is kept.
    """
    size, periodic = np.broadcast_to(np.asarray(size, float), 3), np.broadcast_to(periodic, 3)
    move = np.diff(position, axis=0)
    turns = np.cumsum(np.rint(np.nan_to_num(move) / size), axis=0)
    result = np.array(position, float)
    result[1:] -= np.where(periodic, turns * size, 0.0)
    return result


def gather(position: Floats, size: ArrayLike, periodic: ArrayLike) -> Floats:
    """(n, 3) um moved to the images nearest to their circular mean: a ball across a face becomes whole."""
    size = np.broadcast_to(np.asarray(size, float), 3)
    turn = np.exp(2j * np.pi * position / size)
    middle = np.angle(np.nanmean(turn, axis=0)) / (2 * np.pi) * size
    away = position - middle
    return np.where(np.broadcast_to(periodic, 3), position - np.rint(away / size) * size, position)


@dataclass(frozen=True)
class Trajectories:
    """Positions of n cells at T record times. NaN where a cell does not exist at that time."""

    time: Floats
    """(T,) min, increasing."""
    id: NDArray[np.uint32]
    """(n,)"""
    position: Floats
    """(T, n, 3) um, continuous."""
    departed: Floats
    """(n,) min at which the cell left by an open face, NaN if it did not."""

    @classmethod
    def read(cls, run: Path, *, size: ArrayLike = 1.0, periodic: ArrayLike = False) -> Trajectories:
        """From a run's folder (finished or not), one Parquet file, in a box of `size` um, or a spot table of TrackMate.

        Raises InputError if there is no table.
        """
        if run.suffix.lower() == ".csv":
            from physim.analysis.trackmate import read_spots

            return read_spots(run)
        from physim import cell_table

        try:
            table = cell_table.read(run, cell_table.TRAJECTORY)
        except FileNotFoundError as error:
            raise InputError(f"{error}; give the folder of a run") from None
        column = {name: table[name].to_numpy() for name in table.column_names}
        position = np.stack([column["x_um"], column["y_um"], column["z_um"]], axis=1)
        time, departed = column["time_h"] * 60, column["departed_h"] * 60
        return cls.from_rows(time, column["id"], position, departed, size, periodic)

    @classmethod
    def from_rows(cls, time: Floats, ids: NDArray[np.integer], position: Floats, departed: Floats,
                  size: ArrayLike = 1.0, periodic: ArrayLike = False) -> Trajectories:  # fmt: skip
        """From one row per cell and record: time (min), id, position (rows, 3) um as in the box, departed
        (min or NaN)."""
        times, at = np.unique(time, return_inverse=True)
        names, who = np.unique(ids, return_inverse=True)
        table = np.full((len(times), len(names), 3), np.nan)
        table[at, who] = position
        left = np.full(len(names), np.inf)
        np.fmin.at(left, who, departed)
        if np.any(periodic):
            table[0] = gather(table[0], size, periodic)
            table = unwrap(table, size, periodic)
        for cell in np.flatnonzero(np.isfinite(left)):  # held where it left; few cells do
            gone = int(np.searchsorted(times, left[cell]))
            table[gone:, cell] = table[min(gone, len(times) - 1), cell]
        return cls(times, names.astype(np.uint32), table, np.where(np.isfinite(left), left, np.nan))

    def lag_of(self, interval: float) -> float:
        """The shortest time (min), at least `interval`, that separates two records."""
        later = self.time[1:] - self.time[0]
        enough = later[later >= interval * (1 - 1e-6)]
        if not len(enough):
            raise InputError(f"no two records are {interval:g} min apart; record for longer or more often")
        return float(enough[0])

    def _pairs(self, lag: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Records (start, end) that are `lag` min apart, overlapping ones too."""
        wanted = self.time + lag
        end = np.clip(np.searchsorted(self.time, wanted - 1e-6 * lag), 0, len(self.time) - 1)
        start = np.flatnonzero(np.abs(self.time[end] - wanted) < 1e-6 * lag)
        if not len(start):
            raise InputError(f"no two records are {lag:g} min apart; choose a multiple of record.interval")
        return start, end[start]

    def cell_speeds(self, interval: float = 10.0) -> Floats:
        """(n,) um/h: median over all starts t of |x(t + interval) - x(t)| / interval, for each cell.

        Intervals that end after the cell left do not count; NaN for a cell without one.
        Raises InputError if no records are `interval` min apart.
        """
        start, end = self._pairs(interval)
        move = np.linalg.norm(self.position[end] - self.position[start], axis=2)
        move[self.time[end, None] >= self.departed] = np.nan
        return _median(move, axis=0) * (60.0 / interval)

    def speed_at(self, interval: float = 10.0) -> float:
        """um/h: median over cells of each cell's median speed over `interval` min (see `cell_speeds`).

        Falls as the interval grows, since paths turn; has a floor from jitter, so compare with the null arm.
        """
        return float(_median(self.cell_speeds(interval)))

    def cell_displacements(self) -> Floats:
        """(n,) um: |x(last) - x(first)| of each cell, where it was first and last seen, or where it left."""
        return np.linalg.norm(self._last - self._first, axis=1)

    def net_displacement(self) -> float:
        """um: median over cells of |x(last) - x(first)|."""
        return float(_median(self.cell_displacements()))

    def distances(self, time: float) -> Floats:
        """(n,) um: |x(t) - c|, c the centroid at the first record; t (min) is taken to the nearest record."""
        at = int(np.argmin(np.abs(self.time - time)))
        return np.linalg.norm(self.position[at] - np.nanmean(self.position[0], axis=0), axis=1)

    def invaded_radius(self, time: float, quantile: float = 0.9) -> float:
        """um: the 90th percentile over cells of the distance from the initial centroid.

        Cells that left the box count at the place where they left: a lower bound once some have.
        """
        return float(np.nanquantile(self.distances(time), quantile))

    def rms_radius(self, time: float) -> float:
        """um: sqrt(mean over cells of |x(t) - c|^2), c the initial centroid."""
        return float(np.sqrt(np.nanmean(self.distances(time) ** 2)))

    def msd(self, lags: ArrayLike) -> Floats:
        """um^2 for each lag (min): mean over cells and starts t of |x(t + lag) - x(t)|^2, up to departure.

        A straight line gives (v lag)^2; a random walk with variance s^2 per axis and record, 3 s^2 lag per
        interval.
        """
        result = []
        for lag in np.atleast_1d(np.asarray(lags, float)):
            start, end = self._pairs(float(lag))
            square = ((self.position[end] - self.position[start]) ** 2).sum(axis=2)
            square[self.time[end, None] >= self.departed] = np.nan
            result.append(np.nanmean(square) if np.isfinite(square).any() else np.nan)
        return np.array(result)

    @cached_property
    def _first(self) -> Floats:
        """(n, 3) um, where each cell was first seen."""
        seen = np.isfinite(self.position[:, :, 0]).argmax(axis=0)
        return self.position[seen, np.arange(len(self.id))]

    @cached_property
    def _last(self) -> Floats:
        """(n, 3) um, where each cell was last seen."""
        unseen = np.isfinite(self.position[::-1, :, 0]).argmax(axis=0)
        return self.position[len(self.time) - 1 - unseen, np.arange(len(self.id))]


def _median(values: Floats, axis: int | None = None) -> Floats:
    """Median of what is not NaN; NaN without a warning if nothing is."""
    some = np.isfinite(values)
    if axis is None:
        return np.asarray(np.median(values[some]) if some.any() else np.nan)
    result = np.full(values.shape[1], np.nan)
    full = some.any(axis=axis)
    result[full] = np.nanmedian(values[:, full], axis=axis)
    return result
