"""Pictures of a run: what is where on them, in which colour; series, movies, and machines that cannot draw.

Where VTK has no GL library the pixels cannot be looked at; then these tests check that this is said, with the remedy.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pyarrow
import pytest
from matplotlib.image import imread
from reference import runs
from reference.pictures import SIZE, at, figures_of, near, pixels_of
from typer.testing import CliRunner

from physim import cell_table
from physim.analysis.displacement import Decay
from physim.cli import app
from physim.errors import InputError
from physim.viz import movie, plots, render
from physim.viz.fiber_color import FiberColor
from physim.viz.frames import Run, array
from physim.viz.plots import plot_invasion
from physim.viz.render import PictureError, render_run
from physim.viz.view import CELLS, FIBER, INK, LINKS, NUCLEUS, PAPER, Layout, View, legend

# two cells in the slab about z = 50 um, one above it, one that has left
PLACES = [[30, 50, 50], [70, 50, 50], [50, 80, 90], [50, 20, 10]]
POINTS = [[30, 65, 50], [70, 66, 50], [70, 33, 50]]
FIBERS = runs.network([[10, 10, 50], [10, 90, 85]], [[90, 10, 50], [90, 90, 85]])


def scene(minutes=60.0, **changes):
    departed = [np.nan, np.nan, np.nan, 30.0]
    given = {"kind": [0, 1, 0, 0], "departed": departed,
             "links": [(0, POINTS[0], 1.0), (1, POINTS[1], 9.0), (1, POINTS[2], 5.0)]} | changes  # fmt: skip
    return runs.snapshot(minutes, PLACES, **given)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """(pixels or None, layout) of the scene."""
    folder = runs.record(tmp_path_factory.mktemp("run") / "a", [scene()], fibers=FIBERS)
    pixels = pixels_of(folder)
    return None if pixels is None else pixels[0], Layout(*SIZE, View.of(Run(folder)))


def test_cells_and_nuclei_appear_at_their_places_in_their_colours(drawn):
    pixels, layout = drawn
    if pixels is None:
        return
    lit = 0.3 + 0.7 * np.sqrt(1 - 0.75**2)  # the light comes from the viewer
    for (x, y, _), kind in zip(PLACES[:2], (0, 1), strict=True):
        assert near(at(pixels, layout, x, y), NUCLEUS)
        for side in (-6.0, 6.0):  # of a radius of 8 um
            assert near(at(pixels, layout, x + side, y), lit * np.array(CELLS[kind]))
        assert near(at(pixels, layout, x + 8.6, y), PAPER)
    pale = at(pixels, layout, 56, 80)
    assert near(pale, lit * (0.4 * np.array(CELLS[0]) + 0.6 * np.array(PAPER)))
    assert near(at(pixels, layout, 50, 20), PAPER) and near(at(pixels, layout, 56, 20), PAPER)  # it has left


def test_only_fibers_in_the_slab_are_drawn(drawn):
    pixels, layout = drawn
    if pixels is None:
        return
    px = int(layout.pixel(20, 0)[0])
    along = lambda y: pixels[px, int(layout.pixel(0, y)[1]) - 2 : int(layout.pixel(0, y)[1]) + 3]  # noqa: E731
    assert near(along(10).max(0), FIBER, 70)  # a line of one pixel
    assert near(along(90).max(0), PAPER)


def test_links_show_their_tension_at_the_fiber(drawn):
    pixels, layout = drawn
    assert layout.view.tension == 2.0  # classes begin at 0, 2 and 4 nN
    assert layout.view.tension_class(np.array([1.0, 3.9, 4.1, 9.0])).tolist() == [0, 1, 2, 2]
    if pixels is None:
        return
    for (x, y, _), shade in zip(POINTS, (LINKS[0], LINKS[2], LINKS[2]), strict=True):
        assert near(at(pixels, layout, x, y), shade, 25)


NET = runs.network([[20, 10, 50], [20, 30, 50], [20, 90, 50], [60, 10, 90]], [[80, 10, 50], [80, 30, 50], [80, 90, 50],
                                                                              [60, 90, 90]])  # fmt: skip


def moving(folder, reach=(2.0, 1.0, 0.0, 9.0), tension=(4.0, -2.0, 0.0, 50.0)):
    """Three fibers in the slab and one above it, at rest and then moved along z by so many um; a cell at the middle."""
    shift = np.outer(np.repeat(reach, 2), [0, 0, 1.0])
    records = [runs.snapshot(10.0 * k, [[50, 60, 50]], fibers=runs.moved(NET, k * shift, k * np.array(tension)))
               for k in range(2)]  # fmt: skip
    return runs.record(folder, records, fibers=NET)


def test_fibers_that_move_are_coloured_by_what_they_did(tmp_path):
    folder = moving(tmp_path / "a")
    for quantity, unit, top in (("displacement", "\u00b5m", 2.0), ("tension", "nN", 5.0)):
        layout = Layout(*SIZE, View.of(Run(folder), quantity))
        scale = layout.view.fiber_color
        assert (scale.quantity, scale.top) == (quantity, top)  # of what is in the slab
        pixels = pixels_of(folder, "all", quantity)
        if pixels is None:
            return
        at_rest, drawn = pixels
        for y, value in ((10, 2.0), (30, 1.0), (90, 0.0)) if quantity == "displacement" else ((10, 4.0), (30, -2.0)):
            px, py = (int(p) for p in layout.pixel(40, y))
            for pixels, now in ((drawn, value), (at_rest, 0.0)):  # a line lies on one row of pixels, or on two
                light = (pixels[px, py - 3 : py + 4] / 255 - PAPER).sum(0)
                share = light / (scale.of(np.array([now]))[0] - PAPER)
                assert share.min() > 0.4 and np.ptp(share) < 0.05, (quantity, y, share)
        labels = [row.label for row in legend(layout.view, ["tumor"], np.zeros(1, int), 1, 1, False)]
        assert f"fiber {quantity} ({unit})" in labels
        column = drawn[: layout.column].reshape(-1, 3)
        for value in (scale.low, scale.top):  # both ends of the bar of the legend
            assert (np.abs(column - 255 * scale.of(np.array([value]))[0]).max(1) < 12).sum() >= 12


def test_colours_of_fibers_are_brighter_the_more_and_end_at_the_scale():
    for quantity, values in (("displacement", [0, 0.5, 1, 2.0]), ("tension", [0, -0.5, -1, -2.0])):
        scale = FiberColor(quantity, 2.0)
        colors = scale.of(np.array(values))
        assert (np.diff(colors.sum(1)) > 0.1).all()
        np.testing.assert_array_equal(scale.of(np.array([values[-1] * 9]))[0], colors[-1])
    assert FiberColor("tension", 2.0).labels == ("\u2264 \u22122", "0", "\u2265 2")
    assert FiberColor("displacement", 0.5).labels == ("0", "0.25", "\u2265 0.5")


def test_scale_is_not_set_by_how_much_is_at_rest(tmp_path):
    """One fiber of 100 moves; without the rule, 98 % of the segments would end the scale at 0."""
    net = runs.network([[1 + 0.9 * k, 10, 50] for k in range(100)], [[1 + 0.9 * k, 90, 50] for k in range(100)])
    shift = np.zeros(net.nodes.shape)
    shift[:2] = [0, 0.5, 0]
    taken = runs.snapshot(0.0, [[50, 50, 50]], fibers=runs.moved(net, shift))
    folder = runs.record(tmp_path / "a", [taken], fibers=net)
    assert View.of(Run(folder)).fiber_color.top == 0.5


def test_network_at_rest_or_held_is_grey_and_has_no_tension_to_show(tmp_path):
    at_rest = moving(tmp_path / "rest", (1e-7,) * 4, (1e-5,) * 4)
    assert View.of(Run(at_rest)).fiber_color is None
    held = runs.record(tmp_path / "held", [scene()], fibers=FIBERS)
    assert View.of(Run(held)).fiber_color is None
    assert View.of(Run(moving(tmp_path / "a")), "plain").fiber_color is None
    for words, said in ((("tension",), "--fibers tension: fibers are held in this run"),
                        (("shed",), "--fibers shed: cells of this run shed no integrins; run it with"),
                        (("red",), "'red' is not known; write displacement, tension, shed or plain")):  # fmt: skip
        result = CliRunner().invoke(app, ["render", str(held), "--fibers", *words])
        assert result.exit_code == 2 and result.stdout == "" and said in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_fibers_of_each_frame_are_read_anew_and_held_ones_once(tmp_path):
    run = Run(moving(tmp_path / "a"))
    first, second = (run.part("fibers", time) for time in run.times)
    assert array(first, "displacement").max() == 0 and array(second, "displacement").max() == 9
    held = Run(runs.record(tmp_path / "held", [scene(0.0), scene(10.0)], fibers=FIBERS))
    assert held.part("fibers", held.times[0]) is held.part("fibers", held.times[1])


def test_scale_bar_is_as_long_as_it_says(drawn):
    pixels, layout = drawn
    length, width = layout.scale_bar()
    assert length in (10, 20, 50) and length * layout.scale == pytest.approx(width)
    if pixels is None:
        return
    column = pixels[: layout.column]
    rows = (np.abs(column - 255 * np.array(INK)).max(2) < 12).sum(0)
    bar = rows[int(44 * layout.unit) + 1 : int(54 * layout.unit) - 1]
    assert len(bar) and np.all(np.abs(bar - width) <= 1.5)
    blue = np.argwhere(np.abs(pixels[layout.column :, :] - 255 * np.array(NUCLEUS)).max(2) < 12)
    blue = blue[np.abs(blue[:, 1] - layout.pixel(0, 50)[1]) < 10]  # the two nuclei, 40 um apart
    left = blue[:, 0] < layout.pixel(50, 50)[0] - layout.column
    apart = blue[~left, 0].mean() - blue[left, 0].mean()
    assert apart / 40 == pytest.approx(width / length, rel=0.01)


def test_legend_has_a_row_for_all_that_is_shown(drawn):
    pixels, layout = drawn
    rows = legend(layout.view, list(runs.NAMES), np.array([0, 1]), 3, 4, True)
    assert [row.label for row in rows] == [
        "3 of 4 cells, 1 left", "tumor", "fibroblast", "nucleus", "above or below slab", "collagen, 20 \u00b5m slab",
        "link, below 2 nN", "link, 2 to 4 nN", "link, above 4 nN",
    ]  # fmt: skip
    if pixels is None:
        return
    column = pixels[: layout.column].reshape(-1, 3)
    for rgb in (CELLS[0], CELLS[1], NUCLEUS, FIBER, *LINKS):
        assert (np.abs(column - 255 * np.array(rgb)).max(1) < 6).sum() >= 12, rgb
    text = np.abs(pixels[:, :] - 255 * np.array(INK)).max(2) < 12
    assert not text[layout.column - 4 :].any()  # no letter and no bar in the view, nor at its edge


def test_legend_without_cells_links_or_fibers_is_short():
    view = View((0, 0), (50, 50), 0.0, 0.0, False)
    rows = legend(view, ["tumor"], np.zeros(0, int), 0, 3, False)
    assert [row.label for row in rows] == ["no cell is left in the box"]
    many = legend(view, ["a long name of a cell type"] * 9, np.arange(20), 20, 20, False)
    assert many[1].label == "a long name of a ce\u2026" and many[-2].label == "and 12 more types"


def test_all_frames_share_a_view_that_holds_every_cell(tmp_path):
    paths = [runs.snapshot(10 * k, [[50 + 10 * k, 50, 50], [50, 50 - 15 * k, 50]]) for k in range(4)]
    folder = runs.record(tmp_path / "a", paths, size=1000)
    layout = Layout(*SIZE, View.of(Run(folder)))
    for x, y in ((80 + 8, 50), (50, 5 - 8)):
        px, py = layout.pixel(x, y)
        assert layout.column < px < SIZE[0] and 0 < py < SIZE[1]
    assert layout.scale * 103 > 0.9 * min(SIZE[0] - layout.column, SIZE[1])  # and is not much larger


def test_run_in_progress_gives_a_series_and_an_empty_box_no_cells(tmp_path, monkeypatch):
    (tmp_path / "physim").mkdir()
    (tmp_path / "physim" / "__init__.py").write_text("raise SystemExit('not the installed physim')")
    monkeypatch.chdir(tmp_path)  # as in a checkout, whose physim has no viz inside
    gone = scene(90.0, departed=30.0, links=())
    folder = runs.record(tmp_path / "a", [scene(0.0, departed=np.nan), gone], fibers=FIBERS, finish=False)
    assert [path.name for path in plot_invasion(folder)] == ["invasion.csv", "invasion.png"]
    pixels = pixels_of(folder, "all")
    if pixels is None:
        return
    assert [path.name for path in sorted((folder / "pictures").iterdir())] == ["000000.png", "000001.png"]
    layout = Layout(*SIZE, View.of(Run(folder)))
    blue = [(np.abs(one[layout.column :] - 255 * np.array(NUCLEUS)).max(2) < 12).sum() for one in pixels]
    assert blue[0] > 100 and blue[1] == 0


@pytest.mark.parametrize("size", [(1920, 1080), (600, 600), (300, 900)])
def test_layout_fits_every_shape_of_picture(size):
    layout = Layout(*size, View((0, 0), (180, 180), 0.0, 5.0, True))
    corners = [layout.pixel(x, y) for x in (0, 180) for y in (0, 180)]
    assert all(layout.column < x < size[0] and 0 < y < size[1] for x, y in corners)
    assert layout.scale_bar()[1] < layout.column and (12 * 48 + 138) * layout.unit < size[1]


def test_colours_stay_apart_for_colour_blind_eyes():
    """Machado, Oliveira and Fernandes 2009, full protanopia and deuteranopia; distance in CIE Lab."""
    eyes = [[[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
            [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]], np.eye(3)]  # fmt: skip
    shown = np.array([*CELLS[:3], NUCLEUS, *LINKS, PAPER])
    for eye in eyes:
        linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
        light = np.clip(linear @ np.array(eye).T, 0, 1)
        xyz = light @ np.array([[0.434, 0.376, 0.190], [0.213, 0.715, 0.072], [0.018, 0.109, 0.873]]).T
        f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
        lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
        apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)
        assert apart[~np.eye(len(shown), dtype=bool)].min() > 13


def test_invaded_radius_is_that_of_the_table_of_cells(tmp_path):
    random = np.random.default_rng(2)
    start = random.uniform(30, 70, (20, 3))
    records = [runs.snapshot(10.0 * k, 50 + (1 + 0.1 * k) * (start - 50)) for k in range(4)]
    folder = runs.record(tmp_path / "a", records)
    still = [cell_table.rows(10.0 * k, records[0].cells, cell_table.TRAJECTORY) for k in range(4)]
    cell_table.write(folder / "null.parquet", pyarrow.concat_tables(still))
    plot_invasion(folder)
    written = np.genfromtxt(folder / "invasion.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    table = cell_table.read(folder).to_pydict()
    where = np.stack([table[f"{axis}_um"] for axis in "xyz"], 1).reshape(4, 20, 3)
    distance = np.linalg.norm(where - where[0].mean(0), axis=2)
    null, written = written[written["arm"] == "null"], written[written["arm"] == "run"]
    np.testing.assert_allclose(null["invaded_radius_90_um"], np.quantile(distance[0], 0.9), rtol=1e-5)
    np.testing.assert_allclose(written["time_h"], np.arange(4) / 6, rtol=1e-5)
    np.testing.assert_allclose(written["invaded_radius_90_um"], np.quantile(distance, 0.9, axis=1), rtol=1e-5)
    np.testing.assert_allclose(written["invaded_radius_rms_um"], np.sqrt((distance**2).mean(1)), rtol=1e-5)
    figure = imread(folder / "invasion.png")[..., :3]
    assert (np.abs(figure - np.array([0, 0x72, 0xB2]) / 255).max(2) < 0.05).sum() > 1000  # the line of the run


def test_stress_and_strain_are_drawn_with_their_modulus(tmp_path, monkeypatch):
    """sigma = 40 g + 500 g^3 Pa: the curve in percent, its tangent modulus against stress, a band of three networks."""
    figures = figures_of(monkeypatch)
    strain = np.linspace(0, 0.3, 31)
    stress = 40 * strain + 500 * strain**3
    curves = {"one": (strain, stress), "three": (strain, np.array([stress, 2 * stress, 3 * stress]))}
    path = plots.stress_strain(tmp_path / "a.png", curves)
    left, right = figures[0].axes
    assert left.get_xlabel() == "shear strain (%)" and left.get_ylabel() == "stress (Pa)"
    one, three = left.get_lines()
    np.testing.assert_allclose(one.get_xydata(), np.stack([100 * strain, stress], 1))
    np.testing.assert_allclose(three.get_ydata(), 2 * stress)
    (band,) = left.collections
    assert band.get_paths()[0].get_extents().ymax == pytest.approx(3 * stress[-1])
    x, modulus = right.get_lines()[0].get_xydata().T
    assert len(x) == 30  # without the point at rest, which has no place on log axes
    np.testing.assert_allclose(modulus[:-1], (40 + 1500 * strain[1:-1] ** 2), rtol=2e-3)
    guide = right.get_lines()[-1].get_xydata()
    assert guide[1, 1] / guide[0, 1] == pytest.approx(guide[1, 0] / guide[0, 0])
    assert right.get_xscale() == right.get_yscale() == "log"
    assert imread(path).shape[1] > 1500


def test_decay_of_displacements_is_drawn_with_its_exponent(tmp_path, monkeypatch):
    figures = figures_of(monkeypatch)
    r = np.geomspace(10, 50, 6)
    u = -3 * (r / 10) ** -1.5
    u[-1] *= -1
    fit = Decay(-1.5, (-1.6, -1.4), -3 * 10**1.5, 5)
    plots.displacement_decay(tmp_path / "a.png", {"cell": (r, u)}, fits={"cell": fit})
    (axes,) = figures[0].axes
    line, toward, away, guide = axes.get_lines()
    np.testing.assert_allclose(line.get_ydata(), 3 * (r / 10) ** -1.5)
    np.testing.assert_allclose(toward.get_xydata(), np.stack([r, -u], 1)[:-1])
    np.testing.assert_allclose(away.get_xydata(), [[r[-1], u[-1]]])
    assert away.get_markerfacecolor() == "none"
    (x0, y0), (x1, y1) = guide.get_xydata()
    assert np.log(y1 / y0) / np.log(x1 / x0) == pytest.approx(-2)
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    assert said == ["cell: exponent \u22121.50 (\u22121.60 to \u22121.40)", "slope \u22122"]
    assert "\u00b5m" in axes.get_xlabel() and "\u00b5m" in axes.get_ylabel()


def test_machine_that_cannot_draw_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(render, "_PROBE", "raise SystemExit(9)")
    folder = runs.record(tmp_path / "a", [scene()], fibers=FIBERS)
    result = CliRunner().invoke(app, ["render", str(folder)])
    assert result.exit_code == 2 and (folder / "invasion.png").is_file() and not (folder / "preview.png").exists()
    (line,) = result.stderr.splitlines()
    assert "apt-get install libegl1" in line and f"physim render {folder}" in line


def test_missing_frame_is_named(tmp_path):
    folder = runs.record(tmp_path / "a", [scene(0.0), scene(10.0)], fibers=FIBERS)
    (folder / "frames" / "cells_000001.vtp").unlink()
    with pytest.raises((InputError, PictureError), match=r"cells_000001\.vtp: is missing|apt-get install libegl1"):
        list(render_run(folder, size=SIZE))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "wide"], "--size: 'wide' is no size; write WIDTHxHEIGHT"),
        (["--size", "20x20"], "--size: '20x20' is out of range"),
        (["--frames", "first"], "--frames: 'first' is not known; write last or all"),
        (["--movie"], "--movie: imageio-ffmpeg is not installed; pip install imageio-ffmpeg"),
    ],
)
def test_wrong_options_are_refused_in_one_line(tmp_path, monkeypatch, options, said):
    monkeypatch.setattr(movie, "find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["render", str(runs.record(tmp_path / "a", [scene()])), *options])
    assert result.exit_code == 2 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 and said in result.stderr


def test_folder_without_frames_is_refused(tmp_path):
    for name in ("nothing", "empty"):
        result = CliRunner().invoke(app, ["render", str(tmp_path / name)])
        assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1, result.stderr
        (tmp_path / "empty").mkdir(exist_ok=True)


def test_movie_holds_the_pictures_in_their_order(tmp_path, monkeypatch):
    from matplotlib.image import imsave

    colours = [(200, 10, 10), (10, 200, 10), (10, 10, 200)]
    pictures = []
    for k, colour in enumerate(colours):
        pictures.append(tmp_path / f"{k}.png")
        imsave(pictures[-1], np.full((4, 6, 3), colour, np.uint8))
    sent = []

    def write_frames(path, size, **_):
        assert size == (6, 4)
        path.write_bytes(b"film")
        while True:
            sent.append((yield))

    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", SimpleNamespace(write_frames=write_frames))
    assert movie.write_movie(tmp_path / "movie.mp4", pictures).read_bytes() == b"film"
    assert [tuple(frame[0, 0]) for frame in sent] == colours
    with pytest.raises(InputError, match="even numbers"):
        monkeypatch.setattr(movie, "find_spec", lambda name: object())
        movie.check((801, 600))
