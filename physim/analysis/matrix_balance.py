"""How much collagen there is, and what became of the rest: integers that add up to the last unit.

Cells thin segments and cut them (term `proteolysis`), pieces that this sets free dissolve (term `chains`), what is lost
may grow back (term `repair`), and cells may lay new fibers down (term `deposition`). All of it is counted on the device
as the length of whole fiber that has the same volume, in integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.network_state import made_lengths

UNIT = 2.0**-36
"""um of whole fiber: 2^-24 of its cross-section times 2^-12 um of its length at rest."""


@dataclass(frozen=True)
class MatrixBalance:
    """Collagen in units of 2^-36 um of whole fiber: present + taken + dissolved = initial + deposited, exactly."""

    initial: int
    """Of the network that the run started with, of which every segment was whole."""
    present: int
    """Cross-section times length as made or laid down, over all segments."""
    taken: int
    """By cells, what was left of segments when they were cut included."""
    dissolved: int
    """What cutting had set free, without crosslink or held node."""
    deposited: int
    """What has grown back (term `repair`), cells laid down (`deposition`), or `operations.refill` gave back."""

    def micron(self) -> dict[str, float]:
        """The same by name, um of whole fiber."""
        return {name: UNIT * value for name, value in vars(self).items()}


def matrix_balance(sim: Any) -> MatrixBalance:
    """Of a `Simulation` as it is now. Holds unless `segment_area` was written from Python.

    Raises InputError where no term of the scenario counts it: fibers that are held and not cut.
    """
    if "matrix_tally" not in sim.buffers:
        raise InputError("matrix_balance: no term of this scenario changes fibers; it needs proteolysis or network")
    length = sim.read("segment_length").astype(np.uint64)
    taken, dissolved, deposited = whole_numbers(sim.read("matrix_tally"))
    return MatrixBalance(
        initial=int(made_lengths(sim.network.made, sim.box).sum(dtype=np.uint64)) << 24,
        present=int((sim.read("segment_area") * length).sum()),  # exact below 2^28 um of fiber, as the tally is
        taken=taken, dissolved=dissolved, deposited=deposited,
    )  # fmt: skip


def whole_numbers(words: NDArray) -> list[int]:
    """Of 64-bit counts in two 32-bit words (n, 2), low and high."""
    return [int(low) | int(high) << 32 for low, high in words]
