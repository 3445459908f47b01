"""Vessels that come too close to others, so that a surface would fuse them: where that is, and thinned there."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, minimum_filter1d
from scipy.spatial import cKDTree

from physim.meshes.centerlines import Centerlines

Points = NDArray[np.float64]
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


def fused(network: Centerlines, h: float) -> str:
    """Where two vessels that do not meet at a node come nearest to each other, for the message."""
    gap, (x, y, z) = nearest(network, h)
    if not np.isfinite(gap):
        return "give a smaller voxel"
    return (f"vessels that do not meet are {gap:.3g} um apart near ({x:.1f}, {y:.1f}, {z:.1f}) um: "
            "move or thin one of them, or give a smaller voxel")  # fmt: skip


def nearest(network: Centerlines, h: float) -> tuple[float, Points]:
    """Least gap between vessels that do not meet at a node, um, and where; infinite if none is within 2 h."""
    branch = np.repeat(np.arange(network.branches), np.diff(network.first))
    pairs = cKDTree(network.points).query_pairs(2 * float(network.radius.max()) + 2 * h, output_type="ndarray")
    one, two = branch[pairs[:, 0]], branch[pairs[:, 1]]
    apart = ~(network.ends[one][:, :, None] == network.ends[two][:, None, :]).any(axis=(1, 2))
    pairs = pairs[apart]
    if not len(pairs):
        return np.inf, np.zeros(3)
    gap = np.linalg.norm(network.points[pairs[:, 0]] - network.points[pairs[:, 1]], axis=1)
    gap -= network.radius[pairs].sum(axis=1)
    k = int(np.argmin(gap))
    return float(gap[k]), 0.5 * network.points[pairs[k]].sum(axis=0)
