"""Vessels of a network that come too close to others, thinned there, so that one surface does not fuse them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d, minimum_filter1d
from scipy.spatial import cKDTree

from physim.meshes.centerlines import Centerlines

THINNEST = 2.0
"""um; no vessel is thinned below."""


def parted(network: Centerlines, gap: float) -> Centerlines:
    """The network with vessels that do not meet at least `gap` um apart where thinning to half can do it.

    Vessels may be closer beside a node in which both end, and those thinner than THINNEST stay as they are.
    """
    radius = network.radius.copy()
    branch = np.repeat(np.arange(network.branches), np.diff(network.first))
    step = np.linalg.norm(np.diff(network.points, axis=0, prepend=network.points[:1]), axis=1)
    along = np.cumsum(step)
    for _ in range(3):
        one, two = cKDTree(network.points).query_pairs(2 * float(radius.max()) + gap, output_type="ndarray").T
        distance = np.linalg.norm(network.points[one] - network.points[two], axis=1)
        sum_of = radius[one] + radius[two]
        reach = 2.2 * sum_of + 3.2 * gap  # as far as branches may be close to each other beside a node
        apart = (branch[one] != branch[two]) | (np.abs(along[one] - along[two]) > reach)
        close = (distance < sum_of + gap) & apart
        one, two, distance, sum_of, reach = (values[close] for values in (one, two, distance, sum_of, reach))
        beside = np.zeros(len(one), bool)
        for k, m in ((0, 0), (0, 1), (1, 0), (1, 1)):
            node = network.ends[branch[one], k]
            off = [np.linalg.norm(network.points[at] - network.nodes[node], axis=1) for at in (one, two)]
            beside |= (node == network.ends[branch[two], m]) & (np.maximum(*off) < reach)
        share = np.maximum((distance - gap) / sum_of, 0.5)[~beside]
        if not len(share):
            break
        factor = np.ones(len(radius))
        for k in (one, two):
            np.minimum.at(factor, k[~beside], share)
        for begin, end in pairwise(network.first):
            part = slice(begin, end)
            thinner = radius[part] * gaussian_filter1d(minimum_filter1d(factor[part], 7), 2.0, mode="nearest")
            radius[part] = np.maximum(thinner, np.minimum(radius[part], THINNEST))
    return replace(network, radius=radius)
