"""The float64 reference of the fiber mechanics against closed forms, so that it may judge the kernels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from reference import equilibrium
from reference.network import Network
from scipy.sparse import eye_array
from scipy.spatial.transform import Rotation

from physim.generate.collagen import generate_collagen
from physim.generate.fiber_network import Box, FiberNetwork, assemble

EA, EI, LINK, RIGIDITY = 1e4, 100.0, 500.0, 10.0
TILT = np.outer([1.0, 0, 0], [0, 0, 1])
SHEAR = np.array([[1.0, 0, 0.1], [0, 1, 0], [0, 0, 1]])


def chains(*fibers: Any, links: Any = (), at: Any = (), size: float = 400.0) -> FiberNetwork:
    """Fibers given by their nodes (n, 3) um in an open box around the origin."""
    paths = [np.array(f, float) for f in fibers]
    begin, end = np.concatenate([p[:-1] for p in paths]), np.concatenate([p[1:] for p in paths])
    fiber = np.repeat(np.arange(len(paths)), [len(p) - 1 for p in paths])
    box = Box(np.full(3, -size / 2), np.full(3, size / 2), (False,) * 3)
    return assemble(begin, end, fiber, np.array(links, int), np.array(at, float), box, 0.2)


def line(segments: int, length: float) -> np.ndarray:
    """Equal segments along x from the origin."""
    return np.linspace(0, length, segments + 1)[:, None] * [1.0, 0, 0]


def elastic(network: FiberNetwork, bend: float = EI, stretch: float = EA, link: float = LINK,
            rigidity: float = RIGIDITY) -> Network:  # fmt: skip
    return Network.of(network, stretch_modulus=stretch, bend_modulus=bend, crosslink_stiffness=link,
                      crosslink_rigidity=rigidity)  # fmt: skip


def first(network: FiberNetwork, count: int) -> np.ndarray:
    return np.arange(len(network.nodes)) < count


@pytest.fixture(scope="module")
def gel() -> FiberNetwork:
    """A periodic gel of about 480 nodes with fibers through its faces."""
    return generate_collagen([0, 0, 0], [32] * 3, (True,) * 3, concentration=1.5, bundle_diameter=0.2, seed=3)


@pytest.fixture(scope="module")
def crooked(gel: FiberNetwork) -> np.ndarray:
    """Positions far from equilibrium, in which fibers have turned as well."""
    random = np.random.default_rng(1)
    turns = Rotation.from_rotvec(random.normal(0, 0.3, (gel.fibers, 3)))
    fiber = np.repeat(np.arange(gel.fibers), np.bincount(gel.segment_fiber) + 1)
    begin = gel.nodes[np.searchsorted(fiber, fiber)]
    return begin + turns[fiber].apply(gel.nodes - begin) + random.normal(0, 0.3, gel.nodes.shape)


PARTS = {"all": {}, "stretch": {"bend": 0, "link": 0, "rigidity": 0}, "bend": {"stretch": 0, "link": 0, "rigidity": 0},
         "crosslink": {"stretch": 0, "bend": 0, "rigidity": 0}, "turning": {"stretch": 0, "bend": 0, "link": 0},
         "framed": {"stretch": 0, "link": 0}}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_force_and_stiffness_are_derivatives_of_energy(gel, crooked, part):
    """With skew gaps of crosslinks, which the generator leaves none of."""
    n, move = elastic(gel, **PARTS[part]).strained(SHEAR), np.random.default_rng(2).normal(size=gel.nodes.shape)
    n = replace(n, skew=np.random.default_rng(3).normal(0, 0.05, len(n.skew)))
    e = 1e-5
    slope = (n.energy(crooked + e * move) - n.energy(crooked - e * move)) / (2 * e)
    assert slope == pytest.approx(-(n.forces(crooked) * move).sum(), rel=1e-7)
    change = (n.forces(crooked - e * move) - n.forces(crooked + e * move)) / (2 * e)
    product = (n.hessian(crooked, exact=True) @ move.ravel()).reshape(-1, 3)
    assert np.abs(product).max() > 1
    assert np.abs(change - product).max() < 1e-6 * np.abs(product).max()


def test_each_frame_is_the_best_rotation(gel, crooked):
    """No other rotation, near or far, brings a fiber nearer to its rest."""
    n, random = elastic(gel), np.random.default_rng(7)
    frames, u = n.frames(crooked), n.framed @ n.vectors(crooked)

    def distance(frames: np.ndarray) -> np.ndarray:
        turned = np.einsum("qij,qj->qi", frames[n.fiber], n.rest)
        return np.bincount(n.fiber, n.firmness * ((u - turned) ** 2).sum(1), gel.fibers)

    assert np.allclose(np.linalg.det(frames), 1) and np.allclose(frames @ frames.transpose(0, 2, 1), np.eye(3))
    assert (np.abs(frames - np.eye(3)).max((1, 2)) > 0.1).any()
    for size in (1e-3, 0.1, 3.0):
        for _ in range(20):
            others = Rotation.from_rotvec(random.normal(0, size, (gel.fibers, 3))).as_matrix() @ frames
            assert (distance(others) >= distance(frames) - 1e-12).all()


def test_stiffness_is_an_upper_bound(gel, crooked):
    n = elastic(gel)
    positive, exact = n.hessian(crooked), n.hessian(crooked, exact=True)
    shift = 1e-8 * abs(positive).max() * eye_array(crooked.size)
    for matrix in (positive, positive - exact):
        assert equilibrium.direct((matrix + shift).tocsc(), crooked.ravel()) is not None
    assert equilibrium.direct((exact + shift).tocsc(), crooked.ravel()) is None
    assert abs(positive - exact).max() > 1


def test_network_as_given_bears_no_force_through_faces(gel):
    assert np.abs(gel.nodes[gel.segments[:, 1]] - gel.nodes[gel.segments[:, 0]]).max() > 25
    n = elastic(gel)
    assert np.abs(n.forces(gel.nodes)).max() < 1e-9
    assert n.energy(gel.nodes) < 1e-15


def test_affine_shear_acts_on_every_vector(gel):
    s = elastic(gel)
    sheared = s.strained(SHEAR).vectors(gel.nodes @ SHEAR.T)[0]
    assert np.abs(sheared - s.vectors(gel.nodes)[0] @ SHEAR.T).max() < 1e-11


def test_stress_is_the_slope_of_relaxed_energy(gel):
    volume, held, s = 32.0**3, first(gel, 1), elastic(gel)

    def relaxed(gamma: float) -> tuple[float, float]:
        gradient = np.eye(3) + gamma * TILT
        strained = s.strained(gradient)
        x, _ = equilibrium.minimise(strained, gel.nodes @ gradient.T, held=held)
        return strained.energy(x), strained.stress(x, volume)[0, 2]

    (low, _), (_, middle), (high, _) = (relaxed(g) for g in (0.0999, 0.1, 0.1001))
    assert middle > 0
    assert (high - low) / 0.0002 / volume == pytest.approx(middle, rel=1e-4)


def test_only_translations_cost_nothing(gel):
    """Fibers below the isostatic valence do not flop: bends resist in all directions, crosslinks resist turning."""
    stiffness = np.linalg.eigvalsh(elastic(gel).hessian(gel.nodes, exact=True).toarray())
    assert np.abs(stiffness[:3]).max() < 1e-8 < 1e-4 < stiffness[3]
    hinged = np.linalg.eigvalsh(elastic(gel, rigidity=0.0).hessian(gel.nodes, exact=True).toarray())
    assert hinged[3] < stiffness[3], "hinges are softer"


def test_plates_pull_with_the_stress():
    gel = generate_collagen([0] * 3, [32, 32, 20], (True, True, False), concentration=1.5, bundle_diameter=0.2)
    s, faces = elastic(gel), gel.box.on_face(gel.nodes)[:, 2]
    x = gel.nodes.copy()
    x[faces & (x[:, 2] > 10), 0] += 5.0
    x, _ = equilibrium.minimise(s, x, held=faces)
    top = -s.forces(x)[faces & (x[:, 2] > 10)].sum(0) / 32.0**2
    assert top == pytest.approx(s.stress(x, 32.0 * 32 * 20)[:, 2], rel=1e-6)
    assert top[0] > 0


def test_straight_chain_stretches_by_force_times_length_over_modulus():
    chain = chains(line(8, 20))
    pull = 3.0 * np.eye(9, 3, -8)
    x, _ = equilibrium.minimise(elastic(chain), chain.nodes, held=first(chain, 1), external=pull)
    assert x[-1, 0] - 20 == pytest.approx(3.0 * 20 / EA, rel=1e-9)


@pytest.mark.parametrize("segments", [2, 8, 32])
def test_cantilever_bends_as_the_discrete_beam(segments):
    """Moments P (L - i h) at the nodes i = 0, 1, ... turn them by h/EI each: PL^3/3EI (1 + 1.5 h/L + 0.5 h^2/L^2)."""
    h = 20 / segments
    beam = chains(line(segments + 1, 20 + h) - [h, 0, 0])  # two nodes are held: a clamp at x = 0
    load = 1e-4 * np.outer(np.arange(segments + 2) == segments + 1, [0, 1, 0])
    soft = elastic(beam, stretch=100.0)  # less rounding than with EA
    x, _ = equilibrium.minimise(soft, beam.nodes, held=first(beam, 2), external=load, tolerance=1e-11)
    wanted = 1e-4 * 20**3 / (3 * EI) * (1 + 1.5 * h / 20 + 0.5 * (h / 20) ** 2)
    assert x[-1, 1] == pytest.approx(wanted, rel=1e-6)


def test_column_buckles_at_the_discrete_load():
    """Pinned ends: P = (4 EI/h^2) sin^2(pi h/2L) l/h, where the load has shortened segments from h to l."""
    column, h = chains(line(8, 20)), 2.5
    held = np.isin(np.arange(9), (0, 8))
    euler = 4 * EI / h**2 * np.sin(np.pi * h / 40) ** 2
    critical = euler / (1 + euler / EA)

    def lowest(load: float) -> float:
        """Softest stiffness of the straight column."""
        stiffness = elastic(column).hessian(column.nodes * (1 - load / EA), exact=True)
        free = np.repeat(~held, 3)
        return np.linalg.eigvalsh(stiffness.toarray()[free][:, free]).min()

    assert lowest(critical * (1 - 1e-6)) > 0 > lowest(critical * (1 + 1e-6))
    for load, buckles in ((0.98, False), (1.02, True)):
        x = column.nodes * (1 - load * critical / EA)
        nudged = x + 1e-3 * np.sin(np.pi * np.arange(9) / 8)[:, None] * [0, 1, 0] * ~held[:, None]
        x, _ = equilibrium.minimise(elastic(column), nudged, held=held)
        assert (np.abs(x[:, 1]).max() > 0.01) == buckles


def test_bent_fiber_relaxes_at_the_rate_of_its_mode():
    """One implicit step divides a sine of pinned ends by 1 + dt (16 EI/(drag h^4)) sin^4(pi h/2L)."""
    chain, h, drag, step = chains(line(8, 20)), 2.5, 1.7e-4, 1e-3
    s, shape = elastic(chain), np.sin(np.pi * np.arange(9) / 8)[:, None] * [0, 1e-4, 0]
    held = np.isin(np.arange(9), (0, 8))
    x = equilibrium.euler_step(s, chain.nodes + shape, s.drags(drag), step, held=held)
    rate = 16 * EI / (drag * h**4) * np.sin(np.pi * h / 40) ** 4
    assert step * rate > 0.3
    assert x[4, 1] == pytest.approx(1e-4 / (1 + step * rate), rel=1e-6)


def helix() -> np.ndarray:
    turn = np.linspace(0, 4, 17)
    return np.stack([8 * np.cos(turn), 8 * np.sin(turn), 3 * turn], axis=1)


def grid() -> FiberNetwork:
    """Three fibers along x and three along y, crosslinked inside their segments where they cross."""
    ticks, across = np.arange(6) * 4.0, (5.0, 9.0, 13.0)
    along_x = [np.stack([ticks, np.full(6, y), np.zeros(6)], 1) for y in across]
    along_y = [np.stack([np.full(6, x), ticks, np.zeros(6)], 1) for x in across]
    pairs = [(i, j) for i in range(3) for j in range(3)]
    links = [(5 * i + int(across[j] // 4), 15 + 5 * j + int(across[i] // 4)) for i, j in pairs]
    return chains(*along_x, *along_y, links=links, at=[(across[j] % 4 / 4, across[i] % 4 / 4) for i, j in pairs])


LINKED = chains(helix(), line(8, 20), links=[(2, 3)], at=[(0.3, 0.8)])


@pytest.mark.parametrize("network", [chains(helix()), grid(), LINKED], ids=["helix", "grid", "linked"])
def test_rotation_bears_no_force_and_bodies_do_not_push_themselves(network):
    turn, s = Rotation.from_rotvec(np.pi / 2 * np.array([1, 2, 2]) / 3).as_matrix(), elastic(network)
    assert np.abs(s.forces(network.nodes @ turn.T + [3, -2, 1])).max() < 1e-10
    x = network.nodes + np.random.default_rng(4).normal(0, 0.3, network.nodes.shape)
    force = s.forces(x)
    scale = np.linalg.norm(force, axis=1).sum()
    assert np.linalg.norm(force.sum(0)) < 1e-13 * scale
    assert np.linalg.norm(np.cross(x, force).sum(0)) < 1e-13 * scale * 20
    assert s.forces(x @ turn.T) == pytest.approx(force @ turn.T, abs=1e-12 * scale)


def test_grid_of_free_hinges_under_uniform_strain_follows_it():
    network, stretch = grid(), np.diag([1.03, 1.02, 1.0]) + 0.01 * np.outer([1, 0, 0], [0, 1, 0])
    ends = np.isin(np.arange(36) % 6, (0, 5))
    x = np.where(ends[:, None], network.nodes @ stretch.T, network.nodes)
    x, _ = equilibrium.minimise(elastic(network, rigidity=0.0), x, held=ends)
    assert np.abs(x - network.nodes @ stretch.T).max() < 1e-9


def test_fiber_part_of_the_stiffness(gel, crooked):
    """Z + dt K of the nodes of each fiber alone, while the others are held; more where segments are pushed together."""
    s, step = elastic(gel), 0.01
    drags = s.drags(1.7e-4)
    fiber = np.repeat(np.arange(gel.fibers), np.bincount(gel.segment_fiber) + 1)
    joined = gel.segment_fiber[gel.crosslinks]
    assert (joined[:, 0] != joined[:, 1]).all()
    same, n = np.repeat(np.repeat(fiber[:, None] == fiber, 3, 0), 3, 1), np.arange(len(fiber))

    def both(x):
        """From the bands, and from the whole."""
        bands, dense = s.fiber_bands(x, drags, step), np.zeros((len(n), 3, len(n), 3))
        for apart in range(3):
            i = n[: len(n) - apart]
            dense[i, :, i + apart] = bands[apart, i]
            dense[i + apart, :, i] = bands[apart, i].transpose(0, 2, 1)
        whole = step * s.frozen(x).toarray() + np.diag(np.repeat(drags, 3))
        assert np.abs(np.where(same, 0, whole)).max() > 1
        return bands, dense.reshape(whole.shape), np.where(same, whole, 0)

    _, found, wanted = both(gel.nodes)
    assert np.abs(found - wanted).max() < 1e-11 * np.abs(wanted).max()
    bands, dense, wanted = both(crooked)
    more = np.linalg.eigvalsh(dense - wanted)
    assert more.min() > -1e-9 * np.abs(wanted).max() and more.max() > 0.1
    held, right = n % 7 == 0, np.random.default_rng(5).normal(size=(len(n), 3))
    free = np.repeat(~held, 3)
    solved = equilibrium.solve_bands(bands, right, held)
    assert solved.ravel()[free] == pytest.approx(np.linalg.solve(dense[free][:, free], right.ravel()[free]), rel=1e-7)
    assert (solved[held] == right[held]).all()


def test_extra_stiffness_enters_the_fiber_part(gel):
    s = elastic(gel)
    extra, drags = np.random.default_rng(6).normal(size=(len(gel.nodes), 3, 3)), s.drags(1e-4)
    change = s.fiber_bands(gel.nodes, drags, 0.01, extra) - s.fiber_bands(gel.nodes, drags, 0.01)
    assert change[0] == pytest.approx(extra, abs=1e-10)
    assert not change[1:].any()


def test_step_of_a_pulled_gel_balances_drag_and_load(gel):
    s = elastic(gel)
    drags, held, load = s.drags(1.7e-4), first(gel, 5), np.zeros(gel.nodes.shape)
    load[300] = [2.0, 1.0, 0.0]
    x = equilibrium.euler_step(s, gel.nodes, drags, 0.1, held=held, external=load)
    left = drags[:, None] * (x - gel.nodes) / 0.1 - s.forces(x) - load
    assert np.abs(left[~held]).max() <= 1e-10
    assert (x[held] == gel.nodes[held]).all()
    assert np.abs(x[300] - gel.nodes[300]).max() > 0.01
