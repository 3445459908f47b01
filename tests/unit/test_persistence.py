"""Persistent walks against Furth's formula: published numbers, exact fits, simulated walks, axes of their own."""

from __future__ import annotations

import numpy as np
import pytest

from physim.analysis import persistence
from physim.analysis.migration import Trajectories
from physim.analysis.persistence import PersistentWalk
from physim.errors import InputError

LAGS = np.array([10.0, 20, 40, 80, 160, 320])
EVERY = np.arange(0, 24 * 60 + 1, 10.0)


def test_published_values_of_furth():
    """15 um/h, half an hour: 12, 128, 1238, 5288 um^2 after 0.25, 1, 6, 24 h; D = 37 um^2/h."""
    walk = PersistentWalk(15.0, 30.0)
    np.testing.assert_allclose(walk.msd([15, 60, 360, 1440]), [12, 128, 1238, 5288], atol=0.5)
    assert walk.diffusion == pytest.approx(37.5)


def test_short_and_long_lags_are_straight_and_random():
    walk = PersistentWalk(12.0, 20.0, noise=0.5)
    assert walk.msd(1e-3) - 6 * 0.25 == pytest.approx((12 / 60 * 1e-3) ** 2, rel=1e-3)
    assert walk.msd(1e5) == pytest.approx(6 * walk.diffusion * 1e5 / 60, rel=1e-3)


@pytest.mark.parametrize("wanted", [
    PersistentWalk(15.0, 30.0), PersistentWalk(30.0, 5.0), PersistentWalk(8.0, 240.0), PersistentWalk(9.0, 45.0, 0.7),
    PersistentWalk(5.0, 60.0, 0.3, dimensions=1),
])  # fmt: skip
def test_exact_curve_gives_its_walk_back(wanted):
    given = persistence.fit(LAGS, wanted.msd(LAGS), dimensions=wanted.dimensions, noise=wanted.noise)
    assert (given.speed, given.persistence) == pytest.approx((wanted.speed, wanted.persistence), rel=1e-4)
    if wanted.noise:
        free = persistence.fit(LAGS, wanted.msd(LAGS), dimensions=wanted.dimensions, noise=None)
        assert (free.speed, free.persistence) == pytest.approx((wanted.speed, wanted.persistence), rel=1e-2)
        assert free.noise == pytest.approx(wanted.noise, rel=1e-2)


def test_simulated_walk_is_what_was_asked_for():
    wanted = PersistentWalk(15.0, 30.0)
    paths = persistence.walks(wanted, 400, EVERY, seed=3)
    np.testing.assert_allclose(paths.msd(LAGS), wanted.msd(LAGS), rtol=0.06)
    found = persistence.fit_trajectories(paths, LAGS)
    assert (found.speed, found.persistence) == pytest.approx((15, 30), rel=0.05)
    assert persistence.exponent(paths, 20.0) == pytest.approx(
        np.log(wanted.msd(40) / wanted.msd(10)) / np.log(4), abs=0.02)  # fmt: skip


def test_noise_raises_short_lags_only():
    paths = persistence.walks(PersistentWalk(15.0, 30.0, noise=1.0), 400, EVERY, seed=4)
    blind = persistence.fit_trajectories(paths, LAGS)
    told = persistence.fit_trajectories(paths, LAGS, noise=1.0)
    assert told.speed == pytest.approx(15, rel=0.05) and told.persistence == pytest.approx(30, rel=0.06)
    assert blind.speed > 1.1 * told.speed and blind.persistence < 0.85 * told.persistence


def test_velocities_forget_each_other_with_the_persistence():
    """Of displacements over h: exp(-t/P) (cosh(h/P) - 1)/(h/P - 1 + exp(-h/P)) once they do not overlap."""
    paths = persistence.walks(PersistentWalk(15.0, 40.0), 500, EVERY, seed=5)
    lags, h = np.array([10.0, 30, 60]), 10 / 40
    wanted = np.exp(-lags / 40) * (np.cosh(h) - 1) / (h - 1 + np.exp(-h))
    np.testing.assert_allclose(persistence.correlation(paths, [0, *lags], 10.0), [1, *wanted], atol=0.02)


def own_axes(ratio: float, cells: int = 300) -> Trajectories:
    """Walks that are faster by sqrt(ratio) along one axis, another one for each cell."""
    paths = persistence.walks(PersistentWalk(15.0, 30.0), cells, EVERY, seed=6)
    random = np.random.default_rng(1)
    turns = np.linalg.qr(random.standard_normal((cells, 3, 3)))[0]
    position = np.einsum("cij,tcj->tci", turns, paths.position * [np.sqrt(ratio), 1, 1])
    return Trajectories(paths.time, paths.id, position, paths.departed)


def test_each_cell_has_its_own_main_axis():
    paths = own_axes(6.0)
    found = persistence.anisotropy(paths, LAGS)
    assert found.ratio == pytest.approx(6.0, rel=0.1)
    assert found.major.persistence == pytest.approx(30, rel=0.1)
    assert found.major.speed / found.minor.speed == pytest.approx(np.sqrt(6), rel=0.08)


def test_walks_in_the_plane_have_two_dimensions():
    """MSD, D and noise after n = 2; z stays 0; a main axis in the plane is found, with chance as in the plane."""
    wanted = PersistentWalk(15.0, 30.0, noise=0.5, dimensions=2)
    paths = persistence.walks(wanted, 400, EVERY, seed=7)
    assert not paths.position[:, :, 2].any()
    np.testing.assert_allclose(paths.msd(LAGS), wanted.msd(LAGS), rtol=0.07)
    found = persistence.fit_trajectories(paths, LAGS, noise=None, dimensions=2)
    assert (found.speed, found.persistence, found.noise) == pytest.approx((15, 30, 0.5), rel=0.07)
    assert found.diffusion == pytest.approx(15**2 * 0.5 / 2, rel=0.07)
    stretched = Trajectories(paths.time, paths.id, paths.position * [2, 1, 1], paths.departed)
    told = persistence.anisotropy(stretched, LAGS, noise=0.5, dimensions=2)
    assert told.speed_ratio == pytest.approx(4.0, rel=0.15)
    null = persistence.isotropic_anisotropy(paths, LAGS, noise=0.5, dimensions=2)
    assert persistence.anisotropy(paths, LAGS, noise=0.5, dimensions=2).ratio == pytest.approx(null.ratio, rel=0.1)


def test_finite_isotropic_walks_seem_to_have_one():
    """What the docstring says of a day, and that walks without an axis are found to be no more than that."""
    paths = own_axes(1.0)
    null, found = persistence.isotropic_anisotropy(paths, LAGS), persistence.anisotropy(paths, LAGS)
    assert (null.ratio, null.speed_ratio) == pytest.approx((2.4, 1.55), rel=0.05)
    assert (found.ratio, found.speed_ratio) == pytest.approx((null.ratio, null.speed_ratio), rel=0.08)


def test_cells_that_leave_count_up_to_then():
    paths = own_axes(4.0)
    position = np.array(paths.position)
    position[20:, ::2] = np.nan
    gone = np.where(np.arange(300) % 2 == 0, 200.0, np.nan)
    some = Trajectories(paths.time, paths.id, position, gone)
    assert persistence.fit_trajectories(some, LAGS).speed == pytest.approx(15 * np.sqrt(2), rel=0.06)
    assert persistence.anisotropy(some, LAGS).ratio == pytest.approx(4.0, rel=0.25)


@pytest.mark.parametrize(("lags", "msd", "message"), [
    ([10.0], [1.0], "at least 2"), ([10.0, 20], [1.0], "at least 2"), ([10.0, 20], [0.0, 1], "must be positive"),
    ([0.0, 20], [1.0, 1], "must be positive"), ([10.0, 20], [np.nan, 1], "must be positive"),
])  # fmt: skip
def test_curves_that_are_none_are_refused(lags, msd, message):
    with pytest.raises(InputError, match=message):
        persistence.fit(lags, msd)
