"""Where two sets of arrays differ, to the bit: which array, how many items, in which item most, by how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from physim.state import ARRAYS

if TYPE_CHECKING:
    from physim.simulation import Saved

_ROOM = ("stride", "unknowns", "neighbor_rows", "rows_needed")
"""Words of the records that say how much room there is: they differ after a resume, and change no result."""

@dataclass(frozen=True)
class Difference:
    """One array that is not the same in both: `items` of `of` differ, most of all the one that `where` names."""

    name: str
    kind: str
    """What an item is: "cell", "link", "node"."""
    items: int
    of: int
    where: str
    values: tuple[Any, Any]
    size: float
    """Largest absolute difference, in `unit`; NaN where one of the two is no number."""
    unit: str = ""

    def __str__(self) -> str:
        many = f"{self.items:,} of {self.of:,} {self.kind}s" if self.of > 1 else f"the one {self.kind}"
        how = f", a difference of {f'{self.size:.3g} {self.unit}'.strip()}" if np.isfinite(self.size) else ""
        return f"{self.name}: {many}, most in {self.where}: {self.values[0]} | {self.values[1]}{how}"


def unequal(first: NDArray, second: NDArray) -> NDArray[np.bool_]:
    """Elementwise, whether the bits differ: NaN equals the same NaN, 0.0 is not -0.0; types and shapes must agree."""
    bits = [np.ascontiguousarray(values).reshape(-1).view(np.uint8) for values in (first, second)]
    different = bits[0].reshape(-1, first.dtype.itemsize) != bits[1].reshape(-1, first.dtype.itemsize)
    return different.any(axis=1).reshape(first.shape)


def of_array(name: str, first: NDArray, second: NDArray, kind: str, label: Callable[[int], str], *,
             unit: str = "", slots: bool = False, quantum: NDArray | None = None) -> Difference | None:  # fmt: skip
    """How two arrays of one type and shape differ, None if not: items along the first axis, then slots, then x y z.

    With `quantum` (um along each axis) they hold fixed-point positions, whose differences wrap.
    """
    mask = unequal(first, second)
    if not mask.any():
        return None
    a, b = (values.astype(np.int64 if values.dtype.kind in "uib" else np.float64) for values in (first, second))
    gap = np.where(mask, np.abs(a - b).astype(float), -1.0)
    if quantum is not None:
        gap, unit = np.where(mask, np.abs((first - second).astype(float)) * quantum, -1.0), "um"
    at = np.unravel_index(int(np.argmax(np.where(np.isnan(gap), np.inf, gap))), gap.shape)
    inner = [f"slot {at[1]}"] if slots else []
    inner += ["xyzw"[k] if k < 4 else str(k) for k in at[1 + len(inner) :]]
    where = ", ".join([label(int(at[0])), *inner])
    items = int(mask.reshape(len(mask), -1).any(axis=1).sum())
    return Difference(name, kind, items, len(mask), where, (first[at], second[at]), float(gap[at]), unit)


def of_arrays(first: Mapping[str, NDArray], second: Mapping[str, NDArray], kind: str, label: Callable[[int], str],
              units: Mapping[str, str] | None = None) -> list[Difference | str]:  # fmt: skip
    """All differences between arrays of the same names; what only one has, or has otherwise, as words."""
    sizes = [{len(values) for values in of.values()} for of in (first, second)]
    if sizes[0] != sizes[1] and len(sizes[0]) == len(sizes[1]) == 1:
        return [f"{sizes[0].pop():,} | {sizes[1].pop():,} {kind}s"]
    found: list[Difference | str] = []
    for name in dict.fromkeys((*first, *second)):
        if name not in first or name not in second:
            found.append(f"{name}: only in {'A' if name in first else 'B'}")
        elif first[name].dtype != second[name].dtype or first[name].shape != second[name].shape:
            a, b = (f"{values.dtype} {values.shape}" for values in (first[name], second[name]))
            found.append(f"{name}: {a} | {b}")
        else:
            unit = (units or {}).get(name, "")
            difference = of_array(name, first[name], second[name], kind, label, unit=unit)
            if difference:
                found.append(difference)
    return found


def by_id(first: NDArray[np.integer], second: NDArray[np.integer]) -> tuple[NDArray, NDArray, str]:
    """Rows of the cells that both have, in the order of their ids, and words about those that only one has."""
    common, here, there = np.intersect1d(first, second, return_indices=True)
    words = []
    for run, ids in (("A", first), ("B", second)):
        own = np.setdiff1d(ids, common)
        if len(own):
            words.append(f"only in {run}: {len(own):,} cells, the first is cell {own[0]}")
    return here, there, "; ".join(words)


def _numbered(item: str, numbers: NDArray) -> Callable[[int], str]:
    return lambda row: f"{item} {numbers[row]}"


def of_states(one: Saved, other: Saved) -> list[Difference | str]:
    """How two saved states differ, cells by their ids; the room that they have is not compared."""
    found: list[Difference | str] = []
    ids, other_ids = one.arrays["id"], other.arrays["id"]
    here, there, words = by_id(ids, other_ids)
    if words:
        found.append(words)
    elif not np.array_equal(ids, other_ids):
        found.append("the cells are stored in another order")
    for name in sorted({*one.arrays, *other.arrays}, key=list(ARRAYS).index):
        if name not in one.arrays or name not in other.arrays:
            found.append(f"{name}: only in {'A' if name in one.arrays else 'B'}")
            continue
        array, first, second = ARRAYS[name], one.arrays[name], other.arrays[name]
        slots = array.per == "cell" and array.rows != "1"
        if slots:
            first, second = np.moveaxis(first, 1, 0), np.moveaxis(second, 1, 0)
        if array.per == "cell":
            first, second = first[here], second[there]
        item = array.per.replace("_", " ")
        if first.dtype != second.dtype or first.shape != second.shape:
            found.append(f"{name}: {len(first):,} | {len(second):,} {item}s")
            continue
        rows = ids[here] if array.per == "cell" else np.arange(len(first))
        quantum = one.world["quantum"] if array.unit == "quanta" else None
        difference = of_array(
            name, first, second, item, _numbered(item, rows), unit=array.unit, slots=slots, quantum=quantum
        )
        if difference:
            found.append(difference)
    for record, a, b in (("world", one.world, other.world), ("status", one.status, other.status)):
        found += [f"{record}.{word}: {a[word]} | {b[word]}" for word in a.dtype.names or ()
                  if word not in _ROOM and a[word].tobytes() != b[word].tobytes()]  # fmt: skip
    return found
