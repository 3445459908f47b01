"""What cells have thinned and cut grows back: how fast, where, at rest as it lies; and counts to the last unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reference import draws, gels, scenes
from test_network_invariance import QUARTER, SIZE, patch
from test_network_reference import STEP, gel

from physim.analysis.matrix_balance import matrix_balance
from physim.generate.fiber_network import runs

WHOLE = 2**24
NEVER, NOW = 1e9, 1e-3
"""min: time constants of repair."""


def write_area(sim: Any, area: np.ndarray) -> None:
    """Areas from Python, and what they leave of the balance as if cells had taken the rest."""
    taken = int(((WHOLE - area) * sim.read("segment_length").astype(np.int64)).sum())
    sim.write("segment_area", area.astype(np.uint32))
    sim._put("matrix_tally", np.array([[taken & 0xFFFFFFFF, taken >> 32], [0, 0], [0, 0]], np.uint32))


def worn(net: Any, cut: float, seed: int = 4) -> np.ndarray:
    """(M,) areas: this share of segments is cut, half of the others thinned."""
    random, count = np.random.default_rng(seed), len(net.segments)
    area = np.where(random.random(count) < 0.5, WHOLE, random.integers(WHOLE // 10, WHOLE, count))
    return np.where(random.random(count) < cut, 0, area)


def balanced(sim: Any) -> Any:
    found = matrix_balance(sim)
    assert found.present + found.taken + found.dissolved == found.initial + found.deposited
    return found


def held_gel(make_simulation: Any, net: Any, time: float, centres: Any = ((32.0, 32, 32),), radius: float = 0.5) -> Any:
    table = scenes.table({"repair": {"time": time, "interval": STEP}}, SIZE, step=STEP, collagen=True)
    return make_simulation(table, cells=scenes.cells(centres, radius, 0.9 * radius), network=net)


def test_area_comes_back_as_the_law_says(make_simulation):
    """1 - (1 - a0) exp(-t/tau): each thinned segment by itself, those that are cut in the mean of 1,200 of them."""
    net, time = gel(), 4.0
    sim, area = held_gel(make_simulation, net, time), worn(net, 0.45)
    write_area(sim, area)
    cut, thinned = area == 0, (area > 0) & (area < WHOLE)
    for steps in (10, 30, 60):
        sim.step(steps - sim.step_count)
        left = np.exp(-steps * STEP / time)
        found = sim.read("segment_area") / WHOLE
        wanted = 1 - (1 - area / WHOLE) * left
        np.testing.assert_allclose(found[thinned], wanted[thinned], atol=1e-5)
        assert set(found[cut]) <= {0.0, 1.0}
        assert abs(found[cut].mean() - (1 - left)) < 3.5 * np.sqrt(left * (1 - left) / cut.sum())
        balanced(sim)
    assert cut.sum() > 1000 and balanced(sim).deposited > 0


def test_as_many_come_back_as_fall_due_and_at_the_ends_of_gaps(make_simulation):
    """By exact draws; chains of which nothing is left come back whole."""
    net, time = gel(), 1.0
    sim, area = held_gel(make_simulation, net, time), worn(net, 0.6)
    area[net.segment_fiber % 7 == 0] = 0
    write_area(sim, area)
    u = draws.uniforms(np.arange(len(area)), 0, 0, draws.REPAIR, sim.scenario.run.seed)[:, 0]
    due = u <= -np.expm1(-STEP / time)
    sim.step()
    back = (area == 0) & (sim.read("segment_area") == WHOLE)
    gap = np.full(len(area), -1)
    gap[area == 0] = runs(net.segment_fiber, area == 0)
    partial = gone = 0
    for k in range(gap.max() + 1):
        inside = np.flatnonzero(gap == k)
        fiber = net.segment_fiber == net.segment_fiber[inside[0]]
        if len(inside) == fiber.sum():
            assert back[inside].all() if due[inside[0]] else not back[inside].any()
            gone += back[inside].any()
            continue
        assert back[inside].sum() == due[inside].sum()
        still = np.flatnonzero(~back[inside])
        if len(still):
            assert still[-1] - still[0] + 1 == len(still), "what is left of a gap has no island"
        partial += 0 < len(still) < len(inside)
        for end, step in ((inside[0], -1), (inside[-1], 1)):  # nothing grows at the free end of a chain
            beyond = end + step
            if beyond < 0 or beyond >= len(fiber) or not fiber[beyond]:
                assert not back[end] or back[inside].all()
    assert partial > 20 and gone > 3


def test_nothing_comes_back_where_a_cell_is(make_simulation):
    net, centre, radius = gel(), np.array([32.0, 32, 32]), 9.0
    sim = held_gel(make_simulation, net, NOW, [centre], radius)
    t = np.linspace(0, 1, 200)[:, None, None]
    begin, end = net.nodes[net.segments].swapaxes(0, 1)
    nearest = np.linalg.norm((1 - t) * begin + t * end - centre, axis=2).min(0)
    write_area(sim, np.where(nearest < radius + 4, 0, WHOLE))
    sim.step()
    left = sim.read("segment_area") == 0
    assert (nearest[left] < radius).sum() > 20 and not (nearest[~left] < radius - 1e-3).any()
    beyond = left & (nearest > radius + 1e-3)
    assert beyond.sum() < 0.3 * left.sum(), "what is cut off behind the cell waits for an end that reaches it"
    sim.write("position", sim.box.to_fixed(centre[None] * [1, 1, 0.0]))
    sim.step(2)
    balanced(sim)
    assert (sim.read("segment_area") == WHOLE).mean() > 0.97


def torn(make_simulation: Any, net: Any, size: float) -> Any:
    """A gel with one segment in eight cut, off its rest by `size` um; nothing comes back yet."""
    terms = {"repair": {"time": NEVER, "interval": STEP}, "proteolysis": {"rate": 0.0}}
    sim = gels.gel(make_simulation, net, step=STEP, terms=terms, **gels.EXACT)
    random = np.random.default_rng(4)
    write_area(sim, np.where(random.random(len(net.segments)) < 0.125, 0, WHOLE))
    gels.hold(sim, np.ones(len(net.nodes)))
    sim.step()
    gels.hold(sim, np.zeros(len(net.nodes)))
    gels.place(sim, net.nodes + random.normal(0, size, net.nodes.shape))
    return sim


def mended(sim: Any) -> Any:
    """The same with all that can come back in the next look at the forces."""
    other = sim.copy([f"terms.repair.time={NOW} min"])
    gels.forces(other)
    return other


def test_what_comes_back_bears_no_force_and_changes_none(make_simulation):
    """In a gel under load: at nodes of the pieces that are joined, and at those between them."""
    sim = torn(make_simulation, patch(), 0.05)
    used = np.unique(sim.network.segments[gels.area(sim) > 0])
    before = gels.forces(sim)[used]
    other = sim.copy([f"terms.repair.time={NOW} min"])
    after = gels.forces(other)
    back = (gels.area(sim) == 0) & (gels.area(other) == 1)
    assert back.sum() > 60 and other.status["fibers"] < 0.95 * sim.status["fibers"]
    assert np.abs(after[used] - before).max() < 1e-6 * np.abs(before).max()
    fresh = np.setdiff1d(np.unique(sim.network.segments[back]), used)
    assert len(fresh) > 5 and np.abs(after[fresh]).max() < 1e-6 * np.abs(before).max()
    np.testing.assert_allclose(other.read("segment_rest")[back], np.linalg.norm(np.diff(
        other.fiber_nodes()[other.network.segments[back]], axis=1)[:, 0], axis=1), atol=1e-6)  # fmt: skip
    gels.place(other, other.fiber_nodes() + np.random.default_rng(1).normal(0, 0.02, sim.network.nodes.shape))
    assert np.abs(gels.forces(other)[fresh]).max() > 1, "what has come back bears load from there on"
    balanced(other)


@pytest.mark.parametrize("quarters", [1, 2])
def test_forces_turn_with_a_mended_network(make_simulation, quarters):
    """By exactly 90 and 180 degrees, at one blow: rests of what was joined are told in one frame."""
    sim = mended(torn(make_simulation, patch(), 0.05))
    x, force = sim.fiber_nodes(), gels.forces(sim)
    rotation = np.linalg.matrix_power(QUARTER, quarters)
    gels.place(sim, SIZE / 2 + (x - SIZE / 2) @ rotation.T)
    assert np.abs(force).max() > 1
    assert np.abs(gels.forces(sim) - force @ rotation.T).max() < 1e-6 * np.abs(force).max()


def test_gaps_that_have_opened_far_wait(make_simulation):
    sim = torn(make_simulation, patch(), 0.0)
    x, gap = sim.fiber_nodes(), np.flatnonzero(gels.area(sim) == 0)
    segment = next(s for s in gap[1:-1] if (gels.area(sim)[[s - 1, s + 1]] > 0).all()
                   and (np.diff(sim.network.segment_fiber[[s - 1, s, s + 1]]) == 0).all())  # fmt: skip
    one, two = sim.network.segments[segment]
    x[two] += 1.5 * (x[two] - x[one])
    gels.place(sim, x)
    other = mended(sim)
    left = np.flatnonzero(gels.area(other) == 0)
    assert segment in left and len(left) < 0.1 * len(gap)


def test_fibers_that_grow_back_hold_together_and_lie_still(make_simulation):
    """Nothing that comes back is loose, no fiber moves by it, and the balance holds in each step."""
    sim = gels.gel(make_simulation, gel(), step=STEP, wake_force=0.0,
                   terms={"repair": {"time": 1.0, "interval": STEP}, "proteolysis": {"rate": 0.0}})  # fmt: skip
    write_area(sim, worn(sim.network, 0.3))
    sim.step()
    dissolved, fibers = balanced(sim).dissolved, sim.status["fibers"]
    for _ in range(6):
        sim.step()
        assert balanced(sim).dissolved == dissolved and sim.status["fibers"] <= fibers
        fibers = sim.status["fibers"]
    moved = np.linalg.norm(sim.fiber_nodes() - sim.network.nodes, axis=1)
    assert moved.max() < 1e-6, "nothing pulls"
