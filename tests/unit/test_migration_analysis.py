"""Migration measures against closed forms: lines, random walks, rings, periodic boxes, cells that left."""

import numpy as np
import pytest

from physim.analysis.migration import Trajectories, gather, unwrap
from physim.errors import InputError


def trajectories(position, every=10.0, departed=None, **box):
    """From positions (T, n, 3), through the rows that a table would have, shuffled."""
    position = np.asarray(position, float)
    times, count = position.shape[:2]
    time = np.repeat(np.arange(times) * every, count)
    ids = np.tile(np.arange(count) * 3 + 5, times)
    left = np.full(count, np.nan) if departed is None else np.asarray(departed, float)
    order = np.random.default_rng(0).permutation(len(time))
    flat = position.reshape(-1, 3)[order]
    return Trajectories.from_rows(time[order], ids[order], flat, np.tile(left, times)[order], **box)


def straight(velocity, times=13, every=10.0, start=0.0):
    """Lines with one velocity (um/min) per cell."""
    return start + np.arange(times)[:, None, None] * every * np.asarray(velocity, float)[None]


def test_straight_lines_have_their_speed_and_displacement():
    speed = np.array([0.1, 0.2, 0.5])  # um/min
    path = trajectories(straight(speed[:, None] * [0.6, 0.0, 0.8]))
    np.testing.assert_array_equal(path.id, [5, 8, 11])
    np.testing.assert_allclose(path.cell_speeds(10), speed * 60)
    assert path.speed_at(10) == pytest.approx(12.0)  # the median cell, not the mean of 16
    assert path.speed_at(30) == pytest.approx(12.0)
    np.testing.assert_allclose(path.cell_displacements(), speed * 120)
    assert path.net_displacement() == pytest.approx(24.0)


def test_straight_lines_have_ballistic_msd():
    path = trajectories(straight([[0.3, 0, 0], [0, 0.4, 0]]))
    lags = np.array([10.0, 20, 60])
    np.testing.assert_allclose(path.msd(lags), (0.09 + 0.16) / 2 * lags**2)


def test_random_walk_has_linear_msd_and_falling_speed():
    """MSD 3 s^2 per record; median |step| of a Maxwell distribution 1.538 s; speed falls as lag^-1/2."""
    sigma, steps, cells = 0.7, 200, 300
    walk = np.random.default_rng(2).normal(0, sigma, (steps, cells, 3)).cumsum(axis=0)
    path = trajectories(walk)
    np.testing.assert_allclose(path.msd([10, 40, 160]), 3 * sigma**2 * np.array([1, 4, 16]), rtol=0.03)
    assert path.speed_at(10) == pytest.approx(1.5382 * sigma * 6, rel=0.01)
    assert path.speed_at(90) == pytest.approx(path.speed_at(10) / 3, rel=0.05)


def test_back_and_forth_has_speed_but_no_displacement():
    position = np.zeros((11, 1, 3))
    position[1::2, 0, 0] = 2.0
    path = trajectories(position)
    assert path.speed_at(10) == pytest.approx(12.0)
    assert path.speed_at(20) == path.net_displacement() == 0.0


def test_invaded_radius_is_percentile_of_distance_from_first_centroid():
    angle = np.linspace(0, 2 * np.pi, 11)[:-1]
    ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    grown = 10 * ring
    grown[0] *= 3  # one of ten cells runs ahead: its part in the 90th percentile is interpolated
    drift = np.array([100.0, 50, 20])
    path = trajectories(np.stack([10 * ring, grown, 10 * ring + [7, 0, 0]]) + drift)
    assert path.invaded_radius(0) == pytest.approx(10)
    assert path.invaded_radius(10, quantile=1.0) == pytest.approx(30)
    assert path.invaded_radius(10) == pytest.approx(10 + 0.1 * 20)
    assert path.rms_radius(10) == pytest.approx(np.sqrt((9 * 100 + 900) / 10))
    assert path.rms_radius(20) == pytest.approx(np.sqrt(149))  # the first centroid, not the present one


def test_unwrap_restores_a_line_through_periodic_faces_only():
    line = straight([[0.9, -1.3, 0.5]], times=60, start=40.0)
    wrapped = line.copy()
    wrapped[..., :2] %= 50.0
    again = unwrap(wrapped, [50, 50, 80], [True, True, False])
    np.testing.assert_allclose(again, line - line[0] + wrapped[0], atol=1e-9)
    assert np.abs(np.diff(unwrap(wrapped, 50, False), axis=0)).max() > 30  # open faces: jumps are real


def test_periodic_box_is_unwrapped_and_a_ball_across_a_face_is_whole():
    ball = np.random.default_rng(4).normal(0, 3, (40, 3))
    np.testing.assert_allclose(np.ptp(gather(ball % 100, 100, True), axis=0), np.ptp(ball, axis=0))
    wrapped = (ball + straight([[1.1, 0, 0]] * 40)) % 100
    path = trajectories(wrapped, size=100.0, periodic=True)
    assert path.speed_at(10) == pytest.approx(66.0)
    assert path.invaded_radius(0) == pytest.approx(
        np.quantile(np.linalg.norm(ball - ball.mean(axis=0), axis=1), 0.9)
    )
    assert path.net_displacement() == pytest.approx(132.0)


def test_departed_cells_stay_where_they_left_and_have_no_speed_afterwards():
    path = trajectories(straight([[1.0, 0, 0], [0, 0.1, 0]]), departed=[45.0, np.nan])
    np.testing.assert_allclose(path.position[5:, 0, 0], 50.0)  # the first record after 45 min
    np.testing.assert_allclose(path.cell_displacements(), [50, 12])
    np.testing.assert_allclose(path.cell_speeds(10), [60, 6])
    gone = trajectories(straight([[1.0, 0, 0], [0, 0.1, 0]]), departed=[5.0, np.nan])
    np.testing.assert_allclose(gone.cell_speeds(10), [np.nan, 6])
    assert gone.speed_at(10) == pytest.approx(6)
    np.testing.assert_allclose(gone.msd([10]), 1.0)


def test_cells_that_appear_later_count_from_then_on():
    position = straight([[0.2, 0, 0], [0.2, 0, 0]])
    time = np.repeat(np.arange(13) * 10.0, 2)
    keep = (np.tile([0, 1], 13) == 0) | (time >= 60)
    path = Trajectories.from_rows(
        time[keep], np.tile([1, 2], 13)[keep], position.reshape(-1, 3)[keep], np.full(keep.sum(), np.nan)
    )
    np.testing.assert_allclose(path.cell_displacements(), [24, 12])
    np.testing.assert_allclose(path.cell_speeds(10), [12, 12])


def test_intervals_that_were_not_recorded_are_refused():
    path = trajectories(straight([[0.1, 0, 0]], every=30.0), every=30.0)
    assert path.lag_of(10) == 30.0
    with pytest.raises(InputError, match="no two records are 10 min apart"):
        path.speed_at(10)
    with pytest.raises(InputError, match="no two records are 1000 min apart"):
        path.lag_of(1000)


def test_reading_a_folder_without_a_table_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has no cells\.parquet"):
        Trajectories.read(tmp_path)
