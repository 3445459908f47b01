"""What carries the physics of any step: births, neighbour lists, the opening balance, the solve, the move."""

from __future__ import annotations

from typing import ClassVar, Literal

from physim.step import Kernel, Term, parameter
from physim.units import Micron, Number

PAIR_LISTS = ("neighbor", "neighbor_count")
_PRECONDITION = Kernel("precondition_cells", "cell", ("resistance", "residual"), ("preconditioned",), when="solving")
_SUM_RESIDUAL = Kernel("sum_residual", "chunk", ("residual", "preconditioned", "fiber_sums"), ("partial",),
                       when="solving")  # fmt: skip
Part = Literal["before", "round", "iteration", "close", "after", "rewind", "commit"]
"""Of the step. Once: `before` the solve and `after` it. In each round of the solve: forces and the start of the
iterations (`round`), one `iteration`, what follows them (`close`). Only where a step has to be taken in smaller parts:
back to the beginning of the part (`rewind`), and on to the next one (`commit`)."""


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
    """(Z + dt K) v = F - Z u/dt, u <- u + dt v, then dx = u: one implicit Euler step over all movable unknowns.

    Z is the drag and friction of the terms, K their positive semidefinite stiffness: a 3x3 block per cell, two numbers
    per pair (along and across), and the products that terms declare. Conjugate gradients, preconditioned by blocks of
    cells and of fibers, fixed-order fp64 sums. Cells alone take one round, linearised at the start of the step (u = 0).
    Where fibers move, this is Newton's method: forces are evaluated anew where the round has led, and further rounds
    follow until one turns no segment by much (`network.accuracy`). Iterations then end at `network.tolerance`, an error
    in the norm of energy.
    """

    name: ClassVar[str] = "solve"
    tolerance: Number = parameter(
        1e-5, "residual over force at which conjugate gradients stop, where no fiber moves", gt=0, lt=0.1
    )

    headers: ClassVar[tuple[str, ...]] = ("krylov.h",)
    plan: ClassVar[tuple[tuple[Part, tuple[Kernel | str, ...]], ...]] = (
        ("before", (
            Kernel("open_step", "one"),
            Kernel("rest_cells", "room", (), ("shift",)),
            Kernel("lift_cells", "cell", ("position",), ("start_position", "base_position"), moving=True),
            "open",
        )),
        ("round", (
            Kernel("assemble", "cell", ("position", *PAIR_LISTS, "pair_resistance"), (), ("resistance",)),
            Kernel("start_solve", "unknown", (), ("solution", "residual", "preconditioned", "direction", "product"),
                   when="unsolved"),
            Kernel("load_cells", "cell", ("force",), ("residual",), when="unsolved"),
            "load",
            Kernel("sum_loads", "chunk", ("residual", "fiber_sums"), ("partial",)),
            Kernel("decide", "one", ("partial",), ("krylov",), when="unsolved"),
            "factor",
            _PRECONDITION,
            _SUM_RESIDUAL,
            Kernel("set_start", "one", ("partial",), ("krylov",), when="solving"),
        )),
        ("iteration", (
            Kernel("redirect", "unknown", ("preconditioned", "krylov"), ("direction",), when="solving"),
            "redirect",
            Kernel("multiply_cells", "cell", ("position", *PAIR_LISTS, "pair_resistance", "resistance", "direction"),
                   ("product",), when="solving"),
            "multiply",
            Kernel("sum_product", "chunk", ("direction", "product", "residual", "fiber_sums"), ("partial",),
                   when="solving"),
            Kernel("set_length", "one", ("partial",), ("krylov",), when="solving"),
            Kernel("descend", "unknown", ("direction", "product", "krylov"), ("solution", "residual"), when="solving"),
            _PRECONDITION,
            "descend",
            _SUM_RESIDUAL,
            Kernel("set_turn", "one", ("partial",), ("krylov",), when="solving"),
        )),
        ("close", (
            Kernel("check_solve", "one", ("krylov",)),
            Kernel("add_solution", "cell", ("solution",), (), ("shift",), when="shifting"),
            Kernel("move_cells", "cell", ("base_position", "shift"), ("position",), when="shifting", moving=True),
            "move",
            Kernel("end_round", "one"),
        )),
        ("after", (
            Kernel("accept", "one"),
            Kernel("return_cells", "cell", ("start_position",), ("position",), moving=True),
            "take",
            Kernel("take_shift", "cell", ("shift",), (), ("displacement",)),
        )),
        ("rewind", (
            Kernel("rewind_cells", "cell", ("base_position",), ("position", "shift"), moving=True),
            "rewind",
        )),
        ("commit", (
            Kernel("commit_cells", "cell", ("position",), ("displacement", "base_position", "shift"), moving=True),
            "commit",
        )),
    )  # fmt: skip
    """Kernels by the part of the step, and the stages at which kernels of other terms join them."""
    kernels: ClassVar[tuple[Kernel, ...]] = tuple(
        kernel for _, steps in plan for kernel in steps if isinstance(kernel, Kernel)
    )


class Advance(Term):
    """x <- x + dx, with |dx| <= largest_move (counted); walls stop a centre, open faces let it leave (both counted)."""

    name: ClassVar[str] = "advance"
    largest_move: Micron = parameter(1.0, "longest move of a cell in one step", gt=0)

    kernels: ClassVar[tuple[Kernel, ...]] = (
        Kernel("advance", "cell", ("list_position",), ("position", "displacement", "departed")),
        Kernel("tick", "one"),
    )
