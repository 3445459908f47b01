"""What a cell changes in its matrix for good: fibers that are thinned and cut, crosslinks that break and form anew."""

from __future__ import annotations

from typing import ClassVar

from physim.step import Kernel, Term, parameter
from physim.units import Micron, Minute, Nanonewton, Number, PerMinute

_SEARCHED = ("listed_node", "segment_list", "segment_bin_start", "segment_area")
_CROSSLINKS = ("crosslink_segments", "crosslink_bound", "crosslink_at", "crosslink_rest", "crosslink_turn")


class Proteolysis(Term):
    """da/dt = -rate m per length of fiber within R + reach of a cell and in front of it; a is the relative area.

    Membrane-bound collagenase (MT1-MMP) at the leading edge; m is the cell's relative level `mmp`. In front is where
    (x - x_cell) p > 0, p the polarity. What several cells take adds up. A segment that is thinner than `severed` is
    cut: it bears no force and no ligand, and is no obstacle; crosslinks on it are lost. A thin segment stretches as a
    and bends as a^2. What cutting has set free, without crosslink or held node, dissolves. Areas and what is dissolved
    are integers: present + dissolved = initial + deposited to the last unit. Terms of your own, as a soluble enzyme,
    add to `segment_lysis` what they take. Source: pericellular cleavage at the front, Wolf et al, Nat Cell Biol 9:893
    (2007); rate of physim's migration prototype.
    """

    name: ClassVar[str] = "proteolysis"
    needs: ClassVar[tuple[str, ...]] = ("cells", "collagen")
    rate: PerMinute = parameter(
        0.05, "relative area lost per time", source="migration prototype; 0.2 frees a cell fully", ge=0
    )
    reach: Micron = parameter(1.0, "how far beyond its surface a cell cuts", source="migration prototype", ge=0)
    severed: Number = parameter(0.1, "relative area at which a segment gives way", source="migration prototype",
                                gt=0, lt=1)  # fmt: skip
    sideways: Micron = parameter(0.0, "control: cut so far to the side of the cell instead", ge=0)
    interval: Minute = parameter(1.0, "time from one cut to the next", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("lyse", "cell", ("position", "radius", "mmp", "polarity", "node_position", *_SEARCHED), (),
               ("segment_lysis",)),
        Kernel("wake_thinned", "segment", ("segment_lysis", "segment_fiber"), (), ("fiber_awake",), moving=True),
        Kernel("thin", "segment", ("segment_length",), ("segment_area", "segment_lysis"),
               ("matrix_tally",)),
    )  # fmt: skip


class Repair(Term):
    """da/dt = (1 - a)/time; what is cut comes back whole after a mean of `time`: <a>(t) = 1 - (1 - a_0) exp(-t/time).

    a is the relative area. Each segment that is cut falls due at the rate 1/time, by its own draw. As many as fall due
    in a gap grow at its ends, as fibrils do, so that nothing comes back loose; a chain of which nothing is left comes
    back at once, at that rate. New segments are free of stress where they lie: their rest lengths and the bends at
    their ends are those of the moment, and no force changes. What thickens keeps its shape at rest. Where a cell is,
    and where nodes have come nearer, or gone farther apart, than by `stretch`, they wait. Crosslinks that were lost do
    not come back; `turnover` binds their free sites. Source: the law that experiment TRK-4 imposes; growth at the tips
    of fibrils, Holmes et al, PNAS 89:9855 (1992).
    """

    name: ClassVar[str] = "repair"
    needs: ClassVar[tuple[str, ...]] = ("collagen",)
    headers: ClassVar[tuple[str, ...]] = ("spring.h", "band.h", "frame.h")
    time: Minute = parameter(1440.0, "time constant of repair", source="TRK-4: 6 h, 24 h, 7 d; not calibrated", gt=0)
    stretch: Number = parameter(
        2.0, "a segment comes back where its nodes are at most so many times nearer or farther apart than it was made",
        source="docs/remodeling.md", ge=1,
    )
    interval: Minute = parameter(1.0, "time from one round of repair to the next", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("uncover", "segment", (), ("segment_covered",)),
        Kernel("cover", "cell", ("position", "radius", "node_position", *_SEARCHED), (), ("segment_covered",)),
        Kernel("regrow", "chain", ("node_position", "node_rest", "chain_start", "segment_covered"),
               ("segment_area", "segment_length", "segment_laid"), ("matrix_tally",)),
        Kernel("join_pieces", "chain",
               ("node_position", "chain_start", "segment_area", "segment_laid", "segment_fiber", "fiber_frame"),
               ("segment_rest", "segment_inverse", "segment_course", "segment_joins"), ("fiber_awake",), moving=True),
        Kernel("turn_crosslinks", "crosslink",
               ("crosslink_segments", "segment_area", "segment_laid", "segment_fiber", "segment_joins", "fiber_frame"),
               ("crosslink_bound", "crosslink_turn"), ("fiber_awake",), moving=True),
        Kernel("take_frames", "segment", ("segment_area", "segment_joins"), ("segment_fiber",), moving=True),
    )  # fmt: skip


class Turnover(Term):
    """Release rate k_0 exp(F/F_b) of a bound crosslink, F its force; binding rate k_on of a free one.

    A crosslink that breaks stays on its fiber, as a free site. It binds the nearest segment of another fiber within
    `capture`, at rest as the two then are: that is the plastic strain. Where fibers are held it changes nothing.
    Source: Bell, Science 200:618 (1978); breaking and reforming crosslinks as in Nam, Hu, Butte & Chaudhuri, PNAS
    113:5492 (2016).
    """

    name: ClassVar[str] = "turnover"
    needs: ClassVar[tuple[str, ...]] = ("collagen",)
    headers: ClassVar[tuple[str, ...]] = ("spring.h", "band.h", "frame.h", "crosslink.h", "sites.h")
    release_rate: PerMinute = parameter(0.002, "release rate k_0 without load", source="migration prototype", ge=0)
    release_force: Nanonewton = parameter(0.5, "force F_b that raises it e-fold", source="migration prototype", gt=0)
    binding_rate: PerMinute = parameter(0.1, "binding rate k_on of a free site", source="docs/remodeling.md", ge=0)
    capture: Micron = parameter(0.5, "a free site binds fibers up to this far", source="docs/remodeling.md", gt=0)
    interval: Minute = parameter(1.0, "time from one round of breaking and binding to the next", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("turn_over", "crosslink",
               ("node_position", "segment_nodes", *_SEARCHED, "segment_rest", "segment_fiber",
                "fiber_frame"), _CROSSLINKS, ("fiber_awake",), moving=True),
    )  # fmt: skip


class Chains(Term):
    """Lists the crosslinks of each segment, and the fibers that cutting has left of each chain.

    Anew when a crosslink or a segment has changed. A chain is a fiber as it was made; a fiber is a run of its segments
    that are not cut, with a frame of its own. What cutting has set free, without crosslink or held node, dissolves.
    """

    name: ClassVar[str] = "chains"
    needs: ClassVar[tuple[str, ...]] = ("collagen", "network")
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("begin_listing", "one", writes=("listing",)),
        Kernel("key_holds", "crosslink", ("segment_area", "segment_fiber"),
               ("crosslink_segments", "crosslink_bound", "hold_key"), ("fiber_awake",), when="relink"),
        Kernel("sort_holds", "crosslink", ("listing", "hold_key"), ("hold_start", "hold_fill", "hold_list"),
               primitive="sort_holds"),
        Kernel("count_pieces", "chain", ("chain_start", "node_held", "hold_start", "segment_length"),
               ("segment_area", "piece_place"), ("matrix_tally",), when="relink"),
        Kernel("scan_pieces", "chain", ("listing",), ("piece_place",), primitive="scan_pieces"),
        Kernel("lay_pieces", "chain", ("chain_start", "segment_area", "piece_place", "fiber_frame", "fiber_awake"),
               ("fiber_span", "segment_fiber", "next_frame", "next_awake", "node_velocity", "node_glide",
                "node_direction"), when="relink"),
        Kernel("take_pieces", "fiber", ("next_frame", "next_awake"), ("fiber_frame", "fiber_awake"), when="relink"),
        Kernel("fill_holds", "hold", ("hold_start", "hold_list", *_CROSSLINKS, "segment_nodes", "segment_fiber"),
               ("hold_nodes", "hold_segment", "hold_fiber", "hold_at", "hold_rest", "hold_turn"), when="relink"),
        Kernel("end_listing", "one", writes=("listing",)),
    )  # fmt: skip
