"""Centerlines from files: VTP polylines with a radius, SWC trees, CSV tables of points or of segments.

Sizes, units and links are checked before anything is allocated for them; `meshes.clean` makes a network of the lines.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.generate.csv_columns import BadRows, Kind, cell, number_in, open_table, read
from physim.meshes.clean import Lines
from physim.problems import file_text
from physim.tables import readable_size

LARGEST_FILE = 200_000_000
MOST_POINTS = 2_000_000
FARTHEST = 1e7
"""um; coordinates beyond are a mistake."""
_ENDS = tuple(f"{axis}{end}" for end in (1, 2) for axis in "xyz")
_WORDS = {"1": "start", "2": "end"}
_THICK = {"radius": ("radius", "r"), "diameter": ("diameter", "d", "width", "thickness")}
POINTS = Kind(
    names={"branch": ("branch", "branchid", "vessel", "vesselid", "segment", "segmentid", "line", "lineid", "id"),
           **{axis: (axis, f"position{axis}", f"{axis}position", f"pos{axis}") for axis in "xyz"}, **_THICK},
    needed=("branch", "x", "y", "z"), lengths=("x", "y", "z", *_THICK), remedy="branch, x, y, z, radius",
)  # fmt: skip
SEGMENTS = Kind(
    names={**{end: (end, end[0] + _WORDS[end[1]], _WORDS[end[1]] + end[0]) for end in _ENDS}, **_THICK},
    needed=_ENDS, lengths=(*_ENDS, *_THICK), remedy="x1, y1, z1, x2, y2, z2, radius",
)  # fmt: skip


def read_centerlines(path: str | Path, *, unit: float = 1.0, radius: float | None = None) -> Lines:
    """The lines of a VTP, SWC or CSV file, in um.

    `unit` is um per unit of the file (CSV titles such as "x (mm)" have their own on top), `radius` (um) stands in where
    the file has none. Raises InputError: what is wrong, where, and what to do.
    """
    path = Path(path)
    kinds = {".vtp": _vtp, ".swc": _swc, ".csv": _csv, ".txt": _csv, ".tsv": _csv}
    if path.suffix.lower() not in kinds:
        raise InputError(f"{file_text(path)}: is neither .vtp, .swc nor .csv; export the centerlines as one of these")
    if not (np.isfinite(unit) and unit > 0) or not (radius is None or (np.isfinite(radius) and radius > 0)):
        raise InputError(f"unit {unit:g}, radius {radius}: must be above 0, in um")
    size, _ = readable_size(path, LARGEST_FILE)
    lines = kinds[path.suffix.lower()](path, size)
    points, thick = unit * lines.points, unit * lines.radius
    bad = ~np.isfinite(points).all(axis=1) | (np.abs(np.nan_to_num(points)) > FARTHEST).any(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(f"{path.name}: point {row} is at {points[row].tolist()}, not within {FARTHEST:g} um; "
                         "remove it, or give the unit")  # fmt: skip
    if radius is not None:
        thick = np.where(np.isfinite(thick) & (thick > 0) & ~_all_one(lines.radius), thick, radius)
    return replace(lines, points=points, radius=thick)


def _all_one(radius: NDArray[np.float64]) -> bool:
    known = radius[np.isfinite(radius)]
    return bool(len(known) > 2 and (known == 1.0).all())


def _vtp(path: Path, size: int) -> Lines:
    from physim.generate.fibers_vtp import read_lines

    points, first, width = read_lines(path, size)
    return Lines(points, 0.5 * width if len(width) else np.full(len(points), np.nan), first)


def _swc(path: Path, size: int) -> Lines:
    """One node a line: number, kind, x, y, z, radius, number of the parent or -1."""
    return read(path, LARGEST_FILE, _parse_swc)


def _parse_swc(text: Iterator[str], path: Path) -> Lines:
    number, parent, values, bad = array("q"), array("q"), array("d"), BadRows(path)
    for line, row in enumerate(text, 1):
        words = row.split("#", 1)[0].split()
        if not words:
            continue
        try:
            if len(words) < 7:
                raise ValueError(f"has {len(words)} values; a node of SWC has 7: number, kind, x, y, z, radius, parent")
            node, before = int(words[0]), int(words[6])
            place = [number_in(words[2 + k], title, "a number") for k, title in enumerate(("x", "y", "z", "radius"))]
        except ValueError as problem:
            bad.add(line, str(problem))
            continue
        number.append(node)
        parent.append(before)
        values.extend(place)
        if len(number) > MOST_POINTS:
            raise InputError(f"{path.name}: has more than {MOST_POINTS:,} nodes; cut out a part of it")
    bad.check()
    if len(number) < 2:
        raise InputError(f"{path.name}: has {len(number)} nodes, no line; is it an SWC file?")
    return _tree(np.array(number), np.array(parent), np.array(values).reshape(-1, 4), path)


def _tree(number: NDArray[np.int64], parent: NDArray[np.int64], values: NDArray[np.float64], path: Path) -> Lines:
    """Lines from each root, fork or tip back to the fork or root before it. Raises InputError for what is no forest."""
    order = np.argsort(number, kind="stable")
    twice = np.flatnonzero(np.diff(number[order]) == 0)
    if len(twice):
        raise InputError(f"{path.name}: node {number[order[twice[0]]]} is there twice; number the nodes anew")
    root = parent < 0
    at = np.searchsorted(number[order], parent)
    row = order[np.minimum(at, len(order) - 1)]
    lost = ~root & (number[row] != parent)
    if lost.any():
        k = int(np.flatnonzero(lost)[0])
        raise InputError(f"{path.name}: node {number[k]} has the parent {parent[k]}, which is not there; "
                         "write -1 for a root")  # fmt: skip
    row = np.where(root, -1, row)
    above = row
    for _ in range(len(row).bit_length() + 1):  # each time twice as far up
        above = np.where(above >= 0, above[above], -1)
    if (above >= 0).any():
        k = int(np.flatnonzero(above >= 0)[0])
        raise InputError(f"{path.name}: node {number[k]} leads to no root but in a circle; an SWC file holds trees: "
                         "write -1 for the parent of one node of the circle")  # fmt: skip
    children = np.bincount(row[~root], minlength=len(row))
    ends = np.flatnonzero((children != 1) & ~root)  # a line leads from each of these towards its root
    pieces: list[list[int]] = []
    for tip in ends:
        piece = [int(tip), int(row[tip])]
        while not root[piece[-1]] and children[piece[-1]] == 1:
            piece.append(int(row[piece[-1]]))
        pieces.append(piece)
    if not pieces:
        raise InputError(f"{path.name}: its nodes are all roots, there is no line; give nodes their parents")
    member = np.fromiter(chain.from_iterable(pieces), np.int64)
    first = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]).astype(np.int64)
    return Lines(values[member, :3], values[member, 3], first)


def _csv(path: Path, size: int) -> Lines:
    """A row for each point of a branch, or for each segment with both its ends."""
    return read(path, LARGEST_FILE, _parse_csv)


def _parse_csv(lines: Iterator[str], path: Path) -> Lines:
    head = []
    for line in lines:
        head.append(line)
        if line.strip() and not line.startswith("#"):
            break
    title = head[-1].lower().replace(" ", "").replace("_", "") if head else ""
    kind = SEGMENTS if any(mark in title for mark in ("x1", "xstart", "startx")) else POINTS
    table = open_table(iter(chain(head, lines)), path, kind)
    thick = next((key for key in _THICK if key in table.columns), None)
    names: dict[str, int] = {}
    owner, values, bad = array("q"), array("d"), BadRows(path)
    for line_number, row in table.rows():
        try:
            text = {key: cell(row, column, table.decimal_comma and key != "branch")
                    for key, column in table.columns.items()}  # fmt: skip
            found = {key: number_in(text[key], table.columns[key].title, "a number") * table.columns[key].factor
                     for key in kind.needed if key != "branch"}  # fmt: skip
            width = float("nan")
            if thick is not None and text[thick]:
                width = number_in(text[thick], table.columns[thick].title, "a number") * table.columns[thick].factor
        except ValueError as problem:
            bad.add(line_number, str(problem))
            continue
        radius = 0.5 * width if thick == "diameter" else width
        ends = [("x", "y", "z")] if kind is POINTS else [_ENDS[:3], _ENDS[3:]]
        for axes in ends:
            name = text["branch"] if kind is POINTS else str(line_number)
            owner.append(names.setdefault(name, len(names)))
            values.extend([*(found[axis] for axis in axes), radius])
        if len(owner) > MOST_POINTS:
            raise InputError(f"{path.name}: has more than {MOST_POINTS:,} points; cut out a part of it")
    bad.check()
    if not len(owner):
        what = "point" if kind is POINTS else "segment"
        raise InputError(f"{path.name}: has a header but no rows; write one row per {what}")
    order = np.argsort(np.array(owner), kind="stable")
    table_of = np.array(values).reshape(-1, 4)[order]
    first = np.concatenate([[0], np.cumsum(np.bincount(np.array(owner)))]).astype(np.int64)
    if (np.diff(first) < 2).all():
        raise InputError(f"{path.name}: each branch has one point; the rows of a branch share its name")
    return Lines(table_of[:, :3], table_of[:, 3], first)
