"""Measures of tracks against walks whose speed, persistence, noise and axes are known."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from reference.track_files import DIALECTS, write

from physim.analysis import persistence, track_measures, track_report
from physim.analysis.migration import Trajectories
from physim.analysis.persistence import PersistentWalk
from physim.analysis.track_pairs import squares, step_speeds
from physim.analysis.track_sets import Tracks, read_tracks
from physim.analysis.track_table import Scale
from physim.errors import InputError
from physim.files import write_json

EVERY = np.arange(0, 12 * 60 + 1, 5.0)
SPREAD = {"speed": 0.184, "persistence": 1.71, "noise": 0.0056}
"""Standard deviations over 40 sets of 50 tracks of 12 h in 3D: 15 um/h, 30 min, 0.5 um; in 2D sqrt(3/2) of them."""


def tracks(paths: Trajectories, dimensions: int = 3, interval: float = 5.0) -> Tracks:
    return Tracks("walks", paths, dimensions, tuple(map(str, paths.id)), interval)


def walks(dimensions: int = 3, cells: int = 50, seed: int = 0, **changes) -> Tracks:
    given = {"speed": 15.0, "persistence": 30.0, "noise": 0.5} | changes
    walk = PersistentWalk(dimensions=dimensions, **given)
    return tracks(persistence.walks(walk, cells, EVERY, seed=seed), dimensions)


def measured(some: Tracks, resamples: int = 60, nulls: int = 1, **options):
    return track_measures.measure(some, resamples=resamples, nulls=nulls, **options)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("name", DIALECTS)
def test_walk_comes_back_out_of_every_dialect(tmp_path, name, dimensions):
    """S, P, D and the noise within 3.5 standard deviations of what was put in, with the formulas of n dimensions."""
    dialect = DIALECTS[name]
    path = write(tmp_path / "t.csv", walks(dimensions, seed=1).paths, dialect, dimensions)
    scale = Scale(0.5, 0.5, 5.0) if dialect.options else Scale()
    found = measured(*read_tracks(path, scale), resamples=0).walk
    wider = 3.5 * np.sqrt(3 / dimensions)
    assert found.noise_fitted and found.walk.dimensions == dimensions
    for measure, wanted in (("speed", 15.0), ("persistence", 30.0), ("noise", 0.5)):
        assert getattr(found, measure).value == pytest.approx(wanted, abs=wider * SPREAD[measure]), measure
    assert found.diffusion.value == pytest.approx(15**2 * 0.5 / dimensions, rel=0.25)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Of 8 sets at least 5 hold each number, and 25 of all 32: of 90 % intervals so many do 99 times in 100."""
    held = np.zeros(4, int)
    for seed in range(8):
        n = 2 + seed % 2
        walk = measured(walks(n, cells=25, seed=seed + 100), resamples=40).walk
        pairs = ((walk.speed, 15.0), (walk.persistence, 30.0), (walk.noise, 0.5), (walk.diffusion, 112.5 / n))
        for k, (found, wanted) in enumerate(pairs):
            assert found.low < found.value < found.high
            held[k] += found.low <= wanted <= found.high
        assert walk.speed.high - walk.speed.low < 2.5 and walk.persistence.high - walk.persistence.low < 25
    assert (held >= 5).all() and held.sum() >= 25, held


def test_known_noise_is_taken_as_it_is():
    some = walks(noise=0.5)
    told, blind = measured(some, noise=0.5, resamples=0).walk, measured(some, noise=0.0, resamples=0).walk
    assert told.speed.value == pytest.approx(15, rel=0.04) and not told.noise_fitted and told.noise.value == 0.5
    assert blind.speed.value > 1.1 * told.speed.value and blind.persistence.value < 0.8 * told.persistence.value


@pytest.mark.parametrize("dimensions", [2, 3])
def test_axis_is_told_from_chance(dimensions):
    """Three times faster along an axis of each track's own is recognised, none is not."""
    paths = walks(dimensions, cells=30, noise=0.0, seed=4).paths
    random = np.random.default_rng(1)
    turns = np.zeros((30, 3, 3))
    turns[:, :dimensions, :dimensions] = np.linalg.qr(random.standard_normal((30, dimensions, dimensions)))[0]
    for stretch, real in ((3.0, True), (1.0, False)):
        position = np.einsum("cij,tcj->tci", turns, paths.position * [stretch, 1, 1])
        position[:, :, :dimensions] += random.normal(0, 0.5, position[:, :, :dimensions].shape)
        axes = measured(tracks(replace(paths, position=position), dimensions), resamples=0, nulls=19).axes
        assert axes.real == real, axes
        if real:
            assert axes.speed == pytest.approx(stretch**2, rel=0.25)
        else:
            assert axes.diffusion_by_chance.low * 0.8 < axes.diffusion < axes.diffusion_by_chance.high


def test_gaps_change_little_and_pairs_across_them_do_not_count():
    """A third of the positions are lost: the walk stays within 4 standard deviations, and each pair is a real one."""
    whole = walks(seed=6)
    position = np.array(whole.paths.position)
    position[np.random.default_rng(5).random(position.shape[:2]) < 0.33] = np.nan
    some = tracks(replace(whole.paths, position=position))
    total, count = squares(some.paths, [5.0, 30.0, 7.0])
    seen = np.isfinite(position[:, :, 0])
    gone = replace(some.paths, departed=np.where(np.arange(50) % 2 == 0, 300.0, np.nan))
    square, pairs = squares(gone, [5.0, 30.0])
    assert pairs[0, 0] == (seen[1:60, 0] & seen[:59, 0]).sum() and pairs[0, 1] == count[0, 1]
    np.testing.assert_allclose(square.sum(1) / pairs.sum(1), gone.msd([5, 30]))
    np.testing.assert_array_equal(count[:2], [(seen[1:] & seen[:-1]).sum(0), (seen[6:] & seen[:-6]).sum(0)])
    assert count[2].sum() == 0  # no records are 7 min apart
    np.testing.assert_allclose(total[:2].sum(1) / count[:2].sum(1), some.paths.msd([5, 30]))
    walk = measured(some, resamples=0).walk
    assert walk.speed.value == pytest.approx(15, abs=4 * SPREAD["speed"] * 1.5)
    assert walk.persistence.value == pytest.approx(30, abs=4 * SPREAD["persistence"] * 1.5)


def test_speeds_are_those_of_the_intervals_that_were_recorded():
    line = np.arange(31)[:, None, None] * np.array([[[0.1, 0, 0]], [[0.2, 0, 0]], [[0.4, 0, 0]]]).transpose(1, 0, 2)
    for every, wanted in ((2.0, [6, 10, 20]), (5.0, [5, 10, 20]), (15.0, [15, 30]), (60.0, [60])):
        paths = Trajectories(np.arange(31) * every, np.arange(3, dtype=np.uint32), line * every, np.full(3, np.nan))
        found = measured(tracks(paths, 3, every), noise=0.0, resamples=0)
        assert list(found.speeds) == wanted
        assert [speed.median for speed in found.speeds.values()] == pytest.approx([12.0] * len(wanted))
        assert found.displacement.median == pytest.approx(0.2 * 30 * every)
        np.testing.assert_allclose(np.unique(step_speeds(paths, wanted[0]).round(6)), [6, 12, 24])
        if found.exponent is not None:
            assert found.exponent.value == pytest.approx(2.0)
        assert found.exponent_lags == {2.0: (16, 30), 5.0: (15, 60), 15.0: (15, 60), 60.0: None}[every]


def test_exponent_is_that_of_furth():
    found = measured(walks(cells=100, noise=0.0))
    wanted = PersistentWalk(15.0, 30.0).msd([15, 60])
    assert found.exponent_lags == (15, 60)
    assert found.exponent.value == pytest.approx(np.log(wanted[1] / wanted[0]) / np.log(4), abs=0.03)
    assert found.exponent.low < found.exponent.value < found.exponent.high


def test_what_cannot_be_told_is_left_out_and_said():
    """Cells at rest, one short track, and a persistence beyond what was recorded."""
    still = Trajectories(EVERY, np.arange(9, dtype=np.uint32), np.zeros((len(EVERY), 9, 3)), np.full(9, np.nan))
    found = measured(tracks(still))
    assert found.walk is None and found.axes is None and found.exponent is None
    assert "nothing has moved" in found.notes[0] and found.speeds[10.0].median == 0
    short = Trajectories(EVERY[:3], np.arange(1, dtype=np.uint32), walks().paths.position[:3, :1], np.full(1, np.nan))
    found = measured(tracks(short))
    assert found.walk is None and any("too few lags" in note for note in found.notes)
    assert np.isnan(found.curve.low).all() and "one track has no interval" in found.notes
    straight = measured(walks(persistence=1e5, noise=0.0), noise=0.0, resamples=0).walk
    assert "S is known, P and D are not" in straight.warning
    random = measured(walks(persistence=0.5, noise=0.0, speed=60.0), noise=0.0, resamples=0).walk
    assert "D is known; S and P are not" in random.warning and random.diffusion.value == pytest.approx(10, rel=0.1)
    with pytest.raises(InputError, match="no track has two positions"):
        measured(tracks(Trajectories(EVERY[:2], still.id, np.where(np.eye(2, 9)[:, :, None] > 0, 0, np.nan)
                                     * np.ones(3), still.departed)))  # fmt: skip


def test_seen_from_above_a_walk_in_space_is_one_in_the_plane():
    """S and D of the projection: S^2 falls to 2/3, D per axis stays."""
    flat = measured(walks(cells=80).from_above(), resamples=0)
    assert flat.tracks.dimensions == 2 and flat.walk.walk.dimensions == 2
    assert flat.walk.speed.value == pytest.approx(15 * np.sqrt(2 / 3), rel=0.04)
    assert flat.walk.diffusion.value == pytest.approx(37.5, rel=0.15)


def test_report_and_tables_say_the_same_numbers(tmp_path):
    found = measured(walks(2, cells=10))
    said = track_report.report(found)
    walk, table = found.walk, track_report.as_table(found)
    assert "walks: 10 tracks in 2D, a position every 5 min, for 12 h" in said
    assert f"speed S {walk.speed.value:.3g} ({walk.speed.low:.3g} to {walk.speed.high:.3g}) um/h" in said
    assert f"persistence P {walk.persistence.value:.3g} (" in said and "um/h over 20 min" in said
    write_json(tmp_path / "a.json", table)
    assert json.loads((tmp_path / "a.json").read_text())["furth"]["persistence_min"]["value"] == walk.persistence.value
    cells = list(csv.DictReader(io.StringIO(track_report.cells_csv([found]))))
    assert len(cells) == 10 and float(cells[3]["duration_min"]) == 720 and cells[3]["positions"] == "145"
    moved = found.tracks.paths.cell_displacements()[3]
    assert float(cells[3]["net_displacement_um"]) == pytest.approx(moved) and float(cells[3]["path_um"]) > moved
    assert float(cells[3]["speed_over_10_min_um_per_h"]) == pytest.approx(found.tracks.paths.cell_speeds(10)[3])
    lags = list(csv.DictReader(io.StringIO(track_report.msd_csv([found]))))
    assert [float(row["msd_um2"]) for row in lags] == pytest.approx(list(found.curve.msd))
    assert float(lags[0]["furth_um2"]) == pytest.approx(walk.walk.msd(5.0)) and lags[0]["pairs"] == "1440"
    (tmp_path / "again.csv").write_text(track_report.positions_csv([found]))
    (again,) = read_tracks(tmp_path / "again.csv")
    np.testing.assert_allclose(again.paths.position, found.tracks.paths.position, rtol=1e-6, atol=1e-6)
    assert (again.name, again.dimensions) == ("walks", 2)
