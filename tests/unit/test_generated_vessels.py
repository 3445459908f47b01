"""Generated vessels: their laws and statistics, the same by the same seed, and one watertight surface around each."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from physim.errors import InputError
from physim.meshes.centerlines import chains, joined, straight
from physim.meshes.generate_beds import capillaries, sinusoids
from physim.meshes.generate_tubes import bifurcation, constriction, tube
from physim.meshes.generate_tumour import tumour
from physim.meshes.networks import NAMES, SEEDED, generated
from physim.meshes.parted import nearest, parted
from physim.meshes.surface import surface


@cache
def small(name):
    made = {"tube": lambda: tube(length=80), "bifurcation": lambda: bifurcation(length=60, asymmetry=0.7),
            "constriction": lambda: constriction(ends=30), "sinusoids": lambda: sinusoids(lobule=120, seed=3),
            "capillaries": lambda: capillaries(columns=1, rows=3, seed=3),
            "tumour": lambda: tumour(size=(220.0, 220.0, 60.0), seed=2)}  # fmt: skip
    return made[name]()


@pytest.mark.parametrize("name", NAMES)
def test_surface_is_watertight_with_the_bodies_and_handles_of_the_network(name):
    network = small(name)
    found = surface(network)
    assert found.mesh.is_volume
    assert (found.mesh.body_count, 1 - found.mesh.euler_number // 2) == (1, network.loops)
    assert set(np.unique(found.port)) == {-1, *np.flatnonzero(network.degree == 1)}


@pytest.mark.parametrize("name", NAMES)
def test_branches_meet_in_their_nodes_and_points_are_close(name):
    network = small(name)
    for b in range(network.branches):
        points, _ = network.branch(b)
        np.testing.assert_allclose(points[[0, -1]], network.nodes[network.ends[b]], atol=1e-9)
        assert np.linalg.norm(np.diff(points, axis=0), axis=1).max() < 5.0
    assert not (network.degree == 2).any() and network.components == 1


@pytest.mark.parametrize("asymmetry", [1.0, 0.6, 0.2])
def test_bifurcation_obeys_murray(asymmetry):
    """r0^3 = r1^3 + r2^3; and his angles: r0^2 = r1^2 cos t1 + r2^2 cos t2, r1^2 sin t1 = r2^2 sin t2."""
    network = bifurcation(radius=9.0, asymmetry=asymmetry)
    radius = np.array([network.branch(b)[1][0] for b in range(3)])
    assert radius[0] ** 3 == pytest.approx(radius[1] ** 3 + radius[2] ** 3)
    assert radius[2] / radius[1] == pytest.approx(asymmetry)
    way = np.array([np.diff(network.branch(b)[0][[0, -1]], axis=0)[0] for b in (1, 2)])
    way /= np.linalg.norm(way, axis=1)[:, None]
    np.testing.assert_allclose((radius[1:, None] ** 2 * way).sum(0), [radius[0] ** 2, 0, 0], atol=1e-9)


def test_constriction_narrows_smoothly_to_the_radius_asked_for():
    network = constriction(radius=12, narrow=2.5, length=40, taper=50, ends=60)
    points, radius = network.branch(0)
    assert points[-1, 0] == pytest.approx(260) and radius[[0, -1]] == pytest.approx([12, 12])
    assert (radius[np.abs(points[:, 0] - 130) < 20] == 2.5).all() and (radius[points[:, 0] < 60] == 12).all()
    slope = np.gradient(radius, points[:, 0])
    assert np.abs(slope).max() == pytest.approx(9.5 * np.pi / 100, rel=0.01)
    np.testing.assert_allclose(radius, radius[::-1], atol=1e-9)


def test_bed_of_capillaries_has_one_inlet_and_one_outlet():
    network = capillaries(columns=6, rows=6, seed=1)
    thin = network.lengths[[np.median(network.branch(b)[1]) < 5 for b in range(network.branches)]]
    assert (network.degree == 1).sum() == 2 and 50 < np.median(thin) < 100
    free = network.nodes[network.degree == 1]
    inlet, outlet = free[np.argsort(free[:, 0])]
    wide = network.points[network.radius > 7]
    assert inlet[1] == wide[wide[:, 0] < 100, 1].min() and outlet[1] == wide[wide[:, 0] > 100, 1].max()
    fine = network.radius[network.radius < 4.5]
    assert fine.min() >= 2.5 and fine.max() <= 4.0 and network.loops == 5 * 6 + 5


def test_many_capillaries_are_made_for_large_runs():
    assert capillaries(columns=45, rows=40).branches > 5000


def test_lobule_has_six_inlets_and_a_vein():
    network = sinusoids(seed=1)
    free = network.nodes[network.degree == 1]
    assert len(free) == 8 and (np.abs(free[:, 2]) > 50).sum() == 2
    rim = free[np.abs(free[:, 2]) < 50]
    turn = np.sort(np.degrees(np.arctan2(rim[:, 1], rim[:, 0])))
    np.testing.assert_allclose(np.diff(turn), 60, atol=12)
    fine = network.radius[network.radius < 10]
    assert np.median(fine) == pytest.approx(4.75, abs=0.3)
    assert np.median(network.lengths) == pytest.approx(43.1, rel=0.1)


def test_tumour_has_the_published_lengths_and_widths():
    """Segments of 67 um and a diameter of 10 um (Less 1991), within a quarter; loops, bends, cut ends."""
    made = [tumour(size=(450.0, 300.0, 70.0), seed=seed) for seed in range(2)]
    length = np.concatenate([network.lengths for network in made])
    assert length.mean() == pytest.approx(67, rel=0.25)
    assert 2 * np.median(np.concatenate([network.radius for network in made])) == pytest.approx(10, rel=0.25)
    for network in made:
        chord = np.linalg.norm(np.diff(network.nodes[network.ends], axis=1)[:, 0], axis=1)
        assert network.loops > 5 and 1.05 < np.median(network.lengths / np.maximum(chord, 1)) < 1.4
        free = network.nodes[network.degree == 1][:, :2]
        off = np.minimum(free, [450, 300] - free).min(axis=1)
        assert len(free) >= 8 and off.max() < 4.0


@pytest.mark.parametrize("name", [name for name in SEEDED if name != "tumour"])
def test_the_same_seed_gives_the_same_bits_and_another_does_not(name):
    one, two, other = generated(name, 5), generated(name, 5), generated(name, 6)
    assert (one.points == two.points).all() and (one.radius == two.radius).all()
    assert one.points.shape != other.points.shape or (one.points != other.points).any()


def test_the_same_seed_gives_the_same_tumour():
    size = (200.0, 200.0, 60.0)
    one, two, other = (tumour(size=size, seed=seed) for seed in (5, 5, 6))
    assert (one.points == two.points).all() and (one.radius == two.radius).all()
    assert one.points.shape != other.points.shape


def test_vessels_too_close_are_thinned_where_they_are_and_others_not():
    """Two tubes of 4 um whose axes come within 7 um in the middle, and a fork, which may be close beside its node."""
    x = np.linspace(0, 120, 61)
    bent = 27 - 20 * np.exp(-(((x - 60) / 20) ** 2))
    one, two = np.stack([x, 0 * x, 0 * x], axis=1), np.stack([x, bent, 0 * x], axis=1)
    fork = straight([0, 200, 0], [80, 260, 0], (4, 4)), straight([0, 200, 0], [80, 140, 0], (4, 4))
    four = np.full(61, 4.0)
    network = joined([(one, four), (two, four), *fork], [(0, 1), (2, 3), (4, 5), (4, 6)])
    assert nearest(network, 1.0)[0] == pytest.approx(-1.0)
    thinner = parted(network, 2.0)
    assert nearest(thinner, 1.0)[0] > 1.5 and thinner.radius[network.points[:, 1] > 100].min() == 4
    changed = np.flatnonzero(thinner.radius[:61] < 3.99)
    assert len(changed) and (np.abs(x[changed] - 60) < 30).all() and thinner.radius.min() > 2
    with pytest.raises(InputError, match=r"1 bodies .* 3\.5, 0\.0\) um"):
        surface(joined([(one, four), (two, four)], [(0, 1), (2, 3)]), 1.5)


def test_chains_pass_through_nodes_of_two_edges():
    found = chains(np.array([[0, 1], [1, 2], [2, 3], [2, 4], [5, 6], [6, 7], [7, 5]]))
    assert sorted(map(sorted, found)) == [[0, 1, 2], [2, 3], [2, 4], [5, 5, 6, 7]]
    assert [0, 1, 2] in found and found[-1] == [5, 6, 7, 5]


@pytest.mark.parametrize(("make", "said"), [
    (lambda: tube(radius=-1), "radius: -1"), (lambda: bifurcation(asymmetry=2), "asymmetry: 2 is above 1"),
    (lambda: constriction(narrow=20), "wider than the tube"), (lambda: sinusoids(radius=15), "leave no tissue"),
    (lambda: capillaries(rows=1), "1 rows"), (lambda: capillaries(thick=40), "leave no tissue"),
    (lambda: tumour(apart=10), "at least four radii"), (lambda: tumour(size=(9.0, 9.0, 9.0)), "holds no network"),
    (lambda: generated("tumor"), "did you mean 'tumour'"), (lambda: generated("tube", -1), "below 0"),
])  # fmt: skip
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()
