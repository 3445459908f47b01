"""Time to make, carve and measure a gel of 5,000 segments."""

from __future__ import annotations

import numpy as np
import pytest

from physim.analysis import network as measure
from physim.generate.collagen import FiberNetwork, carve, generate_collagen


def _gel() -> FiberNetwork:
    return generate_collagen(np.zeros(3), np.full(3, 40.0), (True, True, True), concentration=2.0,
                             bundle_diameter=0.1, seed=1)


@pytest.mark.benchmark(group="collagen")
def test_generate(benchmark) -> None:  # type: ignore[no-untyped-def]
    network = benchmark.pedantic(_gel, rounds=2)
    assert 4_500 < len(network.segments) < 5_500


@pytest.mark.benchmark(group="collagen")
def test_carve_25_cells(benchmark) -> None:  # type: ignore[no-untyped-def]
    network = _gel()
    centers = np.random.default_rng(0).random((25, 3)) * 40.0
    carved = benchmark.pedantic(carve, args=(network, centers, 8.4), rounds=2)
    assert len(carved.segments) < 0.5 * len(network.segments)


@pytest.mark.benchmark(group="collagen")
def test_describe(benchmark) -> None:  # type: ignore[no-untyped-def]
    network = _gel()
    numbers = benchmark.pedantic(measure.describe, args=(network,), rounds=2)
    assert numbers["segments"] == len(network.segments)
