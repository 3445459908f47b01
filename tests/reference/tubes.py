"""Vessels of straight tubes, cleaned as users' are, and the flow in them."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

from physim import flow
from physim.lumen import lumen
from physim.meshes.clean import Lines, clean

ALONG, OBLIQUE = (1, 0, 0), (3, 2, 1)
RADIUS, LENGTH = 8.0, 80.0


def network(*parts):
    """Cleaned lines of (corners, radius)."""
    lines = []
    for corners, radius in parts:
        corners = np.array(corners, float)
        along = np.concatenate([np.linspace(a, b, 30, endpoint=False) for a, b in pairwise(corners)])
        points = np.concatenate([along, corners[-1:]])
        lines.append((points, np.full(len(points), float(radius))))
    first = np.concatenate([[0], np.cumsum([len(points) for points, _ in lines])])
    return clean(Lines(np.concatenate([p for p, _ in lines]), np.concatenate([r for _, r in lines]), first),
                 components="all")[0]  # fmt: skip


def node_at(made, place):
    return int(np.argmin(np.linalg.norm(made.nodes - place, axis=1)))


@cache
def tube(axis=ALONG):
    """Flow in a tube of radius 8 that begins at (0.3, 0.2, 0.1) um: unit axis, flow."""
    start, axis = np.array([0.3, 0.2, 0.1]), np.array(axis) / np.linalg.norm(axis)
    made = network(([start, start + LENGTH * axis], RADIUS))
    return axis, flow.solve(made, {node_at(made, start): 50.0, node_at(made, start + LENGTH * axis): 0.0})


@cache
def in_tube(axis, h, given="flows"):
    return lumen(tube(axis)[1], h, given)


@cache
def fork():
    """A vessel of radius 9 that parts into two of 7 and 5: 5e4 um^3/s enter; the wider one takes most of it."""
    middle = [100, 0, 0]
    made = network(([[0, 0, 0], middle], 9.0), ([middle, [190, 60, 0]], 7.0), ([middle, [190, -60, 10]], 5.0))
    wide, narrow = node_at(made, [190, 60, 0]), node_at(made, [190, -60, 10])
    return flow.solve(made, {wide: 0.0, narrow: 0.0}, {node_at(made, [0, 0, 0]): 5e4})


@cache
def in_fork(given="flows"):
    return lumen(fork(), 2.0, given)


def gathering():
    """The fork run backwards: 2e4 and 1e4 um^3/s come together."""
    made = fork().network
    into = {node_at(made, [190, 60, 0]): 2e4, node_at(made, [190, -60, 10]): 1e4}
    return flow.solve(made, {node_at(made, [0, 0, 0]): 0.0}, into)
