"""The launches of one step, prepared once: up to the iterations of the solve, one iteration, and the rest.

Kernels of terms are generated (`codegen`); those that a term declares as a `primitive` are put together here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from physim import assembly, codegen
from physim.assembly import Layout
from physim.device import Device, Launch
from physim.primitives import Primitives
from physim.state import ARRAYS
from physim.step import Kernel, Term
from physim.terms.engine import Neighbors, Part, Solve
from physim.terms.matrix import Segments


class Schedule:
    """Lists of launches by part of the step; `relist` rebuilds the neighbour lists alone.

    `replicas` has the terms of each replica, and `layout` the most that any of them needs.
    """

    def __init__(self, device: Device, replicas: Sequence[Sequence[Term]], buffers: dict[str, Any],
                 layout: Layout) -> None:  # fmt: skip
        self.device, self.buffers, self.layout, self.replicas = device, buffers, layout, len(replicas)
        terms = replicas[0]
        self.parts: dict[Part, list[Launch]] = {part: [] for part, _ in Solve.plan}
        self.relist: list[Launch] = []
        own = {id(each[0]): codegen.launches(device, each, buffers, layout.items)
               for each in zip(*replicas, strict=True)}  # fmt: skip
        for term, kernel, part in assembly.ordered(terms):
            if kernel.primitive:
                launches = self._primitive(term, kernel)
            else:
                launches = [own[id(term)][kernel]]
            self.parts[part] += launches
            if isinstance(term, Neighbors) or kernel in Segments.kernels or kernel.when == "rebuild":
                self.relist += launches

    def _primitive(self, term: Term, kernel: Kernel) -> list[Launch]:
        makers: dict[str, Callable[[Primitives], list[Launch]]] = {
            "sort_cells": self._sort_cells, "append_daughters": self._append_daughters,
            "sort_segments": self._sort_segments, "sort_tethers": self._sort_tethers, "scan_awake": self._scan_awake,
            "sort_holds": self._sort_holds, "scan_pieces": self._scan_pieces,
            "scan_deposits": self._scan_deposits, "sort_branches": self._sort_branches}
        conditions = {"sort_cells": "rebuild", "sort_segments": "rebuild", "append_daughters": "births",
                      "sort_holds": "relink", "scan_pieces": "relink"}
        launches = makers[kernel.primitive](Primitives(self.device, term.name, self.replicas))
        for launch in launches:
            launch.when = conditions.get(kernel.primitive, "")
            launch.nbytes = sum(argument.size for argument in launch.arguments[2:] if hasattr(argument, "get_info"))
        return launches

    def _sort_cells(self, primitives: Primitives) -> list[Launch]:
        """Counting sort of all rows by (bin, id), and every array of the cells' state into that order.

        The neighbour lists, which are about to be rewritten, are the scratch of the permutation.
        """
        b, layout, when = self.buffers, self.layout, self.buffers["sorting"]
        launches = primitives.counting_sort(b["bin_of"], b["id"], b["bin_start"], b["bin_fill"], b["order"],
                                            layout.stride, layout.bins + 1, when)  # fmt: skip
        for name in row_arrays(b):
            words, planes = words_of(name, layout)
            launches += primitives.permute(b["order"], b[name], b["neighbor"], words, planes, layout.stride,
                                           layout.stride, when)  # fmt: skip
        return launches

    def _sort_segments(self, primitives: Primitives) -> list[Launch]:
        """Segments in the order of their bins."""
        b, layout = self.buffers, self.layout
        return primitives.counting_sort(b["segment_bin"], None, b["segment_bin_start"], b["segment_bin_fill"],
                                        b["segment_list"], layout.segments, layout.segment_bins, b["binning"])

    def _sort_tethers(self, primitives: Primitives) -> list[Launch]:
        """Tethers, by slot and cell, in the order of their segments."""
        b, layout = self.buffers, self.layout
        return primitives.counting_sort(b["tether_key"], None, b["tether_start"], b["tether_fill"], b["tether_list"],
                                        layout.count("tether_key"), layout.segments, b["tethering"])  # fmt: skip

    def _sort_branches(self, primitives: Primitives) -> list[Launch]:
        """Cells in the order of the branches that they are in; those in none are left out."""
        b, layout = self.buffers, self.layout
        return primitives.counting_sort(b["branch_of"], None, b["branch_start"], b["branch_fill"], b["branch_list"],
                                        layout.stride, layout.branches, b["branching"])  # fmt: skip

    def _scan_awake(self, primitives: Primitives) -> list[Launch]:
        return primitives.scan(self.buffers["awake_place"], self.layout.fibers + 1, self.buffers["placed"])

    def _sort_holds(self, primitives: Primitives) -> list[Launch]:
        """Ends of crosslinks in the order of their segments; free ones are left out."""
        b, layout = self.buffers, self.layout
        return primitives.counting_sort(b["hold_key"], None, b["hold_start"], b["hold_fill"], b["hold_list"],
                                        layout.count("hold_key"), layout.segments, b["listing"])  # fmt: skip

    def _scan_pieces(self, primitives: Primitives) -> list[Launch]:
        return primitives.scan(self.buffers["piece_place"], self.layout.chains + 1, self.buffers["listing"])

    def _scan_deposits(self, primitives: Primitives) -> list[Launch]:
        return primitives.scan(self.buffers["deposit_place"], self.layout.stride, self.buffers["depositing"])

    def _append_daughters(self, primitives: Primitives) -> list[Launch]:
        """A row for each daughter: what the mother has, but empty tables of junctions and links."""
        b, layout, when = self.buffers, self.layout, self.buffers["birthing"]
        launches = primitives.scan(b["born_at"], layout.stride, when)
        for name in row_arrays(b):
            words, planes = words_of(name, layout)
            empty = ARRAYS[name].rows in ("junctions", "links", "bends")
            launches += primitives.append(b["bears"], b["born_at"], b[name], empty, words, planes, layout.stride,
                                          layout.stride, when)  # fmt: skip
        return launches


def row_arrays(names: Sequence[str] | dict[str, Any]) -> list[str]:
    """Those of the arrays that belong to a cell from step to step, and move with it."""
    return [n for n in names if n in ARRAYS and ARRAYS[n].per == "cell" and ARRAYS[n].persists]


def words_of(name: str, layout: Layout) -> tuple[int, int]:
    """32-bit words per row, and planes, of a cell array."""
    return ARRAYS[name].item_bytes // 4, layout.count(name) // layout.stride
