"""Equilibria and implicit steps of the float64 network: direct solves, Newton's method with backtracking."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from reference.network import Network, Points
from scipy.linalg import solveh_banded
from scipy.sparse import csc_array, diags_array
from scipy.sparse.linalg import splu

Solve = Callable[[csc_array, np.ndarray], np.ndarray | None]
TINY = 1e-300
SHIFTS = (0.0, 1e-3, 1e-2, 1e-1, 1.0)
"""nN/um, tried in turn on the diagonal of a second derivative with directions of negative curvature."""


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


def minimise(network: Network, x: Points, *, held: np.ndarray, drag_rate: np.ndarray | float = 0.0,
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
        return network.energy(at) + float((0.5 * rate * (at - start) ** 2 - external * (at - start)).sum())

    def residual(at: Points) -> np.ndarray:
        return (external + network.forces(at) - rate * (at - start)).ravel()[free]

    r, last = residual(x), 0
    for iteration in range(limit):
        if np.abs(r).max(initial=0) <= tolerance:
            return x, iteration
        for level in range(max(last - 1, 0), len(SHIFTS) + 1):
            exact = level < len(SHIFTS)
            added = np.repeat(rate[:, 0], 3) + damping + (SHIFTS[level] if exact else 0.0)
            move = solve(csc_array((network.hessian(x, exact) + diags_array(added))[free][:, free]), r)
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


def euler_step(network: Network, x0: Points, drags: np.ndarray, step: float, *, held: np.ndarray,
               external: Points | float = 0.0, tolerance: float = 1e-10) -> Points:
    """(N, 3) x with Z (x - x0)/dt = F(x) + f_ext for free nodes: implicit Euler, to a residual (nN)."""
    return minimise(network, x0, held=held, drag_rate=drags / step, external=external, tolerance=tolerance)[0]
