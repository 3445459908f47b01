"""A network with its segments halved and its fibers where they are: what shows that segments are short enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physim.generate.fiber_network import FiberNetwork


def halved(network: FiberNetwork) -> FiberNetwork:
    """The same fibers and crosslinks; segment k becomes the segments 2k and 2k + 1."""
    count, fiber = len(network.segments), network.segment_fiber.astype(np.int64)
    first = network.segments[:, 0]
    nodes = np.empty((len(network.nodes) + count, 3))
    nodes[2 * np.arange(count) + fiber] = network.nodes[first]
    nodes[2 * np.arange(count) + 1 + fiber] = network.box.wrap(network.nodes[first] + 0.5 * network.vectors)
    nodes[2 * np.arange(count) + 2 + fiber] = network.nodes[network.segments[:, 1]]
    begin = np.arange(2 * count) + np.repeat(fiber, 2)
    far = network.crosslink_at >= 0.5
    return replace(
        network, nodes=nodes, segments=np.stack([begin, begin + 1], axis=1).astype(network.segments.dtype),
        segment_fiber=np.repeat(network.segment_fiber, 2), crosslinks=(2 * network.crosslinks + far).astype(np.int32),
        crosslink_at=2 * network.crosslink_at - far,
    )  # fmt: skip
