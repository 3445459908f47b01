"""Plain tables of tracks (CSV), as trackers, spreadsheets and scripts write them: one row per cell and time.

Columns are found by name, in any order and case: a track, a time or a frame, x, y and, where there are such, z and the
set that a track belongs to (as `condition`). Units stand in the header (`time_min`, `x_um`, "T [s]") or are given; a
length or a time without a unit is refused, never guessed.
Header, lines and cells are read as those of other tables (`physim.generate.csv_columns`).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physim.analysis.migration import Trajectories
from physim.analysis.track_times import frames
from physim.errors import InputError
from physim.generate import csv_columns
from physim.generate.csv_columns import BadRows, Column, Kind, Table
from physim.generate.positions_csv import CELLS
from physim.problems import show
from physim.units import parse_unit

LARGEST_FILE = 1_000_000_000
MOST_ROWS = 10_000_000
MOST_PLACES = 30_000_000
"""Tracks times records: a table of them takes 24 bytes each, a few times over."""
WORDS = {"micron": "um", "microns": "um", "micrometer": "um", "micrometers": "um",
         "micrometre": "um", "micrometres": "um", "sec": "s", "secs": "s",
         "second": "s", "seconds": "s", "minute": "min", "minutes": "min", "mins": "min", "hour": "h", "hours": "h",
         "hr": "h", "hrs": "h"}  # fmt: skip
"""Units in other words than those of a scenario."""
HEADER = "track,time_min,x_um,y_um"
"""What a file that is no table should begin with."""
_FARTHEST, _LATEST = 1e7, 1e9
_FRAMES = ("frame", "frameno", "framenumber", "frames", "slice", "slicen°", "sliceno", "timepoint", "timestep",
           "timeindex", "imagenumber", "step")  # fmt: skip
_TIMES = ("time", "t", "positiont", "elapsedtime", "elapsed")
_IN_UNITS = ("s", "sec", "secs", "seconds", "min", "mins", "minutes", "h", "hr", "hrs", "hours", "d", "days", "ms")
_KIND = Kind(
    names={
        "track": ("track", "trackid", "trackn°", "trackno", "tracknumber", "trackname", "tracklabel", "trajectory",
                  "trajectoryid", "particle", "particleid", "trackobjectslabel", "cell", "cellid", "cellno", "id",
                  "object", "objectid", "label"),
        "set": ("set", "condition", "treatment"),
        "time": (*_TIMES, *(name + unit for name in _TIMES for unit in _IN_UNITS), *_FRAMES),
        **{axis: (*CELLS.names[axis], f"locationcenter{axis}", f"{axis}coordinate") for axis in "xyz"},
    },
    needed=("track", "time", "x", "y"),
    lengths=(),  # pixels are fine if their size is given
    remedy="track, time_min, x_um, y_um and, in 3D, z_um",
    usable=lambda key, column: key in ("track", "set") or _named(key, column)[0] is not None,
)  # fmt: skip
_UNIT = re.compile(r"[\[(]\s*([^\])]*?)\s*[\])]$|[\s_./]([a-zµμ]+)$", re.IGNORECASE)
_NOTHING = {"", "nan", "na", "n/a", "none", "null", "inf", "infinity", "-"}


@dataclass(frozen=True)
class Scale:
    """What a column without a unit is in; None: such a column is refused."""

    pixel: float | None = None
    """um per unit of x and y."""
    slice: float | None = None
    """um per unit of z."""
    frame: float | None = None
    """min per unit of the time, or from frame to frame."""

    def of(self, axis: str) -> tuple[float | None, str]:
        """The factor, and the option that sets it."""
        return {"time": (self.frame, "--interval"), "z": (self.slice, "--slice")}.get(axis, (self.pixel, "--pixel"))


IN_HEADER = Scale()
"""Units stand in the header."""


@dataclass(frozen=True, eq=False)
class TrackTable:
    """The tracks of a file, or of one set in it."""

    name: str
    """Of the set; empty where the file has none."""
    paths: Trajectories
    flat: bool
    """There is no z."""
    labels: tuple[str, ...]
    """What the file calls the tracks, in the order of `paths.id`."""
    interval: float
    """min from row to row of a track, but for gaps."""
    uneven: float
    """min, by which times were moved at most, to multiples of one interval."""


def factor_of(word: str, target: str) -> float | None:
    """What turns a unit into `target`; None for what is none of its dimension."""
    goal, wanted = parse_unit(target)
    try:
        factor, powers = parse_unit(WORDS.get(word.lower(), word))
    except ValueError:
        return None
    return factor / goal if word and powers == wanted else None


def in_units(text: str) -> str:
    """A quantity whose unit may be in other words, as "5 mins", in those of a scenario."""
    return re.sub(r"[A-Za-z]+\s*$", lambda match: WORDS.get(match[0].strip().lower(), match[0]), text[:100])


def read_table(path: Path, scale: Scale = IN_HEADER) -> list[TrackTable]:
    """The tracks of a CSV, set by set: times in min, positions in um, z = 0 where there is none.

    Gaps and any order of rows are fine. Raises InputError, one line a problem: no such column, no unit, bad rows, two
    rows of a track at one time, times that are no multiples of one interval.
    """
    return csv_columns.read(path, LARGEST_FILE, lambda lines, file: _parse(lines, file, scale), HEADER)


def _parse(lines: Iterator[str], path: Path, scale: Scale) -> list[TrackTable]:
    table = csv_columns.open_table(lines, path, _KIND)
    columns = table.columns
    found = {key: _factor(path, key, columns[key], scale) for key in columns if key not in ("track", "set")}
    wrong = {key: said for key, said in found.items() if isinstance(said, str)}
    if wrong.keys() - {"z"}:
        raise InputError(*wrong.values())
    factors = {key: factor if isinstance(factor, float) else 1.0 for key, factor in found.items()}
    rows = _rows(table, factors)
    if wrong and np.ptp(rows.values["z"]):
        raise InputError(wrong["z"])
    _check_counted(path, columns["time"], factors["time"], rows.values["time"], scale)
    sets = np.array([group for group, _ in rows.names])
    tables = []
    for name in dict.fromkeys(sets.tolist()):
        tables.append(_assemble(path, name, rows, np.flatnonzero(sets == name)))
    return tables


@dataclass(frozen=True, eq=False)
class _Rows:
    values: dict[str, NDArray[np.float64]]
    """min and um, by column."""
    who: NDArray[np.int64]
    """Number of the track of each row."""
    line: NDArray[np.int64]
    names: list[tuple[str, str]]
    """Set and track, by number."""


def _rows(table: Table, factors: dict[str, float]) -> _Rows:
    """All rows. Raises InputError, a line a bad row."""
    values = {key: array("d") for key in factors}
    who, line, bad = array("q"), array("q"), BadRows(table.path)
    number_of: dict[tuple[str, str], int] = {}
    for number, row in table.rows():
        try:
            group, track, found = _row(row, table, factors)
        except ValueError as problem:
            bad.add(number, str(problem))
            continue
        who.append(number_of.setdefault((group, track), len(number_of)))
        line.append(number)
        for key, value in found.items():
            values[key].append(value)
        if len(line) > MOST_ROWS:
            raise InputError(f"{table.path.name}: has more than {MOST_ROWS:,} rows; give fewer tracks at once")
    bad.check()
    if not line:
        raise InputError(f"{table.path.name}: has a header but no rows; write one row per cell and time")
    columns = {key: np.array(numbers) for key, numbers in values.items()}
    return _Rows(columns, np.array(who), np.array(line), list(number_of))


def _named(key: str, column: Column) -> tuple[float | None, str]:
    """um or min per unit of a column by its title, and the unit there, or what stands in its place."""
    match = _UNIT.search(column.title)
    word = (match[1] or match[2] or "") if match else ""
    named = factor_of(word, "min" if key == "time" else "um")
    if named is None and match and match[2] and re.sub(r"[\s_\-./]", "", column.title).lower() in _KIND.names[key]:
        word = ""  # "Position X" ends in its axis
    return named, word


def _factor(path: Path, key: str, column: Column, scale: Scale) -> float | str:
    """um or min per unit of a column, or what is wrong."""
    (named, word), (given, option) = _named(key, column), scale.of(key)
    target = "min" if key == "time" else "um"
    if named is not None:
        return named
    if given is not None:
        return given
    unit = f"is in {show(word)}, which is no" if word else "has no"
    size = '"5 min" (from one to the next)' if key == "time" else '"1 um" (of one pixel or unit)'
    return (f"{path.name}: column {show(column.title)} {unit} unit of {'time' if key == 'time' else 'length'}; name it "
            f"{key}_{target} if it is in {target}, or give e.g. {option} {size}")  # fmt: skip


def _check_counted(path: Path, column: Column, factor: float, time: NDArray, scale: Scale) -> None:
    """Raise InputError where a column of times without a unit does not count 0, 1, 2: then it may hold seconds."""
    step = np.diff(np.unique(time)) / factor
    key = re.sub(r"[\s_\-.]", "", column.title).lower()
    if factor == scale.frame and key in _TIMES and len(step) and abs(step.min() - 1) > 1e-6:
        raise InputError(f"{path.name}: column {show(column.title)} has no unit of time but steps by {step.min():.4g}, "
                         "not by 1 as frames do; put its unit into its name, e.g. time_s or time_min")  # fmt: skip


def _row(row: list[str], table: Table, factors: dict[str, float]) -> tuple[str, str, dict[str, float]]:
    """Set, track, and numbers in min and um. Raises ValueError."""
    names = ["", ""]
    for k, key in enumerate(("set", "track")):
        if key in table.columns:
            names[k] = csv_columns.cell(row, table.columns[key], False)
            if names[k].lower() in _NOTHING:
                title = table.columns[key].title
                raise ValueError(f"{title} = {show(names[k])} names no {key}; name it or remove the row")
    return names[0], names[1], {key: _number(row, table, key, factor) for key, factor in factors.items()}


def _number(row: list[str], table: Table, key: str, factor: float) -> float:
    """The number in a column, in min or um. Raises ValueError."""
    column = table.columns[key]
    text = csv_columns.cell(row, column, table.decimal_comma)
    if text.lower().lstrip("+-") in _NOTHING:
        raise ValueError(f"{column.title} = {show(text)} says nothing; remove the row, gaps are fine")
    number = csv_columns.number_in(text, column.title, "a number or remove the row, gaps are fine") * factor
    most = _LATEST if key == "time" else _FARTHEST
    if abs(number) > most:
        unit = "min" if key == "time" else "um"
        raise ValueError(f"{column.title} = {show(text)} is beyond {most:g} {unit}; correct it or its unit")
    return number


def _assemble(path: Path, name: str, rows: _Rows, tracks: NDArray) -> TrackTable:
    """The tracks of one set, by their numbers."""
    some = np.flatnonzero(np.isin(rows.who, tracks))
    who = np.searchsorted(tracks, rows.who[some])
    order = np.lexsort((rows.line[some], rows.values["time"][some], who))
    some, who = some[order], who[order]
    labels = [rows.names[k][1] for k in tracks]
    time = rows.values["time"][some]
    found = frames(f"{path.name}: set {show(name)}" if name else path.name, time, who, rows.line[some], labels)
    count = int(found.number.max()) + 1
    if count * len(labels) > MOST_PLACES:
        raise InputError(f"{path.name}: {len(labels):,} tracks over {count:,} intervals of {found.interval:.4g} min "
                         "are too many at once; give fewer tracks, or check the times")  # fmt: skip
    position = np.zeros((len(some), 3))
    for k, axis in enumerate("xyz"):
        if axis in rows.values:
            position[:, k] = rows.values[axis][some]
    whole = all(re.fullmatch(r"0|[1-9]\d{0,8}", label) for label in labels)
    ids = np.array([int(label) for label in labels]) if whole else np.arange(len(labels))
    when = time.min() + found.number * found.interval
    paths = Trajectories.from_rows(when, ids[who], position, np.full(len(some), np.nan))
    ordered = tuple(labels[k] for k in np.argsort(ids))
    return TrackTable(name, paths, "z" not in rows.values, ordered, found.interval, found.uneven)
