"""A vessel network as a graph of centerlines: nodes joined by branches, each a chain of points with radii.

`meshes.read` takes it from a file, `meshes.clean` makes it fit to be meshed and to carry flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Points = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Centerlines:
    """Branch b has the points first[b] ... first[b + 1] - 1; its first and its last one lie on the nodes ends[b]."""

    points: Points
    """(P, 3) um."""
    radius: Points
    """(P,) um."""
    first: Ids
    """(B + 1,)"""
    ends: Ids
    """(B, 2) nodes, numbered from 0 without gaps."""

    @property
    def branches(self) -> int:
        return len(self.ends)

    @cached_property
    def nodes(self) -> Points:
        """(N, 3) um, where the nodes are."""
        place = np.zeros((int(self.ends.max(initial=-1)) + 1, 3))
        place[self.ends[:, 0]], place[self.ends[:, 1]] = self.points[self.first[:-1]], self.points[self.first[1:] - 1]
        return place

    @cached_property
    def degree(self) -> Ids:
        """(N,) ends of branches at each node: 1 a free end, 3 a bifurcation."""
        return np.bincount(self.ends.ravel(), minlength=len(self.nodes))

    @cached_property
    def lengths(self) -> Points:
        """(B,) um along each branch."""
        step = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        step[self.first[1:-1] - 1] = 0.0  # from one branch to the next
        along = np.concatenate([[0.0], np.cumsum(step)])
        return along[self.first[1:] - 1] - along[self.first[:-1]]

    @cached_property
    def component(self) -> Ids:
        """(B,) connected component of each branch, numbered by falling length."""
        if not self.branches:
            return np.zeros(0, np.int64)
        count = len(self.nodes)
        joined = coo_array((np.ones(self.branches), (self.ends[:, 0], self.ends[:, 1])), shape=(count, count))
        of_branch = connected_components(joined, directed=False)[1][self.ends[:, 0]]
        length = np.bincount(of_branch, self.lengths)
        rank = np.empty(len(length), np.int64)
        rank[np.argsort(-length, kind="stable")] = np.arange(len(length))
        found: Ids = rank[of_branch]
        return found

    @property
    def components(self) -> int:
        return int(self.component.max(initial=-1)) + 1

    @property
    def loops(self) -> int:
        """Independent loops, B - N + C: the genus of a surface around the network."""
        return self.branches - len(self.nodes) + self.components

    def branch(self, b: int) -> tuple[Points, Points]:
        """Points (n, 3) and radii (n,) of one branch."""
        part = slice(self.first[b], self.first[b + 1])
        return self.points[part], self.radius[part]


def joined(lines: list[tuple[Points, Points]], ends: list[tuple[int, int]]) -> Centerlines:
    """The network of these branches (points, radii) between these nodes, which are numbered anew."""
    empty = (np.zeros((0, 3)), np.zeros(0))
    points, radius = (np.concatenate([line[k] for line in lines] or [empty[k]]) for k in (0, 1))
    first = np.concatenate([[0], np.cumsum([len(line[1]) for line in lines])]).astype(np.int64)
    numbers = np.unique(np.array(ends, np.int64).reshape(-1, 2), return_inverse=True)[1]
    return Centerlines(points, radius, first, numbers.reshape(-1, 2).astype(np.int64))


def straight(begin: Points, end: Points, radius: tuple[float, float], spacing: float = 3.0) -> tuple[Points, Points]:
    """Points (n, 3) from one place to another, at most `spacing` um apart, and radii (n,) from one to the other."""
    begin, end = np.asarray(begin, float), np.asarray(end, float)
    share = np.linspace(0.0, 1.0, max(int(np.ceil(np.linalg.norm(end - begin) / spacing)), 2) + 1)
    return begin + share[:, None] * (end - begin), radius[0] + share * (radius[1] - radius[0])


def chains(edges: Ids) -> list[list[int]]:
    """Nodes along each branch of a graph of edges (E, 2): through nodes of two edges, from the others; rings last."""
    beside: dict[int, list[int]] = {}
    for one, two in edges.tolist():
        beside.setdefault(one, []).append(two)
        beside.setdefault(two, []).append(one)
    forks = sorted(node for node, others in beside.items() if len(others) != 2)
    done: set[tuple[int, int]] = set()
    found = []
    for start in [*forks, *sorted(set(beside) - set(forks))]:
        for onward in beside[start]:
            if (start, onward) in done:
                continue
            chain = [start, onward]
            done |= {(start, onward), (onward, start)}
            while chain[-1] != start and len(beside[chain[-1]]) == 2:
                onward = next((node for node in beside[chain[-1]] if (chain[-1], node) not in done), -1)
                if onward < 0:
                    break
                done |= {(chain[-1], onward), (onward, chain[-1])}
                chain.append(onward)
            found.append(chain)
    return found
