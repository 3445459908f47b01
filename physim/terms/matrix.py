"""Cells on collagen: segments in bins, the cytoplasm against them, integrin links that pull."""

from __future__ import annotations

from typing import ClassVar

from physim.step import Kernel, Term, parameter
from physim.units import (
    Kilopascal,
    Micron,
    MicronPerMinute,
    Nanonewton,
    NanonewtonPerMicron,
    Number,
    PerMinute,
)

SEARCHED = ("listed_node", "segment_list", "segment_bin_start")
_PLACES = ("node_position", "segment_nodes")
WIRES = ("wire_begin", "wire_end", "wire_weight", "wire_obstacle", "wire_bin_start")
_PROTOTYPE = "migration prototype (docs/trust.md)"


class Segments(Term):
    """Lists the segments in each bin of 5 um; where fibers move, also those within R + skin of each cell.

    Anew when a cell or a node has moved by half the skin.
    """

    name: ClassVar[str] = "segments"
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("begin_binning", "one", writes=("binning",)),
        Kernel("bin_segments", "segment", ("binning", "node_position", "segment_nodes"), ("segment_bin",),
               when="rebuild"),
        Kernel("sort_segments", "segment", ("binning", "segment_bin"),
               ("segment_bin_start", "segment_bin_fill", "segment_list"), primitive="sort_segments"),
        Kernel("name_nodes", "segment", ("binning", "segment_nodes", "segment_bin_start", "segment_list"),
               ("listed_node",), when="rebuild"),
        Kernel("mark_nodes", "node", ("node_position",), ("node_listed",), when="rebuild", moving=True),
        Kernel("list_touches", "cell", ("position", "radius", "node_position", *SEARCHED),
               ("touch_segment", "touch_count"), when="rebuild", moving=True),
        Kernel("end_binning", "one", writes=("binning",)),
    )  # fmt: skip
    stages: ClassVar[dict[str, tuple[Kernel, ...]]] = {
        "open": (Kernel("clear_tethers", "room", (), ("tether_key",), moving=True),),
    }
    needs: ClassVar[tuple[str, ...]] = ("collagen",)


class Fibers(Term):
    """dx = 0 for every node without the term `network`; the force on each node is what its anchor carries."""

    name: ClassVar[str] = "fibers"
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("release_nodes", "node", writes=("node_force",)),
        Kernel("release_obstacles", "obstacle", writes=("obstacle_force",)),
    )
    needs: ClassVar[tuple[str, ...]] = ("collagen",)


class Steric(Term):
    """p = c d/(1 + d c/(2 gamma)) per unit fiber length, away from the centre, d = R - r. Implicit.

    c = 0.707 E/0.75; r is the distance from the centre. The cytoplasm yields at twice its cortical tension gamma.
    Integrated with three Gauss points over the part of each segment inside the cell, so that the force does not depend
    on how fibers are cut into segments; the reaction is on the nodes. Source: physim's migration prototype (a sum of
    one Hertz contact per segment grows 1.6 times when the segment is halved).
    """

    name: ClassVar[str] = "steric"
    needs: ClassVar[tuple[str, ...]] = ("collagen",)
    cytoplasm_modulus: Kilopascal = parameter(0.5, "modulus of the cytoplasm", source=_PROTOTYPE, gt=0)
    cortical_tension: NanonewtonPerMicron = parameter(
        0.4, "tension gamma at which the cytoplasm yields", source=_PROTOTYPE, gt=0
    )

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel(
            "steric",
            "cell",
            ("position", "radius", "node_position", *SEARCHED, "segment_area", *WIRES),
            (),
            ("force", "resistance", "node_force", "obstacle_force"),
        ),
        Kernel("block_touches", "cell",
               ("position", "radius", *_PLACES, "segment_area", "touch_segment", "touch_count"),
               ("tether_block",), moving=True),
    )  # fmt: skip
    stages: ClassVar[dict[str, tuple[Kernel, ...]]] = {
        "open": (Kernel("key_touches", "cell", ("touch_segment", "touch_count"), ("tether_key",), moving=True),),
    }


class Links(Term):
    """F = k max(0, l - r), dr/dt = -v_c (1 - F/F_s), release rate k_0 exp(F/(F_b N L)), binding rate k_on N L.

    Implicit; k_on is per free slot; l is the distance from the cell's centre to the held point of a fiber. A free slot
    draws a probe: direction from von Mises-Fisher(p, focus), length R - lambda ln u; it binds the nearest segment
    within `capture` of the tip that the cell does not hold yet, k_on less as the segment has been thinned, and
    more as integrins were left on it (`shedding.ligand_gain`); not through an obstacle. N is the cell's relative
    integrin level, L the ligand on what is held (an obstacle has its own), so that N L counts the bonds of an adhesion,
    by mass action; p is the cell's polarity.
    The reaction on the fiber is equal and opposite. Source: the motor-clutch (Chan & Odde, Science 322:1687, 2008);
    numbers from physim's migration prototype (MDA-MB-231-like set: 14-17 um/h in held networks with cutting).
    """

    name: ClassVar[str] = "links"
    needs: ClassVar[tuple[str, ...]] = ("collagen",)
    slots: int = parameter(16, "links a cell can have at once", source=_PROTOTYPE, ge=1, le=64)
    stiffness: NanonewtonPerMicron = parameter(2.0, "stiffness k of a link", source=_PROTOTYPE, gt=0)
    contraction_speed: MicronPerMinute = parameter(0.3, "shortening speed v_c without load", source=_PROTOTYPE, ge=0)
    stall_force: Nanonewton = parameter(10.0, "tension F_s at which shortening stalls", source=_PROTOTYPE, gt=0)
    release_rate: PerMinute = parameter(0.01, "release rate k_0 without load", source=_PROTOTYPE, ge=0)
    release_force: Nanonewton = parameter(5.0, "tension F_b that raises it e-fold", source=_PROTOTYPE, gt=0)
    binding_rate: PerMinute = parameter(1.0, "probes k_on per free slot", source=_PROTOTYPE, ge=0)
    ligand: Number = parameter(1.0, "ligand L on collagen, relative to the reference", source="by definition", gt=0,
                               le=1e4)  # fmt: skip
    focus: Number = parameter(2.0, "concentration of probes about the polarity; 0 probes all directions alike",
                              source=_PROTOTYPE, ge=0, le=100)  # fmt: skip
    probe_length: Micron = parameter(6.0, "mean length lambda of a probe beyond the cell", source=_PROTOTYPE, gt=0)
    reach: Micron = parameter(15.0, "longest probe beyond the cell", source=_PROTOTYPE, gt=0)
    overreach: Micron = parameter(8.0, "a link lets go this far beyond the reach", source=_PROTOTYPE, gt=0)
    capture: Micron = parameter(1.5, "a tip binds fibers up to this far", source=_PROTOTYPE, gt=0)
    shortest: Micron = parameter(3.0, "a link lets go when it is shorter", source=_PROTOTYPE, ge=0)
    shortest_rest: Micron = parameter(1.5, "rest lengths stop here", source=_PROTOTYPE, gt=0)

    headers: ClassVar[tuple[str, ...]] = ("path.h",)
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("age_links", "cell", ("id", "position", "radius", "integrin", *_PLACES, "segment_area", "link_at",
                         "wire_begin", "wire_end", "wire_obstacle", "wire_ligand", "wire_bin_start"),
               ("link_segment", "link_bend", "link_rest", "link_force")),
        Kernel("bind_links", "cell",
               ("id", "position", "radius", "integrin", "polarity", *_PLACES, *SEARCHED, "segment_area",
                "segment_shed", "wire_begin", "wire_end", "wire_obstacle", "wire_ligand", "wire_bin_start"),
               ("link_segment", "link_at", "link_bend", "link_rest", "link_force")),
        Kernel("pull_links", "cell",
               ("position", *_PLACES, "wire_begin", "wire_end", "wire_obstacle", "link_segment",
                "link_at", "link_bend", "link_rest"),
               ("link_force",), ("force", "resistance", "node_force", "obstacle_force")),
        Kernel("block_links", "cell",
               ("position", *_PLACES, "wire_begin", "wire_end", "link_segment", "link_at", "link_force"),
               ("tether_block",), moving=True),
    )  # fmt: skip
    stages: ClassVar[dict[str, tuple[Kernel, ...]]] = {
        "open": (Kernel("key_links", "cell", ("link_segment",), ("tether_key",), moving=True),),
    }

    def check(self) -> None:
        if self.shortest > 0:  # 0: no link lets go because it is short
            self.ascending("shortest_rest", "shortest", equal=True)
