"""Cells that are placed at random in vessels: inside, apart, as many per volume everywhere, the same for a seed."""

import numpy as np
import pytest
from reference.blood import by_id, places, table
from reference.walls import vtk_distance
from scipy.spatial.distance import pdist
from scipy.stats import kstest

from physim.errors import InputError
from physim.scenario import Scenario
from physim.simulation import Simulation

SPHERES, ENDS = {"plasma": {}, "vessel_wall": {}}, {"plasma": {}, "elongation": {}}


def simulation(device_label, groups, size, terms=SPHERES, seed=1, **vessels):
    given = table(terms, size, speed="200 um/s", **vessels)
    given["cells"] = [{"name": f"group {k}", "place": "random", **group} for k, group in enumerate(groups)]
    given["run"]["seed"] = seed
    return Simulation(Scenario.from_table(given), device=device_label)


def distance(sim, at):
    """um from the wall, below 0 inside."""
    return vtk_distance(sim.vessels.surface.vertices, sim.vessels.surface.faces, at)


def cell(count, radius, nucleus=0.3, **more):
    return {"count": count, "radius": radius, "nucleus_radius": nucleus, **more}


FORK = {"network": "bifurcation", "radius": 10.0, "length": 100.0, "voxel": 2.5}


@pytest.fixture(scope="module")
def fork(device_label):
    """Two groups in a fork, the second beside a ball of a third."""
    return simulation(device_label, [cell(120, 1.5), cell(60, 2.5, spacing=6.0),
                                     cell(7, 2.0, place="spheroid", center=[60.0, 95.0, 20.0])],
                      [270.0, 190.0, 40.0], **FORK)  # fmt: skip


def test_all_are_inside_and_apart(fork):
    at, radius, kind = places(fork), by_id(fork, "radius"), by_id(fork, "type")
    drawn = kind < 2
    assert (distance(fork, at[drawn]) < -radius[drawn] + 1e-3).all() and drawn.sum() == 180
    half, (one, other) = np.array([1.5, 3.0, 2.0])[kind], np.triu_indices(len(at), 1)
    between = drawn[one] | drawn[other]
    assert (pdist(at)[between] > (half[one] + half[other])[between] - 1e-4).all()


def test_none_is_within_a_radius_of_a_port(fork):
    ports = fork.vessels.lumen.voxels.ports
    for place, out, wide in zip(ports.place, ports.outward, ports.radius, strict=True):
        near = np.linalg.norm(places(fork) - place, axis=1) < 1.5 * wide
        ahead = ((places(fork)[near] - place) @ out)
        assert len(ahead) and (ahead < -by_id(fork, "radius")[near] + 1e-3).all()


def test_vessels_have_cells_by_their_volume(device_label):
    """Small ones, so that what they leave free at walls does not count; standard error of a binomial share."""
    sim = simulation(device_label, [cell(1500, 0.5)], [270.0, 190.0, 40.0], **FORK)
    network = sim.vessels.blood.network
    share = np.pi * np.array([network.branch(b)[1].mean() ** 2 for b in range(3)]) * network.lengths
    share /= share.sum()
    found = np.bincount(_branch(sim), minlength=3) / 1500
    assert np.abs(found - share).max() < 3 * np.sqrt(0.25 / 1500)


def _branch(sim):
    """Of the nearest point of the centerlines."""
    network = sim.vessels.blood.network
    nearest = np.argmin(np.linalg.norm(places(sim)[:, None] - network.points, axis=2), axis=1)
    return np.searchsorted(network.first, nearest, side="right") - 1


def test_sections_are_filled_evenly(device_label):
    """Along a tube, and across it as far as a cell of 2 um goes: r^2 is even. The seed is fixed: p is what it is."""
    sim = simulation(device_label, [cell(500, 2.0, 1.0, spacing=2.1)], [330.0, 40.0, 40.0], network="tube", radius=8.0,
                     length=300.0, voxel=2.0)  # fmt: skip
    at = places(sim)
    square = ((at[:, 1:] - 20.0) ** 2).sum(axis=1) / 6.0**2
    assert square.max() < 1.0 and square.max() > 0.9
    assert kstest(square, "uniform").pvalue > 0.01
    assert kstest((at[:, 0] - 17.0) / 296.0, "uniform").pvalue > 0.01


def test_seeds_give_places(device_label):
    group, tube = [cell(10, 2.0)], {"network": "tube", "radius": 8.0, "length": 60.0, "voxel": 2.5}
    one, same, other = (places(simulation(device_label, group, [90.0, 40.0, 40.0], seed=seed, **tube))
                        for seed in (1, 1, 2))  # fmt: skip
    assert (one == same).all() and (np.abs(one - other).max(axis=1) > 0).all()


NARROW = {"network": "constriction", "radius": 12.0, "narrow": 4.0, "length": 60.0, "voxel": 2.0}


def test_spheres_keep_out_of_vessels_that_are_narrower_than_they_are(device_label):
    sim = simulation(device_label, [cell(12, 5.0)], [360.0, 46.0, 46.0], **NARROW)
    assert (distance(sim, places(sim)) < -4.999).all()


def test_cells_of_two_ends_fill_narrow_vessels_too_on_the_axis(device_label):
    sim = simulation(device_label, [cell(24, 5.0, 3.0)], [360.0, 46.0, 46.0], ENDS, **NARROW)
    at = places(sim).reshape(-1, 2, 3).mean(axis=1)
    depth = -distance(sim, at)
    narrow = depth < 4.9
    assert narrow.sum() >= 3 and np.abs(at[narrow, 1:] - 23.0).max() < 0.3, "on the axis, where they are squeezed"
    along = np.sort(at[narrow, 0])
    assert np.diff(along).min() > 2 * (4 + 2 / 3 * (125 - 64) / 16) - 0.6, "as far apart as they will be long"
    sim.step(20)
    assert np.isfinite(places(sim)).all() and (np.abs(places(sim) - 23.0)[:, 1:].max() < 12)


@pytest.mark.parametrize("group, said", [
    (cell(400, 4.0), r"cells.0.count: 400 cells 8 um apart fill \d+% of the lumen; at random 30% can be filled"),
    (cell(60, 4.0), r"cells.0.count: only \d+ of 60 cells of radius 4 um find a place in the lumen, 8 um apart; use"),
    (cell(2, 9.0), r"cells.0.radius: 9 um is more than the vessels have room for \(7\.\d+ um at most\); use"),
])  # fmt: skip
def test_what_does_not_fit_is_one_line(device_label, group, said):
    with pytest.raises(InputError, match=said) as caught:
        simulation(device_label, [group], [330.0, 140.0, 140.0], network="tube", radius=8.0, length=300.0, voxel=2.5)
    assert len(caught.value.problems) == 1
