"""What every kernel is told: the constants of the run (World) and the few words that change on the device (Status).

Both are numpy record types here and C structs there; the struct text is generated from the dtype.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRID = np.dtype([("count", "i4", 4), ("scale", "u4", 4), ("first", "i4", 4), ("periodic", "i4", 4)])

WORLD = np.dtype([
    ("cell_grid", GRID),
    ("segment_grid", GRID),
    ("quantum", "f4", 4),  # um per position quantum
    ("face_low", "i4", 4),  # faces of the box in quanta
    ("face_high", "i4", 4),
    ("boundary", "i4", 4),  # 0 periodic, 1 wall, 2 open
    ("seed", "u4", 2),
    ("segment_bins_per_um", "f4", 4),
    ("cell_bins_per_um", "f4", 4),
    ("step", "f4"),  # min
    ("skin", "f4"),  # um added to the range of neighbour lists
    ("pair_range", "f4"),  # range of the pair terms in units of the sum of radii
    ("stride", "u4"),  # capacity of the cell arrays
    ("unknowns", "u4"),  # velocities of the cells in the implicit solve, whole chunks
    ("neighbor_rows", "u4"),
    ("junction_slots", "u4"),
    ("link_slots", "u4"),
    ("nodes", "u4"),
    ("segments", "u4"),
    ("chains", "u4"),  # fibers as they were made
    ("fiber_rows", "u4"),  # most fibers that there can be, where chains are cut
    ("crosslinks", "u4"),
    ("touch_rows", "u4"),  # segments that can be listed near a cell
    ("crosslink_stiffness", "f4"),  # nN/um
    ("most_ligand", "f4"),  # relative to collagen, of anything that links bind
    ("ligand_gain", "f4"),  # how much more shed integrins let a segment bind, at most
    ("ligand_half", "f4"),  # number of them at half of that
    ("shell", "u4"),  # vertices of a cell that has a shape
    ("wires", "u4"),  # pieces of static obstacles
    ("obstacles", "u4"),
    ("branches", "u4"),  # of vessels
    ("wire_gap", "f4"),  # um, a line that comes so near to a wire crosses the surface that it is of
    ("moving", "u4"),  # 1 where fibers move
    ("tolerance", "f4"),  # residual over the forces at which the solve stops
])  # fmt: skip

STATUS_WORDS = (
    "step",  # steps completed
    "halt",  # why the step is frozen, 0 while it runs
    "rebuild",  # neighbour lists are built in this step
    "moved",  # ... and in the next
    "solving",  # conjugate gradients have not converged yet
    "cells",  # cells in the box
    "rows",  # cells stored, departed ones included
    "next_id",  # of the next cell to be born
    "births",  # daughters wanted in this step
    "rows_needed",  # longest neighbour list met
    "touches_needed",  # most segments near a cell
    "binned",  # segments have been sorted into bins
    "longest_half",  # half of the longest segment, um, bits of a float
    "fibers",  # fibers that hold together: what cutting has left of the chains
    "chains",  # fibers as they were made and laid down; those behind them are in reserve
    "relink",  # crosslinks or segments have changed: they are listed anew
    "awake",  # fibers that move
    "swept",  # step of the last sweep, in which all fibers move
    "next_sweep",  # steps from it to the next
    "astray",  # fibers that were elsewhere than they should have been in a sweep
    "round",  # of the solve in this step
    "unsolved",  # the force balance of this step does not hold yet
    "shifting",  # this round has found a displacement
    "residual",  # of the last step, over its target, bits of a float
    "convex",  # in the next round only what stiffens counts as stiffness
    "curved",  # most that a round has stretched a segment by turning it, um, bits of a float
    "error",  # largest displacement that is missing to it, um, bits of a float
    "deepest",  # most iterations in a round of this step
    "rebuilds", "iterations", "total_iterations", "most_iterations", "total_rounds", "most_rounds", "parts", "limited",
    "clamped", "junctions_full", "departed", "links_released", "crosslinks_broken", "crosslinks_formed",
    "deposits_blocked",  # fibers that were due, but for which there was no room, or no hold
    "deposits_refused",  # ... or none left in reserve
)  # fmt: skip
STATUS = np.dtype([(word, "u4") for word in STATUS_WORDS])

HALT_ROWS, HALT_ITERATIONS, HALT_JUNCTIONS, HALT_NAN, HALT_CAPACITY, HALT_IDS, HALT_ROUNDS, HALT_WAIT = range(1, 9)
BOUNDARIES = {"periodic": 0, "wall": 1, "open": 2}
_FULL, _HALF = 2.0**32, 2.0**31


@dataclass(frozen=True)
class Box:
    """The box in um and the fixed-point frame in which positions live."""

    lower: np.ndarray
    upper: np.ndarray
    boundary: tuple[str, str, str]

    @property
    def periodic(self) -> np.ndarray:
        return np.array([kind == "periodic" for kind in self.boundary])

    @property
    def quantum(self) -> np.ndarray:
        """um per quantum: a periodic axis fills 2^32 quanta, another 2^31 (the middle half)."""
        return (self.upper - self.lower) / np.where(self.periodic, _FULL, _HALF)

    def to_fixed(self, position: np.ndarray) -> np.ndarray:
        """int32 (n, 4) of positions (n, 3) in um."""
        centre = 0.5 * (self.lower + self.upper)
        quanta = np.rint((np.asarray(position, float) - centre) / self.quantum)
        quanta = np.where(self.periodic, (quanta + _HALF) % _FULL - _HALF, np.clip(quanta, -_HALF, _HALF - 1))
        fixed = np.zeros((len(quanta), 4), np.int32)
        fixed[:, :3] = quanta.astype(np.int64).astype(np.int32)
        return fixed

    def to_micron(self, fixed: np.ndarray) -> np.ndarray:
        """float64 (n, 3) in um of fixed-point positions (n, 4)."""
        return fixed[:, :3] * self.quantum + 0.5 * (self.lower + self.upper)

    def grid(self, width: float) -> np.ndarray:
        """Grid record whose bins are at least `width` um wide; periodic axes have at least three bins or one."""
        record = np.zeros((), GRID)
        for axis in range(3):
            count = max(1, int((self.upper[axis] - self.lower[axis]) / width))
            if self.periodic[axis]:
                count = count if count >= 3 else 1
                record["scale"][axis], record["first"][axis] = count, 0
            else:
                scale = 2 * count
                record["scale"][axis], record["first"][axis] = scale, scale // 4
                count += scale // 4 * 4 != scale
            record["count"][axis], record["periodic"][axis] = count, self.periodic[axis]
        return record


def c_struct(name: str, dtype: np.dtype) -> str:
    """C text of a record type of 4-byte words."""
    kinds = {"f": "float", "u": "uint", "i": "int"}
    members = []
    assert dtype.names is not None
    for member in dtype.names:
        kind = dtype[member]
        base = kind.base
        c_name = "Grid" if base == GRID else kinds[base.kind]
        length = f"[{kind.shape[0]}]" if kind.shape else ""
        members.append(f"  {c_name} {member}{length};")
    return "typedef struct {\n" + "\n".join(members) + f"\n}} {name};\n"


def grid_bins(grid: np.ndarray) -> int:
    """Bins of a grid, numbered in blocks of 16 x 16 x 16 (kernels/grid.h)."""
    return int(np.prod(-(-grid["count"][:3] // 16), dtype=np.int64)) * 4096


def bins_of(fixed: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Bin index of fixed-point positions, as the kernels compute it."""
    outer, inner, within = (np.zeros(len(fixed), np.int64) for _ in range(3))
    for axis in (2, 1, 0):
        shifted = (fixed[:, axis].astype(np.int64) + 2**31).astype(np.uint64)
        along = (shifted * np.uint64(grid["scale"][axis]) >> np.uint64(32)).astype(np.int64) - grid["first"][axis]
        along = np.clip(along, 0, grid["count"][axis] - 1)
        outer = outer * -(-grid["count"][axis] // 16) + along // 16
        inner, within = inner * 4 + along // 4 % 4, within * 4 + along % 4
    return (outer * 64 + inner) * 64 + within
