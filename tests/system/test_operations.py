"""Controls made between two steps: the matrix as it was made, its voids alone, or filled; cells taken away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reference import gels, scenes

from physim import checkpoint, operations
from physim.analysis.integrin_balance import integrin_balance
from physim.analysis.matrix_balance import matrix_balance
from physim.errors import InputError
from physim.generate.collagen import generate_collagen
from physim.scenario import Scenario
from physim.simulation import Saved, Simulation

SIZE, STEP, WHOLE = 48.0, 0.1, 2**24
CELLS = np.array([[16.0, 16, 16], [32, 30, 20], [18, 32, 31], [32, 16, 34]])
OPERATIONS = {
    "pristine": operations.pristine,
    "keep_void": operations.keep_void,
    "refill": operations.refill,
    "remove_cells": lambda sim: operations.remove_cells(sim, [0, 2]),
    "remove_shed": operations.remove_shed,
}


@pytest.fixture(scope="module")
def network() -> Any:
    return generate_collagen([0] * 3, [SIZE] * 3, (False,) * 3, concentration=1.0, bundle_diameter=0.2, seed=3)


def on(device: str) -> Any:
    """What `make_simulation` is, for what several tests share."""

    def make(table: Any, **given: Any) -> Simulation:
        return Simulation(Scenario.from_table(table), device=device, **given)

    return make


@pytest.fixture(scope="module")
def invaded(device_label: str, network: Any) -> tuple[Scenario, Saved]:
    """After 12 steps of four cells that pull, press and cut, while crosslinks turn over and fibers grow back."""
    terms = {"network": {"wake_force": 1.0, "still_distance": 0.02}, "steric": {}, "contact": {},
             "noise": {"diffusion": 0.2}, "junction": {}, "neighbors": {"skin": 0.5},
             "proteolysis": {"rate": 3.0, "interval": 0.3}, "repair": {"time": 5.0, "interval": 0.2},
             "turnover": {"release_rate": 0.2, "binding_rate": 5.0, "interval": 0.2},
             "links": {"binding_rate": 5.0, "release_rate": 1.0},
             "shedding": {"ripping_ratio": 1.0, "interval": 0.2}}  # fmt: skip
    sim = on(device_label)(scenes.table(terms, SIZE, step=STEP, collagen=True), cells=scenes.cells(CELLS, 7.0, 4.0),
                           network=network)  # fmt: skip
    sim.step(12)
    return sim.scenario, sim.save()


def balanced(sim: Simulation) -> Any:
    found = matrix_balance(sim)
    assert found.present + found.taken + found.dissolved == found.initial + found.deposited
    if "integrin_tally" in sim.buffers:
        own = integrin_balance(sim)
        assert own.surface + own.bound + own.shed + own.degraded == own.initial + own.synthesised
    return found


@pytest.mark.parametrize("name", OPERATIONS)
def test_goes_on_and_resumes_to_the_same_bits(invaded, device_label, tmp_path, name):
    scenario, begin = invaded
    sim = Simulation(scenario, device=device_label, saved=begin)
    assert (sim.read("segment_area") == 0).any() and balanced(sim).deposited > 0 and sim.read("segment_shed").any()
    OPERATIONS[name](sim)
    balanced(sim)
    if name in ("pristine", "keep_void", "refill"):
        assert not sim.read("link_segment").any()
    if name in ("pristine", "remove_shed"):
        assert not sim.read("segment_shed").any()
    saved, _ = checkpoint.read(checkpoint.keep(tmp_path, sim.save(), {}))
    other = Simulation(sim.scenario, device=device_label, saved=saved)
    for _ in range(3):
        sim.step()
        other.step()
        assert other.state_hash() == sim.state_hash()
        balanced(sim)
    assert sim.by_hand["write"]


@pytest.fixture(scope="module")
def pulled(device_label: str, network: Any) -> tuple[Scenario, Saved]:
    """A gel that has been pulled out of shape, cut and crosslinked anew; nothing pulls any more."""
    terms = {"turnover": {"release_rate": 0.1, "binding_rate": 50.0, "interval": STEP}, "proteolysis": {"rate": 0.0}}
    sim = gels.gel(on(device_label), network, step=STEP, wake_force=0.0, terms=terms)
    random = np.random.default_rng(2)
    middle = network.nodes[network.segments].mean(1)
    axis = np.linalg.norm(middle[:, 1:] - SIZE / 2, axis=1)
    area = np.where(axis < 6, 0, random.integers(WHOLE // 2, WHOLE, len(axis)))
    sim.write("segment_area", area.astype(np.uint32))
    taken = int(((WHOLE - area) * sim.read("segment_length").astype(np.int64)).sum())
    sim._put("matrix_tally", np.array([[taken & 0xFFFFFFFF, taken >> 32], [0, 0], [0, 0]], np.uint32))
    gels.pull(sim, random.normal(0, 0.05, network.nodes.shape))
    sim.step(4)
    gels.pull(sim, 0 * network.nodes)
    quiet = sim.copy(["terms.turnover.release_rate=0 1/min", "terms.turnover.binding_rate=0 1/min"])
    assert np.linalg.norm(quiet.fiber_nodes() - network.nodes, axis=1).max() > 0.05
    return quiet.scenario, quiet.save()


@pytest.fixture
def torn(pulled: tuple[Scenario, Saved], device_label: str) -> Simulation:
    scenario, begin = pulled
    return Simulation(scenario, device=device_label, saved=begin)


def test_pristine_goes_on_as_a_fresh_matrix_does(make_simulation, torn, network):
    """To the bit, under forces that act on the one from its start, on the other from then on."""
    used = torn
    operations.pristine(used)
    fresh = gels.gel(make_simulation, network, step=STEP, wake_force=0.0,
                     terms={"turnover": {"release_rate": 0.0, "binding_rate": 0.0, "interval": STEP},
                            "proteolysis": {"rate": 0.0}})  # fmt: skip
    np.testing.assert_array_equal(fresh.fiber_nodes(), used.fiber_nodes())
    found = balanced(used)
    assert found.present == found.initial and found.taken == found.dissolved == found.deposited == 0
    force = np.random.default_rng(3).normal(0, 0.5, network.nodes.shape)
    for sim in (fresh, used):
        gels.pull(sim, force)
        sim.step(3)
    for name in ("node_position", "node_velocity", "segment_area", "segment_rest", "segment_course", "crosslink_rest",
                 "crosslink_segments", "crosslink_bound", "crosslink_turn", "segment_fiber"):  # fmt: skip
        np.testing.assert_array_equal(used.read(name), fresh.read(name), err_msg=name)
    assert np.abs(fresh.fiber_nodes() - sim.box.to_micron(sim.box.to_fixed(network.nodes))).max() > 0.05


def test_keep_void_keeps_what_is_cut_and_nothing_else(torn, network):
    sim = torn
    area = sim.read("segment_area")
    operations.keep_void(sim)
    np.testing.assert_array_equal(sim.fiber_nodes(), sim.box.to_micron(sim.box.to_fixed(network.nodes)))
    balanced(sim)
    sim.step(3)
    np.testing.assert_array_equal(sim.fiber_nodes(), sim.box.to_micron(sim.box.to_fixed(network.nodes)))
    np.testing.assert_array_equal(sim.read("segment_area") == 0, area == 0)
    np.testing.assert_array_equal(sim.read("crosslink_segments"), network.crosslinks)
    np.testing.assert_array_equal(sim.read("crosslink_bound"), (area[network.crosslinks] > 0).all(1))


def test_refill_keeps_fibers_where_they_are(torn, network):
    """And at rest: nothing moves in the steps that follow, by any bit."""
    sim = torn
    nodes, bound = sim.read("node_position"), sim.read("crosslink_bound").sum()
    void = sim.read("segment_area") == 0
    made, now = (np.linalg.norm(np.diff(x[network.segments], axis=1)[:, 0], axis=1)
                 for x in (network.nodes, sim.fiber_nodes()))  # fmt: skip
    far = void & (np.abs(np.log(now / made)) > np.log(4))
    assert operations.refill(sim) == far.sum() and far.sum() < 0.1 * void.sum() > 5
    np.testing.assert_array_equal(sim.read("segment_area"), np.where(far, 0, WHOLE))
    found = balanced(sim)
    np.testing.assert_array_equal(sim.read("node_position"), nodes)
    sim.step(3)
    np.testing.assert_array_equal(sim.read("node_position"), nodes)
    assert (sim.read("segment_area") == WHOLE).mean() > 0.98, "what is still loose dissolves"
    assert found.deposited > 0 and sim.read("crosslink_bound").sum() > bound
    assert np.abs(gels.forces(sim)).max() < 1e-6


def test_cells_that_are_removed_are_gone_and_the_others_go_on(make_simulation):
    """Two pairs out of each other's reach: the pair that stays moves as it would have."""
    terms = {"contact": {}, "junction": {}, "noise": {"diffusion": 0.2}, "polarity": {}}
    places = [[50.0, 50, 50], [62, 50, 50], [150, 150, 150], [162, 150, 150]]
    sim = make_simulation(scenes.table(terms), cells=scenes.cells(places))
    sim.step(5)
    other = sim.copy()
    operations.remove_cells(sim, [0, 1])
    assert list(sim.snapshot().cells["id"]) == [2, 3]
    for one in (sim, other):
        one.step(20)
    np.testing.assert_allclose(sim.positions(), other.positions()[2:], atol=1e-5)  # the solve is one for all
    assert sim.status["cells"] == sim.status["rows"] == 2 and sim.status["departed"] == 0
    operations.remove_cells(sim, [3])
    assert sim.cells["junctions"].tolist() == [0]
    operations.remove_cells(sim, [2])
    sim.step(3)
    assert sim.status["cells"] == 0 and len(sim.positions()) == 0
    with pytest.raises(InputError, match="no cell has the id 3"):
        operations.remove_cells(sim, [3])
    with pytest.raises(InputError, match="no collagen"):
        operations.pristine(sim)


@pytest.mark.parametrize("change", [operations.pristine, operations.refill, operations.keep_void])
def test_fibers_that_are_held(make_simulation, network, change):
    """Without the term `network` nothing can move; areas and the balance alone change."""
    terms = {"proteolysis": {"rate": 3.0, "interval": STEP}, "links": {}}
    sim = make_simulation(scenes.table(terms, SIZE, step=STEP, collagen=True), cells=scenes.cells(CELLS, 7.0, 4.0),
                          network=network)  # fmt: skip
    sim.step(6)
    area = sim.read("segment_area")
    assert (area == 0).any()
    change(sim)
    whole = change is not operations.keep_void
    np.testing.assert_array_equal(sim.read("segment_area"), np.full_like(area, WHOLE) if whole else area)
    balanced(sim)
    sim.step()
    assert (sim.read("segment_area") < area).any() or whole
