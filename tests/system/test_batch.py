"""Simulations that share launches: each has the bits that it has alone, whatever the others do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference import gels, scenes
from reference.networks import chains

from physim import Batch, InputError, PhysicsError, Simulation, assembly, checkpoint, load, simulation
from physim.scenario import Scenario

GEL = ["box.size=48 um", "null=off", "run.duration=1 h", "terms.proteolysis.rate=3 1/min",
       "terms.turnover.release_rate=0.1 1/min", "terms.turnover.binding_rate=1 1/min",
       "terms.deposition.rate=1 1/min", "terms.deposition.reserve=5"]  # fmt: skip
OWN = str(Path(__file__).parents[1] / "reference" / "own_terms" / "budding.py")
LAW: dict[str, Any] = {"contact": {}, "friction": {}, "polarity": {}, "crawl": {}}


def assert_same(sim: Simulation, alone: Simulation) -> None:
    assert sim.status == alone.status and sim.state_hash() == alone.state_hash()


def colony(period: int, seed: int, **terms: Any) -> Scenario:
    table = scenes.table({**LAW, "budding": {"period": period}, **terms}, seed=seed)
    return Scenario.from_table({**table, "own_terms": [OWN]})


def founders(count: int) -> dict[str, np.ndarray]:
    lattice = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3)[:count]
    return scenes.cells(80 + 16.0 * lattice)


def test_bits_are_those_alone_in_any_order_and_share(device_label, monkeypatch) -> None:
    """Gels of their own that move and are remodelled; cells touch more fibers than there is room for at first."""
    short = lambda **sizes: assembly.Layout(**{**sizes, "touch_rows": 8})  # noqa: E731
    monkeypatch.setattr(simulation, "Layout", short)
    scenarios = [load("invasion", [*GEL, f"run.seed={k}", f"cells.0.count={1 + k % 2}"]) for k in range(3)]
    alone = [Simulation(scenario, device=device_label) for scenario in scenarios]
    for sim in alone:
        sim.step(12)
    assert len({sim.layout.nodes for sim in alone}) == 3 and len({sim.layout.touch_rows for sim in alone}) == 3
    assert min(sim.layout.touch_rows for sim in alone) > 8
    rounds, deepest = ({sim.status[word] for sim in alone} for word in ("total_rounds", "most_iterations"))
    assert len(rounds) > 1 and len(deepest) == 3, "all ask the host for the same, so that nothing is shown"
    for order, at_once in (([0, 1, 2], 3), ([2, 0, 1], 2)):
        networks = [alone[k].network for k in order]
        batch = Batch([scenarios[k] for k in order], networks=networks, device=device_label)
        batch.loop.at_once = at_once
        batch.step(5)
        batch.step(7)
        for k, sim in zip(order, batch, strict=True):
            assert_same(sim, alone[k])
            assert np.array_equal(sim.cells["position"], alone[k].cells["position"])


def test_rows_grow_for_all_when_one_is_full(device_label) -> None:
    """An own term whose period differs; two small colonies beside one that outgrows its rows."""
    given = [(7, 5), (2, 40), (1000, 3)]
    scenarios = [colony(period, seed) for seed, (period, _) in enumerate(given)]
    cells = [founders(count) for _, count in given]
    alone = [Simulation(s, cells=c, device=device_label) for s, c in zip(scenarios, cells, strict=True)]
    batch = Batch(scenarios, cells=cells, device=device_label)
    rows = batch[0].layout.stride
    batch.step(9)
    for sim, single in zip(batch, alone, strict=True):
        single.step(9)
        assert_same(sim, single)
    assert batch[1].status["rows"] > rows and batch[0].layout.stride > rows == alone[0].layout.stride


def test_a_step_in_parts_is_that_of_one_alone(device_label) -> None:
    """Cantilevers, of which one is loaded and bends so far that its step is cut."""
    nodes = np.array([12.0, 32, 32]) + 1.25 * (np.arange(18) - 1)[:, None] * [1.0, 0, 0]
    net, law = chains([nodes], size=64.0), {"stretch_modulus": 100.0, **gels.EXACT}
    alone = [gels.gel(lambda table, **given: Simulation(Scenario.from_table(table), device=device_label, **given),
                      net, **law) for _ in range(3)]  # fmt: skip
    batch = Batch([sim.scenario for sim in alone], saved=[sim.save() for sim in alone], device=device_label)
    for load_, sims in zip((0.0, 3.75e-3, 0.0), zip(batch, alone, strict=True), strict=True):
        for sim in sims:
            sim.loop.most_rounds = 12
            gels.hold(sim, np.arange(18) < 2)
            gels.pull(sim, load_ * (np.arange(18) == 17)[:, None] * [0, 0.6, 0.8])
    batch.step(2)
    for sim, single in zip(batch, alone, strict=True):
        single.step(2)
        assert_same(sim, single)
    assert [sim.status["parts"] > 0 for sim in batch] == [False, True, False]


def test_one_that_stops_leaves_the_others_alone(device_label) -> None:
    cells = [founders(4), founders(5), founders(6)]
    batch = Batch([colony(1000, 1)] * 3, cells=cells, device=device_label)
    batch.step(3)
    batch[1].write("bud", np.full((5, 4), np.nan, np.float32))
    with pytest.raises(PhysicsError, match=r"^batch\[1\]: 0.3 min: .* bud, is not finite"):
        batch.step(3)
    batch.step(2)
    assert list(batch.stopped) == [1] and batch[1].step_count == 3 and batch.step_count == 8
    for k in (0, 2):
        single = Simulation(colony(1000, 1), cells=cells[k], device=device_label)
        single.step(8)
        assert_same(batch[k], single)


def test_batch_of_one_saved_states_and_hooks(device_label, tmp_path) -> None:
    """A batch of one is a simulation; from a batch, a single run and another batch go on to the same bits."""
    scenarios, cells = [colony(6, seed, junction={}) for seed in (1, 2)], [founders(4), founders(5)]
    alone = [Simulation(s, cells=c, device=device_label) for s, c in zip(scenarios, cells, strict=True)]
    one = Batch(scenarios[:1], cells=cells[:1], device=device_label)
    both, seen = Batch(scenarios, cells=cells, device=device_label), []
    both[1].every(0.2, lambda sim: seen.append(sim.step_count))
    for thing in (*alone, one, both):
        thing.step(5)
    assert seen == [2, 4]
    checkpoint.write(tmp_path / "second.h5", both[1].save(), {})
    saved, _ = checkpoint.read(tmp_path / "second.h5")
    single = Simulation(scenarios[1], saved=saved, device=device_label)
    again = Batch(scenarios, saved=[sim.save() for sim in both], device=device_label)
    copy = both[0].copy()
    for thing in (*alone, one, single, again, copy):
        thing.step(4)
    for sim, k in ((one[0], 0), (copy, 0), (single, 1), (again[0], 0), (again[1], 1)):
        assert_same(sim, alone[k])


def refusal(scenarios: list[Scenario], device: str, **given: Any) -> str:
    with pytest.raises(InputError) as refused:
        Batch(scenarios, device=device, **given)
    assert len(refused.value.problems) == 1
    return str(refused.value)


@pytest.mark.parametrize("change", ["box.size=300 um", "run.step=0.05 min", "terms.crawl=off", "terms.noise={}"])
def test_scenarios_that_do_not_fit_together_are_refused(device_label, change) -> None:
    first = colony(1000, 1)
    said = refusal([first, first, first.changed([change])], device_label)
    assert said.startswith(f"batch: {change.split('=')[0]} of scenario 3 is not that of the first")


def test_what_a_batch_cannot_take(device_label) -> None:
    one = colony(1000, 1)
    assert "no scenario" in refusal([], device_label)
    assert "1 cells for 2 scenarios" in refusal([one, one], device_label, cells=[founders(3)])
    early, late = (Simulation(one, cells=founders(3), device=device_label) for _ in range(2))
    late.step(2)
    assert "step 2, the first of step 0" in refusal([one, one], device_label, saved=[early.save(), late.save()])
    with pytest.raises(InputError, match="one of a batch"):
        Batch([one, one], device=device_label)[0].step()
