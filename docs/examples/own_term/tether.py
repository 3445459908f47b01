"""A term of one's own: cells held near a horizontal plane, as a soft substrate would."""

from typing import ClassVar

from physim import Kernel, Term, parameter
from physim.units import Micron, NanonewtonPerMicron


class Tether(Term):
    """F = -k (z - z0) along z: a spring to the plane z = z0; dF/dz = -k. Implicit.

    Source: an example; k is not calibrated.
    """

    name: ClassVar[str] = "tether"
    stiffness: NanonewtonPerMicron = parameter(5.0, "stiffness k", source="example", ge=0)
    height: Micron = parameter(50.0, "height z0 of the plane above the lower face", source="example", ge=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("tether", "cell", ("position",), (), ("force", "resistance")),
    )
