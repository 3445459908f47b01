"""Tracks to be measured, from wherever: the arms of a run, a table of cells, TrackMate's spots, a plain CSV."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from physim.analysis import track_table, trackmate
from physim.analysis.migration import Trajectories
from physim.analysis.track_table import IN_HEADER, Scale, TrackTable
from physim.analysis.trackmate import box_of
from physim.errors import InputError
from physim.generate import csv_columns
from physim.problems import file_text

_LEVEL = 1e-6
"""Of the extent in x and y: tracks that move less along z do not."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """The tracks of one source."""

    name: str
    paths: Trajectories
    dimensions: int
    """3, or 2: no track moves along z, which is left out of every formula."""
    labels: tuple[str, ...]
    """What the source calls the tracks, in the order of `paths.id`."""
    interval: float
    """min from position to position of a track, but for gaps."""
    notes: tuple[str, ...] = ()

    @property
    def durations(self) -> np.ndarray:
        """(n,) min from the first to the last position of each track, up to its departure."""
        paths = self.paths
        there = np.isfinite(paths.position[:, :, 0]) & ~(paths.time[:, None] >= paths.departed)
        first, last = there.argmax(axis=0), len(there) - 1 - there[::-1].argmax(axis=0)
        return np.where(there.any(axis=0), paths.time[last] - paths.time[first], 0.0)

    def from_above(self) -> Tracks:
        """As a microscope sees them that looks along z: two dimensions."""
        position = self.paths.position * [1.0, 1.0, 0.0]
        return replace(self, paths=replace(self.paths, position=position), dimensions=2)

    def lasting(self, shortest: float) -> Tracks:
        """Those that last at least so long (min). Raises InputError if there is none."""
        kept = np.flatnonzero(self.durations >= shortest * (1 - 1e-6))
        if not len(kept):
            raise InputError(f"{self.name}: no track lasts {shortest:g} min; the longest lasts "
                             f"{self.durations.max():.4g} min: give a lower --shortest")  # fmt: skip
        if len(kept) == len(self.labels):
            return self
        paths = self.paths
        some = Trajectories(paths.time, paths.id[kept], paths.position[:, kept], paths.departed[kept])
        short = f"{len(self.labels) - len(kept)} of {len(self.labels)} tracks"
        note = f"{short} are shorter than {shortest:g} min and left out"
        return replace(self, paths=some, labels=tuple(self.labels[k] for k in kept), notes=(*self.notes, note))


def read_tracks(path: Path, scale: Scale = IN_HEADER) -> list[Tracks]:
    """Of a run's folder its arms, of a Parquet table one set of tracks, of a CSV one or as many as it names.

    `scale` is what lengths and times without a unit are in. Tracks of which none moves along z are of two dimensions.
    """
    if path.is_dir():
        return _run(path)
    if path.suffix.lower() == ".parquet":
        return [_parquet(path, path.stem, path.parent)]
    if _is_trackmate(path):
        return [_plain(path, trackmate.read_table(path, scale))]
    return [_plain(path, table) for table in track_table.read_table(path, scale)]


def named_apart(sets: Sequence[tuple[Path, Tracks]]) -> list[Tracks]:
    """The sets, those of the same name with the folder of their path before it."""
    names = [tracks.name for _, tracks in sets]
    long = [f"{_absolute(path).parent.name}/{tracks.name}" for path, tracks in sets]
    names = [long[k] if names.count(name) > 1 else name for k, name in enumerate(names)]
    seen: dict[str, int] = {}
    result = []
    for name, (_, tracks) in zip(names, sets, strict=True):
        seen[name] = seen.get(name, 0) + 1
        result.append(replace(tracks, name=name if seen[name] == 1 else f"{name} ({seen[name]})"))
    return result


def _run(folder: Path) -> list[Tracks]:
    if (folder / "replicates.json").is_file():
        raise InputError(f"{file_text(folder)}: holds runs of several seeds; give them one by one, e.g. "
                         f"{file_text(folder)}/seed-1")  # fmt: skip
    name = _absolute(folder).name
    arms = [_parquet(folder, name, folder)]
    if (folder / "null.parquet").is_file():
        arms.append(_parquet(folder / "null.parquet", f"{name}, null arm", folder))
    return arms


def _parquet(path: Path, name: str, folder: Path) -> Tracks:
    """A table of cells, in the box of the run in whose folder it is."""
    size, periodic = box_of(folder) if (folder / "run.json").is_file() else (1.0, False)
    try:
        paths = Trajectories.read(path, size=size, periodic=periodic)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        if isinstance(error, InputError):
            raise
        said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(f"{file_text(path)}: is no table of cells ({said}); give the folder of a run, its "
                         "cells.parquet, or a CSV of tracks") from None  # fmt: skip
    if len(paths.time) < 2:
        raise InputError(f"{file_text(path)}: has one record only; let the run go on for longer")
    return Tracks(name, paths, 3, tuple(map(str, paths.id)), _usual(paths))


def _plain(path: Path, table: TrackTable) -> Tracks:
    notes: tuple[str, ...] = ()
    if table.uneven > 0.01 * table.interval:
        notes = (f"times are uneven by up to {table.uneven:.2g} min and taken to multiples of one interval",)
    found = Tracks(table.name or path.stem, table.paths, 3, table.labels, table.interval, notes)
    return found.from_above() if table.flat or _flat(table.paths) else found


def _is_trackmate(path: Path) -> bool:
    head = csv_columns.read(path, track_table.LARGEST_FILE, lambda lines, _: next(lines, ""), track_table.HEADER)
    return "POSITION_X" in head and ("TRACK_ID" in head or "POSITION_T" in head)


def _absolute(path: Path) -> Path:
    """With the names of "." and ".."; links are left as they are."""
    return Path(os.path.abspath(path))


def _usual(paths: Trajectories) -> float:
    """min between records, the median."""
    return float(np.median(np.diff(paths.time)))


def _flat(paths: Trajectories) -> bool:
    """No track moves along z, but for what rounding leaves."""
    seen = np.isfinite(paths.position)
    lowest, highest = np.where(seen, paths.position, np.inf), np.where(seen, paths.position, -np.inf)
    extent = (highest.max(axis=(0, 1)) - lowest.min(axis=(0, 1)))[:2].max()
    moved = highest[:, :, 2].max(axis=0) - lowest[:, :, 2].min(axis=0)
    return bool((moved <= _LEVEL * extent).all())
