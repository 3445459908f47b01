"""Fibers traced in images: polylines from CSV or VTP files, checked before anything is allocated for them.

`generate.polylines` makes a network of them. Positions are in um, in the frame of the box.
"""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.generate.csv_columns import BadRows, Kind, Table, cell, number_in, open_table, read
from physim.problems import file_text, show
from physim.tables import readable_size

LARGEST_FILE = 500_000_000
MOST_POINTS = 10_000_000
FARTHEST = 1e7
"""um; coordinates beyond are a mistake (and would lose digits)."""
MOST_SHOWN = 20
FIBERS = Kind(
    names={
        "fiber": ("fiber", "fiberid", "fibre", "fibreid", "filament", "filamentid", "contourid", "snake", "snakeid",
                  "track", "trackid", "line", "lineid", "id"),
        "x": ("x", "positionx", "xposition", "posx"),
        "y": ("y", "positiony", "yposition", "posy"),
        "z": ("z", "positionz", "zposition", "posz"),
        "diameter": ("diameter", "width", "linewidth", "thickness"),
        "radius": ("radius",),
        "frame": ("frame", "time", "t"),
    },
    needed=("fiber", "x", "y", "z"),
    lengths=("x", "y", "z", "diameter", "radius"),
    remedy="fiber, x, y, z",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Polylines:
    """Fibers as the file has them; the points of a fiber are consecutive and no two neighbours are equal."""

    points: NDArray[np.float64]
    """(P, 3) um."""
    first: NDArray[np.int64]
    """(F + 1,) where each fiber begins in points, and P."""
    diameter: float | None = None
    """um, mean over the points at which the file has it."""

    @property
    def fiber(self) -> NDArray[np.int64]:
        """(P,) fiber of each point."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))


def read_polylines(path: str | Path) -> Polylines:
    """The fibers of a CSV or VTP file. Raises InputError: what is wrong, where, and what to do about it."""
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".txt", ".tsv", ".vtp"):
        raise InputError(f"{file_text(path)}: is neither .csv nor .vtp; export the fibers as one of these")
    return _read(path, *readable_size(path, LARGEST_FILE))


@functools.lru_cache(maxsize=2)
def _read(path: Path, size: int, changed: int) -> Polylines:
    """One reading serves the scenario, its null arm and the start, unless the file has changed."""
    if path.suffix.lower() == ".vtp":
        from physim.generate.fibers_vtp import read_vtp

        return read_vtp(path, size)
    return read(path, LARGEST_FILE, _parse)


def _parse(lines: Iterator[str], path: Path) -> Polylines:
    """Rows in the order of the file; those of one fiber need not be together."""
    table = open_table(lines, path, FIBERS)
    values = {name: array("d") for name in table.columns if name != "fiber"}
    fibers: dict[str, int] = {}
    fiber, where, bad = array("q"), array("q"), BadRows(path)
    for line, row in table.rows():
        try:
            fiber.append(_take(row, table, values, fibers))
        except ValueError as problem:
            bad.add(line, str(problem))
            continue
        where.append(line)
        if len(where) > MOST_POINTS:
            raise InputError(f"{path.name}: has more than {MOST_POINTS:,} points; cut out a part of it")
    bad.check()
    if not where:
        raise InputError(f"{path.name}: has a header but no rows; write one row per point of a fiber")
    frames = np.unique(np.nan_to_num(np.array(values.get("frame", [0.0]))))
    if len(frames) > 1:
        raise InputError(
            f"{path.name}: holds {len(frames)} points in time ({frames[0]:g} to {frames[-1]:g}); keep the rows of one"
        )
    order = np.argsort(np.array(fiber), kind="stable")
    points = np.stack([np.array(values[axis]) for axis in "xyz"], axis=1)[order]
    first = np.concatenate([[0], np.cumsum(np.bincount(np.array(fiber)))])
    width = np.array(values["diameter"]) if "diameter" in values else 2 * np.array(values.get("radius", []))
    names, lines_of = list(fibers), np.array(where)[order]
    return checked(points, first, width, path, lambda row, owner: f"line {lines_of[row]}: fiber {show(names[owner])}")


def _take(row: list[str], table: Table, values: dict[str, array[float]], fibers: dict[str, int]) -> int:
    """Append the numbers of one row; the number of its fiber. Raises ValueError that says what is wrong with it."""
    taken: dict[str, float] = {}
    for key, column in table.columns.items():
        text = cell(row, column, table.decimal_comma and key != "fiber")
        if key == "fiber":
            name = text
            if not name or len(name) > 100:
                raise ValueError(f"{column.title} = {show(text)} is no name of a fiber; write a number")
        else:
            try:
                number = number_in(text, column.title, "a number")
            except ValueError:
                if key in FIBERS.needed:
                    raise
                number = math.nan  # a thickness that was not measured, a frame without number
            taken[key] = number * column.factor if key in FIBERS.lengths else number
    for key, number in taken.items():
        values[key].append(number)
    return fibers.setdefault(name, len(fibers))


def checked(
    points: NDArray[np.float64], first: NDArray[np.int64], width: NDArray[np.float64], path: Path,
    name: Callable[[Any, Any], str],
) -> Polylines:
    """The polylines, unless a point is not finite or far away, a fiber has one point, or a point follows its equal.

    `name(row, fiber)` names a point in messages; `width` are diameters (um, NaN where unknown) or empty.
    """
    count = np.diff(first)
    owner = np.repeat(np.arange(len(count)), count)
    problems: list[str] = []

    def refuse(rows: NDArray[np.integer], text: str) -> None:
        problems.extend(f"{path.name}: {name(row, owner[row])}: {text}" for row in rows[:MOST_SHOWN])
        if len(rows) > MOST_SHOWN:
            problems.append(f"{path.name}: and {len(rows) - MOST_SHOWN:,} more such points")

    refuse(np.flatnonzero(~np.isfinite(points).all(axis=1)), "a coordinate is not finite; remove or correct the point")
    refuse(
        np.flatnonzero((np.abs(points) > FARTHEST).any(axis=1)),
        f"a coordinate is beyond {FARTHEST:g} um; write positions in um",
    )
    refuse(first[:-1][count == 1], "is its only point; a fiber needs two, remove it or add a point")
    equal = (np.diff(points, axis=0) == 0).all(axis=1) & (np.diff(owner) == 0)
    refuse(np.flatnonzero(equal) + 1, "is the same point as the one before it; remove one")
    if problems:
        raise InputError(*problems)
    known = width[np.isfinite(width) & (width > 0)]
    return Polylines(points, first, float(known.mean()) if len(known) else None)
