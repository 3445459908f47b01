"""The loop: the step is an ordered list of prepared launches, enqueued again and again; the host only looks in between.

A step freezes itself on the device when it needs the host (a neighbour list or the rows of cells that are full, more
iterations of the solve) or cannot go on; the host makes room and the same step goes on, so results never depend on
batch sizes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from physim.assembly import Layout
from physim.device import Device, Launch
from physim.errors import InputError, PhysicsError
from physim.interrupts import held
from physim.profile import Profile
from physim.schedule import Schedule, row_arrays
from physim.state import ARRAYS
from physim.step import Term
from physim.world import (
    HALT_CAPACITY,
    HALT_IDS,
    HALT_ITERATIONS,
    HALT_JUNCTIONS,
    HALT_NAN,
    HALT_ROUNDS,
    HALT_ROWS,
    STATUS,
    STATUS_WORDS,
)

_LISTED = ("id", "position", "radius", "departed", "node_position")
"""What neighbour lists and the order of rows depend on."""
_LINKED = ("segment_area", "crosslink_segments", "crosslink_bound", "crosslink_at", "crosslink_rest", "crosslink_turn")
"""What the crosslinks of segments, and the fibers that cutting has left, depend on."""
_WAKING = ("node_position", "node_held", "node_velocity", "fiber_frame", *_LINKED)
"""A fiber that sleeps looks only at outside forces and at fibers that it is crosslinked to."""
_BATCH_SECONDS = 0.25
_BATCH_LAUNCHES = 4000
"""Of a batch, since OpenCL keeps about 1 kB for each launch that is waiting."""
_MOST_ITERATIONS = 2400
"""Of conjugate gradients in one round."""
_MOST_HALVINGS = 6
"""How often the parts of a step that does not converge are halved."""
_NUMPY = {"int4": ("i4", 4), "uint2": ("u4", 2), "int2": ("i4", 2), "float4": ("f4", 4), "float": ("f4", 1),
          "float2": ("f4", 2), "float8": ("f4", 8), "double2": ("f8", 2), "double4": ("f8", 4),
          "uint": ("u4", 1), "int": ("i4", 1), "uchar": ("u1", 1), "double": ("f8", 1), "half2": ("f2", 2)}  # fmt: skip


class Loop:
    """The state of a simulation on its device, and what moves it on.

    `world` and `status` are the records of `physim.world`; `arrays` names what the terms need of `physim.state`.
    """

    def __init__(self, device: Device, terms: list[Term], arrays: list[str], layout: Layout, world: np.ndarray,
                 status: np.ndarray, step: float) -> None:  # fmt: skip
        self.device, self.terms, self.arrays, self.layout, self.world = device, terms, arrays, layout, world
        self.step_length = step
        self.profile = Profile(device) if device.profiling else None
        self.host_reads = 0
        self.most_rounds = 40
        """Of Newton's method, before a step is taken in two parts. Fibers that buckle or recoil (links that let go at
        once: 26 rounds) need many, and drag is too weak for smaller parts to help them."""
        self._loops = 8
        self._seconds_per_step = 0.0
        device.reserve({name: layout.nbytes(name) for name in arrays})
        self.buffers = {name: device.empty(name, layout.nbytes(name)) for name in arrays}
        self.buffers["world"] = device.empty("world", world.nbytes)
        self.buffers["status"] = device.empty("status", STATUS.itemsize)
        self._last_status = status.copy()
        device.upload(self.buffers["status"], self._last_status.reshape(1))
        self._prepare()

    def _prepare(self) -> None:
        """The launches of a step, for the arrays and sizes of now."""
        if self.layout.stride * self.layout.neighbor_rows >= 1 << 32:
            raise PhysicsError(
                f"{self.time:g} min: lists of {self.layout.neighbor_rows} neighbours for {self.layout.stride:,} cells "
                "have more entries than 32-bit numbers count; use fewer cells"
            )
        self.world["neighbor_rows"], self.world["touch_rows"] = self.layout.neighbor_rows, self.layout.touch_rows
        self.world["stride"], self.world["unknowns"] = self.layout.stride, self.layout.unknowns
        self.device.upload(self.buffers["world"], self.world.reshape(1))
        self.schedule = Schedule(self.device, self.terms, self.buffers, self.layout)

    # moving on

    @property
    def step_count(self) -> int:
        """Steps completed."""
        return int(self._last_status["step"])

    @property
    def time(self) -> float:
        """Simulated time in min."""
        return self.step_count * self.step_length

    @property
    def status(self) -> dict[str, int]:
        """The counters of the device as of the last look."""
        return {word: int(self._last_status[word]) for word in STATUS_WORDS}

    def advance(self, until_step: int) -> None:
        """Run up to `until_step`; waits by polling, so that KeyboardInterrupt can come out, but only between batches.

        After that, `settle` makes the state that of a whole step again.
        """
        while self.step_count < until_step:
            parts = self.schedule.parts
            launches = sum(map(len, parts.values())) + (self._loops - 1) * len(parts["iteration"])
            batch = int(_BATCH_SECONDS / self._seconds_per_step) if self._seconds_per_step else 2
            wanted = min(until_step - self.step_count, max(1, min(batch, _BATCH_LAUNCHES // launches)))
            begin, first = time.perf_counter(), self.step_count
            with held():
                for _ in range(wanted):
                    self._enqueue(parts["before"])
                    self._enqueue(parts["round"])
                    self._iterate(self._loops)
            self.settle()
            self._loops = max(8, int(0.9 * self._loops), int(self._last_status["deepest"]) + 2)
            self._seconds_per_step = (time.perf_counter() - begin) / max(1, self.step_count - first)

    def settle(self) -> None:
        """Wait for what is enqueued; a step that froze is brought to its end, or the reason raised."""
        self._look()
        while self._last_status["halt"]:
            with held():
                self._resolve_halt()
            self._look()

    def find_forces(self) -> None:
        """Forces where all is now, as the first round of a step finds them: in `force`, `node_force`, `node_residual`.

        Nothing moves, but what comes before a round (turnover, cutting, births) does happen: take a copy.
        """
        for part in ("before", "round"):
            self._enqueue(self.schedule.parts[part])
        self.device.drain()

    def _iterate(self, loops: int) -> None:
        """So many iterations of the solve, if there is one, and the rest of the step.

        Where fibers move, the forces after the round are looked at, and the step freezes if they do not balance.
        """
        parts = self.schedule.parts
        for _ in range(loops if parts["iteration"] else 0):
            self._enqueue(parts["iteration"])
        self._enqueue(parts["close"])
        if self.world["moving"]:
            self._enqueue(parts["round"])
        self._enqueue(parts["after"])

    def _enqueue(self, launches: list[Launch]) -> None:
        enqueue, queue = self.device.cl.enqueue_nd_range_kernel, self.device.queue
        with self.device.answering("run a step"):
            for launch in launches:
                event = enqueue(queue, launch.kernel, launch.global_size, launch.local_size)
                if self.profile is not None:
                    self.profile.note(launch, event)

    def _look(self) -> None:
        """Read the status words: the one host read of a batch."""
        self._last_status = self.device.download(self.buffers["status"], STATUS, 1)[0]
        self.host_reads += 1
        if self.profile is not None:
            self.profile.collect()

    # frozen steps

    def _resolve_halt(self) -> None:
        """Make room, or enqueue more, so that the step that froze goes on. Raises PhysicsError if it cannot."""
        halt, at = int(self._last_status["halt"]), self.time
        if halt == HALT_JUNCTIONS:
            count, slots = self._last_status["junctions_full"], self.world["junction_slots"]
            raise PhysicsError(
                f"{at:g} min: {count} cells touch more than {slots} "
                "others and have no junction slot left; the cells are crushed: lower the forces, or start less dense"
            )
        if halt == HALT_NAN:
            raise PhysicsError(
                f"{at:g} min: a displacement, or bud, is not finite; shorten run.step, or check the last terms "
                "you set"
            )
        if halt == HALT_IDS:
            raise PhysicsError(f"{at:g} min: no ids are left for daughters; start with ids that are small numbers")
        if halt == HALT_ITERATIONS and self._loops > _MOST_ITERATIONS:
            raise PhysicsError(
                f"{at:g} min: the implicit solve does not converge in {self._loops} iterations; shorten run.step"
            )
        if halt == HALT_ROUNDS and self._last_status["round"] >= self.most_rounds:
            self._in_parts()
            return
        if halt == HALT_ROWS:
            self._grow_lists(int(self._last_status["rows_needed"]), int(self._last_status["touches_needed"]))
        elif halt == HALT_CAPACITY:
            self._grow_cells(int(self._last_status["rows"] + self._last_status["births"]))
            self._last_status["births"] = 0
        self._last_status["halt"] = 0
        self.device.upload(self.buffers["status"], self._last_status.reshape(1))
        if halt in (HALT_ITERATIONS, HALT_ROUNDS):  # more for the step that froze
            self._iterate(self._loops)
        if halt == HALT_ITERATIONS:  # the next ones get as many from the start
            self._loops += self._loops // 2 + 4

    def _in_parts(self) -> None:
        """Take the step that froze in two parts, or four, ...: smaller ones converge where a whole one does not.

        Kinetics have run for the whole step already; only the balance of forces is found part by part.
        """
        whole = self.step_length
        try:
            self._balance_parts(whole)
        finally:
            self._set_step(whole)
        self._resume(0)
        self._enqueue(self.schedule.parts["after"])

    def _balance_parts(self, whole: float) -> None:
        """The balance of forces of one step (min), part by part."""
        parts, halvings, left = self.schedule.parts, 1, 2
        while left:
            if halvings > _MOST_HALVINGS:
                raise PhysicsError(
                    f"{self.time:g} min: the balance of forces does not converge in parts of "
                    f"{whole / 2**halvings:.2g} min; shorten run.step, or check the last terms you set"
                )
            self._set_step(whole / 2**halvings)
            if not self._part(parts["rewind"]):
                halvings, left = halvings + 1, 2 * left
                continue
            left -= 1
            self._last_status["parts"] += 1
            if left:
                self._resume(1)
                self._enqueue(parts["commit"])
                self._look()

    def _set_step(self, minutes: float) -> None:
        """What kernels take for the length of a step."""
        self.world["step"] = minutes
        self.device.upload(self.buffers["world"], self.world.reshape(1))

    def _part(self, rewind: list[Launch]) -> bool:
        """Rounds of one part of a step from its beginning; whether they have converged."""
        parts = self.schedule.parts
        self._resume(1)
        self._enqueue(rewind)
        self._enqueue(parts["round"])
        for _ in range(self.most_rounds):
            while True:
                for _ in range(self._loops):
                    self._enqueue(parts["iteration"])
                self._enqueue(parts["close"])
                self._enqueue(parts["round"])
                self._look()
                if self._last_status["halt"] != HALT_ITERATIONS or self._loops > _MOST_ITERATIONS:
                    break
                self._loops += self._loops // 2 + 4
                self._last_status["halt"] = 0
                self.device.upload(self.buffers["status"], self._last_status.reshape(1))
            if self._last_status["halt"]:
                return False
            if not self._last_status["unsolved"]:
                return True
        return False

    def _resume(self, unsolved: int) -> None:
        """Let a frozen step go on, its solve open or closed."""
        for word in ("halt", "solving", "shifting", "convex"):
            self._last_status[word] = 0
        self._last_status["round"], self._last_status["unsolved"] = 1 - unsolved, unsolved
        self.device.upload(self.buffers["status"], self._last_status.reshape(1))

    def _grow_lists(self, neighbors: int, touches: int) -> None:
        """Longer lists of neighbours or segments; what they held is rebuilt by the step that froze."""
        before = {name: self.layout.nbytes(name) for name in self.arrays}
        if neighbors > self.layout.neighbor_rows:
            self.layout.neighbor_rows = neighbors + 2  # no more: what is not used lies between what is
        if touches > self.layout.touch_rows:
            self.layout.touch_rows = touches + touches // 4
        for name in self.arrays:
            if self.layout.nbytes(name) != before[name]:
                self.buffers[name].release()
                self.buffers[name] = self.device.empty(name, self.layout.nbytes(name))
        self._prepare()

    def _grow_cells(self, needed: int) -> None:
        """Room for twice the cells: what the cells' arrays hold moves along, scratch starts empty."""
        old = {name: (self.layout.count(name), self.buffers[name]) for name in self.arrays}
        before = self.layout.stride
        self.layout.cells = max(2 * self.layout.cells, needed)
        for name, (count, buffer) in old.items():
            if self.layout.count(name) == count:
                continue
            larger = self.device.empty(name, self.layout.nbytes(name))
            if name in row_arrays(self.arrays):
                old_plane, new_plane = (n * ARRAYS[name].item_bytes for n in (before, self.layout.stride))
                for plane in range(count // before):
                    self.device.copy(buffer, larger, old_plane, plane * old_plane, plane * new_plane)
            buffer.release()
            self.buffers[name] = larger
        self._prepare()

    # looking

    def shape(self, name: str) -> tuple[int, ...]:
        """Of an array as `read` gives it: (cells,) or (cells, width), tables of slots (slots, cells), others flat."""
        width, planes = _NUMPY[ARRAYS[name].type][1], self.layout.planes(name)
        rows = int(self._last_status["rows"]) if planes else self.layout.count(name)
        slots = () if ARRAYS[name].rows == "1" or not planes else (planes,)
        return (*slots, rows, *((width,) if width > 1 else ()))

    def nbytes(self, name: str) -> int:
        """Bytes of an array as `read` gives it."""
        return int(np.prod(self.shape(name))) * np.dtype(_NUMPY[ARRAYS[name].type][0]).itemsize

    def read(self, name: str) -> np.ndarray:
        """An array of the state as NumPy, of the `shape` of that name, cells in their present order."""
        kind, width = _NUMPY[ARRAYS[name].type]
        values = self.device.download(self.buffers[name], np.dtype(kind), self.layout.count(name) * width)
        self.host_reads += 1
        planes = self.layout.planes(name)
        if planes:
            rows = int(self._last_status["rows"])
            values = np.ascontiguousarray(values.reshape(planes, self.layout.stride, width)[:, :rows])
        return values.reshape(self.shape(name))

    def write(self, name: str, values: np.ndarray) -> None:
        """Overwrite an array of the state with values of its `shape`, cells in their present order."""
        self._put(name, values)
        if name in _WAKING and "fiber_awake" in self.buffers:
            self._put("fiber_awake", np.ones(self.shape("fiber_awake"), np.uint32))
        if name in _LISTED or name in _LINKED:  # lists hang on it
            self._last_status["rebuild" if name in _LISTED else "relink"] = 1
            self.device.upload(self.buffers["status"], self._last_status.reshape(1))

    def _put(self, name: str, values: np.ndarray) -> None:
        kind, _ = _NUMPY[ARRAYS[name].type]
        values = np.ascontiguousarray(values, np.dtype(kind))
        if values.shape != self.shape(name):
            raise InputError(f"write: '{name}' is {self.shape(name)}, not {values.shape}; give what read() gives")
        planes = self.layout.planes(name)
        for plane, row in enumerate(values.reshape(planes or 1, -1)):
            self.device.upload(self.buffers[name], row, plane * self.layout.stride * ARRAYS[name].item_bytes)

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The state between two steps from all the arrays that persist.

        Neighbour lists, and what hangs on them, are built as they were built last: from `list_position`, by the kernels
        of the step that do so. What these write to arrays that persist is overwritten by what was saved.
        """
        for name, values in arrays.items():
            self._put(name, values)
        self._last_status["binned"], self._last_status["relink"] = 0, 1
        if self._last_status["rebuild"]:
            self.device.upload(self.buffers["status"], self._last_status.reshape(1))
            return  # the next step builds the lists anyway
        self._put("position", arrays["list_position"])
        if "node_listed" in arrays:
            self._put("node_position", arrays["node_listed"])
        begin = self._last_status.copy()
        begin["rebuild"] = 1
        while True:
            self.device.upload(self.buffers["status"], begin.reshape(1))
            self._enqueue(self.schedule.relist)
            found = self.device.download(self.buffers["status"], STATUS, 1)[0]
            if found["halt"] != HALT_ROWS:
                break
            self._grow_lists(int(found["rows_needed"]), int(found["touches_needed"]))
        self._last_status["binned"] = found["binned"]
        for name, values in arrays.items():
            self._put(name, values)
        self.device.upload(self.buffers["status"], self._last_status.reshape(1))
