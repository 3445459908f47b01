"""Colours of fibers that move, by how far they have moved or by what they bear; one scale for all frames of a run.

NumPy only. Dim where nothing happens, so that a network at rest does not hide its cells; the brighter, the more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from physim.errors import InputError
from physim.viz.frames import Run, array, line_ends, line_nodes

SHED = "shed"
TITLES = {"displacement": "fiber displacement (\u00b5m)", "tension": "fiber tension (nN)", SHED: "shed integrins"}
"""What a scale stands for, by the word that asks for it."""
PLAIN = "plain"
# As a cyan lookup table of a microscope: no cell type, nucleus or link has this colour. Pressed fibers are violet.
_MORE = np.array([[72, 77, 90], [35, 145, 165], [60, 225, 235], [230, 255, 252]]) / 255
_LESS = np.array([[72, 77, 90], [125, 70, 175], [180, 95, 250], [225, 170, 255]]) / 255
THINNED = (165 / 255, 235 / 255, 45 / 255)
"""Of what cells have begun to cut, whatever else colours fibers: a rim of it is left along a tunnel."""
_FRAMES = 5
_FEW, _NOTHING = 0.02, 1e-3
"""Share of the segments in view that may be beyond the end of the scale: those right at the cells. Segments with less
than a thousandth of the largest value do not count, else the scale would depend on how much of the box is at rest."""
_REST = 1e-3
"""um or nN: a network in which all is less is at rest; positions are rounded to some 1e-7 um."""


@dataclass(frozen=True)
class FiberColor:
    """What colours the fibers, and the value at which the scale ends."""

    quantity: str
    """"displacement" (its size), "tension" (below 0 where a fiber is pressed) or "shed" (integrins of a segment)."""
    top: float
    """um, nN or how many."""

    @property
    def low(self) -> float:
        """The other end of the scale."""
        return -self.top if self.quantity == "tension" else 0.0

    @property
    def title(self) -> str:
        return TITLES[self.quantity]

    @property
    def labels(self) -> tuple[str, str, str]:
        """Of the left end, middle and right end of the scale."""
        low = f"\u2264 \u2212{-self.low:g}" if self.low else "0"
        return low, f"{0.5 * (self.low + self.top):g}", f"\u2265 {self.top:g}"

    def strong(self, values: np.ndarray) -> np.ndarray:
        """(m,) which lines are drawn wider."""
        return np.abs(values) > 0.3 * self.top

    def values(self, fibers: Any) -> np.ndarray:
        """(m,) of each line of a part "fibers"; a segment has moved by the mean of its two ends."""
        values = array(fibers, _array(self.quantity))
        assert values is not None, self.quantity
        if self.quantity != "displacement":
            return values
        return np.linalg.norm(values, axis=1)[line_nodes(fibers)].mean(axis=1)

    def of(self, values: np.ndarray) -> np.ndarray:
        """(m, 3) colours of values, 0 to 1; beyond the ends of the scale they stay as there."""
        share = np.clip(np.asarray(values, float) / self.top, -1, 1)
        stops = np.linspace(0, 1, len(_MORE))
        more, less = (
            np.stack([np.interp(side * share, stops, table[:, k]) for k in range(3)], axis=1)
            for side, table in ((1, _MORE), (-1, _LESS))
        )
        return np.where(share[:, None] < 0, less, more)


def _array(quantity: str) -> str:
    """The array of the frames of fibers."""
    return "shed_integrins" if quantity == SHED else quantity


def thinned(colors: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Colours (m, 3) of segments, the nearer to `THINNED` the less is left of them: `area` (m,), 0 to 1."""
    return THINNED + area[:, None] * (colors - THINNED)


def of_run(run: Run, wanted: str | None, shown: Callable[[np.ndarray], np.ndarray]) -> FiberColor | None:
    """The scale for a run, from a few of its frames; None where fibers are held or at rest, or for "plain".

    `wanted` is "displacement" (the default), "tension", "shed" or "plain"; `shown` says of middles (m, 3) which are
    in view. Raises InputError if `wanted` is another word, or fibers have no such array.
    """
    if wanted is not None and wanted not in (PLAIN, *TITLES):
        raise InputError(f"--fibers: '{wanted[:40]}' is not known; write {', '.join(TITLES)} or {PLAIN}")
    quantity = wanted or "displacement"
    last = run.part("fibers", run.times[-1])
    if quantity == PLAIN or last is None or array(last, _array(quantity)) is None:
        if wanted == SHED:
            raise InputError(f"--fibers {SHED}: cells of this run shed no integrins; run it with the term shedding")
        if wanted in TITLES:
            raise InputError(f"--fibers {wanted}: fibers are held in this run, or were not recorded as they moved; "
                             "leave it out")  # fmt: skip
        return None
    scale, tops = FiberColor(quantity, 0.0), [0.0]
    for k in np.unique(np.linspace(0, len(run.times) - 1, _FRAMES).astype(int)):
        fibers = run.part("fibers", run.times[k])
        if fibers is not None:
            begin, end = line_ends(fibers)
            values = np.abs(scale.values(fibers))[shown(0.5 * (begin + end))]
            values = values[values > _NOTHING * values.max(initial=0.0)]
            tops.append(float(np.quantile(values, 1 - _FEW)) if len(values) else 0.0)
    return FiberColor(quantity, round_number(max(tops))) if max(tops) > _REST else None


def round_number(value: float) -> float:
    """The nearest of 1, 2, 5, 10, 20, ... 0.5, 0.2 ... on a logarithmic scale."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(min((step * power for step in (1, 2, 5, 10)), key=lambda step: abs(np.log(step / value))))
