"""Shear and compression between plates against exact answers: rods, clamped beams, a patch that deforms affinely."""

import numpy as np
import pytest

from physim.analysis import rheology
from physim.analysis.rheology import compression, shear
from physim.errors import InputError, PhysicsError
from physim.experiments.ecm import gel, network_of
from physim.generate.fiber_network import Box, FiberNetwork, assemble

SIZE = 40.0
LAW = {"stretch_modulus": 13_000.0, "bend_modulus": 52.0, "crosslink_stiffness": 500.0, "crosslink_rigidity": 5.0}


def between_plates(lines, links=(), at=(), periodic=(True, True, False)) -> FiberNetwork:
    """Fibers along given nodes in a cube of SIZE."""
    lines = [np.array(line, float) for line in lines]
    begin, end = np.concatenate([line[:-1] for line in lines]), np.concatenate([line[1:] for line in lines])
    fiber = np.repeat(np.arange(len(lines)), [len(line) - 1 for line in lines])
    links, at = np.array(links, int).reshape(-1, 2), np.array(at, float).reshape(-1, 2)
    return assemble(begin, end, fiber, links, at, Box(np.zeros(3), np.full(3, SIZE), periodic), 0.2)


def columns(count: int = 3, segments: int = 10) -> FiberNetwork:
    """Straight fibers from plate to plate, without crosslinks: their end segments are clamped."""
    z = np.linspace(0, SIZE, segments + 1)
    return between_plates([np.stack([0 * z + 5 + 10 * k, 0 * z + 20, z], axis=1) for k in range(count)])


def patch() -> tuple[FiberNetwork, np.ndarray]:
    """Three straight fibers from plate to plate in a plane, each crossing the others, and their vectors (3, 3)."""
    feet, tops = np.array([8.0, 30.0, 14.0]), np.array([30.0, 10.0, 18.0])
    z = np.linspace(0, SIZE, 11)
    lines = [np.stack([a + (b - a) * z / SIZE, 0 * z + 20, z], axis=1) for a, b in zip(feet, tops, strict=True)]
    links, at = [], []
    for i, j in ((0, 1), (0, 2), (1, 2)):
        where = 10 * (feet[i] - feet[j]) / (feet[i] - feet[j] + tops[j] - tops[i])
        links.append((10 * i + int(where), 10 * j + int(where)))
        at.append((where % 1, where % 1))
    return between_plates(lines, links, at), np.stack([tops - feet, 0 * feet, 0 * feet + SIZE], axis=1)


def test_columns_stretch_by_ea():
    """The two clamped segments of each bear no strain: a column is shorter by them. Hardly any EI, as a bend at the
    clamp feels the step in strain."""
    found = compression(columns(), [-0.001, -0.002, -0.01], **(LAW | {"bend_modulus": 1e-3}), tolerance=1e-6)
    expected = 13_000.0 * 3 / SIZE**2 * found["strain"] * SIZE / (SIZE - 8.0)
    assert found["stress"] == pytest.approx(expected, rel=1e-5), "negative: they pull"
    assert found["traction"] == pytest.approx(expected, rel=1e-4)
    assert found["normal_stress"] == pytest.approx(expected, rel=1e-4)


def test_columns_shear_as_clamped_beams():
    """The exact discrete beam: energy EI/(2 h^3) |second differences|^2, two nodes held at each end."""
    gamma, h = 2e-4, SIZE / 10
    second = np.diff(np.eye(11), 2, axis=0)
    stiffness = 52.0 / h**3 * second.T @ second
    free, moved = np.arange(2, 9), np.array([9, 10])
    response = np.zeros(11)
    response[moved] = SIZE
    response[free] = -np.linalg.solve(stiffness[np.ix_(free, free)], stiffness[np.ix_(free, moved)] @ response[moved])
    modulus = 3 * response @ stiffness @ response / SIZE**3
    found = shear(columns(), [gamma, -gamma], **(LAW | {"stretch_modulus": 1000.0}), tolerance=1e-6)
    assert found["stress"] == pytest.approx([gamma * modulus, -gamma * modulus], rel=2e-3)


@pytest.mark.parametrize("strained, gradient", [
    (shear, lambda s: [[1, 0, s], [0, 1, 0], [0, 0, 1]]),
    (compression, lambda s: [[1, 0, 0], [0, 1, 0], [0, 0, 1 - s]]),
])  # fmt: skip
def test_patch_deforms_affinely(strained, gradient):
    """Straight fibers that meet where they cross stay so: stress and normal stress are those of three springs.

    EI is such that the one that is compressed does not buckle.
    """
    network, vectors = patch()
    strains = np.array([0.002, 0.05, 0.1]) if strained is shear else np.array([-0.002, -0.05, -0.1])

    def energy(strain):
        length = np.linalg.norm(vectors @ np.array(gradient(strain)).T, axis=1)
        rest = np.linalg.norm(vectors, axis=1)
        return (0.5 * 13_000.0 / rest * (length - rest) ** 2).sum() / SIZE**3

    found = strained(network, strains, **(LAW | {"bend_modulus": 1e5, "crosslink_rigidity": 0.0}), tolerance=1e-6)
    slope = [(energy(s + 1e-6) - energy(s - 1e-6)) / 2e-6 for s in strains]
    assert found["stress"] == pytest.approx(slope, rel=1e-4)
    assert found["traction"] == pytest.approx(slope, rel=1e-4)
    now = np.array([vectors @ np.array(gradient(s)).T for s in strains])
    length, rest = np.linalg.norm(now, axis=2), np.linalg.norm(vectors, axis=1)
    pull = (13_000.0 * (length / rest - 1) * now[:, :, 2] / length).sum(axis=1)
    assert found["normal_stress"] == pytest.approx(-pull / SIZE**2, rel=1e-4)
    if strained is compression:
        assert (found["normal_stress"] < 0).all(), "stretched fibers pull the plates together"


@pytest.fixture(scope="module")
def small_gel() -> FiberNetwork:
    return network_of(gel(3.5, 0.2, 25.0, plates=True), 2)


def test_modulus_of_a_gel_does_not_hang_on_the_tolerance(small_gel):
    """Nor on the size of a small strain, of both signs; a gel at rest bears nothing."""
    loose, tight = (
        [shear(small_gel, [0.0, sign * 0.0025, sign * 0.005], **LAW, tolerance=tolerance) for sign in (1, -1)]
        for tolerance in (1e-4, 1e-5)
    )
    for one, other in zip(loose, tight, strict=True):
        assert abs(one["stress"][0]) < 1e-3 * abs(one["stress"][2])
        assert one["stress"][1:] == pytest.approx(other["stress"][1:], rel=5e-3)
        assert one["traction"][1:] == pytest.approx(one["stress"][1:], rel=0.02)
    modulus = (tight[0]["stress"] - tight[1]["stress"])[1:] / (2 * tight[0]["strain"][1:])
    assert modulus[0] == pytest.approx(modulus[1], rel=5e-3)


def test_network_without_plates_is_refused():
    z = np.linspace(5, 35, 7)
    floating = between_plates([np.stack([0 * z + 20, 0 * z + 20, z], axis=1)])
    everywhere = between_plates([np.stack([0 * z + 20, 0 * z + 20, z], axis=1)], periodic=(True, True, True))
    for network in (floating, everywhere):
        with pytest.raises(InputError, match="0 nodes on plates"):
            shear(network, [0.01], **LAW)


def test_what_finds_no_balance_says_how_far_it_got(monkeypatch):
    accepted = iter([3.0, 0.0, 0.0])
    monkeypatch.setattr(rheology, "MOST_STEPS", 1)
    balance = rheology._Gel._balance

    def harder(self, guess):
        monkeypatch.setattr(rheology, "_ACCEPTED", next(accepted))
        return balance(self, guess)

    monkeypatch.setattr(rheology._Gel, "_balance", harder)
    with pytest.raises(PhysicsError, match=r"strain 0\.02, after 0\.01: after 1 steps .* smaller strains"):
        shear(patch()[0], [0.01, 0.02], **LAW)
