"""Steps of one small replica alone, and of a batch of them: compare the two, and see `physim bench` for 32."""

from __future__ import annotations

import pytest

from physim.batch import Batch
from physim.bench_batch import scenario
from physim.simulation import Simulation

REPLICAS = 4


@pytest.fixture(scope="module")
def first() -> Simulation:
    sim = Simulation(scenario(1))
    sim.step(4)
    return sim


@pytest.mark.benchmark(group="replicas")
def test_alone(benchmark, first) -> None:
    sim = Simulation(first.scenario, saved=first.save())
    benchmark.pedantic(lambda: sim.step(2), rounds=3, warmup_rounds=1)
    assert sim.step_count == 12


@pytest.mark.benchmark(group="replicas")
def test_batch(benchmark, first) -> None:
    """All of them are the same, so that each takes what the one alone does."""
    batch = Batch([first.scenario] * REPLICAS, saved=[first.save()] * REPLICAS)
    benchmark.pedantic(lambda: batch.step(2), rounds=3, warmup_rounds=1)
    assert len({sim.state_hash() for sim in batch}) == 1 and batch.step_count == 12
