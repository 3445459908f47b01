"""A fiber network from traced polylines: cut at the box, resampled to the segment length, joined where fibers touch.

Nothing is pulled or straightened: the shape stays within a tolerance of the file's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.generate import crosslink
from physim.generate.fiber_files import Polylines
from physim.generate.fiber_network import Box, FiberNetwork, assemble, holds_needed
from physim.problems import number_of

Points = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
MOST_SEGMENTS = 20_000_000
MOST_PAIRS = 50_000_000
"""Pairs of segments that lie near enough to be looked at (16 bytes each)."""
ROUNDS = 25
"""So often a fiber is split where it is farthest off; then at every point that is off."""


@dataclass(frozen=True)
class Import:
    """What became of the fibers of a file; lengths in um."""

    read: int
    outside: int
    """Fibers of which no part lies in the box."""
    clipped: int
    """Fibers that a face cut."""
    short: int
    """Pieces shorter than the tolerance, which are left out."""
    kept: int
    """Fibers of the network; a fiber that leaves the box and comes back is two."""
    loose: int
    """Of these, those that fewer than two crosslinks or faces hold."""
    length_read: float
    length: float
    segments: int
    crosslinks: int
    shift: float
    """Largest distance of a point of the file from the resampled fiber."""
    diameter: float | None
    """Mean diameter that the file gives."""

    def lines(self, left: FiberNetwork) -> list[str]:
        """The counts as text, for `physim validate` and the summary of a run; `left` is what is not carved away."""
        cut = [f"{self.clipped:,} cut at a face", f"{self.outside:,} outside and left out"]
        if self.short:
            cut.append(f"{number_of(self.short, 'piece')} too short and left out")
        words = [
            f"{number_of(self.read, 'fiber')} read, {self.kept:,} in the box with "
            f"{self.length / self.length_read:.1%} of the length ({', '.join(cut)})"
        ]
        gone = self.segments - len(left.segments)
        if gone:
            share = 1 - float(left.lengths.sum()) / self.length
            words.append(
                f"{gone:,} of {number_of(self.segments, 'segment')} ({share:.1%} of the length in the box) left out, "
                "inside cells or loose beside them"
            )
        words.append(
            f"{number_of(len(left.segments), 'segment')}, no point moved by more than {self.shift:.2g} um; "
            f"{number_of(len(left.crosslinks), 'crosslink')}; {number_of(_loose(left), 'fiber')} held at fewer than "
            "two places"
        )
        if self.diameter is not None:
            words.append(f"mean diameter in the file {self.diameter:.3g} um; bundle_diameter is what counts")
        return words


def network_of(
    lines: Polylines, box: Box, *, segment_length: float, tolerance: float, capture_distance: float,
    bundle_diameter: float,
) -> tuple[FiberNetwork, Import]:  # fmt: skip
    """The network of the polylines inside the box, and what became of them. All lengths in um.

    A fiber without a part in the box is left out. The others are cut at the faces of axes that are not periodic, and
    go on at the other side of those that are. Every two fibers that pass within `capture_distance` get one crosslink,
    at their closest approach. Raises InputError if no fiber lies in the box, a fiber is longer than a periodic axis,
    or there would be too many segments.
    """
    pieces, source, counts = _cut(lines, box)
    if not len(source):
        low, high = lines.points.min(axis=0), lines.points.max(axis=0)
        raise InputError(
            f"no fiber lies in the box: the file spans {_corner(low)} to {_corner(high)} um, the box "
            f"{_corner(box.lower)} to {_corner(box.upper)} um; move the points or change box.size"
        )
    _check_periodic(pieces, box)
    length = np.bincount(pieces.fiber[:-1], _steps(pieces))
    pieces = _select(pieces, length >= tolerance)
    if len(pieces.first) < 2:
        raise InputError(f"all fibers are shorter than the tolerance of {tolerance:g} um; lower collagen.tolerance")
    nodes, fiber, shift = resample(pieces, segment_length, tolerance)
    same = fiber[1:] == fiber[:-1]
    begin, end, fiber = nodes[:-1][same], nodes[1:][same], fiber[1:][same]
    links = _touching(begin, end, fiber, box, capture_distance)
    network = assemble(begin, end, fiber, links.segments, links.at, box, bundle_diameter)
    return network, Import(
        **counts, short=int((length < tolerance).sum()), kept=network.fibers,
        loose=_loose(network), length_read=float(_steps(lines).sum()),
        length=float(network.lengths.sum()), segments=len(network.segments), crosslinks=len(network.crosslinks),
        shift=shift, diameter=lines.diameter,
    )  # fmt: skip


def _loose(network: FiberNetwork) -> int:
    """Fibers that too few crosslinks and faces hold."""
    held = np.bincount(network.segment_fiber[network.crosslinks].ravel(), minlength=network.fibers)
    return int((held < holds_needed(network.free_ends)).sum())


def _corner(point: Points) -> str:
    return "(" + ", ".join(f"{x:.4g}" for x in point) + ")"


def _steps(lines: Polylines) -> Points:
    """(P - 1,) um from each point to the next; 0 from fiber to fiber."""
    step = np.sqrt((np.diff(lines.points, axis=0) ** 2).sum(axis=1))
    step[lines.first[1:-1] - 1] = 0.0
    return step


def _within(begin: Points, vector: Points, box: Box, axes: Mask) -> tuple[Points, Points]:
    """(M,) each: from where to where on a segment, 0..1, it is between the faces of these axes; from > to: nowhere."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.stack([(box.lower - begin) / vector, (box.upper - begin) / vector])
    beside = (vector == 0) & ((begin < box.lower) | (begin > box.upper))
    along = (vector == 0) & ~beside
    enter = np.where(~axes | along, 0.0, np.where(beside, 2.0, t.min(axis=0)))
    leave = np.where(~axes | along, 1.0, np.where(beside, -1.0, t.max(axis=0)))
    return np.maximum(enter.max(axis=1), 0.0), np.minimum(leave.min(axis=1), 1.0)


def _cut(lines: Polylines, box: Box) -> tuple[Polylines, Index, dict[str, int]]:
    """The pieces inside the box, the fiber each comes from, and how many fibers lie outside or were clipped."""
    fibers, fiber = len(lines.first) - 1, lines.fiber
    same = fiber[1:] == fiber[:-1]
    begin, owner = lines.points[:-1][same], fiber[1:][same]
    vector = lines.points[1:][same] - begin
    enter, leave = _within(begin, vector, box, np.ones(3, bool))
    inside = np.bincount(owner, leave > enter, fibers) > 0
    enter, leave = _within(begin, vector, box, ~np.array(box.periodic))
    keep = (leave > enter) & inside[owner]
    whole = keep & (enter == 0) & (leave == 1)
    clipped = inside & (np.bincount(owner, ~whole, fibers) > 0)
    after_gap = ~keep[:-1] | (leave[:-1] < 1) | (enter[1:] > 0) | (owner[1:] != owner[:-1])
    piece = (np.cumsum(np.concatenate([[True], after_gap])[keep]) - 1).astype(np.int64)
    source = owner[keep][np.diff(piece, prepend=-1) > 0]
    low, high = np.where(box.periodic, -np.inf, box.lower), np.where(box.periodic, np.inf, box.upper)
    a = np.clip((begin + enter[:, None] * vector)[keep], low, high)
    b = np.clip((begin + leave[:, None] * vector)[keep], low, high)
    at, last = np.arange(len(piece)) + piece, np.flatnonzero(np.diff(piece, append=-1))
    points = np.empty((len(piece) + len(last), 3))
    points[at], points[at[last] + 1] = a, b[last]
    first = np.concatenate([[0], at[last] + 2]) if len(last) else np.zeros(1, np.int64)
    counts = {"read": fibers, "outside": int((~inside).sum()), "clipped": int(clipped.sum())}
    return Polylines(points, first, lines.diameter), source, counts


def _select(lines: Polylines, keep: Mask) -> Polylines:
    return Polylines(
        lines.points[np.repeat(keep, np.diff(lines.first))],
        np.concatenate([[0], np.cumsum(np.diff(lines.first)[keep])]),
        lines.diameter,
    )


def _check_periodic(lines: Polylines, box: Box) -> None:
    for axis in np.flatnonzero(box.periodic):
        along = lines.points[:, axis]
        extent = np.maximum.reduceat(along, lines.first[:-1]) - np.minimum.reduceat(along, lines.first[:-1])
        if extent.max() > box.size[axis]:
            raise InputError(
                f"{int((extent > box.size[axis]).sum())} fibers span up to {extent.max():.4g} um along periodic "
                f"{'xyz'[axis]}, more than the box of {box.size[axis]:g} um, and would meet themselves; "
                "enlarge box.size or make that axis open"
            )


def resample(lines: Polylines, segment_length: float, tolerance: float) -> tuple[Points, Index, float]:
    """Nodes (N, 3), their fiber (N,), and the largest distance (um) of a point of `lines` from the new fiber.

    Between two points that stay, a fiber has equal pieces of at most `segment_length` of its contour. At first only the
    ends stay; where a fiber is more than `tolerance` off, the point that is farthest off stays too, until none is. A
    point that is off lies farther than the tolerance from those that stay, so no segment is shorter than the lesser of
    the tolerance and half the segment length, unless the fiber turns back on itself: that is refused.
    """
    points, fiber = lines.points, lines.fiber
    arc = np.concatenate([[0.0], np.cumsum(_steps(lines))]) + fiber
    is_last = np.zeros(len(points), bool)
    is_last[lines.first[1:] - 1] = True
    stays = is_last.copy()
    stays[lines.first[:-1]] = True
    round_number = 0
    while True:
        round_number += 1
        kept = np.flatnonzero(stays)
        spans = np.flatnonzero(~is_last[kept[:-1]])
        start, length = kept[spans], arc[kept[spans + 1]] - arc[kept[spans]]
        pieces = np.maximum(np.ceil(length / segment_length - 1e-9), 1)
        if pieces.sum() > MOST_SEGMENTS:
            raise InputError(
                f"the fibers make {pieces.sum():.3g} segments, more than {MOST_SEGMENTS:,}; "
                "use a smaller box or a larger collagen.segment_length"
            )
        pieces = pieces.astype(np.int64)
        number = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        at = np.repeat(arc[start], pieces) + number * np.repeat(length / pieces, pieces)
        at = np.sort(np.concatenate([at, arc[is_last]]))
        nodes = np.stack([np.interp(at, arc, points[:, axis]) for axis in range(3)], axis=1)
        off = _distances(points, nodes, np.minimum(np.searchsorted(at, arc, side="right") - 1, len(at) - 2))
        off[is_last] = 0.0
        wrong = np.flatnonzero(off > tolerance)
        if not len(wrong):
            break
        if round_number <= ROUNDS:
            span = np.searchsorted(start, wrong, side="right")
            order = np.lexsort((-off[wrong], span))
            wrong = wrong[order][np.diff(span[order], prepend=-1) > 0]
        else:  # one of those within a tolerance of each other
            wrong = wrong[np.unique((arc[wrong] / tolerance).astype(np.int64), return_index=True)[1]]
        stays[wrong] = True
    owner = np.rint(np.interp(at, arc, fiber)).astype(np.int64)
    step = np.sqrt((np.diff(nodes, axis=0) ** 2).sum(axis=1))
    turned = np.flatnonzero((step < 0.1 * min(tolerance, segment_length)) & (owner[1:] == owner[:-1]))
    if len(turned):
        raise InputError(
            f"fibers turn back on themselves within the tolerance at {len(turned)} places, one near "
            f"{_corner(nodes[turned[0]])} um; smooth them, or lower collagen.tolerance"
        )
    return nodes, owner, float(off.max())


def _distances(points: Points, nodes: Points, segment: Index) -> Points:
    """(P,) um from each point to the segment of the node `segment` and the one after it."""
    a, vector = nodes[segment], nodes[segment + 1] - nodes[segment]
    along = ((points - a) * vector).sum(axis=1) / np.maximum((vector**2).sum(axis=1), 1e-300)
    return np.sqrt(((points - a - np.clip(along, 0.0, 1.0)[:, None] * vector) ** 2).sum(axis=1))


def _touching(begin: Points, end: Points, fiber: Index, box: Box, reach: float) -> crosslink.Crossings:
    """The crosslinks; refused where so many segments lie within reach that the search would fill the memory."""
    longest = float(np.sqrt(((end - begin) ** 2).sum(axis=1)).max())
    tree = box.tree(0.5 * (begin + end))
    pairs = int(tree.count_neighbors(tree, longest + reach) - len(begin)) // 2
    if pairs > MOST_PAIRS:
        raise InputError(
            f"{pairs:,} pairs of segments lie within {longest + reach:.3g} um of each other, more than {MOST_PAIRS:,}; "
            "are the points in um? Lower collagen.segment_length or collagen.capture_distance"
        )
    return crosslink.crossings(begin, end, fiber, box, reach)
