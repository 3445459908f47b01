"""A spring whose stiffness is declared as a Hessian-vector product, not as a block."""

from typing import ClassVar

from physim import Kernel, Term, parameter
from physim.units import Micron, NanonewtonPerMicron


class Spring(Term):
    """F = -k (z - z0); dt K v = dt k v_z."""

    name: ClassVar[str] = "spring"
    stiffness: NanonewtonPerMicron = parameter(5.0, "stiffness k", ge=0)
    height: Micron = parameter(50.0, "height z0", ge=0)
    kernels: ClassVar[tuple[Kernel, ...]] = (Kernel("spring", "cell", ("position",), (), ("force",)),)
    products: ClassVar[tuple[Kernel, ...]] = (
        Kernel("multiply_spring", "cell", ("direction",), (), ("product",), when="solving"),
    )
