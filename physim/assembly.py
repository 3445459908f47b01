"""From a scenario to what the step needs: terms in order, world record, sizes of the arrays, first state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from physim.codegen import CHUNK
from physim.ends import end_state
from physim.errors import InputError
from physim.generate.fiber_network import FiberNetwork
from physim.generate.reserve import with_reserve
from physim.network_state import held_nodes
from physim.scenario import Scenario
from physim.state import ARRAYS
from physim.step import Kernel, Term, check_order
from physim.terms import ALWAYS, STEP
from physim.terms.blood import Plasma
from physim.terms.cells import LaboratoryDrag, PhysiCell
from physim.terms.cortex import Cortex
from physim.terms.deposition import Deposition
from physim.terms.engine import Advance, Balance, Births, Neighbors, Part, Rest, Solve
from physim.terms.matrix import Fibers, Links, Segments, Steric
from physim.terms.motion import Walls
from physim.terms.network import Network
from physim.terms.remodeling import Chains, Proteolysis, Repair
from physim.terms.shedding import Shedding
from physim.world import BOUNDARIES, WORLD, Box

SEGMENT_BIN = 5.0
"""Width of the bins of fiber segments, um."""
JUNCTION_SLOTS = 20


def build_step(scenario: Scenario) -> list[Term]:
    """The terms of this scenario in the order of `terms.STEP`, with those that the chosen ones cannot do without.

    A user's own terms run in front of the term that they name in `before`.
    """
    wanted: set[type[Term]] = {type(term) for term in scenario.terms.values()} | set(ALWAYS)
    if scenario.collagen is not None:
        wanted |= {Fibers, Segments}
    if Network in wanted:
        wanted.add(Chains)
    if "wall" in scenario.box.boundary:
        wanted.add(Walls)
    written = {name for term in wanted for kernel in term.kernels for name in (*kernel.writes, *kernel.adds)}
    if PhysiCell in wanted:
        wanted.remove(Rest)  # it opens the displacement itself
    if "bud" in written:
        wanted.add(Births)
    if "force" in written or wanted & {LaboratoryDrag, Network}:
        wanted |= {Balance, Solve} if Plasma in wanted else {Balance, LaboratoryDrag, Solve}
    terms = [scenario.terms.get(kind.name) or kind() for kind in STEP if kind in wanted]
    for own in (term for term in scenario.terms.values() if type(term) not in STEP):
        terms.insert(_place_of(own, terms), own)
    check_order(kernel for _, kernel, _ in ordered(terms))
    return terms


def _place_of(own: Term, terms: list[Term]) -> int:
    """Where a user's own term runs: in front of the term that it names, or of all that follow that one."""
    added = {name for kernel in own.kernels for name in kernel.adds}
    forces = {"force", "resistance", "pair_resistance", "node_force"} & added
    follows = own.before or (Solve.name if forces else Advance.name)
    names = [kind.name for kind in STEP]
    later = set(names[names.index(follows) :])
    return next(index for index, term in enumerate(terms) if term.name in later)


def ordered(terms: Sequence[Term]) -> Iterator[tuple[Term, Kernel, Part]]:
    """Every kernel of a step in the order in which it runs, with its term and the part of the step that it is in.

    Between the opening of the balance and the solve, kernels that change the state run before the first round; the
    others, which are forces and what leads to them, run in each.
    """
    moving = any(isinstance(term, Network) for term in terms)
    names = [term.name for term in terms]
    solve = names.index(Solve.name) if Solve.name in names else 0
    opening = names.index(Balance.name) if Balance.name in names else solve
    found: dict[Part, list[tuple[Term, Kernel]]] = {part: [] for part, _ in Solve.plan}
    for term in terms[:solve]:
        for kernel in term.kernels:
            once = kernel.once or names.index(term.name) < opening
            found["before" if once else "round"].append((term, kernel))
    for part, steps in Solve.plan if solve else ():
        for step in steps:
            if isinstance(step, Kernel):
                found[part].append((terms[solve], step))
                continue
            for term in terms:
                products = term.products if step == "multiply" else ()
                found[part] += [(term, kernel) for kernel in (*products, *term.stages.get(step, ()))]
    for term in terms[solve + 1 if solve else 0 :]:
        found["after"] += [(term, kernel) for kernel in term.kernels]
    for part, kernels in found.items():
        yield from ((term, kernel, part) for term, kernel in kernels if moving or not kernel.moving)


def step_kernels(scenario: Scenario) -> list[tuple[Term, Kernel]]:
    """Every kernel of the step in its order, with its term: what `physim explain` prints."""
    return [(term, kernel) for term, kernel, _ in ordered(build_step(scenario))]


@dataclass
class Layout:
    """Sizes of the domains and the named row counts; from them the bytes of every array.

    `cells` is the number of rows that there must be room for; departed cells have rows too.
    """

    cells: int
    nodes: int
    segments: int
    chains: int
    """Fibers as they were made."""
    fibers: int
    """Most that there can be, where cutting makes more of them."""
    crosslinks: int
    bins: int
    segment_bins: int
    neighbor_rows: int
    touch_rows: int
    links: int
    wires: int = 0
    obstacles: int = 0
    shell: int = 0
    """Vertices of a cell that has a shape: as many of its nucleus as of its cortex."""
    walls: int = 0
    """Triangles of vessels."""
    wall_nodes: int = 0
    wall_entries: int = 0
    lumen_blocks: int = 0
    lumen_voxels: int = 0
    vessel_points: int = 0
    vessel_ports: int = 0
    branches: int = 0

    @property
    def stride(self) -> int:
        """Capacity of the cell arrays: whole chunks, so that sums over unknowns do not depend on it."""
        return -(-self.cells // CHUNK) * CHUNK

    @property
    def unknowns(self) -> int:
        """Velocities of the cells in the implicit solve, whole chunks; fiber nodes have arrays of their own."""
        return self.stride

    @property
    def chunks(self) -> int:
        """Partial sums: one for each chunk of cells, one for each chunk of fibers."""
        return self.unknowns // CHUNK + -(-self.fibers // CHUNK)

    def count(self, name: str) -> int:
        """Items of an array, rows included."""
        array = ARRAYS[name]
        rows = {"neighbors": self.neighbor_rows, "junctions": JUNCTION_SLOTS, "links": self.links,
                "bends": self.links if self.wires else 1, "touches": self.touch_rows,
                "tethers": self.links + self.touch_rows, "shell": self.shell, "shell_edges": 18 * self.shell,
                "shell_columns": 3 * self.shell}  # fmt: skip
        per = {"cell": self.stride, "unknown": self.unknowns, "node": self.nodes, "segment": self.segments,
               "segment_start": self.segments + 1, "fiber": self.fibers, "fiber_start": self.fibers + 1,
               "chain_start": self.chains + 1, "crosslink": self.crosslinks, "hold": 2 * self.crosslinks,
               "wire": self.wires, "obstacle": self.obstacles, "mesh": self.shell // 2, "bin": self.bins + 2,
               "segment_bin": self.segment_bins + 1, "face": 6, "one": 1,
               "chunk": self.chunks, "wall": self.walls, "wall_node": self.wall_nodes, "wall_entry": self.wall_entries,
               "lumen_block": self.lumen_blocks, "lumen_voxel": self.lumen_voxels, "branch": self.branches,
               "vessel_point": self.vessel_points, "vessel_port": self.vessel_ports,
               "branch_start": self.branches + 1}  # fmt: skip
        return per[array.per] * (rows[array.rows] if array.rows in rows else int(array.rows))

    def planes(self, name: str) -> int:
        """Planes of `stride` rows in an array of the cells; 0 for arrays that are laid out otherwise."""
        array = ARRAYS[name]
        plain = array.per in ("cell", "unknown") and array.rows != "neighbors"
        return self.count(name) // self.stride if plain else 0

    def nbytes(self, name: str) -> int:
        return self.count(name) * ARRAYS[name].item_bytes

    @property
    def items(self) -> dict[str, int]:
        """How many items each domain of the kernels can have."""
        return {"cell": self.cells, "row": self.cells, "room": self.stride, "octet": -(-self.cells // 8),
                "strip": self.cells, "unknown": self.unknowns, "chunk": self.chunks, "node": self.nodes,
                "segment": self.segments, "chain": self.chains, "fiber": self.fibers, "fiber_row": self.fibers,
                "awake": self.fibers, "obstacle": self.obstacles, "branch": self.branches,
                "vertex": self.cells * self.shell, "crosslink": self.crosslinks, "hold": 2 * self.crosslinks,
                "one": 1}  # fmt: skip


def world_record(scenario: Scenario, box: Box, terms: list[Term], layout: Layout) -> np.ndarray:
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
    network = next((term for term in terms if isinstance(term, Network)), None)
    world["moving"] = network is not None
    world["crosslink_stiffness"] = network.crosslink_stiffness if network is not None else 0.0
    shedding = next((term for term in terms if isinstance(term, Shedding)), Shedding())
    world["ligand_gain"], world["ligand_half"] = shedding.ligand_gain, shedding.ligand_half
    on_fibers = _ligand(terms) * (1.0 + shedding.ligand_gain)
    world["most_ligand"] = max([on_fibers, *(one.ligand for one in scenario.obstacles)])
    world["tolerance"] = next((t.tolerance for t in (network, *terms) if isinstance(t, (Network, Solve))), 0.0)
    world["stride"], world["unknowns"] = layout.stride, layout.unknowns
    world["neighbor_rows"], world["junction_slots"] = layout.neighbor_rows, JUNCTION_SLOTS
    world["link_slots"], world["nodes"], world["segments"] = layout.links, layout.nodes, layout.segments
    world["touch_rows"], world["crosslinks"] = layout.touch_rows, layout.crosslinks
    world["chains"], world["fiber_rows"] = layout.chains, layout.fibers
    world["wires"], world["obstacles"], world["shell"] = layout.wires, layout.obstacles, layout.shell
    world["branches"] = layout.branches
    world["wire_gap"] = max((0.55 * one.spacing for one in scenario.obstacles), default=0.0)
    return world


def _ligand(terms: list[Term]) -> float:
    return next((term.ligand for term in terms if isinstance(term, Links)), 1.0)


def shell_rows(terms: list[Term]) -> int:
    return next((2 * term.vertices for term in terms if isinstance(term, Cortex)), 0)


def skin_of(terms: list[Term]) -> float:
    return next(term.skin for term in terms if isinstance(term, Neighbors))


def link_slots(terms: list[Term]) -> int:
    return next((term.slots for term in terms if isinstance(term, Links)), 1)


def widest_range(terms: list[Term], radius: float) -> float:
    """How far neighbour lists reach, um, from a cell of the largest `radius` to another one."""
    return max(term.pair_range() for term in terms) * 2 * radius + skin_of(terms)


def check_box(box: Box, widest: float) -> None:
    """A periodic axis must be three bins wide, else a cell would meet the same neighbour twice."""
    for axis, kind in enumerate(box.boundary):
        size = box.upper[axis] - box.lower[axis]
        if kind == "periodic" and size < 3 * widest:
            raise InputError(f"box.size: {size:.6g} um along a periodic axis is less than three interaction ranges "
                             f"({3 * widest:.4g} um); enlarge the box or close it")  # fmt: skip


def check_cells(scenario: Scenario, radius: float) -> None:
    """Raise InputError if cells of this largest `radius` (um, of a file too) reach too far for a periodic box."""
    box = scenario.box
    check_box(Box(np.array(box.lower, float), np.array(box.upper, float), box.boundary),
              widest_range(build_step(scenario), radius))  # fmt: skip


def first_state(scenario: Scenario, box: Box, cells: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of the cells at time zero, in the order of their ids."""
    state: dict[str, np.ndarray] = {name: cells[name] for name in
        ("id", "type", "radius", "nucleus_radius", "cadherin", "integrin")}  # fmt: skip
    for name in ("mmp", "secretion"):
        state[name] = cells.get(name, np.ones(len(cells["id"]), np.float32))
    state["position"] = state["list_position"] = box.to_fixed(cells["position"])
    polarity = np.random.Generator(np.random.Philox(key=scenario.run.seed)).normal(size=(len(cells["id"]), 3))
    state["polarity"] = np.zeros((len(polarity), 4), np.float32)
    state["polarity"][:, :3] = polarity / np.linalg.norm(polarity, axis=1, keepdims=True)
    cortex = next((term for term in scenario.terms.values() if isinstance(term, Cortex)), None)
    state |= {} if cortex is None else cortex.first_state(state["radius"], state["nucleus_radius"])
    if "elongation" in scenario.terms:
        state |= end_state(state["radius"], cells["position"])
    shedding = next((term for term in scenario.terms.values() if isinstance(term, Shedding)), None)
    return state if shedding is None else state | shedding.first_state(state["id"], state["integrin"])


def most_fibers(terms: list[Term], network: FiberNetwork | None) -> int:
    """Rows for fibers: those that there are, and, where they are cut, one for each end of a crosslink or held node.

    Pieces of cut fibers without either dissolve, so that there can be no more; chains may grow back whole.
    """
    if network is None:
        return 0
    if not any(isinstance(term, (Proteolysis, Repair)) for term in terms):
        return network.fibers
    ties = 2 * len(network.crosslinks) + int(held_nodes(network).sum())
    return min(len(network.segments), network.fibers + ties)


def reserved(scenario: Scenario, network: FiberNetwork | None) -> FiberNetwork | None:
    """The network with the fibers in reserve that the term `deposition` asks for. Raises InputError."""
    term = scenario.terms.get(Deposition.name)
    if network is None or scenario.collagen is None:
        return network
    if not isinstance(term, Deposition):
        return network.made
    return with_reserve(network, term.reserve, term.length, scenario.collagen.segment_length)


def check_reserve(scenario: Scenario, network: FiberNetwork | None) -> None:
    """Raise InputError if a saved network has another reserve than its scenario asks for."""
    term = scenario.terms.get(Deposition.name)
    there, wanted = getattr(network, "reserve", 0), term.reserve if isinstance(term, Deposition) else 0
    if there != wanted:
        raise InputError(f"saved state: terms.deposition.reserve {wanted} was {there}; keep it, or start anew")


def touches(terms: list[Term]) -> bool:
    """Whether cells on a moving network press on fibers, so that they keep lists of the segments near them."""
    return all(any(isinstance(term, kind) for term in terms) for kind in (Network, Steric))
