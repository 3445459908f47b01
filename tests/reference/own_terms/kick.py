"""Outside forces that push cells at random."""

from typing import ClassVar

from physim import Kernel, Term, parameter
from physim.units import Nanonewton


class Kick(Term):
    """F = u f_max e, u even in 0..1 and e in all directions, new for each cell every `hold` steps."""

    name: ClassVar[str] = "kick"
    before: ClassVar[str] = "vessel_wall"
    most: Nanonewton = parameter(1.0, "largest force f_max", gt=0)
    hold: int = parameter(10, "steps in one direction", ge=1)
    kernels: ClassVar[tuple[Kernel, ...]] = (Kernel("kick", "cell", ("id",), (), ("force",)),)
