"""Times of tracks as numbers of frames: one interval for all, gaps as multiples of it, small unevenness taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physim.errors import InputError
from physim.problems import show

UNEVEN = 0.2
"""Of the interval: so far may a step be off a multiple of it."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Where the rows of tracks are in time."""

    number: NDArray[np.int64]
    """(rows,) from the earliest on."""
    interval: float
    """min."""
    uneven: float
    """min, by which a step is off at most."""


def frames(name: str, time: NDArray, who: NDArray, line: NDArray, labels: Sequence[str]) -> Frames:
    """Of rows in the order of track (number `who`, called `labels[who]`) and time (min), from lines of the file `name`.

    The interval is the median of the steps of tracks, or the shortest, of which all others are multiples; it is then
    fitted to all. Raises InputError for two rows of a track at one time, for steps that are no multiples, and where no
    track has two rows.
    """
    same = np.diff(who) == 0
    step, later = np.diff(time)[same], np.flatnonzero(same) + 1
    if not len(step):
        raise InputError(
            f"{name}: no track has two rows; is the column of tracks the right one? If so, remove these rows"
        )

    def called(row: int) -> str:
        return f"line {line[row]}: track {show(labels[int(who[row])])}"

    if not step.min() > 0:
        row = int(later[np.argmax(step <= 0)])
        again = f"{(step <= 0).sum():,} such rows" if (step <= 0).sum() > 1 else "one such row"
        raise InputError(f"{name}: {called(row)} has another row at this time in line {line[row - 1]} ({again}); "
                         "remove one, or give each cell a track of its own")  # fmt: skip
    usual = float(np.median(step))
    for interval in (usual, float(step.min())):
        count = np.rint(step / interval)
        off = np.where(count > 0, np.abs(step - count * interval), np.inf)
        if off.max() <= UNEVEN * interval:
            break
    else:
        worst = int(np.argmax(np.abs(step / usual - np.rint(step / usual))))
        row = int(later[worst])
        raise InputError(f"{name}: {called(row)} comes {step[worst]:.4g} min after its row before, which is no "
                         f"multiple of the {usual:.4g} min between most; interpolate to one interval")  # fmt: skip
    interval = float(step.sum() / count.sum())
    moved = np.zeros(len(time), np.int64)
    moved[later] = count
    first = np.flatnonzero(np.concatenate([[True], ~same]))
    begin = np.rint((time[first] - time.min()) / interval).astype(np.int64)
    total = np.cumsum(moved)
    number = total - np.repeat(total[first] - begin, np.diff(np.append(first, len(time))))
    return Frames(number, interval, float(np.abs(step - count * interval).max()))
