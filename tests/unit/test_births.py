"""Cells are born on the device: new ids, the mother's traits, empty slots, more rows when they are full, same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reference import scenes

from physim.schedule import row_arrays

OWN = str(Path(__file__).parents[1] / "reference" / "own_terms" / "budding.py")
LAW = {"contact": {}, "crawl": {}, "polarity": {}, "friction": {}, "drag": {}}


def colony(period: int = 7, **terms) -> dict:
    return {**scenes.table({**LAW, "budding": {"period": period}, **terms}), "own_terms": [OWN]}


def founders(count: int = 20) -> dict[str, np.ndarray]:
    side = int(np.ceil(count ** (1 / 3)))
    lattice = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:count]
    return scenes.cells(80 + 16.0 * lattice, np.linspace(7, 9, count), cadherin=np.linspace(0.5, 1.5, count))


def test_daughters_get_new_ids_and_what_the_mother_has(make_simulation) -> None:
    sim = make_simulation(colony(period=1000), cells=founders())
    sim.advance(3)
    before = {name: sim.read(name) for name in row_arrays(sim.arrays)}
    bud = np.zeros((20, 4), np.float32)
    mothers = [3, 11, 12]
    bud[mothers] = [5, 0, 0, 1]
    sim.write("bud", bud)
    sim.advance(4)
    assert sim.status["rows"] == sim.status["cells"] == 23 and sim.status["next_id"] == 23
    order = np.argsort(sim.read("id"))
    assert sim.read("id")[order].tolist() == list(range(23))
    for name in ("type", "radius", "nucleus_radius", "cadherin", "integrin", "mmp"):
        if name in before:
            assert np.array_equal(sim.read(name)[order][20:], before[name][mothers]), name
    # the step of birth moves them too: they are pushed off the mother, along the bud
    apart = sim.positions()[20:] - sim.positions()[before["id"][mothers]]
    assert np.all(apart[:, 0] > 4.9) and np.abs(apart[:, 1:]).max() < 2.0
    assert not sim.read("bud").any()


def test_daughters_start_without_junctions(make_simulation) -> None:
    sim = make_simulation(colony(period=1000, junction={}), cells=founders())
    sim.advance(10)
    assert (sim.read("junction_partner") > 0).any(axis=0).all()
    bud = np.zeros((20, 4), np.float32)
    bud[:, 3], bud[:, 0] = 1, 60.0  # the daughters make a colony of their own
    sim.write("bud", bud)
    sim.advance(11)
    partner, young = scenes.by_id(sim, "junction_partner").astype(int) - 1, scenes.by_id(sim, "junction_young")
    old, new = (partner[:, chosen] for chosen in (slice(20), slice(20, 40)))
    assert old[old >= 0].max() < 20 and new[new >= 0].min() >= 20, "junctions only within each colony"
    assert young[:, 20:][new >= 0].max() == pytest.approx(1 - np.exp(-0.1 / 5)), "one step old"
    assert young[:, :20][old >= 0].max() == pytest.approx(1 - np.exp(-1.1 / 5))


def test_rows_double_when_full_and_leave_no_trace(make_simulation) -> None:
    """20 cells become more than 100; with room from the start, in other batches, the bits are the same."""
    sim = make_simulation(colony(), cells=founders())
    first = sim.layout.stride
    sim.advance(31)
    assert sim.status["rows"] > 300 > first, "the rows must have been full"
    assert sim.layout.stride > first and sim.status["halt"] == 0
    ids = np.sort(sim.read("id"))
    assert np.array_equal(ids, np.arange(sim.status["rows"]))

    roomy = make_simulation(colony(), cells=founders())
    roomy.loop.grow(cells=2000)
    for step in range(1, 32):
        roomy.advance(step)
    assert roomy.layout.stride >= 2000
    assert roomy.state_hash() == sim.state_hash()


def test_the_departed_have_no_daughters(make_simulation) -> None:
    table = {**scenes.table({"budding": {"period": 1000}}, 60.0), "own_terms": [OWN]}
    sim = make_simulation(table, cells=scenes.cells([[30, 30, 30], [10, 30, 30]]))
    sim.write("departed", np.array([0, 1], np.uint32))
    sim.write("bud", np.array([[5, 0, 0, 1], [5, 0, 0, 1]], np.float32))
    sim.advance(2)
    assert (sim.status["rows"], sim.status["cells"]) == (3, 2)


def test_own_arrays_belong_to_the_state(make_simulation) -> None:
    sim = make_simulation(colony(period=2), cells=founders())
    sim.advance(6)
    made = scenes.by_id(sim, "buds_made")
    assert made[:20].tolist() == [3] * 20


@pytest.mark.parametrize("height", [54.0, 47.0])
def test_stiffness_as_a_product_is_solved_as_exactly_as_a_block(make_simulation, height) -> None:
    """(Z + dt k) v = -k (z - z0): the discrete decay of implicit Euler."""
    table = scenes.table({"spring": {"stiffness": 5.0}, "drag": {"coefficient": 2.0}})
    table["own_terms"] = [OWN.replace("budding", "spring")]
    sim = make_simulation(table, cells=scenes.cells([[50, 50, height]]))
    sim.advance(20)
    factor = 2 / (2 + 0.1 * 5)
    assert sim.positions()[0, 2] - 50 == pytest.approx((height - 50) * factor**20, rel=1e-4)
