"""What of a walk is known and what is not: random motion, cells at rest, few positions, errors given too large."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from physim.analysis import persistence, track_report
from physim.analysis.migration import Trajectories
from physim.analysis.persistence import PersistentWalk
from physim.analysis.track_measures import measure
from physim.analysis.track_sets import Tracks
from physim.analysis.track_walk import Estimate, axes_of
from physim.errors import InputError
from physim.files import write_json
from physim.viz.track_msd import _walk_words

EVERY = np.arange(0, 481, 5.0)


def random_walks(seed, diffusion=30.0, noise=0.0, count=30, steps=97):
    """Tracks without persistence (um^2/h), with errors of positions (um)."""
    random = np.random.default_rng(seed)
    position = np.zeros((steps, count, 3))
    moves = random.normal(0, np.sqrt(2 * diffusion * 5 / 60), (steps, count, 2))
    position[:, :, :2] = np.cumsum(moves, axis=0) + random.normal(0, noise, (steps, count, 2))
    paths = Trajectories(5.0 * np.arange(steps), np.arange(count, dtype=np.uint32), position, np.full(count, np.nan))
    return tracks(paths)


def tracks(paths):
    return Tracks("cells", paths, 2, tuple(map(str, paths.id)), 5.0)


def few(some, **options):
    return measure(some, **{"resamples": 60, "nulls": 3} | options)


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_of_random_motion_only_its_diffusion_is_told(tmp_path, seed, noise):
    """S, P and s have no numbers in the report, in JSON and in the picture, and S^2 has no axis."""
    found = few(random_walks(seed, noise=noise))
    walk, said = found.walk, track_report.report(found)
    assert walk.diffusion.value == pytest.approx(30, rel=0.15)
    assert walk.diffusion.low < 30 * 1.05 and walk.diffusion.high > 30 * 0.95
    assert "D is known; S, P and the error of a position are not" in said and said.count("not known") == 3
    assert "S^2 along" not in said and "D along" in said
    write_json(tmp_path / "a.json", track_report.as_table(found))
    furth = json.loads((tmp_path / "a.json").read_text())["furth"]
    for name in ("speed_um_per_h", "persistence_min", "noise_um"):
        assert furth[name] == {"value": None, "low": None, "high": None}
    assert "S not known, P not known, D " in _walk_words(found) and "known; " not in _walk_words(found)


def test_a_persistence_of_which_the_interval_reaches_too_low_is_not_told():
    """P is an interval above its bound in the fit, and its interval begins below half of an interval."""
    walk = PersistentWalk(12, 4, noise=1.0, dimensions=2)
    found = [few(tracks(persistence.walks(walk, 30, EVERY, seed=seed)), nulls=1).walk for seed in range(3)]
    for one in found:
        assert np.isnan(one.persistence.value) or one.persistence.low >= 2.5
    assert any(one.warning and one.walk.persistence > 2.5 for one in found)


@pytest.mark.parametrize("noise", [None, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_cells_at_rest_are_no_walk(seed, noise):
    """Also where the error of positions is known, and by chance a little above what is seen."""
    found = few(random_walks(seed, diffusion=0.0, noise=0.5), noise=noise)
    said = track_report.report(found)
    assert found.walk is None and found.axes is None and "anisotropy" not in said and "D is known" not in said
    assert "no motion beyond the error of positions, 0.5" in said or "of positions, 0.49" in said


def test_slow_motion_is_still_motion():
    assert few(random_walks(1, diffusion=0.3, noise=0.5)).walk.diffusion.value == pytest.approx(0.3, rel=0.3)
    assert few(random_walks(2, count=3, steps=4), resamples=60).walk is not None  # few, but they move


def test_straight_paths_have_a_persistence_above_something():
    """No search bound is printed as a value or as an interval, and none of the values is outside its interval."""
    angle = np.linspace(0, 6, 30)
    position = EVERY[:, None, None] * 0.2 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    found = few(tracks(Trajectories(EVERY, np.arange(30, dtype=np.uint32), position, np.full(30, np.nan))))
    said = track_report.report(found)
    assert "speed S 12 (12 to 12)" in said and "persistence P above 115 min" in said
    assert "diffusion D not known" in said and "D along" not in said and "error of a position below 0.0" in said
    assert "P above 115 min" in _walk_words(found)
    assert "more than 1000 times" in said
    for seed in range(5):
        walk = few(tracks(persistence.walks(PersistentWalk(12, 80, noise=0.3, dimensions=2), 8, EVERY, seed=seed))).walk
        for one in (walk.speed, walk.persistence, walk.diffusion, walk.noise):
            assert not (one.value < one.low or one.value > one.high)
            assert np.isnan(one.high) or np.isinf(one.high) or one.high < 1e4
    assert track_report.quantity(Estimate(40, 20, np.inf), "min") == "40 (above 20) min"
    assert Estimate.within(1.0, 2.0, 3.0) == Estimate(1.0, 1.0, 3.0)


def test_noise_beyond_what_is_seen_is_refused():
    for noise, ok in ((1.0, True), (5.0, False)):
        if ok:
            assert few(random_walks(1), noise=noise).walk.noise.value == noise
        else:
            with pytest.raises(InputError, match=r"a noise of 5 um alone .* over 5 min; give less, or none"):
                few(random_walks(1), noise=noise)
    with pytest.raises(InputError, match="a noise of 2 um alone"):
        few(random_walks(1, diffusion=0.0, noise=0.5), noise=2.0)


def test_tracks_of_one_position_are_in_no_median():
    some = random_walks(3, count=9)
    position = np.array(some.paths.position)
    position[1:, :5] = np.nan
    alone = tracks(Trajectories(some.paths.time, some.paths.id, position, some.paths.departed))
    found, whole = few(alone), few(some)
    assert found.duration.median == found.duration.lower == 480.0 and found.displacement.lower > 0
    assert found.displacement.upper <= np.quantile(some.paths.cell_displacements(), 1.0)
    assert whole.duration.median == 480.0
    assert "5 of 9 tracks have one position only and are in no median" in found.notes


def test_what_is_by_chance_is_fitted_as_the_tracks_are():
    """Every 15 min s is hardly known, and a set without an axis varies more in S^2 if its s is fitted, too."""
    some = Tracks("cells", persistence.walks(PersistentWalk(12, 25, noise=0.5, dimensions=2), 30, EVERY[::3], seed=0),
                  2, tuple(map(str, range(30))), 15.0)  # fmt: skip
    found = few(some, resamples=0, nulls=1)
    lags = found.curve.lag[found.curve.lag <= found.walk.longest_lag]
    fitted, handed = (axes_of(some, lags, replace(found.walk, noise_fitted=way), 39).speed_by_chance
                      for way in (True, False))  # fmt: skip
    assert fitted.high - fitted.low > 1.15 * (handed.high - handed.low)
