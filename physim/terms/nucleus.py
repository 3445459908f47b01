"""A soft nucleus against fibers: what sets the smallest pore that a cell passes."""

from __future__ import annotations

from typing import ClassVar

from physim.step import Kernel, Term, parameter
from physim.terms.matrix import SEARCHED, WIRES
from physim.units import Kilopascal, Number


class Nucleus(Term):
    """U = E V (h/2 + B h^2/2), h = <(H_k^8 + s)^(1/4) - s^(1/4)> over 42 directions, V = 4/3 pi R_n^3. Implicit.

    H_k = (sum_i w_i (x_ik g_i)^8 / (l_0 r_i))^(1/8) is the logarithmic compression along direction k: g = ln(R_n/r) at
    the distance r of a piece of fiber of length w from the centre (r^2 + (0.1 R_n)^2 for r^2, so that g stays finite),
    x = sqrt((cos a - cos 40)/(1 - cos 40)) at an angle a from the direction, 0 beyond 40 degrees. The sum of eighth
    powers is nearly the largest of them: the innermost fiber counts, and neither how fibers are cut into segments nor
    how many lie behind it. s = 0.01 makes light touches cost little. Forces are -dU/dx, the reaction on the fiber is
    equal and opposite. B > 0 lets a nucleus that is pressed from all sides resist more than one that can give way.
    Source: physim's migration prototype; docs/migration.md says what was changed, and why.
    """

    name: ClassVar[str] = "nucleus"
    needs: ClassVar[tuple[str, ...]] = ("collagen", "steric")
    modulus: Kilopascal = parameter(0.55, "modulus E of the nucleus", gt=0, source="calibrated on MIG-3a: 7 um^2 "
                                    "arrest tumor cells, Wolf et al, J Cell Biol 201:1069 (2013)")  # fmt: skip
    bulk: Number = parameter(1.0, "how much more B a nucleus resists when pressed from all sides",
                             source="docs/migration.md", ge=0, le=100)  # fmt: skip

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("compress", "cell",
               ("position", "nucleus_radius", "node_position", *SEARCHED, "segment_area",
                *(name for name in WIRES if name != "wire_obstacle")), ("nucleus_yield",)),
        Kernel("nucleus", "cell",
               ("position", "nucleus_radius", "node_position", *SEARCHED, "segment_area", *WIRES, "nucleus_yield"), (),
               ("force", "resistance", "node_force", "obstacle_force")),
        Kernel("block_nucleus", "cell",
               ("position", "nucleus_radius", "node_position", "segment_nodes", "segment_area", "touch_segment",
                "touch_count", "nucleus_yield"), (), ("tether_block",), moving=True),
    )  # fmt: skip
