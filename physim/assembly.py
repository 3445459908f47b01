"""From a scenario to what the step needs: terms in order, world record, sizes of the arrays, first state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from physim.errors import InputError
from physim.scenario import Scenario
from physim.state import ARRAYS
from physim.step import Kernel, Term, check_order
from physim.terms import ALWAYS, STEP
from physim.terms.cells import LaboratoryDrag
from physim.terms.engine import Balance, Neighbors, Solve
from physim.terms.matrix import Fibers, Links
from physim.terms.motion import Walls
from physim.world import BOUNDARIES, WORLD, Box

SEGMENT_BIN = 5.0
"""Width of the bins of fiber segments, um."""
JUNCTION_SLOTS = 20


def build_step(scenario: Scenario) -> list[Term]:
    """The terms of this scenario in the order of `terms.STEP`, with those that the chosen ones cannot do without."""
    wanted: set[type[Term]] = {type(term) for term in scenario.terms.values()} | set(ALWAYS)
    if scenario.collagen is not None:
        wanted.add(Fibers)
    if "wall" in scenario.box.boundary:
        wanted.add(Walls)
    forces = any("force" in kernel.adds for term in wanted for kernel in term.kernels)
    if forces or LaboratoryDrag in wanted:
        wanted |= {Balance, LaboratoryDrag, Solve}
    terms = [scenario.terms.get(kind.name) or kind() for kind in STEP if kind in wanted]
    check_order(kernel for term in terms for kernel in order_of(term))
    return terms


def order_of(term: Term) -> list[Kernel]:
    """The kernels of a term as the order check sees them: the sort of the neighbour lists is made of primitives."""
    kernels = list(term.kernels)
    if isinstance(term, Neighbors):
        kernels.insert(2, Kernel("sort_cells", "row", ("bin_of", "id"), ("bin_start", "bin_fill", "order")))
    return kernels


def step_kernels(scenario: Scenario) -> list[tuple[Term, Kernel]]:
    """Every kernel of the step in its order, with its term: what `physim explain` prints."""
    return [(term, kernel) for term in build_step(scenario) for kernel in order_of(term)]


@dataclass
class Layout:
    """Sizes of the domains and the named row counts; from them the bytes of every array."""

    cells: int
    nodes: int
    segments: int
    bins: int
    segment_bins: int
    neighbor_rows: int
    links: int

    @property
    def stride(self) -> int:
        """Capacity of the cell arrays: whole strips of eight."""
        return -(-self.cells // 8) * 8

    def count(self, name: str) -> int:
        """Items of an array, rows included."""
        array = ARRAYS[name]
        rows = {"neighbors": self.neighbor_rows, "junctions": JUNCTION_SLOTS, "links": self.links}
        per = {"cell": self.stride, "node": self.nodes, "segment": self.segments, "bin": self.bins + 2,
               "segment_bin": self.segment_bins + 1, "face": 6, "one": 1, "chunk": -(-self.stride // 256)}  # fmt: skip
        return per[array.per] * (rows[array.rows] if array.rows in rows else int(array.rows))

    def nbytes(self, name: str) -> int:
        return self.count(name) * ARRAYS[name].item_bytes

    @property
    def items(self) -> dict[str, int]:
        """How many items each domain of the kernels can have."""
        return {"cell": self.cells, "row": self.cells, "octet": self.stride // 8, "strip": self.stride,
                "chunk": -(-self.stride // 256), "node": self.nodes, "segment": self.segments, "one": 1}  # fmt: skip


def world_record(scenario: Scenario, box: Box, terms: list[Term], layout: Layout, half_segment: float) -> np.ndarray:
    """The constants that every kernel is told."""
    world = np.zeros((), WORLD)
    world["quantum"][:3] = box.quantum
    for axis in range(3):
        low, high = (-(2**31), 2**31 - 1) if box.periodic[axis] else (-(2**30), 2**30 - 1)
        world["face_low"][axis], world["face_high"][axis] = low, high
        world["boundary"][axis] = BOUNDARIES[box.boundary[axis]]
    world["seed"] = scenario.run.seed, 0x70687973
    world["step"] = scenario.run.step
    world["skin"] = skin_of(terms)
    world["pair_range"] = max(term.pair_range() for term in terms)
    world["longest_half_segment"] = half_segment
    world["rows"], world["stride"] = layout.cells, layout.stride
    world["neighbor_rows"], world["junction_slots"] = layout.neighbor_rows, JUNCTION_SLOTS
    world["link_slots"], world["nodes"], world["segments"] = layout.links, layout.nodes, layout.segments
    return world


def skin_of(terms: list[Term]) -> float:
    return next(term.skin for term in terms if isinstance(term, Neighbors))


def link_slots(terms: list[Term]) -> int:
    return next((term.slots for term in terms if isinstance(term, Links)), 1)


def grid_bins(grid: np.ndarray) -> int:
    """Bins of a grid, numbered in blocks of 4 x 4 x 4 (kernels/grid.h)."""
    return int(np.prod(-(-grid["count"][:3] // 4), dtype=np.int64)) * 64


def check_box(box: Box, widest: float) -> None:
    """A periodic axis must be three bins wide, else a cell would meet the same neighbour twice."""
    for axis, kind in enumerate(box.boundary):
        size = box.upper[axis] - box.lower[axis]
        if kind == "periodic" and size < 3 * widest:
            raise InputError(f"box.size: {size:.6g} um along a periodic axis is less than three interaction ranges "
                             f"({3 * widest:.4g} um); enlarge the box or close it")  # fmt: skip


def first_state(scenario: Scenario, box: Box, cells: dict[str, np.ndarray], layout: Layout) -> dict[str, np.ndarray]:
    """The arrays of the cells at time zero, in the order of their ids."""
    n, stride = layout.cells, layout.stride
    state: dict[str, np.ndarray] = {}
    fixed = np.zeros((stride, 4), np.int32)
    fixed[:n] = box.to_fixed(cells["position"])
    state["position"] = state["list_position"] = fixed
    for name in ("id", "type"):
        state[name] = np.zeros(stride, np.uint32)
        state[name][:n] = cells[name]
    for name in ("radius", "nucleus_radius", "cadherin", "integrin"):
        state[name] = np.zeros(stride, np.float32)
        state[name][:n] = cells[name]
    polarity = np.random.Generator(np.random.Philox(key=scenario.run.seed)).normal(size=(n, 3))
    state["polarity"] = np.zeros((stride, 4), np.float32)
    state["polarity"][:n, :3] = polarity / np.linalg.norm(polarity, axis=1, keepdims=True)
    return state


def fiber_state(network: Any, box: Box, grid: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Arrays of the fibers, segments sorted by the bin of their midpoint, and that order."""
    from physim.world import bins_of

    bins = bins_of(box.to_fixed(network.midpoints), grid)
    order = np.argsort(bins, kind="stable")
    starts = np.zeros(grid_bins(grid) + 1, np.uint32)
    starts[1:] = np.cumsum(np.bincount(bins, minlength=grid_bins(grid)))
    state = {
        "node_position": box.to_fixed(network.nodes),
        "segment_nodes": np.ascontiguousarray(network.segments[order], np.int32),
        "segment_bin_start": starts,
    }
    return state, order
