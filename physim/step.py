"""The term, our one central idea: a physics term is a small declaration here and a small kernel in `kernels/`.

A term declares its parameters (with units) and its kernels: what each reads, writes (overwrites) and adds to.
From that come the C struct and prototype (`codegen`), the order check, the printed step table, the profile rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from physim.errors import StepOrderError
from physim.problems import MisfitError, unit_of
from physim.state import ARRAYS, Array
from physim.units import format_quantity

_BALANCE = {"force", "resistance", "pair_resistance", "node_force", "anchor_force", "obstacle_force"}
"""What terms add to in each round of the solve."""
LARGEST, SMALLEST = 3.4e38, 1.2e-38
"""What the device's 32-bit numbers can hold, besides 0."""


@dataclass(frozen=True)
class Kernel:
    """One device function, run once per item of a domain ("cell", "octet", "node", ..., see `codegen.DOMAINS`).

    `writes` overwrites, `adds` accumulates; `when` names a status word that must be set, else the kernel returns
    at once. The function of the same name in `kernels/<term>.cl` takes (item, world, status, term, arrays...).
    With `primitive`, the work is done by that function of `physim.schedule` instead, out of device primitives.
    `moving`: only where fibers move.
    """

    name: str
    per: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    when: str = ""
    primitive: str = ""
    moving: bool = False

    @property
    def once(self) -> bool:
        """It changes the state, so that it runs once per step, even where the solve takes several rounds."""
        changed = self.writes + self.adds
        if not changed or _BALANCE.intersection(changed):
            return not changed
        return any(ARRAYS[name].persists for name in changed if name in ARRAYS)

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names in the order of the kernel's arguments, each once: reads, writes, adds."""
        return tuple(dict.fromkeys(self.reads + self.writes + self.adds))

    def is_read_only(self, name: str) -> bool:
        return name not in self.writes and name not in self.adds


def parameter(default: float, meaning: str, *, source: str = "", **limits: Any) -> Any:
    """A term's parameter: default in internal units, meaning, source of the number and its limits (gt, ge, lt, le)."""
    return Field(default, description=meaning, json_schema_extra={"source": source}, validate_default=True, **limits)


class Term(BaseModel):
    """Base of every physics term. The docstring of a subclass opens with its equation and ends with its source."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: ClassVar[str] = ""
    kernels: ClassVar[tuple[Kernel, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    """What must be in the scenario for this term to make sense: "cells", "collagen"."""
    products: ClassVar[tuple[Kernel, ...]] = ()
    """Stiffness that is no block or pair, as a Hessian-vector product: these kernels read `direction` and add
    (Z + dt K) direction to `product`, in each iteration of the solve. K must be symmetric, positive semidefinite."""

    stages: ClassVar[dict[str, tuple[Kernel, ...]]] = {}
    """Kernels that run inside the solve, by the stage (`Solve.plan`): what a term with unknowns of its own needs."""

    headers: ClassVar[tuple[str, ...]] = ()
    """Files in `kernels/` that its kernels include, besides those that all do (`device.HEADERS`)."""

    # what only a user's own term sets (physim.own_terms)
    before: ClassVar[str] = ""
    """The term in front of which this one runs; by default the solve if it adds forces, else the advance."""
    arrays: ClassVar[tuple[Array, ...]] = ()
    """Arrays that it adds to the state; they start as zeros."""
    folder: ClassVar[Path | None] = None
    """Where its kernel file is, if not in `kernels/`."""

    @field_validator("*")
    @classmethod
    def _fits_the_device(cls, value: Any, info: ValidationInfo) -> Any:
        """Raises ValueError for a number that a kernel would see as infinite, as 0, or cut to 32 bits."""
        unit = unit_of(cls.model_fields[str(info.field_name)])
        if isinstance(value, float) and value and not SMALLEST <= abs(value) <= LARGEST:
            raise ValueError(f"is not between {SMALLEST:g} and {LARGEST:g} {unit}".rstrip() + "; the device has no "
                             "such numbers: correct it")  # fmt: skip
        if isinstance(value, int) and not -(2**31) <= value < 2**31:
            raise ValueError("is more than 32 bits; write a smaller number")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Term:
        self.check()
        return self

    def check(self) -> None:
        """Raise MisfitError where parameters that are each fine contradict each other."""

    def ascending(self, low: str, high: str, *, equal: bool = False) -> None:
        """Raise MisfitError unless the parameter `low` is less than `high`, or, with `equal`, as large."""
        a, b = getattr(self, low), getattr(self, high)
        if a > b or (a == b and not equal):
            one, two = (f"{format_quantity(getattr(self, key), unit_of(type(self).model_fields[key]))}"
                        for key in (low, high))  # fmt: skip
            sign = "more than" if equal else "not less than"
            raise MisfitError(low, f"{one} is {sign} {high} {two}; lower it or raise {high}")

    @classmethod
    def kernel_file(cls) -> tuple[str, str]:
        """Name of the term's OpenCL file, as compilers shall print it, and its text."""
        name = f"{cls.name}.cl"
        if cls.folder is None:
            return f"kernels/{name}", kernel_source(name)
        return str(cls.folder / name), (cls.folder / name).read_text(encoding="utf-8")

    def pair_range(self) -> float:
        """How far this term looks from cell to cell, in units of the sum of the two radii (0: it does not look)."""
        return 0.0


def kernel_source(name: str) -> str:
    """Text of a file in `kernels/`."""
    return (files("physim.kernels") / name).read_text(encoding="utf-8")


def check_order(kernels: Iterable[Kernel]) -> None:
    """Raise StepOrderError if a kernel reads or adds to a scratch array that nothing before it has written."""
    written: set[str] = set()
    for kernel in kernels:
        for name in kernel.reads + kernel.adds:
            if name not in ARRAYS:
                raise StepOrderError(
                    f"kernel {kernel.name}: unknown array '{name}'; name it in `arrays` or physim/state.py"
                )
            if not (ARRAYS[name].persists or ARRAYS[name].given) and name not in written:
                verb = "adds to" if name in kernel.adds else "reads"
                raise StepOrderError(
                    f"kernel {kernel.name} {verb} '{name}' before anything wrote it; "
                    "move it behind a kernel that writes it"
                )
        written.update(kernel.writes)
