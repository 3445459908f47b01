"""Where two runs part: first their scenarios, then records and frames, then checkpoints of the same step.

A leaf: reads what `physim.record` and `physim.checkpoint` wrote, of runs that are finished or not, and writes nothing.
Everything is compared to the bit; where bits differ, the cell, node or segment that differs most is named.
"""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from physim import checkpoint, differences, tables, vtk_files
from physim.errors import InputError
from physim.run_folder import entries, read_info

_MOST = 6
"""Lines per list; more are counted."""


@dataclass
class Report:
    """What was found: `text` to print, what differs, what one run has more, what could not be compared."""

    lines: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    longer: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """All that both runs have was read and has the same bits, and none has more."""
        return not (self.differing or self.longer or self.unread)

    @property
    def text(self) -> str:
        return "\n".join([*self.lines, self._verdict()])

    def _verdict(self) -> str:
        if self.differing:
            return "the runs part: " + "; ".join(self.differing)
        if self.unread:
            return "no difference in what could be read; not compared: " + "; ".join(self.unread)
        if self.longer:
            return "the same to the bit as far as both go, but " + "; ".join(self.longer)
        return "the same to the bit"

    def add(self, topic: str, words: str) -> None:
        self.lines.append(f"{topic:<12}  {words}")

    def add_all(self, topic: str, found: Sequence[Any], most: int = _MOST) -> None:
        """A list of differences under a topic."""
        for k, item in enumerate(found[:most]):
            self.add("" if k else topic, str(item))
        if len(found) > most:
            self.add("", f"and {len(found) - most} more")


def compare(first: Path, second: Path) -> Report:
    """Compare two run folders. Raises InputError for a folder that is no run or a file that cannot be read."""
    report = Report()
    runs = (first, second)
    try:
        _introduce(report, runs)
        _scenarios(report, runs)
        _fibers(report, runs)
        parted = _records(report, runs, "", "records")
        _records(report, runs, "null", "null arm")
        for kind in ("cells", "fibers", "links"):
            _frames(report, runs, kind, parted)
        _checkpoints(report, runs)
    except InputError:
        raise
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{first}, {second}: a file cannot be read ({said}); if a run goes on, try again") from None
    return report


Runs = tuple[Path, Path]


def _introduce(report: Report, runs: Runs) -> None:
    infos = [read_info(run) for run in runs]
    for name, run, info in zip("AB", runs, infos, strict=True):
        times = sorted({hours for hours, _, _ in entries(run)})
        span = f"{_count(times, 'record')}, the last at {times[-1]:g} h" if times else "no record yet"
        status = str(info.get("status")).splitlines()[0].split(";")[0]  # without the remedy
        report.add(name, f"{run}: seed {info.get('seed')}, {status}; {span}")
    devices, made = ([info.get(key, {}) for info in infos] for key in ("device", "versions"))
    notes = [("device", *(device.get("device") for device in devices))]
    notes += [(key, *(versions.get(key) for versions in made)) for key in ("physim", "git")]
    for key, one, other in notes:
        if one != other:
            report.add("note", f"{key}: {one} | {other}")


def _scenarios(report: Report, runs: Runs) -> None:
    """Paths whose values differ; defaults are written out in both files."""
    one, other = (dict(_leaves(tables.parse(tables.read_text(run / "scenario.toml"), str(run)))) for run in runs)
    paths = [path for path in dict.fromkeys((*one, *other)) if one.get(path) != other.get(path)]
    said = [f"{path}: {one.get(path, 'not there')} | {other.get(path, 'not there')}" for path in paths]
    report.add_all("scenario", [" ".join(line.split())[:200] for line in said] or ["the same"])
    if paths:
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        report.differing.append(f"the scenarios in {', '.join(paths[:3])}{more}")
    files = [{p.relative_to(run): p.read_bytes() for p in sorted(run.glob("own_terms/*/*.*"))} for run in runs]
    changed = [str(file) for file in dict.fromkeys((*files[0], *files[1])) if files[0].get(file) != files[1].get(file)]
    if changed:
        report.add_all("own terms", [f"{file} differs" for file in changed])
        report.differing.append(f"the own terms in {', '.join(changed[:3])}")


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    items: Any = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        items = enumerate(value)
    else:
        yield path, value
    for key, item in items:
        yield from _leaves(item, f"{path}.{key}" if path else str(key))


# the table, record by record


def _times(run: Path, part: str) -> dict[float, tuple[Path, int]]:
    """Where the record of each time (h) of a run's table is: Parquet file and row group. `part`: "null" or ""."""
    whole = run / (f"{part}.parquet" if part else "cells.parquet")
    parts = run / (part or "table")
    files = [whole] if whole.is_file() else sorted(parts.glob("part_*.parquet"))
    found = {}
    for path in files:
        file = pq.ParquetFile(path)
        for group in range(file.num_row_groups):
            found[round(file.read_row_group(group, ["time_h"])["time_h"][0].as_py(), 9)] = path, group
    return found


def _record(place: tuple[Path, int]) -> dict[str, NDArray]:
    table = pq.ParquetFile(place[0]).read_row_group(place[1])
    return {name: table[name].to_numpy() for name in table.column_names}


def _records(report: Report, runs: Runs, part: str, topic: str) -> float | None:
    """The time (h) from which the records differ, if they do."""
    places = [_times(run, part) for run in runs]
    common = sorted(places[0].keys() & places[1].keys())
    if not places[0] and not places[1]:
        report.unread += [] if part else ["neither run has a record yet"]
        return None
    for name, own, other in (("A", places[0], places[1]), ("B", places[1], places[0])):
        extra = sorted(own.keys() - other.keys())
        if extra:
            when = f"from {extra[0]:g} to {extra[-1]:g} h" if len(extra) > 1 else f"at {extra[0]:g} h"
            report.longer.append(f"{name} has {_count(extra, 'record')} more, {when}" + (" (null arm)" if part else ""))

    def found(time: float) -> list[Any]:
        one, other = (_record(place[time]) for place in places)
        return _of_cells(one, other, one.pop("id"), other.pop("id"))

    return _first_and_last(report, topic, common, found)


def _of_cells(one: dict[str, NDArray], other: dict[str, NDArray], ids: NDArray, other_ids: NDArray) -> list[Any]:
    here, there, words = differences.by_id(ids, other_ids)
    one, other = ({name: v[rows] for name, v in of.items()} for of, rows in ((one, here), (other, there)))
    found = differences.of_arrays(one, other, "cell", lambda k: f"cell {ids[here[k]]}")
    return [words, *found] if words else found


def _first_and_last(report: Report, topic: str, common: list[float],
                    found: Callable[[float], list[Any]], parted: float | None = None) -> float | None:  # fmt: skip
    """The first time at which `found` finds something, and what it finds at the last time.

    Of what differs only once the records have `parted`, no more is said.
    """
    for time in common:
        first = found(time)
        if first:
            break
    else:
        report.add(topic, f"the same at {_count(common, 'time')}" if common else "no time is in both")
        return None
    report.differing.append(f"the {topic} from {time:g} h on")
    if parted is not None and parted <= time:
        report.add(topic, f"differ from {time:g} h on, too")
        return time
    report.add_all(topic, [f"differ from {time:g} h on", *first])
    if time != common[-1]:
        report.add_all("", [f"at the end, {common[-1]:g} h", *found(common[-1])], most=4)
    return time


def _count(items: Sequence[Any], noun: str) -> str:
    return f"{len(items):,} {noun}" + ("" if len(items) == 1 else "s")


# frames and fibers


def _fibers(report: Report, runs: Runs) -> None:
    """The network where it is held, written once."""
    paths = [run / "fibers.vtp" for run in runs]
    there = [path.is_file() for path in paths]
    if any(there):
        found = _of_file(paths[0], paths[1], "fibers") if all(there) else [f"only in {'A' if there[0] else 'B'}"]
        report.add_all("fibers", found or ["the same"])
        report.differing += ["the fibers"] if found else []


def _frames(report: Report, runs: Runs, kind: str, parted: float | None) -> None:
    listed = [{round(t, 9): run / file for t, of, file in entries(run) if of == kind and file != "fibers.vtp"}
              for run in runs]  # fmt: skip
    common = sorted(listed[0].keys() & listed[1].keys())
    if listed[0] or listed[1]:
        topic = "fiber frames" if kind == "fibers" else f"{kind} frames"  # as wide as the column
        _first_and_last(report, topic, common, lambda t: _of_file(listed[0][t], listed[1][t], kind), parted)


def _of_file(one: Path, other: Path, kind: str) -> list[Any]:
    """How the arrays of two VTP files differ."""
    if filecmp.cmp(one, other, shallow=False):
        return []
    (points, lines), (other_points, other_lines) = vtk_files.read(one), vtk_files.read(other)
    if kind == "cells":
        return _of_cells(points, other_points, points.pop("id"), other_points.pop("id"))
    if kind == "fibers":
        nodes = points["node"] if "node" in points else np.arange(len(next(iter(points.values()))))
        segments = nodes[lines["Lines"][:, 0]] - lines["fiber"]
        return [
            *differences.of_arrays(points, other_points, "node", lambda k: f"node {nodes[k]}"),
            *differences.of_arrays(lines, other_lines, "segment", lambda k: f"segment {segments[k]}"),
        ]
    ids, other_ids = lines["cell_id"], other_lines["cell_id"]
    counts = [np.bincount(held, minlength=int(max(ids.max(initial=0), other_ids.max(initial=0))) + 1)
              for held in (ids, other_ids)]  # fmt: skip
    if (counts[0] != counts[1]).any():
        cell = int(np.argmax(counts[0] != counts[1]))
        many = f"{len(ids):,} | {len(other_ids):,} links"
        return [f"{many}; the first in cell {cell}, with {counts[0][cell]} | {counts[1][cell]} links"]
    label = lambda k: f"link {k % max(1, len(ids))} of cell {ids[k % len(ids)]}"  # noqa: E731
    return [*differences.of_arrays(points, other_points, "end", label),
            *differences.of_arrays(lines, other_lines, "link", label)]  # fmt: skip


# checkpoints


def _checkpoints(report: Report, runs: Runs) -> None:
    for run in runs:
        _own_arrays(run)
    steps = [{int(p.stem[5:]): p for p in (run / "checkpoints").glob("step_*.h5")} for run in runs]
    common = sorted(steps[0].keys() & steps[1].keys())
    if not common:
        words = " | ".join(", ".join(map(str, sorted(of))) or "none" for of in steps)
        report.add("checkpoints", f"of no step in both: steps {words}")
    for step in common:
        try:
            (one, _), (other, _) = checkpoint.read(steps[0][step]), checkpoint.read(steps[1][step])
        except InputError as error:
            report.unread += error.problems
            continue
        found = differences.of_states(one, other)
        report.add_all(f"step {step:,}", found or ["the same checkpoint"])
        report.differing += [f"the checkpoints of step {step:,}"] if found else []


def _own_arrays(run: Path) -> None:
    """Make the arrays of a run's own terms known."""
    from physim import own_terms

    for file in tables.parse(tables.read_text(run / "scenario.toml"), str(run)).get("own_terms", ()):
        own_terms.load(run / file)
