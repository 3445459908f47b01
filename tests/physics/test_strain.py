"""A gel between faces that are driven: faces follow the strain exactly, the inside balances, and it ends in time."""

from __future__ import annotations

import numpy as np
import pytest
from reference import scenes

from physim.errors import InputError
from physim.scenario import Scenario

SHEAR, STRETCH, DURATION, STEP = 0.1, -0.05, 0.3, 0.1


def gel(make_simulation, **strain):
    law = {"network": {"wake_force": 0.0}, "strain": {"duration": DURATION, **strain}}
    table = scenes.table(law, 40.0, ("periodic", "periodic", "open"), STEP, collagen=True)
    table["collagen"] = {"concentration": 2.0, "bundle_diameter": 0.2, "fiber_length": 15.0}
    return make_simulation(table)


def moved(sim, before: np.ndarray) -> np.ndarray:
    """(N, 3) um since `before`, through the faces."""
    return sim.network.box.image(sim.fiber_nodes() - before)


def test_faces_follow_and_the_inside_balances(make_simulation) -> None:
    sim = gel(make_simulation, shear_rate=SHEAR, stretch_rate=STRETCH)
    rest, held = sim.fiber_nodes(), sim.read("node_held") > 0
    for step in range(1, 6):
        sim.advance(step)
        time = min(step * STEP, DURATION)
        driven = rest[:, 2:] * time * [SHEAR, 0.0, STRETCH]
        assert np.abs(moved(sim, rest) - driven)[held].max() < 1e-5
    inside = moved(sim, rest)[~held]
    share = np.polyfit(driven[~held, 0], inside[:, 0], 1)[0]
    assert share == pytest.approx(1.0, abs=0.15), "the gel follows its faces on average"
    assert np.linalg.norm(inside - driven[~held]) > 0.05 * np.linalg.norm(driven[~held]), "but not affinely"
    pull = np.sqrt(sim.read("krylov")[3])
    assert 0 < np.linalg.norm(sim.read("node_residual")[:, :3]) < 3.1 * pull, "the residual at which a step is solved"


def test_strain_needs_a_network_that_moves() -> None:
    table = scenes.table({"strain": {"shear_rate": 0.1}}, 40.0, collagen=True)
    with pytest.raises(InputError, match=r"terms.strain: needs network, .* add a section \[terms.network\]"):
        Scenario.from_table(table)
