"""Spot tables as TrackMate writes them (Fiji's tracker, "Export to CSV"): written from a run, read for measuring.

One row per cell and frame. TrackMate puts up to four lines on top (keys, names, short names, units) and calls a cell
a spot and its trajectory a track. The units of lengths and of time are those of the image, and stand in the last line.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physim import cell_table
from physim.analysis.migration import Trajectories
from physim.analysis.track_table import HEADER, IN_HEADER, Scale, TrackTable, factor_of
from physim.analysis.track_times import Frames, frames
from physim.errors import InputError
from physim.files import write_text
from physim.generate import csv_columns
from physim.problems import show
from physim.record import writing

# key: (name, short name, unit)
_COLUMNS = {
    "LABEL": ("Label", "Label", ""),
    "ID": ("Spot ID", "Spot ID", ""),
    "TRACK_ID": ("Track ID", "Track ID", ""),
    "QUALITY": ("Quality", "Quality", "(quality)"),
    "POSITION_X": ("X", "X", "(micron)"),
    "POSITION_Y": ("Y", "Y", "(micron)"),
    "POSITION_Z": ("Z", "Z", "(micron)"),
    "POSITION_T": ("T", "T", "(sec)"),
    "FRAME": ("Frame", "Frame", ""),
    "RADIUS": ("Radius", "R", "(micron)"),
    "VISIBILITY": ("Visibility", "Visibility", ""),
}
_LARGEST = 2_000_000_000
_ASTRAY = 0.3
"""Of the interval: so far may a time be off that of its frame, as where times are rounded."""
_NEEDED = ("TRACK_ID", "POSITION_X", "POSITION_Y", "POSITION_T")


def export_spots(run: Path, path: Path) -> Path:
    """Write the cells of a run, while they are in the box, as a spot table; tracks are ids, time is in seconds.

    Paths are continuous: in a periodic box positions may lie outside it. Raises InputError for a folder without a
    table of cells, RecordError if the file cannot be written.
    """
    size, periodic = box_of(run)
    tracks = Trajectories.read(run, size=size, periodic=periodic)
    radius = _radii(run, tracks)
    there = np.isfinite(radius) & ~(tracks.time[:, None] >= tracks.departed)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for k in range(3):
        writer.writerow(names[k] for names in _COLUMNS.values())
    for spot, (frame, who) in enumerate(np.argwhere(there)):
        x, y, z = (f"{value:.9g}" for value in tracks.position[frame, who])
        writer.writerow((f"ID{spot}", spot, tracks.id[who], 1.0, x, y, z, f"{60 * tracks.time[frame]:.9g}", frame,
                         f"{radius[frame, who]:.6g}", 1))  # fmt: skip
    with writing(path, "the run itself is untouched"):
        write_text(path, text.getvalue())
    return path


def read_spots(path: Path, scale: Scale = IN_HEADER) -> Trajectories:
    """The tracks of a spot table: times in min, positions in um (z = 0 where there is none), ids the TRACK_ID.

    `scale` is what positions and times are in that the table has in pixels and frames, or without a unit. Spots outside
    tracks are left out. Raises InputError where a column or a unit is missing (pixels, frames), where a
    value is no number, or where a track has two spots at one time, as after a division.
    """
    return read_table(path, scale).paths


def read_table(path: Path, scale: Scale = IN_HEADER) -> TrackTable:
    """As `read_spots`, with times taken to multiples of one interval: by FRAME where it agrees with POSITION_T."""
    lines, decimal_comma = csv_columns.read(path, _LARGEST, _cells, HEADER)
    keys = [key.strip() for key in lines[0]] if lines else []
    missing = [key for key in _NEEDED if key not in keys]
    if missing:
        raise InputError(
            f"{path}: has no column {', '.join(missing)}; export the spots (not the edges or tracks) from TrackMate"
        )
    at = {key: keys.index(key) for key in (*_NEEDED, "POSITION_Z", "FRAME") if key in keys}
    if decimal_comma:
        for line in lines[1:]:
            for column in at.values():
                if column < len(line):
                    line[column] = line[column].replace(",", ".")
    first = 1
    while first < min(len(lines), 5) and not any(_is_number(lines[first], column) for column in at.values()):
        first += 1
    units = lines[first - 1] if first > 1 else []
    rows = [(k + 1, line) for k, line in enumerate(lines) if k >= first and any(line)]
    rows = [(number, line) for number, line in rows if _text(line, at["TRACK_ID"]) not in ("", "None")]
    if not rows:
        raise InputError(f"{path}: has no spot in a track; run the tracking step of TrackMate before the export")
    frame = _frame_numbers(at.pop("FRAME", None), rows)
    value = {key: _numbers(path, key, column, rows) for key, column in at.items()}
    per_um = [_factor(path, key, units, at[key], scale) for key in ("POSITION_X", "POSITION_Y")]
    z = value.get("POSITION_Z", np.zeros(len(rows)))
    per_um.append(_factor(path, "POSITION_Z", units, at["POSITION_Z"], scale) if np.ptp(z) else 1.0)
    position = np.stack([value["POSITION_X"], value["POSITION_Y"], z], axis=1) * per_um
    ids, time = value["TRACK_ID"].astype(np.int64), value["POSITION_T"]
    where = np.array([number for number, _ in rows])
    _check_one_each(path, ids, time, where.tolist())
    order = np.lexsort((time, ids))
    ids, time, position = ids[order], time[order], position[order]
    names, who = np.unique(ids, return_inverse=True)
    labels = tuple(map(str, names))
    if np.ptp(time) == 0:
        raise InputError(f"{path}: has one time only; give the spots of a movie")
    frame = frame[order] if frame is not None else None
    time = time * _per_minute(path, units, at["POSITION_T"], scale, time, frame, who)
    usual = _but_the_last(time, frame, who)
    found = usual or _by_frame(time, frame, who) or frames(path.name, time, who, where[order], labels)
    between = int(np.gcd.reduce(np.diff(found.number)[np.diff(who) == 0]))
    when = time.min() + found.number * found.interval
    if usual:
        when[time == time.max()] = time.max()
    paths = Trajectories.from_rows(when, ids, position, np.full(len(rows), np.nan))
    return TrackTable("", paths, False, labels, found.interval * between, found.uneven)


def box_of(run: Path) -> tuple[np.ndarray, np.ndarray]:
    """Size, um, and which axes are periodic; raises InputError if run.json does not say."""
    try:
        box = json.loads((run / "run.json").read_text("utf-8"))["box"]
        size = np.array(box["upper_um"], float) - np.array(box["lower_um"], float)
        return size, np.array([face == "periodic" for face in box["boundary"]])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{run}: run.json does not say how large the box is; give the folder of a run") from None


def _radii(run: Path, tracks: Trajectories) -> np.ndarray:
    """(T, n) um, NaN where a cell does not exist."""
    table = cell_table.read(run, ("id", "radius_um"))
    time, ids, radius = (table[name].to_numpy() for name in ("time_h", "id", "radius_um"))
    result = np.full((len(tracks.time), len(tracks.id)), np.nan)
    result[np.searchsorted(tracks.time, time * 60), np.searchsorted(tracks.id, ids)] = radius
    return result


def _cells(lines: Iterator[str], path: Path) -> tuple[list[list[str]], bool]:
    """Line by line, and whether numbers have a decimal comma: a spreadsheet may have saved the table again."""
    header = next(lines, "")
    delimiter = max(",;\t", key=header.count)
    return list(csv.reader(chain([header], lines), delimiter=delimiter)), delimiter == ";"


def _text(line: list[str], column: int) -> str:
    return line[column].strip() if column < len(line) else ""


def _is_number(line: list[str], column: int) -> bool:
    try:
        float(_text(line, column))
    except ValueError:
        return False
    return True


def _numbers(path: Path, key: str, column: int, rows: list[tuple[int, list[str]]]) -> np.ndarray:
    result = np.empty(len(rows))
    for k, (number, line) in enumerate(rows):
        try:
            result[k] = float(_text(line, column))
        except ValueError:
            result[k] = np.nan
        if not np.isfinite(result[k]) or (key == "TRACK_ID" and not 0 <= result[k] < 2**32):
            said = show(_text(line, column))
            raise InputError(f"{path}: line {number}: {key} = {said} is no number that can be used; correct it")
    return result


def _frame_numbers(column: int | None, rows: list[tuple[int, list[str]]]) -> NDArray[np.int64] | None:
    """None where the table does not number its frames."""
    if column is None or not all(_is_number(line, column) for _, line in rows):
        return None
    number = np.array([float(_text(line, column)) for _, line in rows])
    whole = np.isfinite(number).all() and np.abs(number).max() < 2**53 and (number == np.rint(number)).all()
    return number.astype(np.int64) if whole else None


def _by_frame(time: NDArray, frame: NDArray[np.int64] | None, who: NDArray) -> Frames | None:
    """The frames of rows in the order of track and time, where times are those of frames in equal steps; else None."""
    same = np.diff(who) == 0
    if frame is None or not same.any() or not (count := np.diff(frame)[same]).min() > 0:
        return None
    number = frame - frame.min()
    interval, begin = np.polyfit(number.astype(float), time - time.min(), 1)
    off = np.abs(time - time.min() - begin - interval * number).max()
    if not (interval > 0 and off <= _ASTRAY * interval):
        return None
    return Frames(number, float(interval), float(np.abs(np.diff(time)[same] - interval * count).max()))


def _but_the_last(time: NDArray, frame: NDArray[np.int64] | None, who: NDArray) -> Frames | None:
    """The frames of a run that ended before its next record was due: steps are equal, but for a shorter last one."""
    earlier = time < time.max()
    if frame is None or not earlier.any() or frame[~earlier].min() <= frame[earlier].max():
        return None
    found, step = _by_frame(time[earlier], frame[earlier], who[earlier]), time.max() - time[earlier].max()
    if found is None or found.uneven > 1e-3 * found.interval or step > 0.9 * found.interval:
        return None
    return Frames(frame - frame.min(), found.interval, found.uneven)


def _per_minute(path: Path, units: list[str], column: int, scale: Scale, time: NDArray, frame: NDArray | None,
                who: NDArray) -> float:  # fmt: skip
    """What turns the times into min. Where no unit says it, the interval that is given; raises InputError if the times
    are neither numbers of frames nor, in any unit, of that interval."""
    factor = _factor(path, "POSITION_T", units, column, scale)
    if factor_of(_unit(units, column), "min") is not None:
        return factor
    by_frame, step = _by_frame(time, frame, who), np.diff(time)[np.diff(who) == 0]
    if by_frame is None and not len(step):
        return factor
    each = by_frame.interval if by_frame else float(step.min())
    if abs(each - 1) <= 1e-6 or any(abs(each * unit - factor) <= 0.02 * factor for unit in (1 / 60000, 1 / 60, 1, 60)):
        return factor / each
    raise InputError(
        f"{path}: POSITION_T has no unit of time but steps by {each:.4g}, not by 1 as frames do, and --interval is "
        f"{factor:.4g} min; keep TrackMate's line of units, or correct --interval"
    )


def _unit(units: list[str], column: int) -> str:
    word = re.sub(r"[()\s]", "", _text(units, column)).lower()
    return "" if word in ("x", "y", "z", "t") else word


def _factor(path: Path, key: str, units: list[str], column: int, scale: Scale) -> float:
    """What turns the numbers of a column into um or min, by the line of units."""
    word = _unit(units, column)
    target, axis = ("min", "time") if key == "POSITION_T" else ("um", key[-1].lower())
    named, (given, option) = factor_of(word, target), scale.of(axis)
    if named is not None or given is not None:
        return named if named is not None else given  # type: ignore[return-value]
    remedy = f"set pixel size and frame interval in Fiji (Image > Properties) before tracking, or give {option}"
    raise InputError(f"{path}: {key} is in {show(word or 'no unit')}, which is not known in {target}; {remedy}")


def _check_one_each(path: Path, ids: np.ndarray, time: np.ndarray, number: list[int]) -> None:
    order = np.lexsort((time, ids))
    same = np.flatnonzero((np.diff(ids[order]) == 0) & (np.diff(time[order]) == 0))
    if len(same):
        one, two = sorted(number[order[same[0] + k]] for k in (0, 1))
        raise InputError(
            f"{path}: line {two}: track {ids[order[same[0]]]} has another spot at this time in line {one} ({len(same)} "
            "such rows); track without splitting and merging"
        )
