"""Device primitives: exclusive scan, stable counting sort, compaction, segmented and whole sums, row permutation.

Each returns prepared launches, so that a step can enqueue them again and again. `when` is a buffer of two words: the
first switches them, the second says how many rows there are, both on the device, without the host knowing; `count` is
the most that there can be. All results are the same for any work-group size. Where there are replicas, each buffer is
as many equal slices, and all of them are worked on at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from physim.codegen import CHUNK
from physim.device import Device, Launch, prepare
from physim.step import kernel_source

_FILE = ("kernels/primitives.cl", kernel_source("primitives.cl"))


class Primitives:
    """The primitives of one device, with the scratch that they share."""

    def __init__(self, device: Device, term: str = "primitives", replicas: int = 1) -> None:
        self.device = device
        self.term = term
        self.replicas = replicas
        self.program = device.build(f"#define CHUNK {CHUNK}\n", _FILE)
        self.always = device.empty("primitives always", 16 * replicas)
        device.upload(self.always, np.tile(np.array([1, 0xFFFFFFFF, 0, 0], np.uint32), replicas))
        self._zero = device.empty("primitives zero", 16 * replicas)
        self._scratches = 0

    def _launch(self, name: str, items: int, *arguments: Any) -> Launch:
        slices = np.zeros(8, np.uint32)
        words = [argument.size // self.replicas // 4 for argument in arguments if not isinstance(argument, int)]
        slices[: len(words)] = words
        numbers = [np.uint32(a) if isinstance(a, int) else a for a in arguments]
        return prepare(self.device, self.term, name, self.program, items, [slices, *numbers])

    def _scratch(self, nbytes: int) -> Any:
        self._scratches += 1
        return self.device.empty(f"{self.term} scratch {self._scratches}", nbytes * self.replicas)

    def zero(self, data: Any, count: int, when: Any = None) -> list[Launch]:
        """data[:count] = 0 (32-bit words); strides of a power of two would fall on the same lines of a cache."""
        launch = self._launch("fill_zero", count, when or self.always, data, count)
        (size,), (local,) = launch.global_size, launch.local_size
        if size < count and size > local:
            launch.global_size = (size - local,)
        return [launch]

    def scan(self, data: Any, count: int, when: Any = None) -> list[Launch]:
        """data[k] <- sum of data[:k], in place, uint32."""
        when = when or self.always
        if count <= CHUNK:
            return [self._launch("chunk_scan", 1, when, data, self._zero, count)]
        chunks = -(-count // CHUNK)
        totals = self._scratch(4 * chunks)
        return [
            self._launch("chunk_totals", chunks, when, data, totals, count),
            *self.scan(totals, chunks, when),
            self._launch("chunk_scan", chunks, when, data, totals, count),
        ]

    def counting_sort(
        self, bins: Any, ids: Any, starts: Any, filled: Any, order: Any, count: int, bin_count: int, when: Any = None
    ) -> list[Launch]:
        """order[k]: row of the k-th element by (bin, id); starts[b]: first place of bin b (bin_count + 1 entries).

        Without ids, rows of a bin are in their own order. Rows of bin 2^32 - 1 are left out.
        """
        when = when or self.always
        last = self._launch("order_rows", bin_count, when, starts, order, bin_count) if ids is None else self._launch(
            "order_bins", bin_count, when, ids, starts, order, bin_count)  # fmt: skip
        return [
            *self.zero(starts, bin_count + 1, when),
            *self.zero(filled, bin_count, when),
            self._launch("count_bins", count, when, bins, starts, count),
            *self.scan(starts, bin_count + 1, when),
            self._launch("place_in_bins", count, when, bins, starts, filled, order, count),
            last,
        ]

    def permute(
        self, order: Any, data: Any, scratch: Any, words: int, planes: int, stride: int, count: int, when: Any = None
    ) -> list[Launch]:
        """data[plane, k] <- data[plane, order[k]] for rows of `words` 32-bit words in planes of `stride` rows."""
        when, items = when or self.always, count * words * planes
        return [
            self._launch("gather_rows", items, when, order, data, scratch, words, planes, stride, count),
            self._launch("return_rows", items, when, scratch, data, words, planes, stride, count),
        ]

    def append(
        self, marks: Any, places: Any, data: Any, blank: bool, words: int, planes: int, stride: int, count: int,
        when: Any,
    ) -> list[Launch]:
        """Copies (zeros if `blank`) of the marked rows of data behind the last; `places` is the scan of the marks."""
        name, items = "append_rows", count * words * planes
        return [self._launch(name, items, when, marks, places, data, int(blank), words, planes, stride, count)]

    def compaction(self, keep: Any, places: Any, data: Any, out: Any, count: int, when: Any = None) -> list[Launch]:
        """out <- the elements of data whose keep flag is 1, in order; places (count + 1 words) ends with how many."""
        when = when or self.always
        return [
            self._launch("copy_flags", count + 1, when, keep, places, count),
            *self.scan(places, count + 1, when),
            self._launch("compact", count, when, keep, places, data, out, count),
        ]

    def segment_sums(self, starts: Any, data: Any, sums: Any, segments: int) -> list[Launch]:
        """sums[s] = sum of data[starts[s]:starts[s + 1]], fp64, in order."""
        return [self._launch("segment_sums", segments, self.always, starts, data, sums, segments)]

    def total(self, data: Any, count: int) -> tuple[list[Launch], Any]:
        """Launches and the buffer whose first fp64 word is then the sum of fp64 data, added in a fixed order."""
        launches: list[Launch] = []
        while count > 1 or not launches:
            chunks = -(-count // CHUNK)
            sums = self._scratch(8 * chunks)
            launches.append(self._launch("chunk_sums", chunks, self.always, data, sums, count))
            data, count = sums, chunks
        return launches, data
