"""Traced fibers as a network: cut at the box, resampled within a tolerance, joined where they touch."""

import tomllib

import numpy as np
import pytest

from physim.errors import InputError
from physim.generate.collagen import length_density
from physim.generate.fiber_files import Polylines
from physim.generate.fiber_network import Box
from physim.generate.matrix import initial_network, traced
from physim.generate.polylines import network_of, resample
from physim.scenario import Scenario, load

OPEN, PERIODIC = (False, False, False), (True, True, True)


def polylines(*fibers):
    return Polylines(
        np.concatenate([np.asarray(fiber, float) for fiber in fibers]),
        np.concatenate([[0], np.cumsum([len(fiber) for fiber in fibers])]),
    )


def network(*fibers, periodic=OPEN, **options):
    box = Box(np.zeros(3), np.full(3, 20.0), periodic)
    options = {"segment_length": 2.5, "tolerance": 0.25, "capture_distance": 0.5, "bundle_diameter": 0.2} | options
    return network_of(polylines(*fibers), box, **options)


def distance(points, chain):
    """(P,) from each point to a chain of nodes, by brute force."""
    a, vector = chain[:-1], np.diff(chain, axis=0)
    along = ((points[:, None] - a) * vector).sum(-1) / (vector**2).sum(-1)
    foot = a + np.clip(along, 0, 1)[..., None] * vector
    return np.sqrt(((points[:, None] - foot) ** 2).sum(-1)).min(axis=1)


def dense(chain, count=2000):
    arc = np.concatenate([[0], np.cumsum(np.sqrt((np.diff(chain, axis=0) ** 2).sum(1)))])
    at = np.linspace(0, arc[-1], count)
    return np.stack([np.interp(at, arc, chain[:, axis]) for axis in range(3)], axis=1)


def helix(noise, seed=0):
    s = np.arange(0, 60, 0.3)
    curve = np.stack([6 * np.cos(s / 7), 6 * np.sin(s / 7), 0.4 * s], axis=1)
    return curve + noise * np.random.default_rng(seed).uniform(-1, 1, curve.shape)


@pytest.mark.parametrize("tolerance", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.3])
def test_no_part_of_the_shape_moves_by_more_than_the_tolerance(noise, tolerance):
    fiber, other = helix(noise), helix(noise, 1)[:77]
    nodes, owner, shift = resample(polylines(fiber, other), 2.5, tolerance)
    for number, original in enumerate((fiber, other)):
        chain = nodes[owner == number]
        assert (chain[[0, -1]] == original[[0, -1]]).all()
        assert max(distance(dense(original), chain).max(), distance(dense(chain), original).max()) <= tolerance + 1e-9
        steps = np.sqrt((np.diff(chain, axis=0) ** 2).sum(1))
        assert steps.max() <= 2.5 + 1e-9 and steps.min() >= min(tolerance, 1.25) - 1e-9
    assert 0.2 * tolerance < shift <= tolerance or noise == 0


def test_a_straight_fiber_gets_equal_segments_and_a_corner_stays():
    nodes, _, shift = resample(polylines([[0, 0, 0], [1, 0, 0], [9, 0, 0]]), 2.5, 0.1)
    assert nodes[:, 0] == pytest.approx([0, 2.25, 4.5, 6.75, 9]) and shift == pytest.approx(0, abs=1e-12)
    corner, _, _ = resample(polylines([[0, 0, 0], [4, 0, 0], [4, 3, 0]]), 2.5, 0.1)
    assert corner.tolist() == [[0, 0, 0], [2, 0, 0], [4, 0, 0], [4, 1.5, 0], [4, 3, 0]]


def test_fibers_are_cut_at_faces_and_counted():
    found, counts = network(
        [[-5, 10, 10], [5, 10, 10]],  # cut
        [[10, 18, 5], [10, 25, 5], [14, 25, 5], [14, 18, 5]],  # leaves and comes back: two
        [[1, 1, 1], [1, 1, 9]],  # whole
        [[30, 1, 1], [40, 1, 1]], [[-5, -1, 3], [25, -1, 3]],  # outside
        [[19.9, 3, 3], [29, 3, 3]],  # a piece of 0.1 um
    )  # fmt: skip
    assert (counts.read, counts.kept, counts.clipped, counts.outside, counts.short) == (6, 4, 3, 2, 1)
    assert found.lengths.sum() == pytest.approx(5 + 2 + 2 + 8)
    assert counts.length == pytest.approx(17) and counts.length_read == pytest.approx(10 + 18 + 8 + 10 + 30 + 9.1)
    assert found.free_ends.tolist() == [[False, True], [True, False], [False, True], [True, True]]
    assert ((found.nodes >= 0) & (found.nodes <= 20)).all()
    text = " ".join(counts.lines(found))
    assert "6 fibers read, 4 in the box with 20.0% of the length (3 cut at a face, 2 outside and left out" in text
    assert "1 piece too short and left out" in text


def test_fibers_go_on_through_periodic_faces():
    found, counts = network([[15, 10, 10], [27, 10, 10]], [[30, 1, 1], [40, 1, 1]], periodic=PERIODIC)
    assert (counts.kept, counts.clipped, counts.outside) == (1, 0, 1)
    assert found.lengths.sum() == pytest.approx(12)
    assert sorted(found.nodes[:, 0].tolist()) == pytest.approx([2.2 + 0.2, 4.6 + 0.0, 7, 15, 17.4, 19.8], abs=0.3)


def test_fibers_that_touch_are_joined_where_they_are_nearest():
    a, b = [[1, 10, 10], [19, 10, 10]], [[7, 3, 10.3], [7, 18, 10.3]]
    found, counts = network(a, b, capture_distance=0.4)
    assert counts.crosslinks == len(found.crosslinks) == 1
    ends = sorted([found.crosslink_points(side)[0].tolist() for side in (0, 1)], key=lambda point: point[2])
    assert ends == [pytest.approx([7, 10, 10]), pytest.approx([7, 10, 10.3])]
    assert network(a, b, capture_distance=0.2)[1].crosslinks == 0
    across = [[19.9, 5, 5], [19.9, 9, 5]], [[0.1, 5, 5], [0.1, 9, 5]]
    assert [network(*across, periodic=axes)[1].crosslinks for axes in (OPEN, PERIODIC)] == [0, 1]


def test_a_junction_of_three_fibers_holds_all_three():
    center = [10, 10, 10]
    found, counts = network([center, [15, 10, 10]], [[5, 14, 10], center], [center, [5, 6, 10]])
    assert sorted(map(sorted, found.segment_fiber[found.crosslinks].tolist())) == [[0, 1], [0, 2], [1, 2]]
    assert counts.loose == 0 and network([center, [15, 10, 10]])[1].loose == 1


def test_what_cannot_be_a_network_is_refused():
    zigzag = np.stack([10 + 0.09 * (np.arange(4000) % 2), np.full(4000, 10.0), np.full(4000, 10.0)], axis=1)
    crowd = [[[10, 10, 5 + 1e-6 * k], [10, 10, 6 + 1e-6 * k]] for k in range(11_000)]
    long = [[1, 5, 5], [24, 5, 5]]
    for fibers, options, said in [
        ([[[30, 1, 1], [40, 1, 1]]], {}, "no fiber lies in the box: the file spans (30, 1, 1) to (40, 1, 1) um, the"),
        ([long], {"periodic": PERIODIC}, "1 fibers span up to 23 um along periodic x, more than the box of 20 um"),
        ([zigzag], {"segment_length": 1.8}, "within the tolerance at 200 places, one near (10"),
        ([[[1, 1, 1], [1, 1, 1.1]]], {}, "all fibers are shorter than the tolerance of 0.25 um"),
        ([long], {"segment_length": 1e-7}, "the fibers make 1.9e+08 segments, more than 20,000,000"),
        (crowd, {}, "60,494,500 pairs of segments lie within"),
    ]:
        with pytest.raises(InputError) as caught:
            network(*fibers, **options)
        assert said in str(caught.value), caught.value


SCENARIO = """
title = "Traced"
[run]
duration = "1 h"
[box]
size = "40 um"
[[cells]]
count = 1
[collagen]
file = "fibers.csv"
bundle_diameter = "0.2 um"
[terms.links]
[null]
"terms.links.focus" = 0.0
"""
CSV = "fiber,x,y,z\n1,2,20,3\n1,30,20,3\n2,20,2,3.4\n2,20,50,3.4\n3,20,20,2\n3,20,20,38\n"


def folder_with(tmp_path, text=SCENARIO):
    (tmp_path / "fibers.csv").write_text(CSV)
    (tmp_path / "s.toml").write_text(text)
    return tmp_path / "s.toml"


def test_a_scenario_takes_its_fibers_from_a_file_and_resolves_to_one_that_loads(tmp_path):
    scenario = load(folder_with(tmp_path))
    collagen = scenario.collagen
    assert collagen.file == str(tmp_path / "fibers.csv") and collagen.concentration is None
    assert (collagen.tolerance, collagen.capture_distance) == pytest.approx((0.25, 0.7))
    resolved = tomllib.loads(scenario.to_toml())
    assert set(resolved["collagen"]) == {"file", "bundle_diameter", "segment_length", "tolerance", "capture_distance"}
    assert Scenario.from_table(resolved) == scenario
    assert scenario.null_arm().collagen == collagen
    whole, counts = traced(scenario)
    assert whole.fibers == 3 and len(whole.crosslinks) == 3 and "1 cut at a face" in counts.lines(whole)[0]
    assert len(counts.lines(whole)) == 2, "nothing is carved away yet"
    assert whole.bundle_diameter == 0.2
    density = (28 + 38 + 36) / 40**3
    assert whole.lengths.sum() / 40**3 == pytest.approx(density)
    cells = {"position": np.array([[20.0, 20.0, 20.0]]), "radius": np.array([8.4], np.float32)}
    carved = initial_network(scenario, cells)
    length = carved.lengths.sum()
    assert 28 + 38 < length < 28 + 38 + 36 - 16.8
    read, gone, kept, mass = carved.notes
    assert read == counts.lines(whole)[0]
    assert gone.startswith(f"{len(whole.segments) - len(carved.segments)} of {len(whole.segments)} segments ("
                           f"{1 - length / 102:.1%} of the length in the box) left out, inside cells")  # fmt: skip
    assert kept.startswith(f"{len(carved.segments)} segments") and f"{len(carved.crosslinks)} crosslink" in kept
    milligrams = float(mass.split("as much as ")[1].split(" mg/ml")[0])
    assert length_density(milligrams, 0.2) == pytest.approx(length / 40**3, rel=5e-3)


@pytest.mark.parametrize(("overrides", "said"), [
    (["collagen.concentration=2 mg/ml"], "stands beside concentration; keep one of the two"),
    (["collagen.valence=3"], "collagen.valence: has no meaning with file; leave it out"),
    (["collagen.seed=3"], "collagen.seed: has no meaning with file; leave it out"),
    (["collagen.tolerance=2 um"], 'tolerance: 2 um is more than half of segment_length 2.5 um; write e.g. "0.25 um"'),
    (["collagen.tolerance=-1"], "collagen.tolerance: -1 must be >= 0.001 um; change it"),
    (["collagen.file=nix.csv"], "nix.csv: no such file; check the path"),
    (["collagen.file=s.toml"], "s.toml: is neither .csv nor .vtp"),
    (["collagen.file="], 'collagen.file: "" is empty; add e.g. file = "fibers.csv"'),
    (["collagen.fil=a.csv"], "collagen.fil: unknown key; did you mean 'file'?"),
    (["box.boundary=periodic", "collagen.segment_length=25"], "is more than half of the box along periodic x (40 um)"),
], ids=str)  # fmt: skip
def test_keys_that_do_not_fit_a_file_are_one_line(overrides, said, tmp_path):
    with pytest.raises(InputError) as caught:
        load(folder_with(tmp_path), overrides)
    assert any(said in line for line in caught.value.problems), caught.value.problems


def test_grown_and_traced_are_either_or(tmp_path):
    bare = SCENARIO.replace('file = "fibers.csv"\n', "")
    with pytest.raises(InputError, match=r"collagen: has neither concentration nor file; add e\.g\. concentration"):
        load(folder_with(tmp_path, bare))
    with pytest.raises(InputError, match=r"collagen\.tolerance: has no meaning without file"):
        load(folder_with(tmp_path, bare), ["collagen.concentration=2", "collagen.tolerance=0.1"])
