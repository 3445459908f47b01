"""Tracers on the device: the field and the steps in float64, times of transit, shares of outlets, walls, same bits."""

from __future__ import annotations

import numpy as np
import pytest
from reference import lumen as oracle
from reference import tubes
from reference.tubes import ALONG, LENGTH, OBLIQUE, RADIUS

from physim.device import Device, choose
from physim.errors import InputError
from physim.lumen_device import DeviceLumen, blocks
from physim.meshes.voxels import LUMEN
from physim.tracers import paths, release, trace


def points_around(lumen, count=4000):
    """In all of the box, and a voxel beyond it."""
    middles = lumen.voxels.middles
    rng = np.random.default_rng(5)
    near = middles[rng.integers(0, len(middles), count // 2)] + rng.uniform(-2, 2, (count // 2, 3))
    return np.concatenate([near, rng.uniform(middles.min(0) - 4, middles.max(0) + 4, (count // 2, 3))])


@pytest.mark.parametrize("made", [lambda: tubes.in_tube(OBLIQUE, 2.0), tubes.in_fork])
def test_field_on_the_device_is_the_oracles(device, made):
    lumen = made()
    points = points_around(lumen)
    velocity, distance = DeviceLumen(device, lumen).sample(points)
    largest = np.abs(lumen.velocity).max()
    np.testing.assert_allclose(velocity, oracle.velocity(lumen, points), atol=2e-4 * largest)
    np.testing.assert_allclose(distance, oracle.distance(lumen, points), atol=1e-4)
    assert (np.abs(velocity).max(axis=1) > 0.1 * largest).sum() > 300, "few points are in the lumen"


def test_velocity_is_zero_on_walls_and_behind_them(device):
    axis, _ = tubes.tube(OBLIQUE)
    rng = np.random.default_rng(2)
    off = np.cross(rng.standard_normal((2000, 3)), axis)
    off *= RADIUS * rng.uniform(1.0, 1.5, (2000, 1)) / np.linalg.norm(off, axis=1)[:, None]
    points = np.array([0.3, 0.2, 0.1]) + rng.uniform(0.1, 0.9, (2000, 1)) * LENGTH * axis + off
    sampled = DeviceLumen(device, tubes.in_tube(OBLIQUE, 1.0))
    velocity, distance = sampled.sample(points)
    assert (velocity[distance >= 0] == 0).all() and (distance >= 0).mean() > 0.95
    # between voxels the distance of a curved wall is off by h^2/8R = 0.02 um, where blood hardly moves
    assert np.abs(velocity).max() < 0.005 * np.abs(sampled.lumen.velocity).max()


def test_memory_follows_the_lumen():
    """Around a tube of R = 8 h: 56 bytes for each voxel within, and not four doubles for each of the box."""
    lumen = tubes.in_tube(OBLIQUE, 1.0)
    nbytes = blocks(lumen).nbytes
    assert nbytes < 60 * (lumen.voxels.kind == LUMEN).sum()
    assert nbytes < 0.1 * 32 * np.prod(lumen.voxels.index.max(0) + 1.0)


def test_steps_are_the_oracles(device):
    """30 steps of half a voxel through a fork, where ways bend: fp32 places keep to 1e-3 um, times to 1e-4."""
    lumen = tubes.in_fork()
    points = release(lumen, 60) + np.array([85.0, 0, 0])
    margin = 0.5
    found = trace(DeviceLumen(device, lumen), points, margin=margin, pieces=30)
    place, time = oracle.carried(lumen, points, 30, margin)
    assert (found.port == -1).all()
    np.testing.assert_allclose(found.position, place, atol=1e-3)
    np.testing.assert_allclose(found.time, time, rtol=1e-4)


def test_transit_takes_as_long_as_the_parabola_says(device):
    """L/(2U (1 - r^2/R^2)) to the plane of the port; r <= 0.7 R, where h = R/8 is 1 % off in velocity."""
    axis, blood = tubes.tube(OBLIQUE)
    lumen = tubes.in_tube(OBLIQUE, 1.0)
    r = np.linspace(0.0, 0.7, 8) * RADIUS
    aside = np.cross(axis, [0.0, 0, 1])
    points = np.array([0.3, 0.2, 0.1]) + 1e-3 * axis + r[:, None] * aside / np.linalg.norm(aside)
    found = trace(DeviceLumen(device, lumen), points)
    assert len(set(found.port)) == 1 and found.port[0] >= 0
    wanted = LENGTH / (2 * abs(blood.speed[0]) * (1 - (r / RADIUS) ** 2))
    np.testing.assert_allclose(found.time, wanted, rtol=0.015)
    along = found.position - [0.3, 0.2, 0.1]
    assert np.ptp(along @ axis) < 1e-3 and (along @ axis)[0] == pytest.approx(LENGTH, abs=1e-3)
    radius = np.linalg.norm(along - (along @ axis)[:, None] * axis, axis=1)
    np.testing.assert_allclose(radius, r, atol=0.15)


def test_tracers_stop_in_time(device):
    blood = DeviceLumen(device, tubes.in_tube(ALONG, 2.0))
    points = np.array([[5.0, 0.2, 0.1], [5.0, 5.0, 0.1], [78.0, 0.2, 0.1]])
    found = trace(blood, points, seconds=0.005)
    assert found.time[:2] == pytest.approx(0.005) and (found.port[:2] == -1).all() and found.port[2] >= 0
    speed = oracle.velocity(blood.lumen, points)[:2, 0]
    np.testing.assert_allclose(found.position[:2, 0] - 5, 0.005 * speed, rtol=1e-3)
    later = trace(blood, found.position[:2], seconds=0.005)
    np.testing.assert_allclose(later.position, trace(blood, points[:2], seconds=0.01).position, atol=1e-3)


def test_release_follows_the_flux():
    """Inlets get tracers by inflow, and within one F(r) = 2 (r/R)^2 - (r/R)^4, of which half the radius has 7/16."""
    axis, _ = tubes.tube(OBLIQUE)
    points = release(tubes.in_tube(OBLIQUE, 1.0), 4000) - [0.3, 0.2, 0.1]
    along = points @ axis
    assert np.ptp(along) < 1e-3 and min(abs(along[0]), abs(along[0] - LENGTH)) < 0.01
    radius = np.linalg.norm(points - along[:, None] * axis, axis=1)
    assert (radius < RADIUS / 2).mean() == pytest.approx(7 / 16, abs=0.02)
    assert (radius < RADIUS / 4).mean() == pytest.approx(2 / 16 - 1 / 256, abs=0.02)
    made = tubes.in_fork().again(tubes.gathering())
    ports, count = made.voxels.ports, 1000
    points = release(made, count)
    nearest = np.argmin(np.linalg.norm(points[:, None] - ports.place, axis=2), axis=1)
    wanted = np.maximum(-made.port_flow, 0)
    np.testing.assert_allclose(np.bincount(nearest, minlength=3), count * wanted / wanted.sum(), atol=1)
    assert (points == release(made, count)).all()


def test_fork_shares_its_tracers_as_its_flow(device):
    """All of 3,000 leave by an outlet, none is ever nearer to a wall than it may be, and shares are the flow's."""
    lumen = tubes.in_fork()
    blood, points = DeviceLumen(device, lumen), release(lumen, 3000)
    for seconds in (0.02, 0.1, 0.3):
        found = trace(blood, points, seconds=seconds)
        inside = found.port == -1
        assert inside.sum() > 100 and oracle.distance(lumen, found.position[inside]).max() < -0.3
    found = trace(blood, points)
    outlets = np.maximum(lumen.port_flow, 0)
    assert (outlets[found.port] > 0).all() and (found.port >= 0).all()
    np.testing.assert_allclose(np.bincount(found.port, minlength=3) / 3000, outlets / outlets.sum(), atol=0.02)


def test_paths_lead_from_inlets_to_outlets(device):
    lumen = tubes.in_fork()
    points = release(lumen, 20)
    places, first = paths(DeviceLumen(device, lumen), points)
    whole = trace(DeviceLumen(device, lumen), points)
    np.testing.assert_array_equal(places[first[:-1]], points)
    np.testing.assert_allclose(places[first[1:] - 1], whole.position, atol=0.01)
    step = np.delete(np.linalg.norm(np.diff(places, axis=0), axis=1), first[1:-1] - 1)
    assert step.max() <= 4 * 0.5 * lumen.voxels.h + 1e-3 and np.diff(first).min() > 40


def test_same_bits_for_any_work_group(device_label):
    lumen = tubes.in_fork()
    points = release(lumen, 500)
    found = []
    for size in (1, 16, 64, 256):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PHYSIM_WORKGROUP", str(size))
            device = Device(choose(device_label))
        made = trace(DeviceLumen(device, lumen), points, seconds=1.2)
        found.append((made.position.tobytes(), made.time.tobytes(), made.port.tobytes()))
    assert len(set(found)) == 1 and len(set(made.port)) == 3


def test_points_that_are_nowhere(device):
    blood = DeviceLumen(device, tubes.in_tube(ALONG, 2.0))
    far = np.array([[1e4, 0, 0], [-1e30, 0, 0], [40.0, 60.0, 0.0]])
    found = trace(blood, far)
    assert (found.port == -1).all() and (found.time == 0).all()
    np.testing.assert_allclose(found.position, far, rtol=1e-5)
    with pytest.raises(InputError, match="point 1 is not finite"):
        trace(blood, [[0, 0, 0], [np.nan, 0, 0]])
    assert len(trace(blood, np.zeros((0, 3))).port) == 0
