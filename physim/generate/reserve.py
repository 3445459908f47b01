"""Fibers that wait to be laid down (term `deposition`): rows behind those of the network, for what cells will make.

Arrays on the device do not grow while a run goes on, so that a network gets its new fibers beforehand: with no area,
their nodes folded up in the middle of the box, a free crosslink site on the middle of each segment.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physim import memory
from physim.generate.fiber_network import FiberNetwork

BYTES_PER_SEGMENT = 1800
"""Of a CPU device (1,220) and the host together, while a simulation is set up; measured for 200,000 segments."""


def segments_of(length: float, segment_length: float) -> int:
    """Segments of a fiber of this length, um, each as long as those of the scenario's collagen or nearly so."""
    return max(1, round(length / segment_length))


def with_reserve(network: FiberNetwork, fibers: int, length: float, segment_length: float) -> FiberNetwork:
    """The network with so many fibers in reserve, each of this length, um.

    Raises InputError where memory is too small for them.
    """
    made, each = network.made, segments_of(length, segment_length)
    what = f"{fibers:,} fibers of {each:,} segments"
    memory.require(BYTES_PER_SEGMENT * fibers * each, "terms.deposition.reserve", what, "lower it")
    fold = np.zeros((each + 1, 3))
    fold[1::2, 0] = length / each
    segment, fiber = np.arange(fibers * each), np.repeat(np.arange(fibers), each)
    first = len(made.nodes) + segment + fiber
    sites = len(made.segments) + segment
    return replace(
        made, reserve=fibers,
        nodes=np.concatenate([made.nodes, np.tile(0.5 * (made.lower + made.upper) + fold, (fibers, 1))]),
        segments=np.concatenate([made.segments, np.stack([first, first + 1], axis=1).astype(np.int32)]),
        segment_fiber=np.concatenate([made.segment_fiber, (made.fibers + fiber).astype(np.int32)]),
        crosslinks=np.concatenate([made.crosslinks, np.stack([sites, sites], axis=1).astype(np.int32)]),
        crosslink_at=np.concatenate([made.crosslink_at, np.full((len(sites), 2), 0.5)]),
    )  # fmt: skip
