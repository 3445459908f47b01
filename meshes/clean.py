"""From centerlines as a file has them to a network that can be meshed and carry flow; each step is counted.

Segmentation leaves spurs, radii near zero, ends that do not quite meet, cuts at the border of the image. The order of
the steps is one that worked on a real tumour network: ends are merged by coordinate, since ids in such files cannot be
trusted; what is thinner than `least_radius` is removed where it ends, contracted where it is short, and filled in where
it lies between better points.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from physim.errors import InputError
from physim.meshes.centerlines import Centerlines, joined

Points = NDArray[np.float64]
SHARP = 78.0
"""Degrees; a kink beyond is named in the report, since the surface folds there."""
_SAME = 1e-6
_Line = tuple[Points, Points]
"""Points (n, 3) and radii (n,) of a line."""
_ON_BOX = 1.0


@dataclass(frozen=True)
class Lines:
    """Polylines with radii, as a file has them: line k is points[first[k]:first[k + 1]]."""

    points: Points
    """(P, 3) um."""
    radius: Points
    """(P,) um, NaN where unknown."""
    first: NDArray[np.int64]
    """(K + 1,)"""


@dataclass
class Report:
    """What was done, in the order in which it was."""

    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, what: str, count: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + int(count)

    def text(self) -> str:
        """Lines of a count and what was counted; what did not occur is left out."""
        return "\n".join([f"{count:>9,}  {what}" for what, count in self.counts.items() if count] + self.notes)


def clean(lines: Lines, *, least_radius: float = 1.5, snap: float = 1e-3, spacing: float = 3.0, smoothing: float = 0.6,
          components: Literal["largest", "all"] = "largest") -> tuple[Centerlines, Report]:  # fmt: skip
    """The cleaned network, and what was done to it. Lengths are in um.

    Ends nearer to each other, or to another line, than `snap` are one node. Points thinner than `least_radius` are
    taken for faults of the segmentation. Points are put `spacing` apart and smoothed over `smoothing` times the radius.
    Of networks that do not hang together the largest by length is kept, the others are named. Raises InputError where
    nothing is left, where all radii are missing or the same 1 (which stands for missing), or for parameters < 0.
    """
    if not (all(0 <= value < np.inf for value in (least_radius, snap, smoothing)) and 0 < spacing < np.inf):
        raise InputError(f"least_radius {least_radius:g}, snap {snap:g}, smoothing {smoothing:g}, spacing {spacing:g}: "
                         "must not be negative, and spacing not 0; use um")  # fmt: skip
    check_radii(lines.radius, least_radius)
    report = Report()
    graph = _Graph(*_parted(lines, max(snap, _SAME), report))
    box = (lines.points.min(0), lines.points.max(0))
    _dissolve(graph, report, "lines joined end to end")
    _mend_cuts(graph, box, least_radius, report)
    _prune_ends(graph, least_radius, report)
    _contract_bridges(graph, least_radius, report)
    _fill_radii(graph, least_radius, report)
    _dissolve(graph, report, "nodes of two branches dissolved")
    if not graph.line:
        raise InputError("centerlines: nothing but spurs is left; lower least_radius, or raise snap")
    _drop_components(graph, components, report)
    _smooth(graph, spacing, smoothing)
    network = joined([graph.line[b] for b in graph.line], [graph.ends[b] for b in graph.line])
    on_box = (np.abs(network.nodes - box[0]) < 2 * _ON_BOX) | (np.abs(network.nodes - box[1]) < 2 * _ON_BOX)
    free = network.degree == 1
    report.notes.append(
        f"kept: {network.branches:,} branches, {network.components:,} components, {int(free.sum()):,} free ends "
        f"({int((free & on_box.any(axis=1)).sum()):,} on the box), {network.loops:,} loops, "
        f"{network.lengths.sum():,.0f} um, R {network.radius.min():.3g} to {network.radius.max():.3g} um "
        f"(median {np.median(network.radius):.3g}), {_kinks(network):,} kinks over {SHARP:g} degrees"
    )
    return network, report


def check_radii(radius: Points, least: float) -> None:
    """Raise InputError where radii are missing (none above 0, or all of them 1), or none is thick enough."""
    known = radius[np.isfinite(radius)]
    if not (known > 0).any():
        raise InputError("centerlines: no point has a radius above 0; add a radius in um, or give one for all")
    if len(known) > 2 and (known == 1.0).all():
        raise InputError("centerlines: the radius is 1 everywhere, which stands for a missing one; give one in um")
    if known.max() < least:
        raise InputError(f"centerlines: the thickest point has a radius of {known.max():.3g} um, all are thinner than "
                         f"least_radius = {least:g} um; is the unit um?")  # fmt: skip


class _Graph:
    """Branches by number, in the order of the file, while they are changed."""

    def __init__(self, line: list[_Line], ends: list[tuple[int, int]]) -> None:
        self.line, self.ends = dict(enumerate(line)), dict(enumerate(ends))

    def degree(self) -> Counter[int]:
        return Counter(node for pair in self.ends.values() for node in pair)

    def at(self) -> dict[int, list[int]]:
        """The branches at each node; twice those that begin and end there."""
        found: dict[int, list[int]] = {}
        for b, pair in self.ends.items():
            for node in pair:
                found.setdefault(node, []).append(b)
        return found

    def drop(self, b: int) -> None:
        del self.line[b], self.ends[b]

    def radius_at(self, node: int, b: int) -> float:
        """Radius of a branch where it meets the node."""
        return float(self.line[b][1][0 if self.ends[b][0] == node else -1])


def _parted(lines: Lines, snap: float, report: Report) -> tuple[list[_Line], list[tuple[int, int]]]:
    """Lines parted where others end on them, and the nodes at their ends, one wherever ends meet by coordinate."""
    found = _distinct(lines, report)
    cuts = _cuts(found, snap)
    parts = []
    for k, (points, radius) in enumerate(found):
        places = [0, *sorted(cuts.get(k, ())), len(points) - 1]
        parts += [(points[a : b + 1].copy(), radius[a : b + 1].copy()) for a, b in pairwise(places)]
    report.add("lines parted where others end on them", len(parts) - len(found))
    tips = np.concatenate([points[[0, -1]] for points, _ in parts])
    node = _clusters(tips, snap)
    place = np.stack([np.bincount(node, tips[:, axis]) for axis in range(3)], axis=1) / np.bincount(node)[:, None]
    report.add("ends moved onto a node", (np.linalg.norm(tips - place[node], axis=1) > 1e-9).sum())
    kept, ends = [], []
    for k, (points, radius) in enumerate(parts):
        one, two = int(node[2 * k]), int(node[2 * k + 1])
        if one == two and _length(points) <= 4 * snap:
            report.add("lines shorter than the snap tolerance dropped", 1)
            continue
        points[0], points[-1] = place[one], place[two]
        kept.append((points, radius))
        ends.append((one, two))
    return kept, ends


def _distinct(lines: Lines, report: Report) -> list[_Line]:
    """The lines without points that follow their equal; unknown radii are 0."""
    found = []
    for begin, end in pairwise(lines.first):
        points, radius = lines.points[begin:end], lines.radius[begin:end]
        apart = np.concatenate([[True], np.linalg.norm(np.diff(points, axis=0), axis=1) > _SAME])
        report.add("repeated points dropped", (~apart).sum())
        if apart.sum() > 1:
            found.append((points[apart], np.where(np.isfinite(radius[apart]), radius[apart], 0.0)))
        else:
            report.add("lines of a single place dropped", 1)
    if not found:
        raise InputError("centerlines: no line has two different points; is it the right file?")
    return found


def _clusters(tips: Points, snap: float) -> NDArray[np.int64]:
    """(T,) number of the group of each tip; tips nearer than `snap` are in one group."""
    pairs = cKDTree(tips).query_pairs(snap, output_type="ndarray")
    near = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(tips), len(tips)))
    group: NDArray[np.int64] = connected_components(near, directed=False)[1]
    return group


def _cuts(found: list[_Line], snap: float) -> dict[int, set[int]]:
    """Points by line at which ends of others meet it: the nearest one to each group of tips, not beside its own tip."""
    inner = np.concatenate([points[1:-1] for points, _ in found])
    if not len(inner):
        return {}
    line = np.repeat(np.arange(len(found)), [len(points) - 2 for points, _ in found])
    place = np.concatenate([np.arange(1, len(points) - 1) for points, _ in found])
    tips = np.concatenate([points[[0, -1]] for points, _ in found])
    group = _clusters(tips, snap)
    members: dict[int, list[int]] = {}
    for tip, number in enumerate(group):
        members.setdefault(int(number), []).append(tip)
    cuts: dict[int, set[int]] = {}
    for tip, near in enumerate(cKDTree(inner).query_ball_point(tips, snap)):
        nearest: dict[int, int] = {}
        for k in sorted(near, key=lambda k: float(np.linalg.norm(inner[k] - tips[tip]))):
            points = found[line[k]][0]
            own = [points[: place[k] + 1] if other % 2 == 0 else points[place[k] :]
                   for other in members[int(group[tip])] if other // 2 == line[k]]  # fmt: skip
            if all(_length(part) > 4 * snap for part in own):
                nearest.setdefault(int(line[k]), int(place[k]))
        for number, at in nearest.items():
            cuts.setdefault(number, set()).add(at)
    return cuts


def _mend_cuts(graph: _Graph, box: tuple[Points, Points], least: float, report: Report) -> None:
    """A free end on the border of the image, whose last point alone is bad, takes the radius of the one before it."""
    degree = graph.degree()
    for b, (points, radius) in graph.line.items():
        for end, inside, node in ((0, 1, graph.ends[b][0]), (-1, -2, graph.ends[b][1])):
            on_box = (np.abs(points[end] - box[0]) < _ON_BOX).any() or (np.abs(points[end] - box[1]) < _ON_BOX).any()
            if degree[node] == 1 and on_box and radius[end] < least <= radius[inside]:
                radius[end] = radius[inside]
                report.add("ends at the border of the image that took their neighbour's radius", 1)


def _prune_ends(graph: _Graph, least: float, report: Report) -> None:
    """Spurs are deleted, other ends cut back to their last good point; again, where that has made new ends."""
    changed = True
    while changed:
        changed = False
        degree, at = graph.degree(), graph.at()
        for b in list(graph.line):
            free = [degree[node] == 1 for node in graph.ends[b]]
            if not any(free):
                continue
            points, radius = graph.line[b]
            others = [(node, other) for node, alone in zip(graph.ends[b], free, strict=True) if not alone
                      for other in at[node] if other != b and other in graph.line]  # fmt: skip
            parent = max((graph.radius_at(node, other) for node, other in others), default=0.0)
            if radius.max() < least or (not all(free) and _length(points) < parent):
                graph.drop(b)
                report.add("spurs deleted", 1)
                changed = True
                continue
            good = np.flatnonzero(radius >= least)
            low = good[0] if free[0] else 0
            high = good[-1] if free[1] else len(radius) - 1
            if high - low < 1:
                graph.drop(b)
                report.add("spurs deleted", 1)
                changed = True
            elif (low, high) != (0, len(radius) - 1):
                graph.line[b] = points[low : high + 1], radius[low : high + 1]
                report.add("ends cut back to their last good point", 1)


def _contract_bridges(graph: _Graph, least: float, report: Report) -> None:
    """A branch between two nodes that is thin all along, and short beside the vessels that it joins, becomes a node.

    So do the short branches beside it, thin or not, which lie within the node that it becomes.
    """
    for b in list(graph.line):
        if b not in graph.line:
            continue
        (points, radius), (one, two) = graph.line[b], graph.ends[b]
        if radius.max() >= least:
            continue
        degree, at = graph.degree(), graph.at()
        if min(degree[one], degree[two]) < 2:
            continue
        around = [graph.radius_at(node, other) for node in (one, two) for other in at[node] if other != b]
        most = 2 * max(around, default=0.0) + 6
        if _length(points) > most:
            continue
        middle = 0.5 * (points[0] + points[-1])
        for other, pair in list(graph.ends.items()):
            inside = [node in (one, two) for node in pair]
            if all(inside) and _length(graph.line[other][0]) <= most:
                graph.drop(other)
                report.add("thin bridges contracted", other == b)
                report.add("short branches beside them contracted", other != b)
            elif any(inside):
                moved = graph.line[other][0].copy()
                moved[[k for k, there in zip((0, -1), inside, strict=True) if there]] = middle
                graph.line[other] = moved, graph.line[other][1]
                graph.ends[other] = (one if pair[0] == two else pair[0], one if pair[1] == two else pair[1])


def _fill_radii(graph: _Graph, least: float, report: Report) -> None:
    """Radii below `least`, or far below those of their branch, come from the better points on both sides."""
    for b, (points, radius) in graph.line.items():
        good = radius >= max(least, 0.3 * np.percentile(radius, 80))
        if good.all():
            continue
        report.add("radii filled in", (~good).sum())
        if not good.any():
            graph.line[b] = points, np.full(len(radius), least)
            continue
        along = _along(points)
        graph.line[b] = points, np.interp(along, along[good], radius[good])


def _dissolve(graph: _Graph, report: Report, what: str) -> None:
    """Nodes at which just two branches meet become points of one: each chain of branches is joined at once."""
    at = graph.at()
    through = {node for node, there in at.items() if len(there) == 2 and there[0] != there[1]}
    starts = [(b, node) for b, pair in graph.ends.items() for node in pair if node not in through]
    done: set[int] = set()
    for b, begin in [*starts, *((b, pair[0]) for b, pair in graph.ends.items())]:  # the last are rings
        if b in done:
            continue
        chain, pieces, node = [b], list[_Line](), begin
        while True:
            done.add(chain[-1])
            (points, radius), (one, two) = graph.line[chain[-1]], graph.ends[chain[-1]]
            pieces.append((points, radius) if one == node else (points[::-1], radius[::-1]))
            node = two if one == node else one
            onward = [other for other in at[node] if other not in done] if node in through else []
            if not onward:
                break
            chain.append(onward[0])
        if len(chain) == 1:
            continue
        for (_, before), (_, after) in pairwise(pieces):
            after[0] = 0.5 * (before[-1] + after[0])
        graph.line[b] = (np.concatenate([pieces[0][0], *(points[1:] for points, _ in pieces[1:])]),
                         np.concatenate([*(radius[:-1] for _, radius in pieces[:-1]), pieces[-1][1]]))  # fmt: skip
        graph.ends[b] = (begin, node)
        for other in chain[1:]:
            del graph.line[other], graph.ends[other]
            report.add(what, 1)


def _drop_components(graph: _Graph, wanted: str, report: Report) -> None:
    """Keep the longest of the networks that do not hang together, or all of them."""
    network = joined(list(graph.line.values()), list(graph.ends.values()))
    if wanted == "all" or network.components == 1:
        return
    length = np.bincount(network.component, network.lengths)
    for b, component in zip(list(graph.line), network.component, strict=True):
        if component > 0:
            graph.drop(b)
    report.add("components dropped", network.components - 1)
    others = ", ".join(f"{um:,.0f}" for um in length[1:6]) + (", ..." if len(length) > 6 else "")
    report.notes.append(f"kept the largest of {len(length):,} components, {length[0]:,.0f} um; dropped: {others} um; "
                        "join them by a larger snap, or keep all")  # fmt: skip


def _smooth(graph: _Graph, spacing: float, smoothing: float) -> None:
    """Points evenly, at most `spacing` apart; places and ln R smoothed over `smoothing` R; ends stay where they are."""
    for b, (points, radius) in graph.line.items():
        along = _along(points)
        parts = max(int(np.ceil(along[-1] / spacing)), 2)
        at = np.linspace(0.0, along[-1], parts + 1)
        even = np.stack([np.interp(at, along, points[:, axis]) for axis in range(3)], axis=1)
        thick = np.exp(np.interp(at, along, np.log(radius)))
        sigma = smoothing * float(np.median(thick)) / (along[-1] / parts)
        if sigma > 0:
            reach = min(int(4 * sigma + 1), parts)
            longer = np.concatenate([2 * even[0] - even[reach:0:-1], even, 2 * even[-1] - even[-2 : -reach - 2 : -1]])
            even[1:-1] = gaussian_filter1d(longer, sigma, axis=0, mode="nearest")[reach + 1 : reach + parts]
            thick = np.exp(gaussian_filter1d(np.log(thick), sigma, mode="nearest"))
        graph.line[b] = even, thick


def _kinks(network: Centerlines) -> int:
    """Points of branches at which the direction turns by more than SHARP."""
    found = 0
    for b in range(network.branches):
        step = np.diff(network.branch(b)[0], axis=0)
        step /= np.linalg.norm(step, axis=1, keepdims=True)
        found += int(((step[1:] * step[:-1]).sum(1) < np.cos(np.radians(SHARP))).sum())
    return found


def _along(points: Points) -> Points:
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])


def _length(points: Points) -> float:
    return float(_along(points)[-1])
