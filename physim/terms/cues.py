"""Cues: what turns the polarity p of a cell, each a term with its own weight. None of them gives speed.

Each runs once per step, before the noise of the term `polarity`, and changes nothing but p, whose length stays 1. Where
its weight or its cue is 0, it leaves p as it is to the bit.
"""

from __future__ import annotations

from typing import ClassVar

from physim.step import Kernel, Term, parameter
from physim.terms.engine import PAIR_LISTS
from physim.units import Micron, Nanomolar, Nanonewton, Number, PerMicron, PerMinute

_ASSUMED = "assumed; not calibrated"
_PAIRS = ("position", "radius", *PAIR_LISTS)


class Attractant(Term):
    """c = c_0 a / max(r, a): the steady field around a ball of radius a that is held at c_0, and in it.

    Such a ball gives off S = 4 pi D a c_0. It stands still, nothing takes up what it gives off, and through periodic
    faces a cell sees its nearest image. It stands in for a field: a term that solves for one writes the same array,
    `attractant`, and takes its place. Source: diffusion from a ball, Berg & Purcell, Biophys J 20:193 (1977).
    """

    name: ClassVar[str] = "attractant"
    x: Micron = parameter(0.0, "place x of the centre, from the lower face; it may lie outside the box")
    y: Micron = parameter(0.0, "place y")
    z: Micron = parameter(0.0, "place z")
    radius: Micron = parameter(10.0, "radius a of the ball", source=_ASSUMED, gt=0)
    concentration: Nanomolar = parameter(10.0, "concentration c_0 in it", source=_ASSUMED, ge=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (Kernel("sample_attractant", "cell", ("position",), ("attractant",)),)


class ContactGuidance(Term):
    """dp = w dt (I - p p) Q p, Q = mean of (3 t t - I)/2 over the directions t of the segments that links hold.

    Along the fibers that the cell holds, either way alike: t and -t give the same Q. Where they all lie along t, at an
    angle a to p, it turns by (3/2) w sin(a) cos(a) per minute; fibers in all directions do not turn it. Source: cells
    that align with collagen, Provenzano et al, Biophys J 95:5374 (2008); the form is the torque on a nematic.
    """

    name: ClassVar[str] = "contact_guidance"
    needs: ClassVar[tuple[str, ...]] = ("collagen", "links")
    weight: PerMinute = parameter(0.1, "turning rate w", source=_ASSUMED, ge=0)

    headers: ClassVar[tuple[str, ...]] = ("steer.h",)
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("contact_guidance", "cell", ("node_position", "segment_nodes", "link_segment"), (), ("polarity",)),
    )


class Haptotaxis(Term):
    """dp = dt (I - p p)(w_l m_l + w_s m_s), m = sum_s lambda_s n_s / sum_s lambda_s over segments within R + reach.

    n_s is the direction from the cell's centre to the middle of segment s. lambda_s is its ligand, length times what is
    left of its cross-section, in m_l; the integrins that cells have left on it (term `shedding`) in m_s. |m| is 0 where
    they lie evenly around the cell, and 1 where all lie in one direction. That cells follow shed integrins is a
    hypothesis, and off by default. Source: haptotaxis, Carter, Nature 213:256 (1967); the form is assumed.
    """

    name: ClassVar[str] = "haptotaxis"
    needs: ClassVar[tuple[str, ...]] = ("collagen",)
    ligand_weight: PerMinute = parameter(0.1, "turning rate w_l towards ligand", source=_ASSUMED, ge=0)
    shed_weight: PerMinute = parameter(0.0, "turning rate w_s towards shed integrins; 0: off", source=_ASSUMED, ge=0)
    reach: Micron = parameter(6.0, "how far beyond its surface a cell feels", source="as links.probe_length", ge=0)

    headers: ClassVar[tuple[str, ...]] = ("steer.h",)
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("haptotaxis", "cell",
               ("position", "radius", "node_position", "listed_node", "segment_list", "segment_bin_start",
                "segment_area", "segment_shed"), (), ("polarity",)),
    )  # fmt: skip


class Chemotaxis(Term):
    """dp = w dt (I - p p) R grad c K/(c + K)^2: up the gradient of the share c/(c + K) of receptors that are occupied.

    R times that gradient is the difference of the share over a radius of the cell. The array `attractant` has c and
    grad c at the cell's centre. Source: leukocytes tell 1 % across themselves, Zigmond, J Cell Biol 75:606 (1977).
    """

    name: ClassVar[str] = "chemotaxis"
    needs: ClassVar[tuple[str, ...]] = ("attractant",)
    weight: PerMinute = parameter(1.0, "turning rate w where the share differs by 1", source=_ASSUMED, ge=0)
    half_occupancy: Nanomolar = parameter(
        1.0, "concentration K at which half of the receptors are occupied", source=_ASSUMED, gt=0
    )

    headers: ClassVar[tuple[str, ...]] = ("steer.h",)
    kernels: ClassVar[tuple[Kernel, ...]] = (Kernel("chemotaxis", "cell", ("radius", "attractant"), (), ("polarity",)),)


class ContactInhibition(Term):
    """Contact inhibition of locomotion: dp = -w dt (I - p p) sum_j w_ij n_ij, n_ij from cell i to its neighbour j.

    w_ij falls from 1 at the near distance to 0 at the far one. Neighbours on all sides cancel: cells at a free edge
    turn outwards. Source: Abercrombie & Heaysman, Exp Cell Res 5:111 (1953); the form is assumed.
    """

    name: ClassVar[str] = "contact_inhibition"
    weight: PerMinute = parameter(0.1, "turning rate w away from one neighbour", source=_ASSUMED, ge=0)
    near_distance: Number = parameter(0.895, "full contact up to this, over the sum of radii", source="as crawl", gt=0)
    far_distance: Number = parameter(
        1.25, "no contact beyond this, over the sum of radii", source="as crawl", gt=0, le=3
    )

    headers: ClassVar[tuple[str, ...]] = ("steer.h",)
    kernels: ClassVar[tuple[Kernel, ...]] = (Kernel("contact_inhibition", "cell", _PAIRS, (), ("polarity",)),)

    def check(self) -> None:
        self.ascending("near_distance", "far_distance")

    def pair_range(self) -> float:
        return self.far_distance if self.weight else 0.0  # longer lists would change the order of all sums over pairs


class Following(Term):
    """Follower alignment: dp = w dt (I - p p) v, v = sum_j a_ij v_j / max(sum_j a_ij, 1), a_ij = sqrt(c_i c_j) w_ij.

    v_j is the velocity of neighbour j in the last step, c_j its cadherin level, and w_ij falls from 1 at the near
    distance to 0 at the far one. w is per um that the neighbours move. Source: alignment with the mean velocity of
    neighbours, Vicsek et al, Phys Rev Lett 75:1226 (1995); that adhesion weighs it is assumed.
    """

    name: ClassVar[str] = "following"
    weight: PerMicron = parameter(0.2, "turning rate w, per um", source="as polarity.feedback of the prototype", ge=0)
    near_distance: Number = parameter(0.895, "full contact up to this, over the sum of radii", source="as crawl", gt=0)
    far_distance: Number = parameter(
        1.25, "no contact beyond this, over the sum of radii", source="as crawl", gt=0, le=3
    )

    headers: ClassVar[tuple[str, ...]] = ("steer.h",)
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("following", "cell", ("position", "radius", "cadherin", "displacement", *PAIR_LISTS), (), ("polarity",)),
    )

    def check(self) -> None:
        self.ascending("near_distance", "far_distance")

    def pair_range(self) -> float:
        return self.far_distance if self.weight else 0.0


class TractionFeedback(Term):
    """dp = w dt (I - p p) sum_s T_s n_s / F_0: towards where the cell's own links, of tension T_s, pull it along n_s.

    Links that hold something stiff bear more, and so turn the cell there. Source: cells that turn to where the
    substrate is stiff, Lo et al, Biophys J 79:144 (2000); the form is assumed.
    """

    name: ClassVar[str] = "traction_feedback"
    needs: ClassVar[tuple[str, ...]] = ("collagen", "links")
    weight: PerMinute = parameter(0.1, "turning rate w where the links pull with F_0", source=_ASSUMED, ge=0)
    force_scale: Nanonewton = parameter(10.0, "resultant F_0 of the pull", source="as links.stall_force", gt=0)

    headers: ClassVar[tuple[str, ...]] = ("steer.h", "path.h")
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("traction_feedback", "cell",
               ("position", "node_position", "segment_nodes", "wire_begin", "wire_end", "link_segment",
                "link_at", "link_bend", "link_force"), (),
               ("polarity",)),
    )  # fmt: skip
