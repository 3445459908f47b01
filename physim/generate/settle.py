"""Fibers that were pulled onto each other, straightened as far as their crosslinks let them, with no gap left.

Pulling leaves kinks of 0.4 rad per node and more, which no growing gel has: filaments that meet are bent, not crumpled.
What minimises the bends, with little change of length, leaves 0.15 rad.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, diags_array, eye_array
from scipy.sparse.linalg import LinearOperator, cg, splu

Points = NDArray[np.float64]
Index = NDArray[np.int64]
STRETCH = 0.1
"""Weight of a change of a segment against a bend."""
GRIP = 100.0
"""Weight of a crosslink's gap, until `close` closes it."""
ITERATIONS = 100


@dataclass(frozen=True)
class Crosslinks:
    """J (X, N): the gap of each crosslink from the nodes of its segments, but for turns through periodic faces."""

    jacobian: csr_array
    turns: Points
    """(X, 3) um."""

    @classmethod
    def of(cls, first: tuple[Index, Index], where: tuple[Points, Points], nodes: int, turns: Points) -> Crosslinks:
        """`first` and `where` are the first node of both segments and the place on it, 0..1."""
        (a, b), (s, t) = first, where
        column = np.stack([a, a + 1, b, b + 1], axis=1).ravel()
        weight = np.stack([1.0 - s, s, t - 1.0, -t], axis=1).ravel()
        start = np.arange(0, len(column) + 1, 4)
        return cls(csr_array((weight, column, start), shape=(len(a), nodes)), turns)

    def gaps(self, nodes: Points) -> Points:
        """(X, 3) um."""
        return self.jacobian @ nodes + self.turns


def straighten(nodes: Points, fiber: Index, links: Crosslinks, free: NDArray[np.bool_]) -> Points:
    """(N, 3) nodes, of which the coordinates marked free (N, 3) have moved to lessen the bends.

    Minimises sum |x_(i-1) - 2 x_i + x_(i+1)|^2 + STRETCH sum |du_i - du_(i-1)|^2 + GRIP sum |gap|^2 by conjugate
    gradients, which are stopped early: the shortest bends go first.
    """
    count = len(nodes)
    joined = np.flatnonzero(fiber[1:] == fiber[:-1])
    middle = joined[1:][joined[1:] == joined[:-1] + 1]
    bend = _differences(np.stack([middle - 1, middle, middle + 1], axis=1), [1.0, -2.0, 1.0], count)
    stretch = _differences(np.stack([joined, joined + 1], axis=1), [-1.0, 1.0], count)
    square = links.jacobian.T @ links.jacobian
    alone = bend.T @ bend + STRETCH * (stretch.T @ stretch)
    moved, pull = nodes.copy(), bend.T @ (bend @ nodes) + GRIP * (links.jacobian.T @ links.gaps(nodes))
    for axis in range(3):
        rows = np.flatnonzero(free[:, axis])
        whole = (alone + GRIP * square).tocsr()[rows][:, rows]
        chains = csc_array((alone + GRIP * diags_array(square.diagonal())).tocsr()[rows][:, rows])
        factor = splu(chains, permc_spec="NATURAL", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        guide = LinearOperator(whole.shape, matvec=factor.solve, dtype=np.float64)
        step, _ = cg(whole, -pull[rows, axis], rtol=1e-3, maxiter=ITERATIONS, M=guide)
        moved[rows, axis] += step
    return moved


def close(nodes: Points, links: Crosslinks, free: NDArray[np.bool_]) -> Points:
    """(N, 3) nodes after the least displacement of free coordinates that closes all gaps: u = -J' (J J')^-1 gap."""
    gap, moved = links.gaps(nodes), nodes.copy()
    for axis in range(3):
        jacobian = links.jacobian @ diags_array(free[:, axis].astype(float))
        square = (jacobian @ jacobian.T + 1e-9 * eye_array(len(gap))).tocsr()
        force, _ = cg(square, -gap[:, axis], rtol=1e-12, maxiter=2000)
        moved[:, axis] += jacobian.T @ force
    return moved


def _differences(columns: Index, weights: list[float], count: int) -> csr_array:
    rows, width = columns.shape
    values = np.tile(weights, rows)
    return csr_array((values, columns.ravel(), np.arange(0, rows * width + 1, width)), shape=(rows, count))
