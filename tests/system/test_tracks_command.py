"""`physim tracks` from outside: what it says, writes and draws, of runs, of tables, and of both beside each other."""

from __future__ import annotations

import json

import numpy as np
import pyarrow
import pytest
from matplotlib.image import imread
from reference import runs
from reference.commands import inside
from reference.pictures import figures_of
from reference.track_files import DIALECTS, write
from typer.testing import CliRunner

from physim import cell_table
from physim.analysis import persistence, track_measures
from physim.analysis.migration import Trajectories
from physim.analysis.persistence import PersistentWalk
from physim.analysis.track_sets import Tracks
from physim.cli import app
from physim.viz import tracks as pictures

BLUE, RED = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
FILES = {"measures.json", "cells.csv", "msd.csv", "positions.csv", "trajectories.png", "msd.png", "speeds.png"}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer draws than a user gets: the numbers are tested elsewhere."""
    monkeypatch.setattr(track_measures.measure, "__kwdefaults__",
                        track_measures.measure.__kwdefaults__ | {"resamples": 20, "nulls": 3})  # fmt: skip


def recorded(folder, boundary="open"):
    """A run of six cells over an hour, which walk, and a null arm in which they rest; the last one leaves at 40 min."""
    paths = persistence.walks(PersistentWalk(20.0, 30.0), 6, np.arange(0, 61, 5.0), seed=3)
    left = np.where(np.arange(6) == 5, 40.0, np.nan)
    records = [runs.snapshot(time, place + 50, departed=left if time >= 40 else np.nan)
               for time, place in zip(paths.time, paths.position, strict=True)]  # fmt: skip
    run = runs.record(folder, records, boundary=boundary)
    rest = [cell_table.rows(time, records[0].cells, cell_table.TRAJECTORY) for time in paths.time]
    cell_table.write(run / "null.parquet", pyarrow.concat_tables(rest))
    return run


def straight(folder, name, *speeds, flat=True):
    """A table of cells that go straight, (n, 2) um/h, with a position every 5 min for an hour."""
    time = np.arange(0, 61, 5.0)
    moves = np.array([[*speed, 0.0] for speed in speeds]) / 60
    paths = Trajectories(time, np.arange(len(speeds), dtype=np.uint32), time[:, None, None] * moves,
                         np.full(len(speeds), np.nan))  # fmt: skip
    return write(folder / name, paths, DIALECTS["plain"], 2 if flat else 3), paths


@pytest.fixture
def without_pictures(monkeypatch):
    monkeypatch.setattr(pictures, "draw", lambda sets, folder: [])


def invoke(*arguments):
    result = CliRunner().invoke(app, ["tracks", *map(str, arguments)])
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.stdout


def test_run_is_measured_arm_by_arm(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = recorded(tmp_path / "runs" / "mine")
    said = invoke(run)
    assert "mine: 6 tracks in 3D, a position every 5 min, for 60 min" in said and "mine, null arm: 6 tracks" in said
    assert "no walk fitted: at some lag nothing has moved" in said and "persistence P" in said
    folder = tmp_path / "mine_tracks"
    assert {p.name for p in folder.iterdir()} == FILES
    assert {line.removeprefix("mine_tracks/") for line in said.splitlines()[-7:]} == FILES
    first, null = json.loads((folder / "measures.json").read_text())["sets"]
    paths = Trajectories.read(run)
    assert first["speed_um_per_h"][1]["over_min"] == 10
    assert first["speed_um_per_h"][1]["median"] == pytest.approx(paths.speed_at(10))
    assert first["net_displacement_um"]["median"] == pytest.approx(paths.net_displacement())
    assert null["furth"] is None and null["net_displacement_um"]["median"] == 0
    assert len(np.genfromtxt(folder / "positions.csv", delimiter=",", skip_header=1, usecols=2)) == 2 * 6 * 13 - 5


def test_table_of_a_run_and_its_export_measure_the_same(tmp_path, monkeypatch, without_pictures):
    monkeypatch.chdir(tmp_path)
    run = recorded(tmp_path / "a", boundary="periodic")
    assert CliRunner().invoke(app, ["export", str(run)]).exit_code == 0
    invoke(run / "cells.parquet", run / "trackmate_spots.csv", "--out", "both")
    one, other = json.loads((tmp_path / "both" / "measures.json").read_text())["sets"]
    assert (one["name"], other["name"]) == ("cells", "trackmate_spots") and other["dimensions"] == 3
    assert other["furth"]["speed_um_per_h"]["value"] == pytest.approx(one["furth"]["speed_um_per_h"]["value"], rel=1e-4)


def test_options_name_what_the_header_does_not(tmp_path, monkeypatch, without_pictures):
    monkeypatch.chdir(tmp_path)
    paths = persistence.walks(PersistentWalk(20.0, 30.0), 10, np.arange(0, 201, 5.0), seed=4)
    dialect = DIALECTS["tabs"]
    write(tmp_path / "px.csv", paths, dialect, 3)
    write(tmp_path / "um.csv", paths, DIALECTS["plain"], 3)
    invoke("px.csv", *dialect.options, "--noise", "0.1 um", "--shortest", "1 h")
    invoke("um.csv", "--noise", "100 nm", "--from-above")
    px, um = (json.loads((tmp_path / f"{name}_tracks" / "measures.json").read_text())["sets"][0]
              for name in ("px", "um"))  # fmt: skip
    assert (px["dimensions"], um["dimensions"], px["interval_min"]) == (3, 2, pytest.approx(5))
    assert px["furth"]["noise_um"]["value"] == um["furth"]["noise_um"]["value"] == pytest.approx(0.1)
    assert px["net_displacement_um"]["median"] > um["net_displacement_um"]["median"] > 0


def test_tracks_in_the_plane_beside_tracks_in_space_are_pointed_at(tmp_path, monkeypatch, without_pictures):
    monkeypatch.chdir(tmp_path)
    straight(tmp_path, "flat.csv", (10, 0), (0, 20))
    time = np.arange(0, 61, 5.0)
    write(tmp_path / "deep.csv", persistence.walks(PersistentWalk(9.0, 20.0), 3, time), DIALECTS["plain"], 3)
    assert "--from-above measures all in 2D" in invoke("flat.csv", "deep.csv")
    assert "--from-above measures" not in invoke("flat.csv", "deep.csv", "--from-above", "--out", "again")


def test_folder_is_not_overwritten_and_seeds_are_pointed_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    straight(tmp_path, "a.csv", (10, 0))
    (tmp_path / "a_tracks").mkdir()
    (tmp_path / "replicates.json").write_text("{}")
    for path, said in (("a.csv", "a_tracks: exists and is not overwritten"), (".", "holds runs of several seeds")):
        result = inside("tracks", path)
        assert result.returncode == 2 and result.stdout == "" and len(result.stderr.splitlines()) == 1
        assert said in result.stderr and not list((tmp_path / "a_tracks").iterdir())


@pytest.mark.parametrize("out", ["a.csv/here", "a.csv/not/here", "x" * 300, "new/" + "x" * 300])
def test_folder_that_cannot_be_made_is_told_before_anything_is_measured(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    straight(tmp_path, "a.csv", (10, 0))
    result = CliRunner().invoke(app, ["tracks", "a.csv", "--out", out])
    assert result.exit_code == 2 and result.stdout == "" and "--out" in result.stderr
    assert len(result.stderr.splitlines()) == 1 and [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("where", ["draw", "measure"])
def test_what_is_interrupted_leaves_nothing_and_blocks_nothing(tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    straight(tmp_path, "a.csv", (10, 0), (0, 20))

    def stop(*given, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*{"draw": (pictures, "speeds"), "measure": (track_measures, "measure")}[where], stop)
        assert CliRunner().invoke(app, ["tracks", "a.csv", "--out", "new/b"]).exit_code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    invoke("a.csv", "--out", "new/b")
    assert {path.name for path in (tmp_path / "new" / "b").iterdir()} == FILES
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["b"]


def test_noise_beyond_what_is_seen_is_refused_in_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    straight(tmp_path, "a.csv", (10, 0), (0, 20))
    result = CliRunner().invoke(app, ["tracks", "a.csv", "--noise", "9 um"])
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1 and "a noise of 9 um alone" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


# pictures


def near(pixels, rgb, within=10):
    return np.abs(pixels - np.array(rgb)).max(axis=2) <= within


def drawn(path):
    return np.rint(255 * imread(path)[..., :3]).astype(int)


def measured(name, paths):
    return track_measures.measure(Tracks(name, paths, 2, tuple(map(str, paths.id)), 5.0), noise=0.0)


def test_paths_begin_at_one_origin_and_the_bar_is_as_long_as_it_says(tmp_path):
    """30 um to the right and 15 um up: so many pixels as the bar of 10 um has, three times and one and a half times."""
    found = measured("two cells", straight(tmp_path, "a.csv", (30, 0), (0, 15))[1])
    pixels = drawn(pictures.trajectories(tmp_path / "a.png", [found]))
    right, up = np.argwhere(near(pixels, BLUE)), np.argwhere(near(pixels, RED))
    assert np.ptp(right[:, 0]) < 40 and np.ptp(up[:, 1]) < 40  # lines with a dot at their end
    below = pixels[int(0.75 * len(pixels)) :]
    gray = near(below, (64, 64, 64), 3)
    bar = max(len(run) for row in gray for run in "".join(".#"[on] for on in row.astype(int)).split("."))
    dot = 12  # half of its width
    assert np.ptp(right[:, 1]) - dot == pytest.approx(3.0 * bar, abs=14)
    assert np.ptp(up[:, 0]) - dot == pytest.approx(1.5 * bar, abs=14)
    assert abs(right[:, 1].min() - up[:, 1].mean()) < 14 and abs(up[:, 0].max() - right[:, 0].mean()) < 14


def test_many_paths_are_coloured_by_time_with_a_scale(tmp_path, monkeypatch):
    figures = figures_of(monkeypatch)
    speeds = [(30 * np.cos(k), 30 * np.sin(k)) for k in range(200)]
    found = measured("many", straight(tmp_path, "a.csv", *speeds)[1])
    pixels = drawn(pictures.trajectories(tmp_path / "a.png", [found]))
    axes, bar = figures[0].axes
    assert bar.get_ylabel() == "time since the first position (min)" and bar.get_ylim() == (0, 60)
    words = [text.get_text() for text in axes.texts]
    assert words == ["150 of 200 cells", "10 \u00b5m"] and axes.get_xlabel() == "x (\u00b5m)"
    assert len(axes.collections) == 150
    middle = [pixels.shape[0] - int(axes.transData.transform((0, 0))[1]), int(axes.transData.transform((0, 0))[0])]
    early, late = (255 * np.array(pictures._colormap()(k)[:3]) for k in (0.04, 0.96))
    edge = int(axes.get_window_extent().x1)
    place = [np.argwhere(near(pixels[:, :edge], color, 14)) for color in (early, late)]
    away = [np.linalg.norm(where - middle, axis=1) for where in place]
    assert np.median(away[0]) < 0.35 * np.median(away[1])


def test_msd_is_drawn_with_its_fit_and_slopes(tmp_path, monkeypatch):
    figures = figures_of(monkeypatch)
    walk = PersistentWalk(20.0, 30.0, dimensions=2)
    sets = [measured(name, persistence.walks(walk, 20, np.arange(0, 481, 5.0), seed=k)) for k, name in enumerate("ab")]
    pixels = drawn(pictures.msd(tmp_path / "a.png", sets))
    (axes,) = figures[0].axes
    lines = axes.get_lines()
    for k, found in enumerate(sets):
        dots, fitted, beyond = lines[3 * k : 3 * k + 3]
        np.testing.assert_allclose(dots.get_xydata(), np.stack([found.curve.lag, found.curve.msd], 1))
        np.testing.assert_allclose(fitted.get_ydata(), found.walk.walk.msd(fitted.get_xdata()))
        assert fitted.get_xdata()[-1] == beyond.get_xdata()[0] == pytest.approx(found.walk.longest_lag)
        assert fitted.get_linestyle() == "-" and beyond.get_linestyle() == "--"
    slopes = [np.diff(np.log(line.get_xydata()), axis=0)[0] for line in lines[6:]]
    assert [rise / run for run, rise in slopes] == pytest.approx([2, 1])
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    assert said[0].startswith("a\nS ") and "P " in said[0] and "\u00b5m\u00b2/h" in said[0]
    assert axes.get_xscale() == axes.get_yscale() == "log" and len(axes.collections) == 2
    assert near(pixels, BLUE).sum() > 2000 and near(pixels, RED).sum() > 2000


def test_speeds_are_drawn_as_they_are(tmp_path, monkeypatch):
    figures = figures_of(monkeypatch)
    sets = [measured("slow", straight(tmp_path, "a.csv", *[(10, 0)] * 5)[1]),
            measured("fast", straight(tmp_path, "b.csv", *[(0, 20 + k) for k in range(5)])[1])]  # fmt: skip
    pixels = drawn(pictures.speeds(tmp_path / "a.png", sets))
    left, right = figures[0].axes
    assert "10 min" in left.get_legend().get_texts()[0].get_text()
    edges = left.patches[0].get_data().edges
    for k, speeds in enumerate(([10.0], [20, 21, 22, 23, 24.0])):
        share = left.patches[2 * k].get_data().values
        assert share.sum() == pytest.approx(100)
        full = np.flatnonzero(share)
        assert edges[full[0]] <= speeds[0] <= edges[full[0] + 1] and edges[full[-1]] <= speeds[-1]
        np.testing.assert_allclose(np.sort(right.get_lines()[2 * k].get_ydata()), speeds * (5 // len(speeds)))
    assert [label.get_text() for label in right.get_xticklabels()] == ["slow", "fast"]
    assert near(pixels, BLUE).sum() > 1000 and near(pixels, RED).sum() > 1000
