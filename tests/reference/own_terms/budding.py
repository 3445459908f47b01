"""Terms that only tests need: cells that bud at a steady rate, a spring given as a product, an array of one's own."""

from typing import ClassVar

from physim import Array, Kernel, Term, parameter
from physim.units import Micron


class Budding(Term):
    """Every `period` steps (counted from its id), a cell buds a daughter `distance` away along its polarity."""

    name: ClassVar[str] = "budding"
    period: int = parameter(7, "steps between buds of a cell", ge=1)
    distance: Micron = parameter(4.0, "from mother to daughter", gt=0)
    arrays: ClassVar[tuple[Array, ...]] = (
        Array("buds_made", "uint", "cell", "", "daughters of the cell so far", persists=True),
    )
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("bud_now", "cell", ("id", "polarity"), ("bud", "buds_made")),
    )
