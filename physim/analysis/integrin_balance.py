"""Where the integrins of all cells are, and what became of the rest: whole numbers that add up to the last one.

The term `shedding` counts them on the device: links take them from the surface of cells, and leave some on fibers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from physim.analysis.matrix_balance import whole_numbers
from physim.errors import InputError


@dataclass(frozen=True)
class IntegrinBalance:
    """Integrins: surface + bound + shed + degraded = initial + synthesised, exactly."""

    initial: int
    """Of the cells that the run started with."""
    surface: int
    """On cells, in no link; also on those that have left the box."""
    bound: int
    """In links."""
    shed: int
    """On fibers, where cells left them."""
    degraded: int
    """Of the shed ones, those that have decayed or were on fibers that were cut; what `operations` took away."""
    synthesised: int
    """Those of daughters included."""
    left: int
    """That links left on fibers when they let go, since the start."""
    returned: int
    """That went back to the surface then."""

    @property
    def share_left(self) -> float:
        """left/(left + returned), of all links that have let go; NaN if none has."""
        released = self.left + self.returned
        return self.left / released if released else float("nan")


def integrin_balance(sim: Any) -> IntegrinBalance:
    """Of a `Simulation` as it is now. Holds unless its counts were written from Python.

    Raises InputError where the scenario has no term `shedding`.
    """
    if "integrin_tally" not in sim.buffers:
        raise InputError("integrin_balance: integrins are not counted in this scenario; it needs the term shedding")
    initial, degraded, synthesised, left, returned = whole_numbers(sim.read("integrin_tally"))
    now = {name: int(sim.read(array).sum(dtype=np.uint64)) for name, array in
           (("surface", "integrin_surface"), ("bound", "anchored"), ("shed", "segment_shed"))}  # fmt: skip
    return IntegrinBalance(initial=initial, degraded=degraded, synthesised=synthesised, left=left, returned=returned,
                           **now)  # fmt: skip
