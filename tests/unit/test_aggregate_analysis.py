"""Measures of aggregates against closed forms: a lattice ball, pairs that swap partners."""

from __future__ import annotations

import numpy as np
import pytest

from physim.analysis.aggregate import nearest_neighbor, neighbor_exchange, volume_per_cell


def lattice_ball(spacing=16.0, reach=9):
    """Sites of a face-centred cubic lattice in a ball: each has the volume spacing^3 / sqrt(2)."""
    along = np.arange(-reach, reach + 1)
    sites = np.stack(np.meshgrid(along, along, along, indexing="ij"), axis=-1).reshape(-1, 3)
    sites = sites[sites.sum(1) % 2 == 0]
    sites = sites[np.linalg.norm(sites, axis=1) <= reach]
    return sites * spacing / np.sqrt(2)


def test_volume_per_cell_of_a_lattice():
    ball = lattice_ball()
    assert len(ball) > 1000
    assert volume_per_cell(ball + np.array([5, -7, 11])) == pytest.approx(16**3 / np.sqrt(2), rel=0.02)


def test_volume_per_cell_is_of_the_inside():
    """Loosening the outer third of the ball changes nothing; loosening all of it does, with the cube."""
    ball = lattice_ball()
    radius = np.linalg.norm(ball, axis=1)
    loose = np.where((radius > np.quantile(radius, 0.67))[:, None], 2 * ball, ball)
    assert volume_per_cell(loose) == pytest.approx(volume_per_cell(ball), rel=1e-12)
    assert volume_per_cell(1.1 * ball) == pytest.approx(1.1**3 * volume_per_cell(ball), rel=1e-12)


def test_nearest_neighbor():
    assert nearest_neighbor(lattice_ball()) == pytest.approx(16.0)
    assert nearest_neighbor(np.array([[0.0, 0, 0], [3, 4, 0], [3, 4, 2]])) == pytest.approx([5, 2, 2])


def frames_of(gaps):
    """Two cells on a line, one gap in um each 20 min."""
    gaps = np.asarray(gaps, float)
    frames = np.zeros((len(gaps), 2, 3))
    frames[:, 1, 0] = gaps
    return frames


NEAR, FAR = 16.0, 30.0


@pytest.mark.parametrize(
    "gaps, events, lasting",
    [
        ([FAR] * 4 + [NEAR] * 5, 1, 1),
        ([NEAR] * 9, 0, 0),
        ([NEAR] * 4 + [FAR] * 5, 0, 0),  # a loss is no gain
        ([FAR] * 4 + [NEAR] + [FAR] * 4, 1, 0),  # gone after 20 min
        ([FAR] * 3 + [NEAR] * 2 + [FAR] * 4, 1, 0),  # gone after 40 min
        ([FAR] * 3 + [NEAR] * 3 + [FAR] * 3, 1, 1),  # held for the hour
        ([FAR] * 2 + [NEAR, FAR] + [NEAR] * 5, 2, 0),  # had met within the hour before
    ],
)
def test_lasting_needs_an_hour_apart_and_an_hour_together(gaps, events, lasting):
    """Per cell per hour: an event counts for both cells; lasting ones over the frames that can be judged."""
    frames = frames_of(gaps)
    every, kept = neighbor_exchange(frames, 1 / 3, reach=20.0)
    assert every == pytest.approx(2 * events / 2 / (8 / 3))
    assert kept == pytest.approx(2 * lasting / 2 / (4 / 3))


def test_a_rotating_pair_swaps_its_neighbours():
    """Two cells turn by 180 degrees between two at rest: each takes the other's neighbour, the pair stays."""
    angle = np.linspace(0, np.pi, 13)
    frames = np.zeros((13, 4, 3))
    frames[:, 0, 0], frames[:, 0, 1] = -8 * np.cos(angle), -8 * np.sin(angle)
    frames[:, 1] = -frames[:, 0]
    frames[:, 2, 0], frames[:, 3, 0] = -24, 24
    hold = [frames[:1]] * 6 + [frames] + [frames[-1:]] * 6
    every, kept = neighbor_exchange(np.concatenate(hold), 1 / 6, reach=17.0)
    assert every == pytest.approx(2 * 2 / 4 / 4)
    assert kept == pytest.approx(2 * 2 / 4 / (14 / 6))
    still, _ = neighbor_exchange(np.repeat(frames[:1], 20, axis=0), 1 / 6, reach=17.0)
    assert still == 0
