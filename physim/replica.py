"""One replica of a loop: its slice of every array, its constants and counters, read and written from the host.

A simulation by itself is the only replica of its loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from physim.device import Device
from physim.errors import InputError
from physim.loop import Loop
from physim.profile import Profile
from physim.schedule import Schedule
from physim.state import ARRAYS
from physim.world import HALT_ROWS, STATUS_WORDS

_LISTED = ("id", "position", "radius", "departed", "node_position")
"""What neighbour lists and the order of rows depend on."""
_LINKED = ("segment_area", "crosslink_segments", "crosslink_bound", "crosslink_at", "crosslink_rest", "crosslink_turn")
"""What the crosslinks of segments, and the fibers that cutting has left, depend on."""
_WAKING = ("node_position", "node_held", "node_velocity", "fiber_frame", *_LINKED)
"""A fiber that sleeps looks only at outside forces and at fibers that it is crosslinked to."""
_NUMPY = {"int4": ("i4", 4), "uint2": ("u4", 2), "int2": ("i4", 2), "float4": ("f4", 4), "float": ("f4", 1),
          "float2": ("f4", 2), "float8": ("f4", 8), "double2": ("f8", 2), "double4": ("f8", 4),
          "uint": ("u4", 1), "int": ("i4", 1), "uchar": ("u1", 1), "double": ("f8", 1), "half2": ("f2", 2)}  # fmt: skip


class Replica:
    """The state of a simulation on its device; `join` gives it its place in a loop."""

    def join(self, loop: Loop, index: int) -> None:
        self.loop, self.index = loop, index
        self.terms, self.arrays = list(loop.terms[index]), list(loop.slices.arrays)
        self.layout, self.step_length = loop.slices.layouts[index], loop.step_length

    @property
    def device(self) -> Device:
        return self.loop.device

    @property
    def buffers(self) -> dict[str, Any]:
        """Of all replicas, by array: `read` gives this one's part."""
        return self.loop.slices.buffers

    @property
    def schedule(self) -> Schedule:
        return self.loop.schedule

    @property
    def profile(self) -> Profile | None:
        return self.loop.profile

    @property
    def host_reads(self) -> int:
        return self.loop.host_reads

    @property
    def world(self) -> np.ndarray:
        """The constants that the kernels are told, as of `physim.world`."""
        return self.loop.worlds[self.index, ...]

    @property
    def _last_status(self) -> np.ndarray:
        return self.loop.statuses[self.index, ...]

    def _tell(self) -> None:
        """The device hears of what has been changed in `_last_status`."""
        self.loop.tell(self.index)

    # moving on

    @property
    def step_count(self) -> int:
        """Steps completed."""
        return int(self._last_status["step"])

    @property
    def time(self) -> float:
        """Simulated time in min."""
        return self.loop.time(self.index)

    @property
    def status(self) -> dict[str, int]:
        """The counters of the device as of the last look."""
        return {word: int(self._last_status[word]) for word in STATUS_WORDS}

    def advance(self, until_step: int) -> None:
        """Run up to `until_step`; waits by polling, so that KeyboardInterrupt can come out, but only between batches.

        After that, `settle` makes the state that of a whole step again.
        """
        self._check_alone()
        self.loop.advance(until_step)
        self._raise_if_stopped()

    def settle(self) -> None:
        """Wait for what is enqueued; a step that froze is brought to its end, or the reason raised."""
        self.loop.settle()
        self._raise_if_stopped()

    def find_forces(self) -> None:
        """Forces where all is now, as the first round of a step finds them: in `force`, `node_force`, `node_residual`.

        Nothing moves, but what comes before a round (turnover, cutting, births) does happen: take a copy.
        """
        self.loop.find_forces(self.index)

    def _check_alone(self) -> None:
        if len(self.loop) > 1:
            raise InputError("this simulation is one of a batch, which moves on as one; step the batch, or a copy()")

    def _raise_if_stopped(self) -> None:
        if self.index in self.loop.stopped:
            raise self.loop.stopped[self.index]

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
        values = self.loop.slices.download(name, self.index, np.dtype(kind), self.layout.count(name) * width)
        self.loop.host_reads += 1
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
            self._tell()

    def _put(self, name: str, values: np.ndarray) -> None:
        kind, _ = _NUMPY[ARRAYS[name].type]
        values = np.ascontiguousarray(values, np.dtype(kind))
        if values.shape != self.shape(name):
            raise InputError(f"write: '{name}' is {self.shape(name)}, not {values.shape}; give what read() gives")
        planes = self.layout.planes(name)
        for plane, row in enumerate(values.reshape(planes or 1, -1)):
            self.loop.slices.upload(name, self.index, row, plane * self.layout.stride * ARRAYS[name].item_bytes)

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The state between two steps from all the arrays that persist.

        Neighbour lists, and what hangs on them, are built as they were built last: from `list_position`, by the kernels
        of the step that do so. What these write to arrays that persist is overwritten by what was saved.
        """
        for name, values in arrays.items():
            self._put(name, values)
        self._last_status["binned"], self._last_status["relink"] = 0, 1
        if self._last_status["rebuild"]:
            self._tell()
            return  # the next step builds the lists anyway
        self._put("position", arrays["list_position"])
        if "node_listed" in arrays:
            self._put("node_position", arrays["node_listed"])
        kept = self._last_status.copy()
        kept["binned"] = self._build_lists()
        for name, values in arrays.items():
            self._put(name, values)
        self._last_status[...] = kept
        self._tell()

    def _build_lists(self) -> int:
        """Neighbour lists of where all is; whether segments are in bins."""
        begin = self._last_status.copy()
        begin["rebuild"] = 1
        with self.loop.waiting(but=self.index):
            while True:
                self._last_status[...] = begin
                self._tell()
                self.loop.enqueue(self.schedule.relist, self.index)
                self.loop.look()
                if self._last_status["halt"] != HALT_ROWS:
                    return int(self._last_status["binned"])
                self.loop.make_room()
