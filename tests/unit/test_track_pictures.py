"""Pictures of tracks at the edges: nothing moves, names that matplotlib reads as something else, flat curves."""

from __future__ import annotations

import numpy as np
import pytest
from reference.pictures import figures_of

from physim.analysis import persistence, track_measures
from physim.analysis.migration import Trajectories
from physim.analysis.persistence import PersistentWalk
from physim.analysis.track_sets import Tracks
from physim.viz import tracks as pictures

EVERY = np.arange(0, 241, 5.0)
LONG = "Y-27632, 10 \u00b5M, overnight in serum free medium, with a name that goes on and on until it hides a curve"


@pytest.fixture
def figures(monkeypatch):
    return figures_of(monkeypatch)


def measured(name, position):
    count = position.shape[1]
    paths = Trajectories(EVERY, np.arange(count, dtype=np.uint32), position, np.full(count, np.nan))
    return track_measures.measure(Tracks(name, paths, 2, tuple(map(str, range(count))), 5.0), resamples=20, nulls=1)


def walking(name, seed=0, count=8):
    return measured(name, persistence.walks(PersistentWalk(12, 25, dimensions=2), count, EVERY, seed=seed).position)


def test_where_nothing_moves_there_are_pictures_without_logarithms(tmp_path, figures):
    still = measured("still", np.zeros((len(EVERY), 4, 3)))
    assert len(pictures.draw([still], tmp_path)) == 3
    (axes,) = figures[1].axes
    assert axes.get_yscale() == "linear" and [text.get_text() for text in axes.texts] == ["nothing has moved"]
    pictures.msd(tmp_path / "both.png", [still, walking("b")])
    assert figures[-1].axes[0].get_yscale() == "log"


@pytest.mark.parametrize("name", ["_hidden", "cost $5 and $x^{2", "a$b", "$\\frac$"])
def test_names_are_shown_as_they_are(tmp_path, figures, name):
    """In all legends, and in no formula: that would fail to be drawn or look different."""
    pictures.draw([walking(name), walking("other", seed=1)], tmp_path)
    for figure in figures[1:]:
        said = figure.axes[0].get_legend().get_texts()
        assert len(said) == 2 and said[0].get_text().replace("\\$", "$").startswith(name)
        assert said[0]._preprocess_math(said[0].get_text())[0].startswith(name)


def test_long_names_stay_above_the_curves(tmp_path, figures):
    pictures.speeds(tmp_path / "a.png", [walking(LONG), walking(LONG, seed=1)])
    left = figures[0].axes[0]
    legend = left.get_legend().get_window_extent()
    top = max(patch.get_data().values.max() for patch in left.patches)
    assert left.transData.transform((0, top))[1] <= legend.y0
    assert legend.width < 0.7 * left.get_window_extent().width


def test_names_of_slopes_are_apart_where_the_curve_is_flat(tmp_path, figures):
    rest = np.zeros((len(EVERY), 6, 3))
    rest[:, :, :2] = np.random.default_rng(1).normal(0, 0.5, (len(EVERY), 6, 2))
    pictures.msd(tmp_path / "a.png", [measured("rest", rest)])
    one, other = (text.get_window_extent() for text in figures[0].axes[0].texts)
    assert not one.overlaps(other)


def test_ends_are_smaller_where_paths_are_many(tmp_path, figures):
    for count in (5, 120):
        pictures.trajectories(tmp_path / f"{count}.png", [walking("a", count=count)])
    few, many = (max(line.get_markersize() for line in figure.axes[0].get_lines() if line.get_marker() == "o")
                 for figure in figures)  # fmt: skip
    assert many < 0.5 * few


def test_nothing_is_cut_off_under_long_names(tmp_path, figures):
    sets = [walking(name, seed=k, count=12) for k, name in enumerate(("a", "b", LONG))]
    pictures.trajectories(tmp_path / "a.png", sets)
    (figure,) = figures
    for axes in figure.axes[:3]:
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            box = text.get_window_extent()
            assert box.y0 >= 0 and box.y1 <= figure.bbox.y1 and box.x0 >= 0, text.get_text()
