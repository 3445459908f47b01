"""How a run is looked at: one view, slab and set of colours for all its frames, and where they lie on the picture.

NumPy only; `physim.viz.scene` draws it. Parallel projection along -z, so that the scale bar holds everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from physim.problems import number_of
from physim.viz import fiber_color
from physim.viz.fiber_color import FiberColor, round_number
from physim.viz.frames import Run, array, in_the_box, points

RGB = tuple[float, float, float]


def _rgb(r: int, g: int, b: int) -> RGB:
    return r / 255, g / 255, b / 255


# As under a fluorescence microscope; cells, nuclei and links stay apart with every common colour vision.
CELLS = [_rgb(46, 180, 130), _rgb(225, 105, 180), _rgb(110, 195, 250), _rgb(225, 225, 215), _rgb(190, 145, 60)]
NUCLEUS = _rgb(66, 82, 235)
FIBER = _rgb(122, 130, 146)
OBSTACLE = _rgb(200, 196, 186)
WALL = _rgb(205, 82, 76)
BAR = 0.6
"""um: a little more than the distance at which the wires of an obstacle are by default."""
LINKS = [_rgb(190, 50, 40), _rgb(250, 140, 30), _rgb(255, 242, 150)]
"""By class of tension: the stronger, the brighter."""
PAPER = _rgb(9, 10, 14)
INK = _rgb(235, 236, 240)

SLAB = 20.0
"""Thickness of the slab of fibers that is shown, um."""
PALE = 0.4
"""Share of their colour that cells outside the slab keep."""
_SAMPLES = 24
_MOST_ROWS = 8


def color(kind: int) -> RGB:
    """Of a cell type."""
    return CELLS[kind % len(CELLS)]


def mixed(rgb: RGB, share: float) -> RGB:
    """A colour faded into the paper."""
    r, g, b = (share * front + (1 - share) * back for front, back in zip(rgb, PAPER, strict=True))
    return r, g, b


def path_color(kind: int) -> RGB:
    """Of the paths of a cell type: lighter than its cells."""
    r, g, b = (0.6 * body + 0.4 * ink for body, ink in zip(color(kind), INK, strict=True))
    return r, g, b


@dataclass(frozen=True)
class View:
    """What all pictures of a run share."""

    low: tuple[float, float]
    """um, lower left corner of what must be seen."""
    high: tuple[float, float]
    plane: float
    """z of the middle of the slab, um: the mean height of the cells at the start."""
    tension: float
    """nN: classes of link tension begin at 0, 1 and 2 times this; 0 without links."""
    fibers: bool
    fiber_color: FiberColor | None = None
    """Of fibers that move; None: grey."""
    cut: bool = False
    """Whether cells thin fibers."""
    paths: bool = False
    """Whether paths of cells through fibers are to be seen."""

    @classmethod
    def of(cls, run: Run, fibers_by: str | None = None) -> View:
        """The box where there are fibers, else vessels and the space that the cells take in the course of the run.

        `fibers_by` is what colours fibers: see `fiber_color.of_run`, whose InputError this raises.
        """
        seen = [run.times[k] for k in np.unique(np.linspace(0, len(run.times) - 1, _SAMPLES).astype(int))]
        low, high, tensions = np.full(3, np.inf), np.full(3, -np.inf), [np.zeros(0)]
        for time in seen:
            cells = run.part("cells", time)
            here, radius = in_the_box(cells), array(cells, "radius")
            assert radius is not None
            where = points(cells)
            low = np.minimum(low, (where - radius[:, None])[here].min(0, initial=np.inf))
            high = np.maximum(high, (where + radius[:, None])[here].max(0, initial=-np.inf))
            links = run.part("links", time)
            tensions.append(_some(array(links, "tension") if links is not None else None))
        first = points(run.part("cells", seen[0]))
        plane = float(first[:, 2].mean()) if len(first) else 0.0
        fibers, box = run.part("fibers", seen[-1]), run.box()
        if fibers is not None:
            low, high = (box[0], box[1]) if box else (points(fibers).min(0), points(fibers).max(0))
        elif (vessels := run.part("vessels", seen[-1])) is not None:
            low, high = np.minimum(low, points(vessels).min(0)), np.maximum(high, points(vessels).max(0))
        if not np.all(low < high):
            low, high = np.zeros(3), np.full(3, 40.0)
        pad = np.maximum(0.0, 20.0 - 0.5 * (high - low))  # at least 40 um
        low, high = low - pad, high + pad
        pulls = np.concatenate(tensions)
        step = round_number(float(np.quantile(pulls, 0.99)) / 3) if len(pulls) and pulls.max() > 0 else 0.0
        view = cls((float(low[0]), float(low[1])), (float(high[0]), float(high[1])), plane, step, fibers is not None)
        if fibers is not None:
            begin, end = run.paths[:2]
            view = replace(view, cut=array(fibers, "area") is not None,
                           paths=bool(view.in_slab(0.5 * (begin + end)[:, 2]).any()))  # fmt: skip
        return replace(view, fiber_color=fiber_color.of_run(run, fibers_by, lambda middle: view.in_slab(middle[:, 2])))

    def in_slab(self, height: np.ndarray, margin: np.ndarray | float = 0.0) -> np.ndarray:
        """Whether heights z, um, lie in the slab or within `margin` of it; all do where no slab is shown."""
        return np.abs(height - self.plane) < 0.5 * SLAB + margin if self.fibers else np.ones(len(height), bool)

    def tension_class(self, tension: np.ndarray) -> np.ndarray:
        """0, 1 or 2: index into `LINKS`."""
        return np.clip(tension / self.tension if self.tension else 0 * tension, 0, 2).astype(int)


@dataclass(frozen=True)
class Layout:
    """The picture in pixels from its lower left corner: the legend in a column, the view beside it."""

    width: int
    height: int
    view: View

    @property
    def column(self) -> int:
        """Width of the legend."""
        return int(min(self.height / 3, self.width / 4))

    @property
    def unit(self) -> float:
        """Pixels per pixel of the design, which is 1600 x 1200."""
        return self.column / 400

    @property
    def scale(self) -> float:
        """Pixels per um."""
        (x0, y0), (x1, y1) = self.view.low, self.view.high
        return min((self.width - self.column) / (x1 - x0), self.height / (y1 - y0)) / 1.03

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """Where a point (um) appears."""
        (x0, y0), (x1, y1) = self.view.low, self.view.high
        middle = 0.5 * (self.width + self.column), 0.5 * self.height
        return middle[0] + (x - 0.5 * (x0 + x1)) * self.scale, middle[1] + (y - 0.5 * (y0 + y1)) * self.scale

    def scale_bar(self) -> tuple[float, float]:
        """Length in um, a round number, and in pixels: as long as the column allows."""
        most = 0.84 * self.column / self.scale
        power = 10.0 ** np.floor(np.log10(most))
        length = float(max(step * power for step in (1, 2, 5) if step * power <= most))
        return length, length * self.scale


@dataclass(frozen=True)
class Row:
    """A line of the legend: its text and the sign before it ("cell", "nucleus", "pale", "fiber", "link" or "").

    "scale" is a bar of the colours of a scale, with the text below.
    """

    label: str
    sign: str = ""
    color: RGB = INK
    scale: FiberColor | None = None


def legend(view: View, names: list[str], kinds: np.ndarray, here: int, all_cells: int, pale: bool) -> list[Row]:
    """Rows for the cell types `kinds` in the picture, of which `here` cells of `all_cells` are in the box."""
    left = all_cells - here
    count = f"{here:,} of {all_cells:,} cells, {left:,} left" if left else number_of(here, "cell")
    rows = [Row(count if here else "no cell is left in the box")]
    for kind in kinds[:_MOST_ROWS]:
        name = names[kind] if kind < len(names) else f"type {kind}"
        rows.append(Row(name if len(name) <= 20 else name[:19] + "\u2026", "cell", color(int(kind))))
    if len(kinds) > _MOST_ROWS:
        rows.append(Row(f"and {len(kinds) - _MOST_ROWS} more types"))
    if here:
        rows.append(Row("nucleus", "nucleus", NUCLEUS))
    if pale:
        rows.append(Row("above or below slab", "pale", color(int(kinds[0]))))
    if view.paths:
        rows.append(Row("path of a cell", "fiber", path_color(int(kinds[0]) if len(kinds) else 0)))
    if view.fibers:
        rows.append(Row(f"collagen, {SLAB:g} \u00b5m slab", "fiber", FIBER))
    if view.cut:
        rows.append(Row("thinned, cut ends", "link", fiber_color.THINNED))
    if view.fiber_color is not None:
        rows += [Row(view.fiber_color.title), Row("", "scale", scale=view.fiber_color), Row("")]
    if view.tension:
        one, two = view.tension, 2 * view.tension
        words = (f"link, below {one:g} nN", f"link, {one:g} to {two:g} nN", f"link, above {two:g} nN")
        rows += [Row(word, "link", shade) for word, shade in zip(words, LINKS, strict=True)]
    return rows


def _some(values: np.ndarray | None) -> np.ndarray:
    return values if values is not None else np.zeros(0)
