"""The loop: the step is an ordered list of prepared launches, enqueued again and again; the host only looks in between.

A step freezes itself on the device when it needs the host (a neighbour list that outgrew its rows, more iterations
of the solve) or cannot go on; the host makes room and the same step goes on, so results never depend on batch sizes.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import numpy as np

from physim import assembly, codegen
from physim.assembly import Layout, step_kernels
from physim.device import Device, Launch, choose
from physim.errors import PhysicsError
from physim.primitives import Primitives
from physim.profile import Profile
from physim.scenario import Scenario
from physim.snapshot import GIVEN, Snapshot, take
from physim.state import ARRAYS
from physim.terms.engine import Neighbors, Solve
from physim.world import HALT_ITERATIONS, HALT_JUNCTIONS, HALT_NAN, HALT_ROWS, STATUS, STATUS_WORDS, Box

__all__ = ["Simulation", "step_kernels"]

_BATCH_SECONDS = 0.25
_MOST_ITERATIONS = 600
_NUMPY = {"int4": ("i4", 4), "uint2": ("u4", 2), "int2": ("i4", 2), "float4": ("f4", 4), "float": ("f4", 1),
          "uint": ("u4", 1), "int": ("i4", 1), "uchar": ("u1", 1), "double": ("f8", 1), "half2": ("f2", 2)}  # fmt: skip


class Simulation:
    """A scenario on a device. `advance(step)` runs up to that step, `snapshot()` reads the state.

    Raises InputError for a scenario that cannot be built, DeviceError for a device that cannot run it, PhysicsError
    when a run has to stop.
    """

    def __init__(self, scenario: Scenario, *, device: str | None = None, profile: bool = False,
                 cells: dict[str, np.ndarray] | None = None, network: Any = None) -> None:  # fmt: skip
        from physim.generate.cells import initial_cells

        self.scenario = scenario
        self.terms = assembly.build_step(scenario)
        cells = initial_cells(scenario) if cells is None else cells
        self.box = Box(np.array(scenario.box.lower, float), np.array(scenario.box.upper, float), scenario.box.boundary)
        self.network = _network(scenario, cells) if network is None else network
        widest = max(t.pair_range() for t in self.terms) * 2 * float(cells["radius"].max()) + assembly.skin_of(
            self.terms
        )
        assembly.check_box(self.box, widest)
        self.grid = self.box.grid(max(widest, 1.0))
        self.segment_grid = self.box.grid(assembly.SEGMENT_BIN)
        self.layout = Layout(
            cells=len(cells["id"]),
            nodes=len(self.network.nodes) if self.network is not None else 0,
            segments=len(self.network.segments) if self.network is not None else 0,
            bins=assembly.grid_bins(self.grid), segment_bins=assembly.grid_bins(self.segment_grid),
            neighbor_rows=24, links=assembly.link_slots(self.terms),
        )  # fmt: skip
        self.arrays = sorted({n for t in self.terms for k in assembly.order_of(t) for n in k.arrays} | {"id", "type"},
                             key=list(ARRAYS).index)  # fmt: skip
        widest_row = max(words * planes for words, planes in map(self._words, self._sorted()))
        self.layout.neighbor_rows = max(self.layout.neighbor_rows, widest_row)
        self.device = Device(choose(device), profiling=profile)
        self.profile = Profile(self.device) if profile else None
        self.host_reads = 0
        self._loops = 8
        self._seconds_per_step = 0.0
        self._allocate(cells)
        self._prepare()

    # setting up

    def _sorted(self) -> list[str]:
        """Arrays that move with their cells."""
        return [n for n in self.arrays if ARRAYS[n].per == "cell" and ARRAYS[n].persists]

    def _words(self, name: str) -> tuple[int, int]:
        """32-bit words per row, and planes, of a cell array."""
        return ARRAYS[name].item_bytes // 4, self.layout.count(name) // self.layout.stride

    def _allocate(self, cells: dict[str, np.ndarray]) -> None:
        layout, device = self.layout, self.device
        device.reserve({name: layout.nbytes(name) for name in self.arrays})
        self.buffers = {name: device.empty(name, layout.nbytes(name)) for name in self.arrays}
        first = assembly.first_state(self.scenario, self.box, cells, layout)
        self.idle = {n: np.asarray(cells[n])[np.argsort(cells["id"])] for n in GIVEN if n not in self.buffers}
        half = 0.0
        if self.network is not None:
            fibers, self.segment_order = assembly.fiber_state(self.network, self.box, self.segment_grid)
            first |= fibers
            half = 0.5 * float(self.network.lengths.max(initial=0.0))
        for name, values in first.items():
            if name in self.buffers:
                device.upload(self.buffers[name], values)
        self.world = assembly.world_record(self.scenario, self.box, self.terms, layout, half)
        self.world["cell_grid"], self.world["segment_grid"] = self.grid, self.segment_grid
        size = self.box.upper - self.box.lower
        covered = np.where(self.box.periodic, 1, 2) * size
        self.world["segment_bins_per_um"][:3] = self.segment_grid["scale"][:3] / covered
        self.buffers["world"] = device.empty("world", self.world.nbytes)
        self.buffers["status"] = device.empty("status", STATUS.itemsize)
        self._last_status = np.zeros((), STATUS)
        self._last_status["rebuild"], self._last_status["cells"] = 1, layout.cells
        device.upload(self.buffers["status"], self._last_status.reshape(1))

    def _prepare(self) -> None:
        """The launches of a step, in three parts: up to the iterations of the solve, one iteration, and the rest."""
        self.device.upload(self.buffers["world"], self.world.reshape(1))
        self._before: list[Launch] = []
        self._iteration: list[Launch] = []
        self._after: list[Launch] = []
        part = self._before
        for term in self.terms:
            launches = codegen.launches(self.device, term, self.buffers, self.layout.items)
            if isinstance(term, Neighbors):
                launches[2:2] = self._sorting()
            if isinstance(term, Solve):
                self._before += launches[: term.repeated.start]
                self._iteration = launches[term.repeated]
                launches, part = launches[term.repeated.stop :], self._after
            part += launches

    def _sorting(self) -> list[Launch]:
        """Counting sort of all rows by (bin, id), and every array of the state into that order.

        The neighbour lists, which are about to be rewritten, are the scratch of the permutation.
        """
        b, layout, when = self.buffers, self.layout, self.buffers["sorting"]
        primitives = Primitives(self.device, "neighbors")
        launches = primitives.counting_sort(b["bin_of"], b["id"], b["bin_start"], b["bin_fill"], b["order"],
                                            layout.cells, layout.bins + 1, when)  # fmt: skip
        for name in self._sorted():
            words, planes = self._words(name)
            launches += primitives.permute(b["order"], b[name], b["neighbor"], words, planes, layout.stride,
                                           layout.cells, when)  # fmt: skip
        return launches

    # running

    @property
    def step_count(self) -> int:
        return int(self._last_status["step"])

    @property
    def time(self) -> float:
        """Simulated time in min."""
        return self.step_count * self.scenario.run.step

    @property
    def status(self) -> dict[str, int]:
        """The counters of the device as of the last look."""
        return {word: int(self._last_status[word]) for word in STATUS_WORDS}

    def advance(self, until_step: int) -> None:
        """Run up to `until_step`; waits by polling, so that KeyboardInterrupt can come out between batches."""
        while self.step_count < until_step:
            wanted = until_step - self.step_count
            if self._seconds_per_step:
                wanted = min(wanted, max(1, int(_BATCH_SECONDS / self._seconds_per_step)))
            else:
                wanted = min(wanted, 2)
            begin, first = time.perf_counter(), self.step_count
            for _ in range(wanted):
                self._enqueue(self._before)
                for _ in range(self._loops if self._iteration else 0):
                    self._enqueue(self._iteration)
                self._enqueue(self._after)
            self._look()
            if self._last_status["halt"]:
                self._resolve_halt()
            self._seconds_per_step = (time.perf_counter() - begin) / max(1, self.step_count - first)

    def _enqueue(self, launches: list[Launch]) -> None:
        enqueue, queue = self.device.cl.enqueue_nd_range_kernel, self.device.queue
        if self.profile is None:
            for launch in launches:
                enqueue(queue, launch.kernel, launch.global_size, launch.local_size)
        else:
            for launch in launches:
                self.profile.note(launch, enqueue(queue, launch.kernel, launch.global_size, launch.local_size))

    def _look(self) -> None:
        """Read the status words: the one host read of a batch."""
        self._last_status = self.device.download(self.buffers["status"], STATUS, 1)[0]
        self.host_reads += 1
        if self.profile is not None:
            self.profile.collect()

    def _resolve_halt(self) -> None:
        halt, at = int(self._last_status["halt"]), self.time
        if halt == HALT_JUNCTIONS:
            raise PhysicsError(
                f"{at:g} min: {self._last_status['junctions_full']} cells touch more than {assembly.JUNCTION_SLOTS} "
                "others and have no junction slot left; the cells are crushed: lower the forces, or start less dense"
            )
        if halt == HALT_NAN:
            raise PhysicsError(
                f"{at:g} min: a cell's displacement is not finite; shorten run.step, or check the last terms you set"
            )
        self._last_status["halt"] = 0
        if halt == HALT_ROWS:
            self._grow_lists(int(self._last_status["rows_needed"]))
            self.device.upload(self.buffers["status"], self._last_status.reshape(1))
        elif halt == HALT_ITERATIONS:
            self._iterate_on()

    def _grow_lists(self, needed: int) -> None:
        self.layout.neighbor_rows = max(2 * self.layout.neighbor_rows, needed)
        self.world["neighbor_rows"] = self.layout.neighbor_rows
        for name in self.arrays:
            if ARRAYS[name].rows == "neighbors":
                self.buffers[name].release()
                self.buffers[name] = self.device.empty(name, self.layout.nbytes(name))
        self._prepare()

    def _iterate_on(self) -> None:
        """More iterations for the step that froze, then the rest of it; later steps get as many from the start."""
        while True:
            self.device.upload(self.buffers["status"], self._last_status.reshape(1))
            if self._loops > _MOST_ITERATIONS:
                raise PhysicsError(
                    f"{self.time:g} min: the implicit solve does not converge in {self._loops} iterations; "
                    "shorten run.step"
                )
            for _ in range(self._loops):
                self._enqueue(self._iteration)
            self._enqueue(self._after)
            self._loops *= 2
            self._look()
            if int(self._last_status["halt"]) != HALT_ITERATIONS:
                if self._last_status["halt"]:
                    self._resolve_halt()
                return
            self._last_status["halt"] = 0

    # looking

    def read(self, name: str) -> np.ndarray:
        """An array of the state as NumPy, first axis the items (rows first for tables of slots)."""
        array, n = ARRAYS[name], self.layout.cells
        kind, width = _NUMPY[array.type]
        values = self.device.download(self.buffers[name], np.dtype(kind), self.layout.count(name) * width)
        self.host_reads += 1
        values = values.reshape(-1, width) if width > 1 else values
        if array.per == "cell" and array.rows == "1":
            return values[:n]
        if array.per == "cell" and array.rows in ("junctions", "links", "6"):
            return values.reshape(-1, self.layout.stride, *values.shape[1:])[:, :n]
        return values

    def write(self, name: str, values: np.ndarray) -> None:
        """Overwrite a cell array (first `cells` rows, in the present order)."""
        kind, _ = _NUMPY[ARRAYS[name].type]
        self.device.upload(self.buffers[name], np.ascontiguousarray(values, np.dtype(kind)))

    def positions(self) -> np.ndarray:
        """Centres in um, sorted by id."""
        return self.box.to_micron(self.read("position"))[np.argsort(self.read("id"))]

    def snapshot(self) -> Snapshot:
        return take(self)

    def state_hash(self) -> str:
        """sha256 over every array that persists, in the order of the table."""
        digest = hashlib.sha256()
        for name in self.arrays:
            if ARRAYS[name].persists:
                digest.update(name.encode() + self.read(name).tobytes())
        return digest.hexdigest()

    @property
    def memory(self) -> int:
        """Bytes allocated on the device."""
        return sum(self.device.allocated.values())

    @property
    def device_info(self) -> dict[str, Any]:
        return self.device.info()

    def profile_table(self) -> str:
        return self.profile.table(self.step_count, self.host_reads) if self.profile is not None else ""


def _network(scenario: Scenario, cells: dict[str, np.ndarray]) -> Any:
    """The collagen of the scenario, without what would lie inside a cell."""
    if scenario.collagen is None:
        return None
    from physim.generate.collagen import carve, generate_collagen

    collagen, box = scenario.collagen, scenario.box
    options = collagen.model_dump()
    options["seed"] = scenario.run.seed if collagen.seed is None else collagen.seed
    network = generate_collagen(box.lower, box.upper, box.periodic, **options)
    return carve(network, cells["position"], cells["radius"].astype(float))
