"""Velocity in the lumen: voxels, Poiseuille's parabola and its convergence, mass, forks, walls, wall shear."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reference import lumen as oracle
from reference import tubes
from reference.tubes import ALONG, LENGTH, OBLIQUE, RADIUS

from physim import flow, two_level
from physim.errors import InputError
from physim.lumen import lumen
from physim.meshes import patches, voxels
from physim.meshes.surface import surface
from physim.meshes.voxels import BEHIND, LUMEN, OUTSIDE
from physim.wall_shear import network_wall_shear, wall_shear

BOTH = pytest.mark.parametrize("axis", [ALONG, OBLIQUE])


def of_tube(axis):
    """Axis, first point, mean speed and flow."""
    direction, blood = tubes.tube(axis)
    return direction, np.array([0.3, 0.2, 0.1]), abs(blood.speed[0]), abs(blood.flow[0])


def error(axis, h):
    """Velocity at points within the middle half of a tube, less the parabola, over the speed on the axis: rms."""
    direction, start, speed, _ = of_tube(axis)
    rng = np.random.default_rng(3)
    off = np.cross(rng.standard_normal((3000, 3)), direction)
    r = RADIUS * np.sqrt(rng.random(3000))
    off *= (r / np.linalg.norm(off, axis=1))[:, None]
    points = start + rng.uniform(0.25, 0.75, (3000, 1)) * LENGTH * direction + off
    wanted = 2 * speed * (1 - (r / RADIUS) ** 2)[:, None] * direction
    missed = np.linalg.norm(oracle.velocity(tubes.in_tube(axis, h), points) - wanted, axis=1)
    return np.sqrt((missed**2).mean()) / (2 * speed)


@BOTH
def test_voxels_are_those_of_a_tube(axis):
    """Between the planes of its ends, and a half radius and a voxel behind them; distance is that of a cylinder."""
    direction, start, _, _ = of_tube(axis)
    space = tubes.in_tube(axis, 2.0).voxels
    along = (space.middles - start) @ direction
    off = np.linalg.norm(space.middles - start - along[:, None] * direction, axis=1)
    inner, between = off < RADIUS, (along > 0) & (along < LENGTH)
    np.testing.assert_array_equal(space.kind == LUMEN, inner & between)
    np.testing.assert_array_equal(space.kind == BEHIND, inner & ~between & (along >= -6) & (along <= LENGTH + 6))
    np.testing.assert_allclose(space.distance[between], off[between] - RADIUS, atol=1e-9)
    first = np.argmin(space.ports.place @ direction)
    assert (space.port[along < -0.01] == first).all()
    assert (space.port[(along > 10) & (along < LENGTH - 10)] == -1).all()
    within = space.index[space.kind != OUTSIDE]
    for step in np.ndindex(3, 3, 3):
        assert (space.rows(within + np.array(step) - 1) >= 0)[space.kind[space.kind != OUTSIDE] == LUMEN].all()


@BOTH
def test_profile_is_poiseuilles_parabola_and_converges(axis):
    """h = R/4 and R/8: 3 and 1 % of the speed on the axis, order about 1.5 (the wall is what is hard)."""
    coarse, fine = error(axis, 2.0), error(axis, 1.0)
    assert fine < 0.012 and 1.3 < np.log2(coarse / fine) < 2.2


@BOTH
def test_conductance_is_that_of_a_tube(axis):
    """Flow that the pressures of the network drive: 3 % off at R/4, less than 1 % at R/8."""
    flow_ = of_tube(axis)[3]
    missed = [tubes.in_tube(axis, h, "pressures").port_flow.max() / flow_ - 1 for h in (2.0, 1.0)]
    assert abs(missed[0]) < 0.03 and abs(missed[1]) < 0.008 and abs(missed[1]) < abs(missed[0]) / 3


@pytest.mark.parametrize("given", ["flows", "pressures"])
@pytest.mark.parametrize("made", [lambda given: tubes.in_tube(OBLIQUE, 2.0, given), tubes.in_fork])
def test_what_enters_a_voxel_leaves_it(made, given):
    found = made(given)
    largest = np.abs(found.velocity).max() * found.voxels.h**2
    assert np.abs(found.divergence).max() < 1e-9 * largest
    assert found.port_flow.sum() == pytest.approx(0.0, abs=1e-9 * np.abs(found.port_flow).max())


@BOTH
def test_every_section_carries_what_enters(axis):
    """Through faces exactly; by velocities between them, summed over disks, 3 % less, which is lost at the wall."""
    direction, start, _, flow_ = of_tube(axis)
    found = tubes.in_tube(axis, 1.0)
    places = [start + s * direction for s in (8.0, 30.0, 70.0)]
    sign = np.sign(found.blood.flow[0]) * np.sign(found.blood.network.points[-1, 0] - 40)
    across = [oracle.across(found, place, direction, 2 * RADIUS) for place in places]
    np.testing.assert_allclose(across, sign * flow_, rtol=1e-9)
    through = [oracle.through(found, place, direction, RADIUS) for place in places]
    np.testing.assert_allclose(through, sign * flow_, rtol=0.03)
    np.testing.assert_allclose(found.port_flow, -found.blood.source[found.voxels.ports.node], rtol=1e-9)


@BOTH
def test_pressure_at_ports_is_the_networks(axis):
    found = tubes.in_tube(axis, 1.0)
    np.testing.assert_allclose(np.sort(found.port_pressure), [0, 50], atol=0.5)


def test_fork_parts_the_flow_as_the_network():
    """Through ports and across the daughters, in vessels of 2.5 to 4.5 voxels in radius."""
    found, blood = tubes.in_fork(), tubes.fork()
    np.testing.assert_allclose(found.port_flow, -blood.source[found.voxels.ports.node], rtol=1e-9)
    for end, radius in (([190, 60, 0], 7.0), ([190, -60, 10], 5.0)):
        along = np.array(end, float) - [100, 0, 0]
        along /= np.linalg.norm(along)
        wanted = -blood.source[tubes.node_at(blood.network, end)]
        assert oracle.across(found, end - 30 * along, along, 2 * radius) == pytest.approx(wanted, rel=1e-9)


def test_pressures_alone_part_the_flow_nearly_so():
    found, blood = tubes.in_fork("pressures"), tubes.fork()
    np.testing.assert_allclose(found.port_flow, -blood.source[found.voxels.ports.node], rtol=0.04)


def test_vessels_that_touch_without_meeting_exchange_nothing():
    made = tubes.network(([[0, 0, 0], [100, 0, 0]], 6.0), ([[50, 9, -50], [50, 9, 50]], 6.0))
    ends = [tubes.node_at(made, p) for p in ([0, 0, 0], [100, 0, 0], [50, 9, -50], [50, 9, 50])]
    blood = flow.solve(made, dict(zip(ends, [50.0, 40.0, 10.0, 0.0], strict=True)))
    found = lumen(blood, 2.0, "pressures")
    leaves = dict(zip(found.voxels.ports.node.tolist(), found.port_flow, strict=True))
    assert leaves[ends[0]] + leaves[ends[1]] == pytest.approx(0, abs=1e-6 * leaves[ends[1]])
    assert leaves[ends[1]] == pytest.approx(abs(blood.flow[0]), rel=0.1)


def test_another_flow_in_the_same_lumen_is_solved_for_again():
    found, blood = tubes.in_fork(), tubes.fork()
    doubled = replace(blood, flow=2 * blood.flow, pressure=2 * blood.pressure)
    more = found.again(doubled)
    assert more.profile is found.profile
    np.testing.assert_allclose(more.flux, 2 * found.flux, atol=1e-7 * np.abs(found.flux).max())
    still = replace(blood, flow=0 * blood.flow, pressure=0 * blood.pressure + 7)
    assert not found.again(still).velocity.any() and not found.again(still, "pressures").velocity.any()
    with pytest.raises(InputError, match="another network"):
        found.again(tubes.tube(ALONG)[1])


def test_walls_bear_what_the_pressure_pushes():
    """The flux of grad w through all walls is the volume of the lumen, to what the solve leaves."""
    found = tubes.in_tube(OBLIQUE, 2.0)
    within = np.isin(found.voxels.kind, (LUMEN, BEHIND)).sum()
    through = (found.profile[found.faces.wall] / found.faces.gap).sum()
    assert through / found.voxels.h**2 == pytest.approx(within, rel=1e-6)


@BOTH
def test_wall_shear_of_patches_is_poiseuilles(axis):
    """tau = 4 mu Q/(pi R^3): mean over patches within 3 %, each within 20 %, at h = R/4; by formula exactly."""
    direction, blood = tubes.tube(axis)
    made = surface(blood.network, 1.6)
    patch = patches.patches(made, 150.0)
    wanted = abs(blood.shear[0])
    assert wanted == pytest.approx(RADIUS * 50 / (2 * LENGTH))
    middle = (patches.centers(made, patch) - [0.3, 0.2, 0.1]) @ direction
    inner = (middle > RADIUS) & (middle < LENGTH - RADIUS)
    found = wall_shear(tubes.in_tube(axis, 2.0), made, patch)[inner] / wanted
    assert found.mean() == pytest.approx(1, abs=0.03) and np.abs(found - 1).max() < 0.2
    np.testing.assert_allclose(network_wall_shear(blood, made, patch), wanted, rtol=1e-9)


@pytest.mark.parametrize(("voxel", "message"), [
    (0.0, "give a length above 0"), (np.nan, "give a length above 0"), (0.01, "more than 20,000,000; give a larger"),
    (14.0, "are cut in voxels of 14 um; give a smaller voxel"),
])  # fmt: skip
def test_voxels_that_do_not_fit_are_refused(voxel, message):
    with pytest.raises(InputError, match=message):
        lumen(tubes.fork(), voxel)


def test_ring_has_no_flow_in_its_lumen():
    made = tubes.network(([[0, 0, 0], [80, 0, 0], [80, 80, 0], [0, 80, 0], [0, 0, 0]], 6.0))
    with pytest.raises(InputError, match="no free end"):
        voxels.voxels(made)


def test_default_voxel_is_fine_where_the_lumen_is_small():
    """A third of the least radius; all of it where that makes more than 400,000 voxels; within 0.75 and 2.5 um."""

    def voxel(radius, length, beside=None):
        wide = ([[0, 0, 0], [length, 0, 0]], radius)
        return voxels.default_voxel(tubes.network(wide, *([([[0, 0, 50], [90, 0, 50]], beside)] if beside else [])))

    assert voxel(1.6, 90) == 0.75 and voxel(40.0, 3000) == 2.5
    assert voxel(3.0, 90) == pytest.approx(1.0) and voxel(20.0, 8000, 2.0) == pytest.approx(2.0)
    assert voxel(20.0, 900, 3.0) == pytest.approx((np.pi * (400 * 900 + 9 * 90) / 4e5) ** (1 / 3), rel=1e-3)


def test_two_levels_solve_what_one_does():
    """A chain of 400 with conductances over three decades, against a direct solve."""
    rng = np.random.default_rng(4)
    at = np.arange(399)
    matrix = two_level.laplacian(400, at, at + 1, 10 ** rng.uniform(-1, 2, 399))[1:, 1:]
    right = rng.standard_normal(399)
    found = two_level.solved(matrix, right, at // 7, 1e-9)
    np.testing.assert_allclose(found, np.linalg.solve(matrix.toarray(), right), rtol=1e-6)
    with pytest.raises(InputError, match="does not converge"):
        two_level.solved(matrix, right, at // 7, 0.0)
