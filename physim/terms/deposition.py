"""New collagen: cells lay fibers down, which wait in a reserve until then (`generate.reserve`)."""

from __future__ import annotations

from typing import ClassVar

from physim.step import Kernel, Term, parameter
from physim.units import Micron, Minute, Number, PerMinute

_CELL = ("id", "position", "radius")
_SEARCHED = ("listed_node", "segment_list", "segment_bin_start", "segment_area")
_FRAMES = ("segment_fiber", "fiber_frame")


class Deposition(Term):
    """In `interval` t a cell lays a fiber of length L down with the chance 1 - exp(-rate m t), at x + (R + d) n + q a.

    m is the cell's relative level `secretion`; q runs from -L/2 to L/2. The direction a is drawn from
    von Mises-Fisher(p, focus), p the polarity, and n at right angles to it, all alike: the fiber lies beside the cell,
    at the distance d = `clearance` from its surface. It is whole, straight, and free of stress where it lies. On the
    middle of each of its segments it has a site, which binds the nearest fiber within `capture`, at rest as the two
    then are; `turnover` binds those that found none. A fiber that would leave the box or lie in a cell is not laid, and
    neither is, where fibers move, one of which fewer than `anchors` sites would bind: it could be reeled in
    (`deposits_blocked`). Nor is one when all `reserve` fibers have been laid (`deposits_refused`). Both are counted.
    Present + dissolved = initial + deposited holds to the last unit. Source: fibrils form at the surface of
    fibroblasts, Porter & Pappas, J Biophys Biochem Cytol 5:153 (1959), parallel to the axis of the cell: Canty et al, J
    Cell Biol 165:553 (2004). All numbers are assumed.
    """

    name: ClassVar[str] = "deposition"
    needs: ClassVar[tuple[str, ...]] = ("cells", "collagen")
    headers: ClassVar[tuple[str, ...]] = ("spring.h", "band.h", "frame.h", "crosslink.h", "sites.h")
    rate: PerMinute = parameter(0.01, "fibers that a cell of level 1 lays down per time; at most one in an `interval`",
                                source="assumed: 14 a day, 12 pg of collagen at 20 um x 0.2 um", ge=0)  # fmt: skip
    length: Micron = parameter(20.0, "length L of a fiber", source="assumed", ge=0.1)
    clearance: Micron = parameter(0.5, "distance d from the surface of the cell", source="assumed", ge=0)
    focus: Number = parameter(10.0, "concentration of directions about the polarity; 0: all directions alike",
                              source="assumed", ge=0, le=100)  # fmt: skip
    capture: Micron = parameter(2.0, "sites bind fibers up to this far when they are laid; 0: none", ge=0,
                                source="assumed: 37 % of them in 2 mg/ml of 0.2 um")  # fmt: skip
    anchors: int = parameter(2, "sites that must bind where fibers move", source="as in grown gels", ge=0, le=1000)
    reserve: int = parameter(1000, "fibers that can be laid down in the whole run", source="memory: 10 kB each", ge=1)
    interval: Minute = parameter(1.0, "time from one round of laying to the next", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("begin_deposits", "one", writes=("depositing",)),
        Kernel("wish_deposits", "room",
               (*_CELL, "secretion", "polarity", "bin_start", "chain_start", "node_position", *_SEARCHED),
               ("deposit_wish", "deposit_place")),
        Kernel("scan_deposits", "room", ("depositing",), ("deposit_place",), primitive="scan_deposits"),
        Kernel("lay_chains", "cell", (*_CELL, "polarity", "chain_start", "deposit_wish", "deposit_place"),
               ("node_position", "node_rest", "segment_area", "segment_length"), ("matrix_tally",)),
        Kernel("rest_chains", "segment", ("node_position", "segment_nodes", "segment_area", *_FRAMES),
               ("segment_rest", "segment_inverse", "segment_course"), ("fiber_awake",), moving=True),
        Kernel("bind_chains", "crosslink",
               ("node_position", "segment_nodes", *_SEARCHED, "segment_rest", *_FRAMES),
               ("crosslink_segments", "crosslink_bound", "crosslink_at", "crosslink_rest", "crosslink_turn"),
               ("fiber_awake",), moving=True),
        Kernel("end_deposits", "one", ("deposit_wish", "deposit_place"), ("depositing",)),
    )  # fmt: skip
