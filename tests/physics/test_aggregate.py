"""A small aggregate stays dense, apart and liquid: `aggregate` with 150 cells for 3 h."""

from __future__ import annotations

import numpy as np
import pytest

from physim.analysis.aggregate import nearest_neighbor, neighbor_exchange, volume_per_cell
from physim.scenario import load

HOURS, FRAMES_PER_HOUR, REACH = 3, 6, 20.0


@pytest.fixture(scope="module")
def path_of():
    """`path_of(make_simulation, ...)`: positions (frames, n, 3), each arm once a device."""
    kept = {}

    def run(make_simulation, device_label, step=0.1, crawl=20.0):
        key = device_label, step, crawl
        if key not in kept:
            changes = [f"run.step={step} min", f"terms.crawl.force={crawl} nN", "null=off"]
            sim = make_simulation(load("aggregate", ["cells.0.count=150", *changes]).to_table())
            frames = []
            for minutes in range(0, 60 * HOURS + 1, 60 // FRAMES_PER_HOUR):
                sim.advance(round(minutes / step))
                frames.append(sim.positions())
            assert sim.status["limited"] == sim.status["departed"] == 0
            kept[key] = np.array(frames)
        return kept[key]

    return run


def mean_volume(path):
    """Over the last two hours: one frame of 150 cells fluctuates by 2 %."""
    return np.mean([volume_per_cell(frame) for frame in path[FRAMES_PER_HOUR:]])


def test_volume_and_spacing_are_those_of_living_aggregates(make_simulation, device_label, path_of):
    path = path_of(make_simulation, device_label)
    assert 2200 < mean_volume(path) < 3200
    for frame in path[FRAMES_PER_HOUR:]:
        assert nearest_neighbor(frame).mean() > 14.0


def test_neighbours_exchange_only_with_crawling(make_simulation, device_label, path_of):
    """Events and lasting exchanges per cell per hour."""
    events, lasting = neighbor_exchange(
        path_of(make_simulation, device_label), 1 / FRAMES_PER_HOUR, reach=REACH
    )
    frozen, frozen_lasting = neighbor_exchange(
        path_of(make_simulation, device_label, crawl=0.0), 1 / FRAMES_PER_HOUR, reach=REACH
    )
    assert lasting > 0.05
    assert events > lasting
    assert frozen < 0.05 * events
    assert frozen_lasting < 0.01


def test_halving_the_step_keeps_the_density(make_simulation, device_label, path_of):
    whole = mean_volume(path_of(make_simulation, device_label))
    half = mean_volume(path_of(make_simulation, device_label, step=0.05))
    assert half == pytest.approx(whole, rel=0.02)
