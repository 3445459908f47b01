"""Cells in blood: what the wall of a vessel, blood and other cells do to them, and how they deform."""

from __future__ import annotations

from typing import ClassVar

from physim.step import Kernel, Term, parameter
from physim.terms.engine import PAIR_LISTS
from physim.units import (
    Drag,
    Kilopascal,
    KilopascalMinute,
    KilopascalPerMicron,
    Micron,
    Minute,
    Nanonewton,
    NanonewtonPerMicron,
    Number,
    PerMinute,
)

WALL = ("wall_grid", "wall_node", "wall_entry", "wall_triangle", "wall_pseudo")
ENDS = ("end_of", "end_row")
_WIDTHS = ("radius", *ENDS, "end_radius")
_LUMEN = ("lumen_grid", "lumen_block")
_CENTERLINE = ("vessel_point", "vessel_at")


class VesselWall(Term):
    """F = -4/3 E* sqrt(R) d^1.5 n, d = R + distance of the middle from the wall (< 0 in the lumen): Hertz, implicit.

    Keeps a cell that is one sphere inside. The wall does not move; ports are open along the vessel. A step moves the
    middle by half of its way to the wall at most, and along the wall by 0.8 of that way, so that it is never beyond,
    whatever pushes; at ports by R/4. Not for cells that are wider than the lumen: the nearest point of the wall is then
    now on one side, now on the other (`elongation` is). Source: Hertz 1882.
    """

    name: ClassVar[str] = "vessel_wall"
    needs: ClassVar[tuple[str, ...]] = ("vessels", "plasma")
    headers: ClassVar[tuple[str, ...]] = ("triangle.h", "wall.h")
    modulus: Kilopascal = parameter(0.5, "E* of the cell", source="cytoplasm, as in `steric`", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("vessel_wall", "cell", ("position", "radius", *WALL, *_CENTERLINE), ("wall_way",),
               ("force", "resistance")),
    )  # fmt: skip
    stages: ClassVar[dict[str, tuple[Kernel, ...]]] = {
        "take": (Kernel("restrain", "cell", ("position", "radius", *WALL, *_CENTERLINE, "wall_way"), (), ("shift",)),)
    }


class AbluminalWall(Term):
    """F = 4/3 E* sqrt(R) d^1.5 n, d = R - distance of the middle from the wall (> 0 outside): Hertz, implicit.

    Keeps the cells of tissue out of vessels, where blood has flow episodes (vessels.interval). The wall does not move;
    cut ends of vessels are walls. Source: Hertz 1882.
    """

    name: ClassVar[str] = "abluminal_wall"
    needs: ClassVar[tuple[str, ...]] = ("vessels",)
    headers: ClassVar[tuple[str, ...]] = ("triangle.h", "wall.h")
    modulus: Kilopascal = parameter(0.5, "E* of the cell", source="cytoplasm, as in `steric`", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("abluminal_wall", "cell", ("position", "radius", *WALL), (), ("force", "resistance")),
    )


class Elongation(Term):
    """U = sum_k v_k [E e_k^2/2 + n_k E_n f_k^2/2], e_k = 2 ln(R/a_k), f_k = 2 ln(R_n/a_k) > 0; sum_k v_k = 4/3 pi R^3.

    A cell between two ends. Each end is a half sphere, and between them the cell has circular sections; its radius a_k
    is that of the lumen, or, where the lumen is wider, one radius for all, such that the cell keeps its volume. Being
    narrower than at rest costs E e^2/2 per volume, which is the pressure that it takes to push a cell into a long
    tube; the nucleus is the middle of the volume (share n_k) and adds its own. So a cell enters a constriction where
    pressure x section exceeds what these cost, and forces are slopes of U: toward where the lumen is wider, and toward
    a sphere (stiffness pi E R/3 of a free cell). Its inside is viscous. What is off the middle is pushed off the wall
    that it overlaps by d, at a pressure k d/(1 - d/a), up to 10 k d (a: radius of the cell there, or of the lumen).
    `plasma` is told what it closes of the lumen: the mean distance from the wall all around where it is round, and
    where it is long the sphere that loses as much as blood does in the gap along it; what is between the ends counts
    for the narrower one. No step takes an end more than half of its way to the wall, nor along it by more than 0.8 of
    that. Implicit.

    The lumen is felt through eight sections of eight points each, along a straight line: a cell that is long in a sharp
    bend, or in a slit, is not what this term represents. Source of the law and its numbers: physim's vascular prototype
    (docs/blood.md), whose E and E_n let cells pass 5 um and not 4 um under 22 cmH2O.
    """

    name: ClassVar[str] = "elongation"
    needs: ClassVar[tuple[str, ...]] = ("vessels", "plasma")
    headers: ClassVar[tuple[str, ...]] = (
        "triangle.h", "wall.h", "lumen.h", "lumen_cells.h", "ends.h", "two_ends.h", "body.h", "room.h",
    )
    modulus: Kilopascal = parameter(0.35, "elastic modulus E of the cell", source="vascular prototype", gt=0)
    nucleus_modulus: Kilopascal = parameter(
        1.2, "elastic modulus E_n of the nucleus", source="vascular prototype", ge=0
    )
    bulk_modulus: Kilopascal = parameter(
        500.0, "resistance against a loss of volume, by which the pressure inside is found step by step",
        source="numerical", gt=0,
    )  # fmt: skip
    viscosity: KilopascalMinute = parameter(
        1 / 60, "friction of the inside: ends move relative to each other by force/(viscosity x R)",
        source="vascular prototype: about 1e3 Pa s", ge=0,
    )  # fmt: skip
    wall_stiffness: KilopascalPerMicron = parameter(
        0.2, "k: pressure on what overlaps the wall, per um, where that is little",
        source="numerical: overlaps of less than 0.1 um", gt=0,
    )  # fmt: skip

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("seat_ends", "row", ("end_of",), ("end_row",), when="rebuild"),
        Kernel("squeeze", "cell",
               ("position", "radius", "nucleus_radius", *ENDS, *_LUMEN, "lumen_near", "vessel_point", *WALL),
               ("end_radius", "body_radius", "body_axis", "body_force", "body_block", "body_swell", "end_seal")),
        Kernel("elongation", "cell", (*ENDS, "body_force", "body_block"), (), ("force", "resistance")),
    )  # fmt: skip
    products: ClassVar[tuple[Kernel, ...]] = (
        Kernel("multiply_ends", "cell", (*ENDS, "body_block", "body_swell", "direction"), (), ("product",),
               when="solving"),
    )  # fmt: skip
    stages: ClassVar[dict[str, tuple[Kernel, ...]]] = {
        "factor": (
            Kernel("factor_ends", "cell", (*ENDS, "resistance", "body_block", "body_swell"), ("body_factor",),
                   when="solving"),
        ),
        "descend": (
            Kernel("precondition_ends", "cell", (*ENDS, "body_factor", "residual"), ("preconditioned",),
                   when="solving"),
        ),
        "take": (
            Kernel("restrain_ends", "cell", ("position", "radius", "end_of", "end_radius", *WALL, *_CENTERLINE), (),
                   ("shift",)),
        ),
    }  # fmt: skip


class Bond(Term):
    """F = k x where x > 0, k_c x/(1 + x/r) where x < 0; axes are r + x apart; broken at k_0 exp(F/F_b).

    Homotypic adhesion in blood. Cells touch, and hold each other, where they are nearest, along their whole bodies, so
    that a bond slides along the surface as cells turn and unfold. r is the sum w of their radii there, and (1 - f) w
    where they hold each other: those are flattened on each other, f = 1 - cos of the contact angle (Young and Dupre:
    adhesion energy over twice the tension of the cortex), so that a cluster is compact and closes a vessel. Contact
    grows as axes come near each other, up to 10 k_c r. k and k_c are of the cells that a junction pulls or presses:
    walls alone give them another shape. Contacts are flat as soon as cells bind, and round as soon as a bond breaks.
    Cells that are within `reach` at the start hold each other; others bind at k_on on contact. A bond whose gap is
    longer than `reach`, with another cell in its middle, is lost: there is no surface left for it. Equal and opposite.
    Source: Bell, Science 200:618 (1978); strengths: docs/blood.md.
    """

    name: ClassVar[str] = "bond"
    needs: ClassVar[tuple[str, ...]] = ("vessels", "plasma")
    headers: ClassVar[tuple[str, ...]] = ("ends.h", "body.h", "touch.h")
    stiffness: NanonewtonPerMicron = parameter(
        8.0, "stiffness k of a bond", source="pi E R: a cell of 0.35 kPa and 7 um that is pulled at its surface", ge=0
    )
    contact_stiffness: NanonewtonPerMicron = parameter(
        4.0, "stiffness k_c of contact", source="pi E R/2: two such cells in series, pressed on each other", gt=0
    )
    flattening: Number = parameter(
        0.25, "share f of the sum of radii by which cells that hold each other overlap at rest: 1 - cos(contact angle)",
        source="assumed; cells of embryos before they compact have 0.27 (87 degrees from surface to surface, Maitre et "
        "al., NCB 17:849, 2015, recalled)",
        ge=0, le=0.5,
    )  # fmt: skip
    friction: Drag = parameter(
        0.02, "resistance of touching or bound cells along their line",
        source="1e3 Pa s x 1 um: cells are viscous inside", ge=0,
    )  # fmt: skip
    release_rate: PerMinute = parameter(
        0.006, "rate k_0 without force", source="1e-4/s: assumed, so that clusters at rest last for hours", ge=0
    )
    release_force: Nanonewton = parameter(
        20.0, "force F_b per factor e", gt=0,
        source="150 nN, of doublets after an hour (Chu et al., JCB 167:1183, 2004, recalled), held for 5 s",
    )  # fmt: skip
    binding_rate: PerMinute = parameter(6.0, "rate k_on within reach", source="0.1/s: assumed", ge=0)
    reach: Micron = parameter(0.5, "gap below which cells bind", source="assumed", gt=0)
    longest: Number = parameter(
        2.5, "length from end to end, over the sum of radii, beyond which a bond is lost",
        source="lists reach so far; a bond of two cells of 7 um bears 196 nN there, and breaks within 0.5 s", ge=1,
    )  # fmt: skip

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("bind", "cell", ("id", "position", *_WIDTHS, "body_radius", *PAIR_LISTS), ("bond_partner",)),
        Kernel("check_bonds", "one"),
        Kernel("bond", "cell", ("id", "position", *_WIDTHS, "body_radius", *PAIR_LISTS, "bond_partner"), (),
               ("force", "pair_resistance")),
    )  # fmt: skip

    def pair_range(self) -> float:
        """As far as bonds are looked for."""
        return self.longest


class Plasma(Term):
    """F = zeta (w Q + u - v), (R + sum_j zeta_j w_j.w_j) Q = dP + sum_j zeta_j w_j.(v_j - u_j), cells j of a branch.

    Blood carries cells, and cells hold blood back. w Q is the velocity at which a free cell goes where its branch
    carries Q: that of blood at its middle, less what a sphere lags behind (Haberman & Sayre 1958, on the axis;
    Goldman, Cox & Brenner 1967 near a wall), and the mean velocity where it fills the lumen. u is 0 but where a
    cell meets blood that is faster than its branch could make it: in the mouth of a vessel that carries little.
    zeta is its drag, which grows without bound as the gap closes (from lambda = 0.8 on as (0.2/(1 - lambda))^2.5, to
    lambda = 0.985, and 0.999 where a long gap seals; across the vessel to 0.985). Cells side by side that fill a vessel
    to more than a third of its section hold back together what one sphere does that fills as much, and each bears its
    part. dP and R are pressure and resistance of the branch and of all the network that it is part of, solved anew
    every `response` with what cells hold back elsewhere. A free cell costs no pressure; one that is stuck bears dP over
    the section. Implicit, the flow as well.
    """

    name: ClassVar[str] = "plasma"
    needs: ClassVar[tuple[str, ...]] = ("vessels",)
    headers: ClassVar[tuple[str, ...]] = (
        "krylov.h", "lumen.h", "lumen_cells.h", "ends.h", "two_ends.h", "filling.h",
    )  # fmt: skip
    viscosity: KilopascalMinute = parameter(
        2e-8, "viscosity of plasma", source="1.2 mPa s, Pries, Neuhaus & Gaehtgens 1992", gt=0
    )
    response: Minute = parameter(
        0.01 / 60, "how often the flow of the network answers to cells in other branches", source="10 ms: chosen", gt=0
    )

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("find_branch", "row", ("position", "departed", *_LUMEN, "lumen_near", "vessel_point"),
               ("vessel_at", "branch_of"), when="rebuild"),
        Kernel("open_branches", "one", writes=("branching",), when="rebuild"),
        Kernel("sort_branches", "row", ("branching", "branch_of"), ("branch_start", "branch_fill", "branch_list"),
               when="rebuild", primitive="sort_branches"),
        Kernel("close_branches", "one", writes=("branching",), when="rebuild"),
        Kernel("leave", "cell", ("position", *ENDS, *_LUMEN, "lumen_near", "vessel_port"), ("departed", "left_by")),
        Kernel("fill_vessels", "branch",
               ("position", *_WIDTHS, "lumen_grid", "vessel_point", "vessel_place", "vessel_at", "branch_of",
                "branch_start", "branch_list"), ("vessel_filled",)),
        Kernel("find_stream", "cell",
               ("position", *_WIDTHS, "end_seal", *_LUMEN, "lumen_voxel", "vessel_point", "vessel_place",
                "vessel_filled", "branch", "vessel_at", "branch_of"), ("stream", "stream_rest")),
        Kernel("load_branch", "branch", ("stream", "stream_rest", "branch_start", "branch_list", "branch"),
               ("branch_flow", "branch_load")),
        Kernel("plasma", "cell", ("stream", "stream_rest", "branch_of", "branch_flow"), (), ("force", "resistance")),
    )  # fmt: skip
    products: ClassVar[tuple[Kernel, ...]] = (
        Kernel("gather_stream", "branch", ("stream", "branch_start", "branch_list", "direction", "branch",
                                           "branch_load"), ("branch_drive",), when="solving"),
        Kernel("multiply_stream", "cell", ("stream", "branch_of", "branch_drive"), (), ("product",), when="solving"),
    )  # fmt: skip
    stages: ClassVar[dict[str, tuple[Kernel, ...]]] = {
        "factor": (
            Kernel("yield_cells", "cell", (*ENDS, "resistance", "body_factor", "stream", "branch_of"),
                   ("stream_yield",), when="solving"),
            Kernel("yield_branches", "branch", ("stream", "stream_yield", "branch_start", "branch_list", "branch"),
                   ("branch_yield",), when="solving"),
        ),
        "redirect": (
            Kernel("recall_motion", "cell", ("cell_velocity",), ("direction", "krylov"), when="solving"),
        ),
        "descend": (
            Kernel("gather_yield", "branch",
                   ("stream_yield", "branch_start", "branch_list", "residual", "branch_yield"), ("branch_drive",),
                   when="solving"),
            Kernel("add_yield", "cell", ("stream_yield", "branch_of", "branch_drive"), (), ("preconditioned",),
                   when="solving"),
        ),
        "take": (Kernel("keep_motion", "cell", ("solution", "shift"), ("cell_velocity",)),),
    }  # fmt: skip
