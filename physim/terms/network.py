"""Collagen as a mechanical body: fibers that stretch and bend, held together by crosslinks, pulled by cells."""

from __future__ import annotations

from typing import ClassVar

from physim.step import Kernel, Term, parameter
from physim.units import (
    DragPerMicron,
    Micron,
    Minute,
    Nanonewton,
    NanonewtonMicron,
    NanonewtonPerMicron,
    NanonewtonSquareMicron,
    Number,
    PerMinute,
)

_AWAKE = ("awake_fiber", "fiber_span")
_HOLDS = ("hold_start", "hold_nodes", "hold_at")
_TETHERS = ("tether_start", "tether_list", "tether_block")


class Strain(Term):
    """dx = shear_rate z dt, dz = stretch_rate z dt for every held node, z its height at rest above the lower face.

    What plates do to a gel between them: simple shear, stretch or (negative) compression, at a constant rate.
    Nodes are held on the faces of the box that are not periodic. For quasi-static moduli see `analysis.rheology`.
    """

    name: ClassVar[str] = "strain"
    needs: ClassVar[tuple[str, ...]] = ("collagen", "network")
    shear_rate: PerMinute = parameter(0.0, "growth of the shear strain along x across z")
    stretch_rate: PerMinute = parameter(0.0, "growth of the strain along z; negative compresses")
    duration: Minute = parameter(60.0, "how long the strain grows", ge=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("strain", "fiber", ("fiber_span", "node_held", "node_rest"), ("node_position", "fiber_awake"),
               moving=True),
    )  # fmt: skip


class Network(Term):
    """E = sum EA (l - l0)^2/(2 l0) + sum k_x g^2/2 + sum min_R [sum EI (s - R s0)^2/(a + b) + sum k_c (t - R t0)^2/2].

    F = -dE/dx, implicit. l is the length of a segment, e its vector, t = e/l0, s = t2 - t1 the bend at a node between
    segments of rest lengths a and b, g the vector between the two places that a crosslink joins; l0, s0, t0 are those
    of the network as it was made, which is free of stress. A segment that has been thinned to a part c of its area has
    c EA, and counts as a/c^2 in the length of its bends. R is the rotation of a fiber: in its frame its bends rest,
    and at each of its crosslinks the directions of both segments (k_c: branch points are no free hinges). R is the best
    one, so that it exerts no torque, and a network that turns bears no force.
    Nodes on faces of the box that are not periodic are held. Nodes drag with zeta_l per length. A crosslink whose
    places are apart at rest keeps that gap, which turns with its two segments, or, where these are parallel within
    sin = 0.2, keeps its length w: k_x (|g| - w)^2/2.

    Newton's method with the stiffness EA/l0 n n' + T/l (I - n n') of a segment of tension T, that of bends and
    crosslinks in frames that turn with them, and conjugate gradients with one block-pentadiagonal factor per fiber.

    With `wake_force`, a fiber on which no node is out of balance by more, and which moves by less than `still_distance`
    in a step, sleeps: it glides on at its velocity. In a sweep all fibers are solved for. The next one comes after
    twice as many steps as the last one, or half as many if 1 fiber in 50 had glided astray by more than
    `still_distance`. With `wake_force` = 0 all fibers are solved for in each step.
    Source: Euler-Bernoulli fibers with crosslinks as in Head, Levine & MacKintosh, Phys Rev E 68:061907 (2003); EA and
    EI are coarse-grained, calibrated on the shear modulus (docs/validation.md).
    """

    name: ClassVar[str] = "network"
    needs: ClassVar[tuple[str, ...]] = ("collagen",)
    headers: ClassVar[tuple[str, ...]] = ("krylov.h", "spring.h", "band.h", "frame.h", "crosslink.h")
    stretch_modulus: Nanonewton = parameter(13000.0, "stretch modulus EA of a fiber", source="docs/validation.md", gt=0)
    bend_modulus: NanonewtonSquareMicron = parameter(
        59.0, "bend modulus EI of a fiber", source="docs/validation.md", gt=0
    )
    crosslink_stiffness: NanonewtonPerMicron = parameter(
        500.0, "stiffness k_x of a crosslink", source="prototype: 200-500 where strain stiffening is judged", gt=0
    )
    crosslink_rigidity: NanonewtonMicron = parameter(
        5.7, "resistance k_c of a crosslink to turning of its two segments; 0: a free hinge",
        source="EI/(2 lc) of 1.5 mg/ml; docs/validation.md", ge=0,
    )
    drag: DragPerMicron = parameter(1.6667e-4, "drag zeta_l per length of fiber", source="regulariser", gt=0)
    tolerance: Number = parameter(
        0.02, "error of a step at which conjugate gradients stop, in the norm of energy, over the step", gt=0, lt=0.1
    )
    least_force: Nanonewton = parameter(1e-6, "force on a node that need not be balanced", ge=0)
    accuracy: Micron = parameter(
        5e-4, "a round of the solve that stretches no segment by more than this as it turns it is the last one", ge=0
    )
    wake_force: Nanonewton = parameter(0.0, "force on a node that wakes a fiber; 0: none sleeps", ge=0)
    still_distance: Micron = parameter(
        3e-4, "a fiber that moves less than this in a step may sleep; how far it may be off in a sweep", ge=0
    )
    sweep: int = parameter(40, "most steps from one sweep, in which all fibers are solved for, to the next", ge=1)

    stages: ClassVar[dict[str, tuple[Kernel, ...]]] = {
        "open": (
            Kernel("begin_tethers", "one", writes=("tethering",)),
            Kernel("sort_tethers", "room", ("tethering", "tether_key"), ("tether_start", "tether_fill", "tether_list"),
                   primitive="sort_tethers"),
            Kernel("end_tethers", "one", writes=("tethering",)),
            Kernel("begin_fibers", "fiber",
                   ("fiber_span", "fiber_awake", "node_glide", "node_listed", "segment_rest", "segment_area"),
                   ("node_position", "node_start", "node_shift", "segment_tension")),
        ),
        "load": (
            Kernel("clear_places", "fiber_row", (), ("awake_place", "placed")),
            Kernel("mark_fibers", "fiber", ("fiber_span", "hold_start", "hold_fiber", "fiber_awake", "node_force"),
                   ("fiber_check",), when="unsolved"),
            Kernel("turn_fibers", "fiber",
                   ("node_position", "segment_course", "fiber_span", "segment_rest", "segment_area", "hold_start",
                    "hold_nodes", "hold_segment", "hold_turn", "fiber_check"), ("fiber_frame", "fiber_pivot"),
                   when="unsolved"),
            Kernel("strain_fibers", "fiber",
                   ("node_position", "segment_course", "node_force", "fiber_span", "node_held", "segment_rest",
                    "segment_area", *_HOLDS, "hold_fiber", "hold_rest", "hold_turn", "fiber_frame", "fiber_check",
                    "node_shift"),
                   ("fiber_awake", "awake_place", "segment_tension", "node_residual", "fiber_turn", "fiber_loads"),
                   when="unsolved"),
            Kernel("scan_awake", "fiber", ("placed",), ("awake_place",), primitive="scan_awake"),
            Kernel("list_awake", "fiber", ("fiber_awake", "awake_place"), ("awake_fiber",), when="unsolved"),
            Kernel("count_awake", "one", ("awake_place",), when="unsolved"),
            Kernel("load_fibers", "awake", (*_AWAKE, "fiber_awake", "fiber_loads", "node_velocity"),
                   ("fiber_sums", "node_solution", "node_direction"), when="unsolved"),
        ),
        "factor": (
            Kernel("stiffen_fibers", "awake",
                   (*_AWAKE, "node_position", "segment_course", "segment_rest", "segment_area", "segment_tension",
                    *_HOLDS, "hold_segment", "hold_fiber", "hold_rest", "hold_turn", "fiber_frame"),
                   ("segment_block", "segment_axis", "hold_block", "hold_axes", "hold_skew"), when="solving"),
            Kernel("factor_fibers", "awake",
                   (*_AWAKE, "node_held", "segment_inverse", "segment_rest", "segment_block", "segment_axis",
                    "hold_start", "hold_at", "hold_block", "hold_skew", *_TETHERS), ("factor",), when="solving"),
            Kernel("precondition_fibers", "awake", (*_AWAKE, "factor", "node_residual"),
                   ("node_preconditioned", "fiber_sums"), when="solving"),
        ),
        "redirect": (
            Kernel("redirect_fibers", "awake", (*_AWAKE, "node_preconditioned", "krylov"), ("node_direction",),
                   when="solving"),
            Kernel("swing_fibers", "awake",
                   (*_AWAKE, "segment_inverse", "segment_axis", "hold_start", "hold_nodes", "hold_segment",
                    "hold_axes", "fiber_pivot", "node_direction"), ("fiber_turn",), when="solving"),
        ),
        "multiply": (
            Kernel("multiply_fibers", "awake",
                   (*_AWAKE, "node_held", "segment_inverse", "segment_block", "segment_axis", "fiber_turn", *_HOLDS,
                    "hold_block", "hold_fiber", "hold_axes", "hold_skew", *_TETHERS, "direction", "node_direction",
                    "node_residual"),
                   ("node_product", "fiber_sums"), when="solving"),
            Kernel("couple_cells", "cell", ("segment_nodes", "tether_key", "tether_block", "node_direction"), (),
                   ("product",), when="solving"),
        ),
        "descend": (
            Kernel("descend_fibers", "awake", (*_AWAKE, "factor", "node_direction", "node_product", "krylov"),
                   ("node_solution", "node_residual", "node_preconditioned", "fiber_sums"), when="solving"),
        ),
        "move": (
            Kernel("move_fibers", "awake", (*_AWAKE, "node_solution", "node_preconditioned", "node_start",
                                            "segment_rest", "segment_area"),
                   ("node_shift", "node_position", "segment_tension", "node_velocity"), when="shifting"),
            Kernel("judge_fibers", "one", when="shifting"),
        ),
        "take": (
            Kernel("settle_fibers", "awake",
                   (*_AWAKE, "node_listed", "node_position", "node_residual", "node_held", "node_shift"),
                   ("node_velocity", "node_glide", "node_direction", "fiber_awake")),
            Kernel("plan_sweep", "one"),
        ),
        "rewind": (
            Kernel("rewind_fibers", "awake", (*_AWAKE, "node_start", "segment_rest", "segment_area"),
                   ("node_position", "node_shift", "segment_tension")),
        ),
        "commit": (
            Kernel("commit_fibers", "awake", (*_AWAKE, "node_position"), ("node_start", "node_shift")),
        ),
    }  # fmt: skip
