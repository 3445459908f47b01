"""Steps of cells in blood at small size, of one sphere and of two ends; large sizes: `physim bench`."""

from __future__ import annotations

import pytest

from physim.bench_blood import ENDS, network, simulation


@pytest.mark.parametrize("changes", [[], ENDS], ids=["spheres", "ends"])
def test_flow_step(benchmark, changes) -> None:
    sim = simulation(network(quick=True), 40, changes)
    benchmark.group = "blood"
    benchmark.pedantic(lambda: sim.step(10), rounds=3, warmup_rounds=1)
    assert sim.step_count == 40 and not sim.status["limited"]
