"""What carries the physics of any step: births, neighbour lists, the opening balance, the solve, the move."""

from __future__ import annotations

from typing import ClassVar

from physim.step import Kernel, Term, parameter
from physim.units import Micron, Number

PAIR_LISTS = ("neighbor", "neighbor_count")
_PRECONDITION = Kernel("precondition_cells", "cell", ("resistance", "residual"), ("preconditioned",), when="solving")
_SUM_RESIDUAL = Kernel("sum_residual", "chunk", ("residual", "preconditioned"), ("partial",), when="solving")


class Births(Term):
    """A cell i with a bud (d, 1) gets a daughter at x_i + d, with all that the mother has but junctions and links.

    A term that divides cells writes `bud`; daughters are in the next step's neighbour lists. Ids are never used twice,
    the order of daughters is that of their mothers, and the rows of the state double when they are full.
    """

    name: ClassVar[str] = "births"
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("count_births", "room", ("bud", "departed"), ("bears", "born_at")),
        Kernel("open_rows", "one", writes=("birthing",)),
        Kernel("append_daughters", "row", ("bears", "birthing"), ("born_at",), primitive="append_daughters"),
        Kernel("place_daughters", "row", ("bears", "born_at"), ("id", "position", "bud"), when="births"),
        Kernel("close_rows", "one", writes=("birthing",)),
    )


class Neighbors(Term):
    """Lists all j with |x_i - x_j| < s (R_i + R_j) + skin.

    Rebuilt, and cells re-sorted by (bin, id), when a cell has moved by half the skin.
    """

    name: ClassVar[str] = "neighbors"
    skin: Micron = parameter(1.0, "margin of the neighbour lists", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("begin_sorting", "one", writes=("sorting",)),
        Kernel("bin_cells", "row", ("position", "departed"), ("bin_of",), when="rebuild"),
        Kernel("sort_cells", "row", ("sorting", "bin_of", "id"), ("bin_start", "bin_fill", "order"),
               primitive="sort_cells"),
        Kernel("count_active", "one", ("bin_start",), when="rebuild"),
        Kernel("list_neighbors", "cell", ("position", "radius", "bin_start"),
               ("neighbor", "neighbor_count", "list_position"), when="rebuild"),
        Kernel("pad_lists", "octet", (), ("neighbor_count", "neighbor"), when="rebuild"),
        Kernel("end_sorting", "one", writes=("sorting",)),
    )  # fmt: skip


class Rest(Term):
    """dx = 0: every cell rests until a term moves it."""

    name: ClassVar[str] = "rest"
    kernels: ClassVar[tuple[Kernel, ...]] = (Kernel("rest", "cell", writes=("displacement",)),)


class Balance(Term):
    """F = 0, Z + dt K = 0: opens the balance of forces, to which the other terms add."""

    name: ClassVar[str] = "balance"
    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("open_balance", "cell", ("neighbor_count",), ("force", "resistance", "pair_resistance")),
    )


class Solve(Term):
    """(Z + dt K) v = F, then dx = dt v: one implicit Euler step over all movable unknowns, linearised at its start.

    Z is the drag and friction of the terms, K their positive semidefinite stiffness: a 3x3 block per cell, two numbers
    per pair (along and across), and the products that terms declare. Conjugate gradients, block-diagonal
    preconditioner, fixed-order fp64 sums.
    """

    name: ClassVar[str] = "solve"
    tolerance: Number = parameter(1e-5, "residual over force at which conjugate gradients stop", gt=0, lt=0.1)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("assemble", "cell", ("position", *PAIR_LISTS, "pair_resistance"), (), ("resistance",)),
        Kernel("begin_solve", "one"),
        Kernel("start_solve", "unknown", (), ("solution", "residual", "preconditioned", "direction", "product")),
        Kernel("load_cells", "cell", ("force",), ("residual",)),
        _PRECONDITION,
        _SUM_RESIDUAL,
        Kernel("set_target", "one", ("partial",), ("krylov",)),
        Kernel("redirect", "unknown", ("preconditioned", "krylov"), ("direction",), when="solving"),
        Kernel("multiply_cells", "cell", ("position", *PAIR_LISTS, "pair_resistance", "resistance", "direction"),
               ("product",), when="solving"),
        # here the products of the terms run
        Kernel("sum_product", "chunk", ("direction", "product"), ("partial",), when="solving"),
        Kernel("set_length", "one", ("partial",), ("krylov",), when="solving"),
        Kernel("descend", "unknown", ("direction", "product", "krylov"), ("solution", "residual"), when="solving"),
        _PRECONDITION,
        _SUM_RESIDUAL,
        Kernel("set_turn", "one", ("partial",), ("krylov",), when="solving"),
        Kernel("check_solve", "one"),
        Kernel("take_solution", "cell", ("solution",), (), ("displacement",)),
    )  # fmt: skip
    repeated: ClassVar[slice] = slice(7, 15)
    """The kernels of one iteration of conjugate gradients."""
    products_at: ClassVar[int] = 9
    """Where in `kernels` the products of the terms run."""


class Advance(Term):
    """x <- x + dx, with |dx| <= largest_move (counted); walls stop a centre, open faces let it leave (both counted)."""

    name: ClassVar[str] = "advance"
    largest_move: Micron = parameter(1.0, "longest move of a cell in one step", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("advance", "cell", ("list_position",), ("position", "displacement", "departed")),
        Kernel("tick", "one"),
    )
