"""Integrins of cells, one by one: on the surface, in links, left on fibers behind the cell, degraded, made anew."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from physim.step import Kernel, Term, parameter
from physim.units import Minute, Nanonewton, Number, PerMinute

_BONDS = ("anchored", "anchored_segment", "anchored_at", "anchored_force")


class Shedding(Term):
    """Share left on the fiber by a link that lets go under tension F: q/(1 + q), q = q_0 exp(F/F_q); dn/dt = -k_d n.

    An integrin is torn from the ligand, and stays with the cell, or from the cytoskeleton, and stays on the fiber: two
    pathways after Bell of which the second wins q times as often (Science 200:618, 1978). The stronger cells adhere,
    the more load links bear before they let go, and the more integrin is left: Palecek et al, J Cell Sci 111:929
    (1998). A link that binds takes `per_link` integrins of the surface, or those that there are. Shed ones stay on
    their segment and decay at k_d; where it is cut they are degraded at once. Cells make integrins anew, dN/dt =
    k_s (N_0 - N) with N on the surface and in links, and N_0 = `per_cell` times the relative level `integrin`. A
    daughter begins with N_0, all on its surface, and these count as synthesised. A cell that leaves the box lets go.
    All are whole numbers: surface + bound + shed + degraded = initial + synthesised, to the last one.

    As a ligand, n shed integrins raise the rate at which links bind the segment to 1 + gain n/(n + half) times. That
    is a hypothesis, and off by default. Links that let go and bind the very same point in one step count as held.
    """

    name: ClassVar[str] = "shedding"
    needs: ClassVar[tuple[str, ...]] = ("collagen", "links")
    per_cell: int = parameter(
        100_000, "integrins N_0 of a cell of level 1", ge=0, le=1 << 24,
        source="assumed: the order of 5e5 fibronectin sites of a fibroblast, Akiyama & Yamada, J Biol Chem 260:4492 "
               "(1985)",
    )  # fmt: skip
    per_link: int = parameter(
        50, "integrins of a link", ge=0, le=1 << 24,
        source="chosen: cells of the scenario `invasion` leave 12 % of theirs in a day; keratinocytes 4 to 11 %, "
               "Kirfel et al, Cell Motil Cytoskeleton 55:1 (2003)",
    )  # fmt: skip
    ripping_ratio: Number = parameter(0.1, "q_0, left to kept without load; 0: none is left", source="assumed", ge=0)
    ripping_force: Nanonewton = parameter(2.5, "tension F_q that raises it e-fold",
                                          source="assumed: 80 % left at 9 nN", gt=0)  # fmt: skip
    decay_rate: PerMinute = parameter(0.001, "decay k_d of what is left on fibers",
                                      source="assumed: half in 12 h", ge=0)  # fmt: skip
    synthesis_rate: PerMinute = parameter(0.001, "rate k_s at which cells replace what they lost",
                                          source="assumed: half in 12 h", ge=0)  # fmt: skip
    ligand_gain: Number = parameter(0.0, "gain of the binding rate on many shed integrins; 0: off", source="assumed",
                                    ge=0, le=1000)  # fmt: skip
    ligand_half: Number = parameter(50.0, "shed integrins of a segment at half of that", source="assumed", gt=0)
    interval: Minute = parameter(1.0, "time from one round of decay and synthesis to the next", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("part_integrins", "row",
               ("id", "integrin", "departed", "link_segment", "link_at", "link_force"),
               ("integrin_owner", "integrin_surface", *_BONDS), ("segment_shed", "integrin_tally")),
        Kernel("synthesise", "cell", ("id", "integrin", "departed", "anchored"), (),
               ("integrin_surface", "integrin_tally")),
        Kernel("decay_shed", "segment", ("segment_area",), ("segment_shed",), ("integrin_tally",)),
    )  # fmt: skip

    def first_state(self, identity: NDArray, level: NDArray) -> dict[str, NDArray]:
        """The arrays at time zero of cells with these ids and integrin levels (n,): all integrins on the surface."""
        surface = np.rint(np.float32(self.per_cell) * level.astype(np.float32)).astype(np.uint32)
        tally, total = np.zeros((5, 2), np.uint32), int(surface.sum(dtype=np.uint64))
        tally[0] = total & 0xFFFFFFFF, total >> 32
        return {"integrin_surface": surface, "integrin_owner": identity.astype(np.uint32) + np.uint32(1),
                "integrin_tally": tally}  # fmt: skip
