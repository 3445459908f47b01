"""Two cells that touch: how strong their junction is after a minute and an hour, and where it is lost.

The pair is held in a drag so large that it cannot move, at distances that are written before single steps.
"""

from __future__ import annotations

import numpy as np
import pytest
from reference.scenes import by_id, cells, table

HELD = {"coefficient": 1e9}
TOUCH = 2 * 8.4
MATURE_BELOW, LOST_BEYOND = 1.06, 1.25


def hold(sim, distance):
    """Put the pair `distance` x (R_i + R_j) apart, in the order of the rows."""
    position = np.array([[100, 100, 100], [100 + distance * TOUCH, 100, 100]])
    sim.write("position", sim.box.to_fixed(position[sim.read("id")]))


def pull(sim, distance):
    """Force that draws the pair together when held at a distance for one step, nN."""
    hold(sim, distance)
    sim.advance(sim.step_count + 1)
    force = by_id(sim, "force")
    assert np.abs(force[:, 1:]).max() < 1e-3
    assert force[0, 0] == -force[1, 0]
    return float(force[0, 0])


def detachment_force(sim):
    """The most that the pair bears on the way out, 1.06 to 1.25: no junction matures there."""
    return max(pull(sim, distance) for distance in np.linspace(MATURE_BELOW + 1e-4, LOST_BEYOND - 1e-4, 20))


@pytest.fixture
def doublet(make_simulation):
    """A pair in touch for some minutes."""

    def make(minutes, cadherin=1.0, **terms):
        chosen = {"contact": {}, "junction": {}, "drag": HELD} | terms
        pair = cells([[100, 100, 100], [100 + TOUCH, 100, 100]], cadherin=cadherin)
        sim = make_simulation(table(chosen), cells=pair)
        sim.advance(round(minutes / 0.1))
        return sim

    return make


def test_detachment_force_after_a_minute_and_an_hour(doublet):
    """Chu et al. 2004: 1-5 nN and 50-150 nN; and the two-stage maturation in closed form."""
    minute, hour = detachment_force(doublet(1.0)), detachment_force(doublet(60.0))
    assert 1 < minute < 5
    assert 50 < hour < 150
    for minutes, force in ((1.0, minute), (60.0, hour)):
        bound = 1 - np.exp(-minutes / 5)
        coupled = 1 - (25 * np.exp(-minutes / 25) - 5 * np.exp(-minutes / 5)) / 20
        assert force == pytest.approx(16 * bound + 116 * coupled, rel=0.02)


def test_force_goes_with_the_root_of_the_product_of_cadherin(doublet):
    few, reference, uneven = (detachment_force(doublet(20.0, c)) for c in (0.25, 1.0, [4.0, 0.5]))
    assert few < reference < uneven
    assert [few / reference, uneven / reference] == pytest.approx([0.25, np.sqrt(2.0)], rel=1e-3)


def test_no_junction_without_the_term_or_without_cadherin(doublet):
    assert detachment_force(doublet(1.0, junction="off", friction={})) == 0.0
    assert detachment_force(doublet(1.0, cadherin=[1.0, 0.0])) == 0.0


def test_junction_is_kept_up_to_its_range_and_lost_beyond(doublet):
    sim = doublet(60.0)
    before = pull(sim, 1.07)
    assert pull(sim, 1.249) > 0
    assert pull(sim, 1.07) == before  # kept, and not matured on the way
    assert pull(sim, 1.251) == 0.0
    assert pull(sim, 1.07) == 0.0
    assert not sim.read("junction_partner").any()
    hold(sim, 1.0)
    sim.advance(sim.step_count + 10)
    assert 0 < detachment_force(sim) < 5  # a new one starts from nothing
