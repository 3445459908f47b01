"""The main job in small: 12 cells in 130 um of gel for 2 h invade, by pulling, and further with direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from reference.scenes import HELD

from physim.scenario import load

SEEDS = (1, 2)
NULL = ("terms.links.focus=0",)
"""The null arm of the scenario: the same links and forces, probes without forward bias."""
STILL = ("terms.links.contraction_speed=0 um/min", "terms.crawl.force=0 nN")


@dataclass
class Path:
    """Means over cells: net displacement (um), invaded radius at start and end (um), links, tension (nN)."""

    net: float
    radius: tuple[float, float]
    links: float
    tension: float

    @property
    def gain(self) -> float:
        """How far the invaded radius has grown, um."""
        return self.radius[1] - self.radius[0]


def invaded_radius(position, centre):
    """Distance from the centre that holds nine tenths of the cells, um."""
    return float(np.quantile(np.linalg.norm(position - centre, axis=1), 0.9))


@pytest.fixture(scope="module")
def path_of():
    """`path_of(make_simulation, device_label, seed, changes)`, each arm once a device."""
    kept = {}

    def run(make_simulation, device_label, seed, *changes):
        key = device_label, seed, changes
        if key not in kept:
            fixed = ["box.size=130 um", "cells.0.count=12", "null=off", f"run.seed={seed}", *HELD]
            sim = make_simulation(load("invasion", [*fixed, *changes]).to_table())
            start, links, tension = sim.positions(), [], []
            for step in range(300, 1201, 100):  # from half an hour on, when links have formed
                sim.advance(step)
                cell = sim.snapshot().cells
                links.append(cell["bound_links"].mean())
                tension.append(cell["link_force"].mean())
            assert sim.status["departed"] == 0
            end, centre = cell["position"], start.mean(0)
            kept[key] = Path(
                net=float(np.linalg.norm(end - start, axis=1).mean()),
                radius=(invaded_radius(start, centre), invaded_radius(end, centre)),
                links=float(np.mean(links)),
                tension=float(np.mean(tension)),
            )
        return kept[key]

    return run


def test_spheroid_invades(make_simulation, device_label, path_of):
    """The invaded radius grows by 10 um and more in 2 h, and by more than in the null arm on the same gel and start.

    Six seeds gave 13-20 um (mean 15.9) and 5-14 um (mean 9.8) in the null arm: twelve cells scatter.
    """
    ahead, null = ([path_of(make_simulation, device_label, seed, *arm).gain for seed in SEEDS] for arm in ((), NULL))
    print("gain of the invaded radius, um:", np.round(ahead, 1), "null arm:", np.round(null, 1))
    assert min(ahead) > 10
    assert np.mean(ahead) > 1.25 * np.mean(null)


def test_nothing_invades_that_does_not_pull(make_simulation, device_label, path_of):
    pulling = path_of(make_simulation, device_label, SEEDS[0])
    still = path_of(make_simulation, device_label, SEEDS[0], *STILL)
    assert still.net < pulling.net / 5
    assert still.gain < 0.5  # in fact it draws together


def test_direction_comes_from_probing_ahead(make_simulation, device_label, path_of):
    """Paired seeds, same gel and start: links that bind without forward bias carry a cell less far."""
    for seed in SEEDS:
        ahead, around = (path_of(make_simulation, device_label, seed, *arm).net for arm in ((), NULL))
        assert around < 0.8 * ahead


def test_links_and_tension_are_those_of_a_cell(make_simulation, device_label, path_of):
    """8-16 bound links of 16, traction of 30-120 nN per cell."""
    for seed in SEEDS:
        path = path_of(make_simulation, device_label, seed)
        assert 8 <= path.links <= 16
        assert 30 < path.tension < 120
