"""The arrays of all replicas on the device: one buffer for each array, of equal slices, a replica in each.

Replicas share how many rows of cells, neighbours and touched segments there is room for; the rest of a replica's layout
is its own, so that its slice begins with what it would be alone. Alone, a slice is the buffer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from physim.assembly import Layout
from physim.device import Device
from physim.state import ARRAYS
from physim.world import STATUS

_ALIGNMENT = 64
"""Bytes: of the widest elements, and of what two cores do not share."""
_SHARED = ("cells", "neighbor_rows", "touch_rows")


class Slices:
    """Buffers by the names of `arrays` for replicas of these `layouts`; `layout` is the most that any of them needs."""

    def __init__(self, device: Device, arrays: Sequence[str], layouts: Sequence[Layout], world_bytes: int) -> None:
        self.device, self.arrays, self.layouts = device, arrays, layouts
        self._share()
        device.reserve({name: self._whole(name) for name in arrays})
        self.buffers: dict[str, Any] = {name: device.empty(name, self._whole(name)) for name in arrays}
        self.buffers["world"] = device.empty("world", world_bytes * len(layouts))
        self.buffers["status"] = device.empty("status", STATUS.itemsize * len(layouts))

    def _share(self) -> None:
        self.layout = Layout(**{f.name: max(getattr(one, f.name) for one in self.layouts) for f in fields(Layout)})
        for one in self.layouts:
            for name in _SHARED:
                setattr(one, name, getattr(self.layout, name))

    def nbytes(self, name: str) -> int:
        """Of one slice."""
        own = self.layout.nbytes(name)
        return own if len(self.layouts) == 1 else max(-(-own // _ALIGNMENT), 1) * _ALIGNMENT

    def _whole(self, name: str) -> int:
        return self.nbytes(name) * len(self.layouts)

    def upload(self, name: str, replica: int, values: np.ndarray, offset: int = 0) -> None:
        """Into the slice of a replica, from so many bytes behind its begin."""
        self.device.upload(self.buffers[name], values, replica * self.nbytes(name) + offset)

    def download(self, name: str, replica: int, dtype: np.dtype, count: int) -> np.ndarray:
        """The first `count` elements of the slice of a replica."""
        return self.device.download(self.buffers[name], dtype, count, replica * self.nbytes(name))

    def grow(self, *, keep: bool, **rows: int) -> None:
        """Room for so many `cells`, `neighbor_rows` or `touch_rows`; what slices hold stays in place if `keep`.

        Of a replica by itself only what persists stays: its step begins anew, and makes the rest again.
        """
        alone = len(self.layouts) == 1
        before = {name: (self.nbytes(name), *self._rows(name)) for name in self.arrays}
        for name, count in rows.items():
            setattr(self.layouts[0], name, max(count, getattr(self.layout, name)))
        self._share()
        for name in self.arrays:
            after = (self.nbytes(name), *self._rows(name))
            if after == before[name]:
                continue
            stays = keep and (ARRAYS[name].persists or not alone)
            if not stays:
                self.buffers[name].release()
            larger = self.device.empty(name, self._whole(name))
            if stays:
                self._move(self.buffers[name], larger, before[name], after)
                self.buffers[name].release()
            self.buffers[name] = larger

    def _rows(self, name: str) -> tuple[int, int]:
        """Rows of an array, and bytes of each, both of which grow with the layout; one row where that is all one."""
        layout, each = self.layout, ARRAYS[name].item_bytes
        if ARRAYS[name].rows == "neighbors":
            return layout.stride // 8, 8 * layout.neighbor_rows * each  # lists are interleaved by eight
        planes = layout.planes(name)
        return (planes, layout.stride * each) if planes else (1, layout.nbytes(name))

    def _move(self, source: Any, target: Any, before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
        (old, rows, width), (new, more, wider) = before, after
        rows, nbytes = min(rows, more), min(width, wider)
        if width == wider:
            rows, nbytes = 1, rows * nbytes
        for replica in range(len(self.layouts)):
            for row in range(rows if nbytes else 0):
                self.device.copy(source, target, nbytes, replica * old + row * width, replica * new + row * wider)
