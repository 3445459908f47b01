"""Forces between cells: core contact, maturing junctions, crawling on neighbours, friction, and PhysiCell's law."""

from __future__ import annotations

from typing import ClassVar

from physim.step import Kernel, Term, parameter
from physim.terms.engine import PAIR_LISTS
from physim.units import (
    Drag,
    MicronPerMinute,
    Minute,
    Nanonewton,
    NanonewtonPerMicron,
    NanonewtonPerSquareMicron,
    Number,
)

_PAIRS = ("position", "radius", *PAIR_LISTS)
_PROTOTYPE = "physim aggregate prototype (docs/trust.md)"


class PhysiCell(Term):
    """v_i = sum_j (x_i - x_j)/d [c_r (1 - d/R)^2 for d < R  -  c_a (1 - d/S)^2 for d < S], Adams-Bashforth 2.

    R = R_i + R_j, S = range x R. Explicit velocities, as in PhysiCell, to compare like with like; two cells rest at
    1.905 radii. Source: Ghaffarizadeh et al., PLoS Comput Biol 14:e1005991 (2018).
    """

    name: ClassVar[str] = "physicell"
    repulsion: MicronPerMinute = parameter(10.0, "coefficient of repulsion", source="PhysiCell default", ge=0)
    adhesion: MicronPerMinute = parameter(0.4, "coefficient of adhesion", source="PhysiCell default", ge=0)
    range: Number = parameter(1.25, "adhesion range over the sum of radii", source="PhysiCell default", ge=1, le=3)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("physicell", "strip", _PAIRS, ("drift_previous", "displacement")),
    )

    def pair_range(self) -> float:
        return self.range


class LaboratoryDrag(Term):
    """F = -zeta v against the laboratory frame: a regulariser, since a real cell cannot push on it."""

    name: ClassVar[str] = "drag"
    coefficient: Drag = parameter(
        2.0, "drag on a cell", source="migration prototype: speeds fall 40 % from 2 to 50", gt=0
    )

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("drag", "cell", ("shift",), (), ("force", "resistance")),
    )


class Contact(Term):
    """F = k_r (d_c - d)+ + k_2 (d_1 - d)+^2 along the line of centres; d_c, d_1 in units of R_i + R_j. Implicit.

    A stiff core: Hertz contact at 0.5 kPa collapses aggregates that adhere and crawl. Source: physim's own prototype
    of 500-cell aggregates (volume per cell 2,950-3,080 um^3, nearest neighbour 14.1-14.6 um).
    """

    name: ClassVar[str] = "contact"
    stiffness: NanonewtonPerMicron = parameter(20.0, "stiffness k_r below the rest distance", source=_PROTOTYPE, gt=0)
    core_stiffness: NanonewtonPerSquareMicron = parameter(
        15.0, "quadratic stiffness k_2 of the core", source=_PROTOTYPE, ge=0
    )
    rest_distance: Number = parameter(0.895, "d_c over the sum of radii", source=_PROTOTYPE, gt=0, le=1)
    core_distance: Number = parameter(0.84, "d_1 over the sum of radii", source=_PROTOTYPE, gt=0, le=1)

    kernels: ClassVar[tuple[Kernel, ...]] = (Kernel("contact", "cell", _PAIRS, (), ("force", "pair_resistance")),)

    def check(self) -> None:
        self.ascending("core_distance", "rest_distance", equal=True)

    def pair_range(self) -> float:
        return self.rest_distance


class Friction(Term):
    """F_ij = -xi w(d) (v_i - v_j): touching cells resist sliding past each other and parting. Implicit."""

    name: ClassVar[str] = "friction"
    coefficient: Drag = parameter(5.0, "friction xi of a full contact", source="assumed; not calibrated", ge=0)
    near_distance: Number = parameter(0.895, "full contact up to this, over the sum of radii", source=_PROTOTYPE, gt=0)
    far_distance: Number = parameter(
        1.25, "no contact beyond this, over the sum of radii", source=_PROTOTYPE, gt=0, le=3
    )

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("friction", "cell", (*_PAIRS, "shift"), (), ("force", "pair_resistance")),
    )

    def check(self) -> None:
        self.ascending("near_distance", "far_distance")

    def pair_range(self) -> float:
        return self.far_distance


class Junction(Term):
    """E = -1/2 sum_i rho_i h(q_i), q_i = sum_j b w, rho_i = sum_j eps_ij sqrt(c_i c_j) b w; F = -dE/dx. Implicit.

    w(d) falls from 1 at the rest distance to 0 at the range; b = (F_1 b_1 + F_2 b_2)/(F_1 + F_2) matures while the pair
    is near: db_1/dt = (1 - b_1)/tau_1, db_2/dt = (b_1 - b_2)/tau_2, is kept up to the range and lost beyond it.
    h(q) = g(q)/q with g' = 1/(1 + exp((q - q_s)/dq)): a doublet has its full strength, a covered cell shares its
    cadherin and loses little by swapping neighbours. Peak force of a pair at full strength: F_1 + F_2.
    Source: physim's aggregate prototype; forces of 1-5 nN at 1 min and 50-150 nN at 1 h from doublet separation,
    Chu et al., J Cell Biol 167:1183 (2004).
    """

    name: ClassVar[str] = "junction"
    initial_force: Nanonewton = parameter(16.0, "peak force F_1 of bound cadherins", source=_PROTOTYPE, gt=0)
    mature_force: Nanonewton = parameter(116.0, "peak force F_2 added by actin coupling", source=_PROTOTYPE, ge=0)
    initial_time: Minute = parameter(5.0, "time tau_1 of initiation", source=_PROTOTYPE, gt=0)
    mature_time: Minute = parameter(25.0, "time tau_2 of strengthening", source=_PROTOTYPE, gt=0)
    saturation: Number = parameter(7.5, "coverage q_s at which a cell's cadherin is used up", source=_PROTOTYPE, gt=0)
    saturation_width: Number = parameter(0.3, "width dq of the saturation", source=_PROTOTYPE, gt=0)
    near_distance: Number = parameter(0.895, "rest distance over the sum of radii", source=_PROTOTYPE, gt=0)
    on_distance: Number = parameter(
        1.06, "junctions form and mature below this, over the sum of radii", source=_PROTOTYPE, gt=0
    )
    far_distance: Number = parameter(
        1.25, "junctions are lost beyond this, over the sum of radii", source=_PROTOTYPE, gt=0, le=3
    )

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("find_slots", "cell", ("id", *PAIR_LISTS), ("pair_slot", "junction_partner"), when="rebuild"),
        Kernel("mature", "cell", ("id", *_PAIRS),
               ("junction_partner", "junction_young", "junction_mature", "pair_slot")),
        Kernel("check_slots", "one"),
        Kernel("cover", "cell",
               (*_PAIRS[:2], "cadherin", *PAIR_LISTS, "pair_slot", "junction_young", "junction_mature"),
               ("coverage",)),
        Kernel("junction", "cell",
               (*_PAIRS[:2], "cadherin", *PAIR_LISTS, "pair_slot", "junction_young", "junction_mature", "coverage"),
               (), ("force", "pair_resistance")),
    )  # fmt: skip

    def check(self) -> None:
        self.ascending("near_distance", "far_distance")
        self.ascending("on_distance", "far_distance", equal=True)

    def pair_range(self) -> float:
        return self.far_distance


class Crawl(Term):
    """F_i = sum_j f w_ij (p_i/g_i - p_j/g_j), g_i = max(sum_j w_ij, 1).

    A cell pulls along its polarity p on its neighbours, equal and opposite on them.
    It is what keeps aggregates liquid. Source of f: physim's aggregate prototype (fluid
    at 10-20 nN; total traction of single cells is 30-120 nN).
    """

    name: ClassVar[str] = "crawl"
    force: Nanonewton = parameter(20.0, "total pull f of a cell on its neighbours", source=_PROTOTYPE, ge=0)
    near_distance: Number = parameter(0.895, "full grip up to this, over the sum of radii", source=_PROTOTYPE, gt=0)
    far_distance: Number = parameter(1.25, "no grip beyond this, over the sum of radii", source=_PROTOTYPE, gt=0, le=3)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("gather_grip", "cell", _PAIRS, ("grip",)),
        Kernel("crawl", "cell", (*_PAIRS[:2], "polarity", *PAIR_LISTS, "grip"), (), ("force",)),
    )

    def check(self) -> None:
        self.ascending("near_distance", "far_distance")

    def pair_range(self) -> float:
        return self.far_distance
