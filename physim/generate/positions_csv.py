"""Cell positions from a CSV table, as written by hand, by TrackMate, scikit-image or a spreadsheet.

The header names the columns x, y, z (um) and, if wanted, radius, type and id, in any order and case. Every
bad row is reported with its line number and value.
"""

from __future__ import annotations

import csv
import functools
import math
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.problems import show
from physim.tables import readable_size
from physim.units import parse_unit

LARGEST_FILE = 2_000_000_000
MOST_ROWS = 50_000_000
MOST_LINES = 20
LARGEST_ID = 2**32 - 2
# what a column may be called once spaces, case and units are taken away; the first that is there is taken
_NAMES = {
    "x": ("x", "positionx", "xposition", "centroidx", "centerx", "posx", "centroid2"),
    "y": ("y", "positiony", "yposition", "centroidy", "centery", "posy", "centroid1"),
    "z": ("z", "positionz", "zposition", "centroidz", "centerz", "posz", "centroid0"),
    "radius": ("radius", "r", "cellradius"),
    "type": ("type", "celltype", "group"),
    "id": ("id", "cellid", "spotid", "label"),
    "frame": ("frame", "positiont", "time", "t"),
}
_UNIT = re.compile(
    r"^(.*?)[\s_]*(?:[\[(]\s*([^\])]*?)\s*[\])]|_(um|µm|μm|microns?|nm|mm|px|pixels?|voxels?))$",
    re.IGNORECASE,
)
_MICRON = {"um", "µm", "μm", "micron", "microns", "micrometer", "micrometers", ""}


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


@dataclass(frozen=True)
class _Column:
    index: int
    title: str
    factor: float


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
    try:
        with path.open(encoding=_encoding(path), newline="") as stream:
            return _parse(_lines(stream, path), path, names)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path.name}: cannot be read as a table: {error}; save it as CSV in UTF-8"
        ) from None


def _encoding(path: Path) -> str:
    """UTF-8, or Latin-1 as spreadsheets write "µm"; binary files are refused."""
    with path.open("rb") as stream:
        start = stream.read(1 << 16)
    control = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in start)
    if control:
        raise InputError(f"{path.name}: is no text table but binary; export it as CSV with columns x, y, z")
    if not start.strip():
        raise InputError(f"{path.name}: is empty; write a header x,y,z and one row per cell")
    head = start[: start.rfind(b"\n") + 1] or start
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _lines(stream: Any, path: Path) -> Iterator[str]:
    """The lines, refusing those so long that they are no row of a table."""
    while line := stream.readline(100_001):
        if len(line) > 100_000:
            raise InputError(
                f"{path.name}: has a line of more than 100,000 characters; is it a CSV with one cell a row?"
            )
        yield line


def _parse(lines: Iterator[str], path: Path, names: tuple[str, ...]) -> Rows:
    number, header = 0, ""
    for header in lines:
        number += 1
        if header.strip() and not header.startswith("#"):
            break
    delimiter = max(",;\t", key=header.count)
    columns = _columns(next(csv.reader([header], delimiter=delimiter), []), path)
    values = {name: array("d") for name in columns}
    where, wrong = array("q"), 0
    bad: list[str] = []
    reader = csv.reader(lines, delimiter=delimiter)
    for row in reader:
        line = number + reader.line_num
        if not row or not "".join(row).strip() or row[0].startswith("#"):
            continue
        if line <= number + 3 and _is_second_header(row, columns):
            continue
        problem = _take(row, columns, values, delimiter == ";", names)
        if problem:
            wrong += 1
            if len(bad) < MOST_LINES:
                bad.append(f"{path.name}: line {line}: {problem}")
            continue
        where.append(line)
        if len(where) > MOST_ROWS:
            raise InputError(f"{path.name}: has more than {MOST_ROWS:,} rows; use fewer cells")
    if wrong > len(bad):
        bad.append(f"{path.name}: and {wrong - len(bad)} more bad rows")
    if bad:
        raise InputError(*bad)
    if not where:
        raise InputError(f"{path.name}: has a header but no rows; write one row per cell")
    return _rows(values, np.array(where), path)


def _columns(titles: list[str], path: Path) -> dict[str, _Column]:
    """Which column holds what, and the factor that turns its lengths into um."""
    plain: dict[str, list[_Column]] = {}
    for index, title in enumerate(titles):
        match = _UNIT.match(title.strip())
        name, unit = (match[1], match[2] or match[3] or "") if match else (title.strip(), "")
        plain.setdefault(re.sub(r"[\s_\-.]", "", name).lower(), []).append(
            _Column(index, title.strip(), _factor(unit))
        )
    columns, problems, missing = {}, [], []
    for key, aliases in _NAMES.items():
        there = [column for alias in aliases for column in plain.get(alias, [])]
        if key in ("x", "y", "z") and not there:
            missing.append(key)
        elif key in ("x", "y", "z") and len(there) > 1:
            both = " and ".join(show(column.title) for column in there)
            problems.append(f"{path.name}: columns {both} could both be {key}; remove or rename one")
        elif there:
            columns[key] = there[0]
            if key in ("x", "y", "z", "radius") and math.isnan(there[0].factor):
                problems.append(
                    f"{path.name}: column {show(there[0].title)} is not in a unit of length; convert it to um"
                )
    if missing:
        known = ", ".join(show(title.strip()) for title in titles[:12])
        problems.append(
            f"{path.name}: has no column {' or '.join(missing)}; the header has {known}: "
            "name the columns x, y, z"
        )
    if problems:
        raise InputError(*problems)
    return columns


def _factor(unit: str) -> float:
    """um per unit; NaN for what is no length (pixels, voxels)."""
    if unit.lower() in _MICRON:
        return 1.0
    try:
        factor, powers = parse_unit(unit)
    except ValueError:
        return math.nan
    return factor if powers == parse_unit("um")[1] else math.nan


def _is_second_header(row: list[str], columns: dict[str, _Column]) -> bool:
    """TrackMate repeats its header in three more ways: long names, short names, units."""
    cells = [row[columns[key].index].strip() for key in "xyz" if columns[key].index < len(row)]
    return len(cells) == 3 and all(
        re.fullmatch(r"[XYZ]|\(.*\)|.*position.*", cell, re.IGNORECASE) for cell in cells
    )


def _take(
    row: list[str],
    columns: dict[str, _Column],
    values: dict[str, array[float]],
    comma: bool,
    names: tuple[str, ...],
) -> str:
    """Append the numbers of one row, or say what is wrong with it."""
    taken: dict[str, float] = {}
    for key, column in columns.items():
        if column.index >= len(row):
            return f"has {len(row)} values, too few for column {show(column.title)}; add the missing value"
        text = row[column.index].strip()
        if comma:
            text = text.replace(",", ".")
        try:
            number = float(names.index(text)) if key == "type" and text in names else float(text)
        except ValueError:
            if key == "frame":
                continue
            wanted = f"a number or one of {', '.join(names)}" if key == "type" and names else "a number"
            return f"{column.title} = {show(text)} is no number; write {wanted}"
        if not math.isfinite(number) or "_" in text:
            return (
                f"{column.title} = {show(text)} is not finite; write a number in um"
                if "_" not in text
                else (f"{column.title} = {show(text)} is no number; write it without _")
            )
        if key == "radius" and number <= 0:
            return f"{column.title} = {text} must be > 0; write the radius in um"
        if key in ("type", "id") and not (number.is_integer() and 0 <= number <= LARGEST_ID):
            return f"{column.title} = {text} must be a whole number from 0 to {LARGEST_ID}; correct it"
        taken[key] = number * column.factor if key in ("x", "y", "z", "radius") else number
    for key, number in taken.items():
        values[key].append(number)
    return ""


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
