"""What a path leaves: closed forms for rods at random, for single lines, and for a cylinder that was emptied."""

from __future__ import annotations

import numpy as np
import pytest
from reference.networks import chains, directions

from physim.analysis import network, tunnels
from physim.errors import InputError

AXIS = np.array([[5.0, 50, 50], [50, 50, 50], [95, 50, 50]])
BESIDE = [AXIS + np.array([0, dy, dz]) for dy in (-30, 0, 30) for dz in (-30, 0, 30)]
"""Nine paths that are far from each other."""


def rods(count=6_000, length=5.9, size=100.0, seed=2):
    """Straight rods at random in a periodic cube: one segment each."""
    rng = np.random.default_rng(seed)
    middles, along = rng.uniform(0, size, (count, 3)), directions(count, seed)
    ends = np.stack([middles - 0.5 * length * along, middles + 0.5 * length * along], axis=1)
    return chains(ends, size=size, periodic=True)


def beside(*offsets, along=(1.0, 0, 0), size=100.0):
    """Straight lines from 20 to 80 um through the middle of the box, shifted by offsets (um)."""
    line = np.linspace(-30, 30, 25)[:, None] * np.array(along) + size / 2
    return chains([line + np.array(offset) for offset in offsets], size=size)


@pytest.mark.parametrize("clearance", [1.5, 2.5])
def test_void_among_rods_is_that_of_spherocylinders(clearance):
    """exp(-n (pi L c^2 + 4 pi c^3/3)) of n rods per volume is not met by a rod within c."""
    net, exact = rods(), np.exp(-6e-3 * (np.pi * 5.9 * clearance**2 + 4 / 3 * np.pi * clearance**3))
    found = [tunnels.void_fraction(net, path, 15.0, clearance, samples=30_000) for path in BESIDE]
    assert np.mean(found) == pytest.approx(exact, rel=0.05)


def test_emptied_cylinder_is_all_void_and_as_wide_as_it_was_made():
    net = rods()
    distance = tunnels.Path(net.box, AXIS).nearest(net.midpoints)[0]
    begin = net.nodes[net.segments[:, 0]]
    cut = chains(np.stack([begin, begin + net.vectors], axis=1)[distance > 10.0], size=100.0, periodic=True)
    assert tunnels.void_fraction(cut, AXIS, 4.0, 2.9) == 1.0
    assert tunnels.void_fraction(net, AXIS) < 0.7
    along, wide = tunnels.widths(cut, AXIS)
    assert along[-1] == pytest.approx(90) and wide.min() >= 2 * 7.0 and wide.min() < 2 * 10.0
    assert tunnels.tunnel_length(cut, AXIS, 14.0) == pytest.approx(90)
    assert tunnels.tunnel_length(net, AXIS) < 60
    assert tunnels.fiber_near(cut, AXIS) == 0 and tunnels.fiber_near(net, AXIS) > 100


def test_width_is_twice_the_distance_to_the_nearest_line():
    net = beside([0, 3, 0], [0, 0, -4])
    along, wide = tunnels.widths(net, [[30, 50, 50], [70, 50, 50]])
    assert (along[0], along[-1]) == (0, pytest.approx(40)) and np.diff(along).max() <= 0.5
    np.testing.assert_allclose(wide, 6.0, atol=1e-9)
    slanted = tunnels.widths(net, [[30, 50, 50], [70, 49, 50]])[1]
    np.testing.assert_allclose(slanted[[0, -1]], [6, 8], atol=1e-9)  # from 3 um to the one line to 4 um to both
    assert tunnels.tunnel_length(net, [[30, 50, 50], [70, 49, 50]], 7.0) == pytest.approx(20, abs=0.5)


def test_width_of_any_line_is_the_pore():
    net = rods()
    mean = np.mean([tunnels.widths(net, path)[1].mean() for path in BESIDE])
    assert mean == pytest.approx(network.nearest_obstacle_pore(net), rel=0.06)


def test_fiber_near_a_path_is_told_by_segment():
    net = beside([0, 3, 0], [0, 0, 5])
    near = tunnels.lengths_near(net, [[40, 50, 50], [60, 50, 50]])
    assert near.sum() == tunnels.fiber_near(net, [[40, 50, 50], [60, 50, 50]])
    assert near[24:].sum() == 0 and near[:24].max() == pytest.approx(2.5)
    assert near.sum() == pytest.approx(20 + 2 * np.sqrt(4**2 - 3**2), abs=1)


def test_ends_of_a_path_do_not_count():
    path = np.linspace([0.0, 0, 0], [40.0, 0, 0], 9)
    np.testing.assert_array_equal(tunnels.usable(path, 12.0)[:, 0], [15, 20, 25])
    assert len(tunnels.usable(path, 20.0)) == 0


def test_order_along_and_across_a_path():
    path = [[30, 50, 50], [70, 50, 50]]
    profile = tunnels.border_profile(beside([0, 2, 0], [0, 0, 2.5]), path, [0, 1, 3, 5])
    np.testing.assert_allclose(profile.order, [np.nan, 1, 1], atol=1e-12)
    assert profile.length[1] == pytest.approx(80 + 2 * np.sqrt(9 - 2**2) + 2 * np.sqrt(9 - 2.5**2), abs=1)
    across = tunnels.border_profile(beside([0, 0, 2], along=(0, 1.0, 0)), path, [0, 1, 3, 5])
    np.testing.assert_allclose(across.order[1:], -0.5, atol=1e-12)


def test_order_follows_a_path_that_turns():
    """Lines along both legs of a right angle are along the path; seen from a straight path, half of them are across."""
    lines = chains([[[20, 48, 50], [50, 48, 50]], [[52, 60, 50], [52, 90, 50]]], size=100)
    bent = [[20, 50, 50], [50, 50, 50], [50, 90, 50]]
    assert tunnels.border_profile(lines, bent, [0, 3]).order[0] == pytest.approx(1.0)
    assert tunnels.border_profile(lines, bent[:2], [0, 60]).order[0] == pytest.approx(0.25, abs=0.02)


def test_density_beside_a_path_is_that_of_the_network():
    """The mean over paths; a shell that reaches out of the box counts with what is inside."""
    profiles = [tunnels.border_profile(rods(), path, [0, 5, 10, 20], samples=50_000) for path in BESIDE]
    np.testing.assert_allclose(np.mean([p.density for p in profiles], axis=0), 6e-3 * 5.9, rtol=0.06)
    assert abs(np.average([p.order for p in profiles], weights=[p.length for p in profiles])) < 0.02
    square = np.stack(np.meshgrid(np.arange(1, 60, 2.0), np.arange(1, 60, 2.0)), -1).reshape(-1, 2)
    lines = chains([[[0.0, y, z], [60, y, z]] for y, z in square])
    at_face = tunnels.border_profile(lines, [[0, 0.5, 30], [60, 0.5, 30]], [0, 20]).density
    np.testing.assert_allclose(at_face, 0.25, rtol=0.05)


def test_path_through_a_face_of_a_periodic_box_is_the_path_elsewhere():
    net, shift = rods(), np.array([37.0, 0, 0])
    inside = tunnels.border_profile(net, AXIS, [0, 4, 8], samples=100_000)
    begin = net.nodes[net.segments[:, 0]] + shift
    moved = chains(np.stack([begin, begin + net.vectors], axis=1), size=100.0, periodic=True)
    wrapped = tunnels.border_profile(moved, (AXIS + shift) % 100, [0, 4, 8], samples=100_000)
    np.testing.assert_allclose(wrapped.length, inside.length, rtol=1e-9)
    np.testing.assert_allclose(wrapped.order, inside.order, atol=1e-9)


@pytest.mark.parametrize(("path", "message"), [
    ([[0.0, 0, 0]], "give at least two places"),
    ([[1.0, 2, 3], [1, 2, 3]], "all its places are the same"),
    ([[0.0, 0, np.nan], [1, 1, 1]], "all of them numbers"),
    ([[500.0, 0, 0], [600, 0, 0]], "outside the box"),
])  # fmt: skip
def test_paths_that_are_none_are_refused(path, message):
    with pytest.raises(InputError, match=message):
        tunnels.void_fraction(beside([0, 1, 0]), path)
