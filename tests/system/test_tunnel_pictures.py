"""Pictures of what cells leave behind: cut fibers, the paths of cells, integrins on fibers."""

from __future__ import annotations

import numpy as np
import pytest
from reference import networks, runs
from reference.pictures import SIZE, at, near, pixels_of

from physim.viz.fiber_color import THINNED
from physim.viz.frames import Run
from physim.viz.view import FIBER, PAPER, Layout, View, legend, path_color


def labels(view):
    return [row.label for row in legend(view, ["tumor"], np.zeros(1, int), 1, 1, False)]


@pytest.mark.parametrize("moving", [False, True], ids=["held", "moving"])
def test_cut_fibers_are_gone_but_for_their_ends_and_thin_ones_stand_out(tmp_path, moving):
    """Three fibers in the slab: the middle third of one is cut, one is thin, one is whole."""
    net = networks.chains([[[x, y, 50] for x in (20, 40, 60, 80)] for y in (10, 30, 70)], size=100)
    state = runs.moved(net, [[0, 0, 1.0]] * 8 + [[0, 0, 0.0]] * 4) if moving else {}
    taken = runs.snapshot(10.0, [[90, 90, 50]], fibers=runs.thinned(net, [1, 0, 1] + [0.1] * 3 + [1] * 3) | state)
    folder = runs.record(tmp_path / "a", [taken], fibers=net)
    layout = Layout(*SIZE, View.of(Run(folder)))
    scale = layout.view.fiber_color
    assert (scale is not None) == moving and layout.view.cut
    assert "thinned, cut ends" in [row.label for row in legend(layout.view, ["tumor"], np.zeros(1, int), 1, 1, False)]
    pixels = pixels_of(folder)
    if pixels is None:
        return

    def light(x, y):
        px, py = (int(p) for p in layout.pixel(x, y))
        return (pixels[0][px, py - 3 : py + 4] / 255 - PAPER).sum(0)

    moved_by = lambda um: scale.of(np.array([um]))[0] if moving else np.array(FIBER)  # noqa: E731
    assert np.abs(light(50, 10)).max() < 0.1  # nothing is there
    for y, color in ((70, moved_by(0.0)), (30, 0.9 * np.array(THINNED) + 0.1 * moved_by(1.0))):
        share = light(50, y) / (color - PAPER)
        assert share.min() > 0.4 and np.ptp(share) < 0.05, (y, share)
    for x in (40, 60):  # a ball, lit from the viewer
        assert near(at(pixels[0], layout, x, 10), THINNED, 25)
    assert not near(at(pixels[0], layout, 20, 10), THINNED, 60), "an end that was made"


NET = networks.chains([[[x, 10, 50] for x in (20, 40, 60, 80)], [[20, 90, 50], [80, 90, 50]]], size=100)


def test_paths_of_cells_lead_to_where_they_are(tmp_path):
    """One cell goes to and fro in the slab, one far above it, one out of the box, one through a periodic face."""
    there = [[[20, 50, 50], [20, 20, 70], [20, 30, 50], [95, 70, 50]],
             [[50, 65, 50], [50, 20, 70], [50, 30, 50], [5, 70, 50]],
             [[80, 50, 50], [80, 20, 70], [50, 30, 50], [15, 70, 50]]]  # fmt: skip
    gone = [np.nan, np.nan, 15.0, np.nan]
    records = [runs.snapshot(10.0 * k, where, departed=gone if k == 2 else np.nan, fibers=runs.thinned(NET, 1))
               for k, where in enumerate(there)]  # fmt: skip
    folder = runs.record(tmp_path / "a", records, fibers=NET, boundary="periodic")
    begin, end, time, kind = Run(folder).paths
    assert sorted(zip(begin[:, 0], end[:, 0], begin[:, 2], (60 * time).round(6), strict=True)) == [
        (5, 15, 50, 20), (20, 50, 50, 10), (20, 50, 50, 10), (20, 50, 70, 10), (50, 80, 50, 20), (50, 80, 70, 20)]
    assert (kind == 0).all()
    layout = Layout(*SIZE, View.of(Run(folder)))
    assert "path of a cell" in labels(layout.view)
    drawn = pixels_of(folder, "all")
    if drawn is None:
        return

    def seen(pixels, x, y):
        px, py = (int(p) for p in layout.pixel(x, y))
        return any(near(pixel, path_color(0), 30) for pixel in pixels[px, py - 2 : py + 3])

    for (x, y), since in (((35, 57.5), 1), ((65, 57.5), 2), ((30, 30), 1), ((35, 20), 9), ((50, 70), 9)):
        assert [seen(pixels, x, y) for pixels in drawn] == [k >= since for k in range(3)], (x, y)


def test_many_paths_are_not_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("physim.viz.frames.MOST_PATHS", 1)
    records = [runs.snapshot(10.0 * k, [[20 + 20 * k, 50, 50], [50, 80, 50]]) for k in range(2)]
    folder = runs.record(tmp_path / "a", records, fibers=NET)
    assert not View.of(Run(folder)).paths and all(len(part) == 0 for part in Run(folder).paths)


def test_fibers_are_coloured_by_the_integrins_left_on_them(tmp_path):
    shed = np.array([0, 50, 100, 0])
    taken = runs.snapshot(10.0, [[90, 50, 50]], fibers=runs.thinned(NET, 1) | {"shed_integrins": shed})
    folder = runs.record(tmp_path / "a", [taken], fibers=NET)
    layout = Layout(*SIZE, View.of(Run(folder), "shed"))
    scale = layout.view.fiber_color
    assert (scale.quantity, scale.top) == ("shed", 100) and "shed integrins" in labels(layout.view)
    drawn = pixels_of(folder, fibers="shed")
    if drawn is None:
        return
    for x, y, number in ((30, 10, 0), (50, 10, 50), (70, 10, 100), (70, 90, 0)):
        px, py = (int(p) for p in layout.pixel(x, y))
        light = (drawn[0][px, py - 3 : py + 4] / 255 - PAPER).sum(0)
        share = light / (scale.of(np.array([number]))[0] - PAPER)
        assert share.min() > 0.4 and np.ptp(share) < 0.05, (x, y, share)
