"""The mechanics of a fiber network in float64, written from the equations and not from the kernels.

Every part of the energy is a spring of rest length r on a vector v that is linear in the nodes,
E = 1/2 k (|v| - r)^2 with v = sum_j w_j x_j + c:

    stretch    v = e                         k = EA/l0              r = l0
    bend       v = e2/b - e1/a               k = EI/((a + b)/2)     r = its length at rest
    crosslink  v = p1 - p2, p on a segment   k = k_x                r = the gap at rest

Positions x (N, 3) um are never wrapped: they start as the nodes of the network, and c holds the periodic images that
each spring goes through. To strain a periodic box is to strain c. Forces in nN, energies in nN um, time in min.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import solveh_banded
from scipy.sparse import bsr_array, coo_array, csc_array, csr_array, diags_array, kron, vstack
from scipy.sparse.linalg import splu

from physim.generate.fiber_network import FiberNetwork

Points = np.ndarray
Solve = Callable[[csc_array, np.ndarray], np.ndarray | None]
TINY = 1e-300
STRETCH, BEND, CROSSLINK = 0, 1, 2
SHIFTS = (0.0, 1e-3, 1e-2, 1e-1, 1.0)
"""nN/um, tried in turn on the diagonal of a second derivative with directions of negative curvature."""


@dataclass(frozen=True)
class Springs:
    """All springs (E) of a network of N nodes. `of` makes them from a FiberNetwork."""

    weight: csr_array
    """(E, N) w: 1/um in bends, else without unit."""
    image: Points
    """(E, 3) c: what the periodic images add to v."""
    stiffness: np.ndarray
    """(E,) k."""
    rest: np.ndarray
    """(E,) r."""
    kind: np.ndarray
    """(E,) STRETCH, BEND or CROSSLINK."""
    within: csr_array
    """(P, N) weights of each spring on one fiber: as `weight`, but crosslinks appear twice, once a side."""
    part_of: np.ndarray
    """(P,) the spring of each row of `within`."""
    share: np.ndarray
    """(N,) um of fiber that each node stands for: half the rest lengths of its segments."""

    @staticmethod
    def of(
        network: FiberNetwork, *, stretch_modulus: float, bend_modulus: float, crosslink_stiffness: float,
        straight: bool = False) -> Springs:  # fmt: skip
        """Springs free of force in the network as given: EA nN, EI nN um^2, k_x nN/um.

        straight: bends rest at zero instead, so that curved fibers are under stress as given. A bend with r > 0 has no
        stiffness out of its plane: without `straight`, gels below the isostatic valence have no shear modulus.
        """
        n, m = len(network.nodes), len(network.segments)
        ends = network.segments.astype(int)
        length = np.linalg.norm(network.vectors, axis=1)
        edge = _rows(n, ends, np.broadcast_to([-1.0, 1.0], (m, 2)))
        turns = network.vectors - edge @ network.nodes
        k = np.flatnonzero(np.diff(network.segment_fiber) == 0)  # bends between segments k and k + 1
        per_length = diags_array(1 / length)
        slope, slope_turns = (per_length @ edge).tocsr(), turns / length[:, None]
        bend, bend_turns = slope[k + 1] - slope[k], slope_turns[k + 1] - slope_turns[k]
        segment, at = network.crosslinks.astype(int), network.crosslink_at
        sides = [_rows(n, ends[segment[:, s]], np.stack([1 - at[:, s], at[:, s]], 1)) for s in (0, 1)]
        gap = network.crosslink_points(0) - network.crosslink_points(1)
        gap_turns = network.box.image(gap) - (sides[0] - sides[1]) @ network.nodes
        weight = vstack([edge, bend, sides[0] - sides[1]], format="csr")
        image = np.concatenate([turns, bend_turns, gap_turns])
        count = (m, len(k), len(gap))
        part_of = np.concatenate([np.arange(sum(count)), np.arange(len(gap)) + m + len(k)])
        kind = np.repeat([STRETCH, BEND, CROSSLINK], count)
        rest = np.linalg.norm(weight @ network.nodes + image, axis=1)
        return Springs(
            weight, image,
            np.concatenate([stretch_modulus / length, 2 * bend_modulus / (length[k] + length[k + 1]),
                            np.full(len(gap), float(crosslink_stiffness))]),
            np.where(straight & (kind == BEND), 0.0, rest), kind,
            vstack([edge, bend, sides[0], -sides[1]], format="csr"), part_of,
            np.bincount(ends.ravel(), np.repeat(length / 2, 2), n))  # fmt: skip

    def strained(self, gradient: Any) -> Springs:
        """The same springs in a box whose periodic images are moved by the deformation gradient (3, 3).

        Simple shear of x along z by gamma (Lees-Edwards): [[1, 0, gamma], [0, 1, 0], [0, 0, 1]].
        """
        return replace(self, image=self.image @ np.asarray(gradient, float).T)

    def vectors(self, x: Points) -> tuple[Points, np.ndarray]:
        """v (E, 3) and |v| (E,)."""
        v = self.weight @ x + self.image
        return v, np.linalg.norm(v, axis=1)

    def energy(self, x: Points) -> float:
        """nN um."""
        return float(0.5 * (self.stiffness * (self.vectors(x)[1] - self.rest) ** 2).sum())

    def tensions(self, x: Points) -> np.ndarray:
        """(E,) k (|v| - r): pulls are positive."""
        return self.stiffness * (self.vectors(x)[1] - self.rest)

    def forces(self, x: Points) -> Points:
        """(N, 3) nN, F = -dE/dx = -w^T k (1 - r/|v|) v."""
        v, size = self.vectors(x)
        pull = self.stiffness * (1 - self.rest / np.maximum(size, TINY))
        return -self.weight.T @ (np.where(size > 0, pull, 0)[:, None] * v)

    def stress(self, x: Points, volume: float) -> Points:
        """(3, 3) mean Cauchy stress, kPa (nN/um^2): (dE/dgradient)/V = sum k (1 - r/|v|) v v^T / V."""
        v, size = self.vectors(x)
        pull = np.where(size > 0, self.stiffness * (1 - self.rest / np.maximum(size, TINY)), 0)
        return (v * pull[:, None]).T @ v / volume

    def blocks(self, x: Points, exact: bool = False) -> Points:
        """(E, 3, 3) k [n n^T + max(0, 1 - r/|v|) (I - n n^T)]; the exact second derivative has no max."""
        v, size = self.vectors(x)
        along = v / np.maximum(size, TINY)[:, None]
        along = along[:, :, None] * along[:, None, :]
        across = 1 - self.rest / np.maximum(size, TINY)
        across = np.where(size > 0, across, self.rest == 0) if exact else np.maximum(across, 0)
        across = np.where((size == 0) & (self.rest == 0), 1.0, across)[:, None, None]
        return self.stiffness[:, None, None] * (along + across * (np.eye(3) - along))

    def hessian(self, x: Points, exact: bool = False) -> csr_array:
        """(3N, 3N) K = w^T blocks w: positive semidefinite unless `exact`."""
        return _sandwich(self.weight, self.blocks(x, exact))

    def drags(self, drag: float) -> np.ndarray:
        """(N,) Z, nN min/um, of a drag per length, nN min/um^2."""
        return drag * self.share

    def fiber_bands(self, x: Points, drags: np.ndarray, step: float, extra: Points | None = None) -> Points:
        """(3, N, 3, 3): the blocks (i, i), (i, i + 1), (i, i + 2) of Z + dt K that stay on one fiber.

        A crosslink counts on each of its sides with the partner held. extra (N, 3, 3) is added to the diagonal.
        """
        matrix = step * _sandwich(self.within, self.blocks(x)[self.part_of]) + diags_array(np.repeat(drags, 3))
        matrix = matrix.tobsr((3, 3))
        bands = np.zeros((3, len(x), 3, 3))
        row = np.repeat(np.arange(len(x)), np.diff(matrix.indptr))
        apart = matrix.indices - row
        assert np.abs(apart).max(initial=0) <= 2
        for distance in range(3):
            here = apart == distance
            bands[distance, row[here]] = matrix.data[here]
        bands[0] += 0 if extra is None else extra
        return bands


def _rows(n: int, nodes: np.ndarray, weights: np.ndarray) -> csr_array:
    row = np.repeat(np.arange(len(nodes)), nodes.shape[1])
    return coo_array((weights.ravel(), (row, nodes.ravel())), shape=(len(nodes), n)).tocsr()


def _sandwich(weight: csr_array, blocks: Points) -> csr_array:
    """(w x I)^T blocks (w x I)."""
    spread = kron(weight, np.eye(3), format="csr")
    count = len(blocks)
    middle = bsr_array((blocks, np.arange(count), np.arange(count + 1)), shape=(3 * count, 3 * count))
    return csr_array(spread.T @ (middle.tocsr() @ spread))


def solve_bands(bands: Points, right: Points, held: np.ndarray | None = None) -> Points:
    """(N, 3) the inverse of the block-pentadiagonal symmetric matrix of `fiber_bands` times right (N, 3).

    The rows of held nodes (N,) are those of the identity, and their columns are zero elsewhere.
    """
    n = len(right)
    held = np.zeros(n, bool) if held is None else held
    upper = np.zeros((9, 3 * n))  # upper[8 + i - j, j] = a[i, j]
    for distance in range(3):
        for i in range(3):
            for j in range(3):
                across = 3 * distance + j - i
                if across >= 0:
                    first = np.arange(max(n - distance, 0))
                    either = held[first] | held[first + distance]
                    value = np.where(either, float(across == 0), bands[distance, first, i, j])
                    upper[8 - across, 3 * (first + distance) + j] = value
    return solveh_banded(upper, right.ravel()).reshape(n, 3)


def direct(matrix: csc_array, right: np.ndarray) -> np.ndarray | None:
    """matrix^-1 right, or None where the symmetric matrix is not positive definite."""
    try:
        factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:  # exactly singular
        return None
    # without exchanged rows the signs of the pivots are those of the eigenvalues
    good = np.array_equal(factor.perm_r, factor.perm_c) and (factor.U.diagonal() > 0).all()
    return factor.solve(right) if good else None


def minimise(springs: Springs, x: Points, *, held: np.ndarray, drag_rate: np.ndarray | float = 0.0,
             external: Points | float = 0.0, tolerance: float = 1e-10, damping: float = 1e-9, solve: Solve = direct,
             limit: int = 500) -> tuple[Points, int]:
    """The minimum near x0, the x given, of E(x) - f.x + 1/2 sum (Z/dt) |x - x0|^2, with held nodes where x0 has them.

    drag_rate (N,) is Z/dt, nN/um; external (N, 3) f, nN. Newton with the exact second derivative, or that plus the
    least of SHIFTS that makes it positive definite, or else the positive-semidefinite stiffness, all plus `damping`
    (nN/um); backtracking on what is minimised. Ends at a largest residual of a free node <= tolerance (nN); returns x
    and the iterations. Raises RuntimeError where that takes more than `limit`.
    """
    start = x
    rate = np.broadcast_to(np.asarray(drag_rate, float), len(x))[:, None]
    free = np.repeat(~np.asarray(held), 3)

    def potential(at: Points) -> float:
        return springs.energy(at) + float((0.5 * rate * (at - start) ** 2 - external * (at - start)).sum())

    def residual(at: Points) -> np.ndarray:
        return (external + springs.forces(at) - rate * (at - start)).ravel()[free]

    r, last = residual(x), 0
    for iteration in range(limit):
        if np.abs(r).max(initial=0) <= tolerance:
            return x, iteration
        for level in range(max(last - 1, 0), len(SHIFTS) + 1):
            exact = level < len(SHIFTS)
            added = np.repeat(rate[:, 0], 3) + damping + (SHIFTS[level] if exact else 0.0)
            move = solve(csc_array((springs.hessian(x, exact) + diags_array(added))[free][:, free]), r)
            if move is not None:
                break
        else:
            raise RuntimeError("the stiffness is singular: hold more nodes or add damping")
        last = level
        x, r = _backtrack(potential, residual, x, r, move, free)
    raise RuntimeError(f"no equilibrium in {limit} iterations: the largest residual is {np.abs(r).max():.2e} nN")


def _backtrack(potential: Callable[[Points], float], residual: Callable[[Points], np.ndarray], x: Points, r: np.ndarray,
               move: np.ndarray, free: np.ndarray) -> tuple[Points, np.ndarray]:
    """The longest of the steps 1, 1/2, 1/4, ... that lowers the potential enough, or the residual at its noise."""
    now, slope, size = potential(x), -float(r @ move), np.linalg.norm(r)
    step = np.zeros(x.size)
    step[free] = move
    for halvings in range(60):
        part = 0.5**halvings
        there = x + part * step.reshape(x.shape)
        lower = potential(there) <= now + 1e-4 * part * slope
        left = residual(there)
        if lower or (part * -slope < 1e-12 * (abs(now) + TINY) and np.linalg.norm(left) < size):
            return there, left
    raise RuntimeError(f"no step lowers the potential: the residual stays at {np.abs(r).max():.2e} nN")


def euler_step(springs: Springs, x0: Points, drags: np.ndarray, step: float, *, held: np.ndarray,
               external: Points | float = 0.0, tolerance: float = 1e-10) -> Points:
    """(N, 3) x with Z (x - x0)/dt = F(x) + f_ext for free nodes: implicit Euler, to a residual (nN)."""
    return minimise(springs, x0, held=held, drag_rate=drags / step, external=external, tolerance=tolerance)[0]
