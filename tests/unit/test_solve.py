"""The implicit solve against dense float64 algebra, and first-order convergence of the step."""

from __future__ import annotations

import numpy as np
import pytest
from reference import forces, scenes
from scipy.integrate import solve_ivp

from physim.terms import REGISTRY

SIZE, STEP = 120.0, 0.1
LAW = {"contact": {}, "friction": {}, "crawl": {}, "walls": {}, "drag": {"coefficient": 0.5}}


def cluster(count: int = 60) -> dict[str, np.ndarray]:
    """Overlapping cells of several sizes in a corner, some of them against the walls."""
    rng = np.random.default_rng(11)
    lattice = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3)[:count]
    return scenes.cells(7 + 13 * lattice + rng.uniform(-2, 2, (count, 3)), rng.uniform(7, 9.5, count))


def laplacian(n: int, i: np.ndarray, j: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """(3n, 3n): sum over the ordered pairs of block (v_i - v_j)."""
    matrix = np.zeros((n, 3, n, 3))
    np.add.at(matrix, (i, slice(None), i), blocks)
    np.add.at(matrix, (i, slice(None), j), -blocks)
    return matrix.reshape(3 * n, 3 * n)


def test_against_dense_solve_of_the_declared_stiffness(make_simulation) -> None:
    """(Z + dt K) v = F, all but F from the docstrings; the device keeps pair resistances as halves."""
    crowded, n = cluster(), 60
    law = {**LAW, "solve": {"tolerance": 1e-6}, "advance": {"largest_move": 60.0}}
    sim = make_simulation(scenes.table(law, SIZE, "wall", STEP), cells=crowded)
    position, radius = sim.positions(), crowded["radius"].astype(float)
    sim.advance(1)
    contact, friction = REGISTRY["contact"](), REGISTRY["friction"]()
    p = forces.pairs_within(position, radius, 1.25)
    along = p.normal[:, :, None] * p.normal[:, None, :]
    shallow, deep = (np.maximum(share * p.touch - p.distance, 0) for share in (0.895, 0.84))
    slope = contact.stiffness * (shallow > 0) + 2 * contact.core_stiffness * deep
    slide = friction.coefficient * forces.weight(p, friction.near_distance, friction.far_distance)
    blocks = (STEP * slope)[:, None, None] * along + slide[:, None, None] * np.eye(3)
    near_wall = (position < radius[:, None]).ravel()
    walls = REGISTRY["walls"]().stiffness * STEP * near_wall
    operator = laplacian(n, p.i, p.j, blocks) + np.diag(0.5 + walls)
    force = scenes.by_id(sim, "force").astype(float)
    wanted = np.linalg.solve(operator, force.ravel()).reshape(n, 3)
    got = scenes.by_id(sim, "solution").astype(float)
    error = np.abs(got - wanted).max() / np.abs(wanted).max()
    print(f"error {error:.1e} of the largest speed {np.abs(wanted).max():.3g} um/min")
    assert near_wall.any() and error < 5e-4
    assert scenes.by_id(sim, "displacement") == pytest.approx(STEP * got, rel=1e-6, abs=1e-7)
    off_walls = force.sum(0) - (np.diag(0.5 + walls) @ got.ravel()).reshape(n, 3).sum(0)
    assert np.abs(off_walls).max() < 1e-4 * np.abs(force).sum(), "pairs take no momentum"


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
def test_against_dense_solve_of_the_stored_operator(make_simulation, tolerance) -> None:
    """Conjugate gradients alone: the residual of what was solved is within the tolerance."""
    crowded, n = cluster(), 60
    law = {**LAW, "junction": {"initial_time": 0.1, "mature_time": 0.1}, "solve": {"tolerance": tolerance}}
    sim = make_simulation(scenes.table(law, SIZE, "wall", STEP), cells=crowded)
    sim.advance(3)
    before = sim.positions()
    sim.advance(4)
    i, j, pair = scenes.pair_entries(sim)
    normal = before[i] - before[j]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    along = normal[:, :, None] * normal[:, None, :]
    blocks = pair[:, 1, None, None] * np.eye(3) + (pair[:, 0] - pair[:, 1])[:, None, None] * along
    full = laplacian(n, i, j, blocks).reshape(n, 3, n, 3)
    diagonal = np.arange(n)
    assembled = scenes.resistance(sim)
    own = assembled - full[diagonal, :, diagonal]
    assert np.abs(own).max() < 100 and np.linalg.eigvalsh(own).min() > 0.4, "drag and walls, or more"
    full[diagonal, :, diagonal] = assembled
    operator = full.reshape(3 * n, 3 * n)
    assert np.array_equal(np.abs(operator - operator.T) < 1e-4, np.ones_like(operator, bool))
    assert np.linalg.eigvalsh(operator).min() > 0
    force = scenes.by_id(sim, "force").astype(float).ravel()
    left = force - operator @ scenes.by_id(sim, "solution").astype(float).ravel()
    relative = np.linalg.norm(left) / np.linalg.norm(force)
    print(f"residual {relative:.1e}")
    assert relative < max(1.5 * tolerance, 1e-5)


def test_relaxing_doublet_converges_to_first_order(make_simulation) -> None:
    """Halving the step halves the error of the distance, against an accurate solution of the same law."""
    term, drag, begin, duration = REGISTRY["contact"](), 200.0, 12.0, 4.0

    def opening(_: float, distance: np.ndarray) -> np.ndarray:
        shallow, deep = (np.maximum(share * 16.8 - distance, 0) for share in (0.895, 0.84))
        return 2 / drag * (term.stiffness * shallow + term.core_stiffness * deep**2)

    exact = solve_ivp(opening, (0, duration), [begin], rtol=1e-10, atol=1e-12).y[0, -1]
    errors = []
    for step in (0.4, 0.2, 0.1):
        pair = scenes.cells([[50, 50, 50], [50 + begin, 50, 50]])
        table = scenes.table({"contact": {}, "drag": {"coefficient": drag}}, step=step)
        sim = make_simulation(table, cells=pair)
        sim.advance(round(duration / step))
        errors.append(np.subtract(*sim.positions()[::-1, 0]) - exact)
    print(f"errors {errors}")
    assert abs(errors[0]) < 0.1
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.3)
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.2)


def test_solve_is_stable_far_beyond_the_explicit_limit(make_simulation) -> None:
    """Explicit steps are unstable beyond drag/stiffness; this one is 50 times that and overshoots nothing."""
    pair = scenes.cells([[50, 50, 50], [64, 50, 50]])
    sim = make_simulation(scenes.table({"contact": {}, "drag": {"coefficient": 2.0}}, step=5.0), cells=pair)
    distance = []
    for step in range(1, 8):
        sim.advance(step)
        distance.append(np.subtract(*sim.positions()[::-1, 0]))
    assert np.all(np.diff(distance) > -1e-6)
    assert distance[-1] == pytest.approx(0.895 * 16.8, abs=1e-3)
