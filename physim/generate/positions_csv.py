"""Cell positions from a CSV table, as written by hand, by TrackMate, scikit-image or a spreadsheet.

The header names the columns x, y, z (um) and, if wanted, radius, type and id, in any order and case. Every
bad row is reported with its line number and value.
"""

from __future__ import annotations

import functools
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.generate.csv_columns import MOST_LINES, BadRows, Kind, Table, cell, number_in, open_table, read
from physim.sections import LARGEST_RADIUS, SMALLEST_RADIUS
from physim.tables import readable_size

LARGEST_FILE = 2_000_000_000
MOST_ROWS = 42_000_000
LARGEST_ID = 2**32 - 2
CELLS = Kind(
    names={
        "x": ("x", "positionx", "xposition", "centroidx", "centerx", "posx", "centroid2"),
        "y": ("y", "positiony", "yposition", "centroidy", "centery", "posy", "centroid1"),
        "z": ("z", "positionz", "zposition", "centroidz", "centerz", "posz", "centroid0"),
        "radius": ("radius", "r", "cellradius"),
        "type": ("type", "celltype", "group"),
        "id": ("id", "cellid", "spotid", "label"),
        "frame": ("frame", "positiont", "time", "t"),
    },
    needed=("x", "y", "z"),
    lengths=("x", "y", "z", "radius"),
    remedy="x, y, z",
)


@dataclass(frozen=True, eq=False)
class Rows:
    """Cells of one group: position (n, 3) in um and, from a file, radius, type, id and line numbers."""

    position: NDArray[np.float64]
    radius: NDArray[np.float32] | None = None
    type: NDArray[np.uint32] | None = None
    id: NDArray[np.uint32] | None = None
    line: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.position)

    def name(self, row: int) -> str:
        """What a message calls this cell: the line of its file, or its number in the group."""
        return f"line {self.line[row]}" if self.line is not None else f"cell {row}"


def read_positions(
    path: str | Path,
    *,
    lower: Sequence[float] | None = None,
    upper: Sequence[float] | None = None,
    names: Sequence[str] = (),
) -> Rows:
    """The cells of a CSV; a column `type` may use `names` of groups. Raises InputError, a line a bad row."""
    path = Path(path)
    size, changed = readable_size(path, LARGEST_FILE)
    rows = _read(path, size, changed, tuple(names))
    if lower is not None and upper is not None:
        _check_inside(rows, path, np.asarray(lower, float), np.asarray(upper, float))
    return rows


@functools.lru_cache(maxsize=2)
def _read(path: Path, size: int, changed: int, names: tuple[str, ...]) -> Rows:
    """One reading serves the scenario, its null arm and the start, unless the file has changed."""
    return read(path, LARGEST_FILE, functools.partial(_parse, names=names))


def _parse(lines: Iterator[str], path: Path, names: tuple[str, ...]) -> Rows:
    table = open_table(lines, path, CELLS)
    values = {name: array("d") for name in table.columns}
    where, bad = array("q"), BadRows(path)
    for line, row in table.rows():
        try:
            _take(row, table, values, names)
        except ValueError as problem:
            bad.add(line, str(problem))
            continue
        where.append(line)
        if len(where) > MOST_ROWS:
            raise InputError(f"{path.name}: has more than {MOST_ROWS:,} rows; use fewer cells")
    bad.check()
    if not where:
        raise InputError(f"{path.name}: has a header but no rows; write one row per cell")
    return _rows(values, np.array(where), path)


def _take(row: list[str], table: Table, values: dict[str, array[float]], names: tuple[str, ...]) -> None:
    """Append the numbers of one row. Raises ValueError that says what is wrong with it."""
    taken: dict[str, float] = {}
    for key, column in table.columns.items():
        text = cell(row, column, table.decimal_comma)
        if key == "type" and text in names:
            taken[key] = names.index(text)
            continue
        wanted = f"a number or one of {', '.join(names)}" if key == "type" and names else "a number"
        try:
            number = number_in(text, column.title, wanted)
        except ValueError:
            if key == "frame":
                continue
            raise
        if key == "radius" and number <= 0:
            raise ValueError(f"{column.title} = {text} must be > 0; write the radius in um")
        if key == "radius" and not SMALLEST_RADIUS <= number * column.factor <= LARGEST_RADIUS:
            raise ValueError(f"{column.title} = {text} must be from {SMALLEST_RADIUS:g} to {LARGEST_RADIUS:g} um; "
                             "write the radius in um")  # fmt: skip
        if key in ("type", "id") and not (number.is_integer() and 0 <= number <= LARGEST_ID):
            raise ValueError(f"{column.title} = {text} must be a whole number from 0 to {LARGEST_ID}; correct it")
        taken[key] = number * column.factor if key in CELLS.lengths else number
    for key, number in taken.items():
        values[key].append(number)


def _rows(values: dict[str, array[float]], line: NDArray[np.int64], path: Path) -> Rows:
    column = {key: np.array(numbers) for key, numbers in values.items()}
    frames = np.unique(column.get("frame", np.zeros(1)))
    if len(frames) > 1:
        raise InputError(
            f"{path.name}: holds {len(frames)} points in time ({frames[0]:g} to {frames[-1]:g}); "
            "keep the rows of one"
        )
    if "id" in column:
        order = np.argsort(column["id"], kind="stable")
        same = np.flatnonzero(np.diff(column["id"][order]) == 0)
        if len(same):
            one, two = order[same[0]], order[same[0] + 1]
            raise InputError(
                f"{path.name}: line {line[two]}: id {column['id'][two]:.0f} is taken by line {line[one]} "
                f"({len(same)} such rows); give each cell its own id"
            )
    return Rows(
        np.stack([column["x"], column["y"], column["z"]], axis=1),
        column["radius"].astype(np.float32) if "radius" in column else None,
        column["type"].astype(np.uint32) if "type" in column else None,
        column["id"].astype(np.uint32) if "id" in column else None,
        line,
    )


def _check_inside(rows: Rows, path: Path, lower: NDArray, upper: NDArray) -> None:
    outside = np.flatnonzero(((rows.position < lower) | (rows.position > upper)).any(axis=1))
    if not len(outside):
        return
    lines = []
    for row in outside[:MOST_LINES]:
        axis = int(np.argmax((rows.position[row] < lower) | (rows.position[row] > upper)))
        lines.append(
            f"{path.name}: {rows.name(row)}: {'xyz'[axis]} = {rows.position[row, axis]:g} um is outside the "
            f"box ({lower[axis]:g} to {upper[axis]:g} um); move the cell or enlarge box.size"
        )
    if len(outside) > MOST_LINES:
        lines.append(f"{path.name}: and {len(outside) - MOST_LINES} more cells outside the box")
    raise InputError(*lines)
