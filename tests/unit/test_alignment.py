"""Order of fibers against closed forms: lines that are isotropic, radial, tangential or parallel; density of lines."""

from __future__ import annotations

import numpy as np
import pytest
from reference.networks import chains, directions, gel

from physim.analysis import alignment, network
from physim.errors import InputError

CENTER = np.full(3, 50.0)


def lines(middles, along, length=2.0, size=100.0, periodic=False):
    """A straight fiber of one segment at each place."""
    ends = np.stack([middles - 0.5 * length * along, middles + 0.5 * length * along], axis=1)
    return chains(ends, size=size, periodic=periodic)


def random_places(count, seed=1, size=100.0):
    return np.random.default_rng(seed).uniform(0, size, (count, 3))


def test_isotropic_lines_have_no_order():
    net = lines(random_places(20_000), directions(20_000), periodic=True)
    assert np.abs(alignment.nematic_tensor(net)).max() < 0.015 and network.nematic_order(net)[0] < 0.015
    assert alignment.local_order(net, CENTER, 40.0)[0] < 0.03
    profile = alignment.radial_order(net, CENTER, np.linspace(10, 50, 5))
    assert np.abs(profile.value).max() < 0.05
    assert np.abs(alignment.axial_order(net, CENTER, [1, 1, 0], [5, 20, 45]).value).max() < 0.05


def test_tensor_is_weighted_by_length():
    net = chains([[[10, 10, 10], [40, 10, 10]], [[10, 20, 10], [10, 30, 10]]])
    np.testing.assert_allclose(alignment.nematic_tensor(net), np.diag([0.625, -0.125, -0.5]), atol=1e-12)
    order, director = network.nematic_order(net)
    assert order == pytest.approx(0.625) and director == pytest.approx([1, 0, 0])


def test_radial_and_tangential_lines():
    out = directions(500)
    radial = chains([CENTER + np.outer(np.arange(5, 41, 5), way) for way in out], size=100)
    profile = alignment.radial_order(radial, CENTER, [5, 15, 25, 40])
    np.testing.assert_allclose(profile.value, 1, atol=1e-9)
    np.testing.assert_allclose(profile.length, [5000, 5000, 7500], rtol=1e-9)
    across = np.cross(out, directions(500, seed=5))
    across /= np.linalg.norm(across, axis=1)[:, None]
    tangential = lines(CENTER + 30 * out, across)
    # exact over a chord: cos^2 = s^2/(s^2 + 30^2), |s| < 1
    cos2 = 1 - 30 * np.arctan(1 / 30)
    assert alignment.radial_order(tangential, CENTER, [20, 40]).value[0] == pytest.approx(1.5 * cos2 - 0.5, rel=1e-9)


def test_radial_order_of_a_long_chord_is_split_over_the_shells():
    """One line at distance h = 3 um, from -20 to 20 um: the integral in each shell by fine quadrature."""
    net = chains([CENTER + np.array([[-20, 3, 0], [20, 3, 0]])], size=100)
    edges = np.array([0, 2, 4, 10, 30.0])
    profile = alignment.radial_order(net, CENTER, edges)
    s = np.linspace(-20, 20, 4_000_001)
    r = np.hypot(s, 3)
    for low, high, value, length in zip(edges, edges[1:], profile.value, profile.length, strict=False):
        inside = (r >= low) & (r < high)
        assert length == pytest.approx(inside.sum() * 1e-5, abs=1e-4)
        if inside.any():
            assert value == pytest.approx(np.mean(1.5 * (s[inside] / r[inside]) ** 2 - 0.5), abs=1e-5)
        else:
            assert np.isnan(value)


def test_order_about_an_axis_and_in_a_window():
    """Lines along z near the axis, along x beyond 10 um of it."""
    places = random_places(8000)
    far = np.hypot(*(places - CENTER)[:, :2].T)
    net = lines(places, np.where(far[:, None] < 10, [0, 0, 1.0], [1.0, 0, 0]), length=1e-3)
    near, outside = alignment.axial_order(net, CENTER, [0, 0, -7], [0, 9.9, 40]).value
    assert near == pytest.approx(1, abs=1e-9)
    assert outside == pytest.approx(-0.5, abs=5e-3)  # 1 of 150 lies between 9.9 and 10 um
    order, director = alignment.local_order(net, CENTER, 9.0)
    assert order == pytest.approx(1) and director == pytest.approx([0, 0, 1])
    order, director = alignment.local_order(net, CENTER + np.array([0, 0, 20]), 30.0, inner=25.0)
    assert order > 0.8 and director == pytest.approx([1, 0, 0], abs=0.1)
    assert np.isnan(alignment.local_order(chains([[[1, 1, 1], [2, 2, 2]]]), CENTER, 5.0)[0])


def test_density_of_random_lines_is_that_of_the_box_and_exact_for_a_line():
    net = gel(periodic=True)
    whole = network.length_density(net)
    profile = alignment.density_profile(net, [30, 30, 30], [0, 20, 30])
    assert profile.value == pytest.approx([whole, whole], rel=0.1)
    line = chains([CENTER + np.array([[-20, 3, 0], [20, 3, 0]])], size=100)
    inside = alignment.density_profile(line, CENTER, [0, 5, 13])
    assert inside.length == pytest.approx([8, 2 * (160**0.5 - 4)])
    assert inside.value[0] == pytest.approx(8 / (4 / 3 * np.pi * 125))
    through_the_face = chains([[[2, 30, 30], [-9, 30, 30]]], periodic=True)
    assert alignment.density_profile(through_the_face, [58, 30, 30], [0, 5, 9]).length == pytest.approx([9, 2])


@pytest.mark.parametrize("edges", [[3, 2], [-1, 2], [4], [0, np.nan, 3]])
def test_edges_that_do_not_ascend_are_refused(edges):
    with pytest.raises(InputError, match="must be radii that ascend"):
        alignment.radial_order(gel(periodic=True), CENTER, edges)


def test_shells_beyond_the_box_and_axes_without_direction_are_refused():
    with pytest.raises(InputError, match=r"31 um is beyond the nearest face, 30 um away"):
        alignment.density_profile(gel(periodic=True), [1, 2, 3], [0, 31])
    with pytest.raises(InputError, match=r"2.5 um is beyond the nearest face, 2 um away"):
        alignment.density_profile(gel(periodic=False), [30, 2, 30], [0, 2.5])
    with pytest.raises(InputError, match="has no direction"):
        alignment.axial_order(gel(periodic=True), CENTER, [0, 0, 0], [0, 5])
