"""Collagen networks: density, order, persistence, valence, pores, faces, seeds, carving, and refused
input."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from physim.analysis import network as measure
from physim.generate import chain, crosslink
from physim.generate.collagen import (
    FiberNetwork,
    carve,
    default_fiber_length,
    generate_collagen,
    length_density,
)
from physim.generate.fiber_network import Box, along_curve, assemble, keep_segments
from physim.generate.halve import halved

Points = NDArray[np.float64]
EVERY, NONE, SLAB = (True, True, True), (False, False, False), (True, True, False)


@cache
def gel(side: float = 40.0, periodic: tuple[bool, bool, bool] = EVERY, **options: float) -> FiberNetwork:
    given = {"concentration": 2.0, "bundle_diameter": 0.1, "seed": 3, **options}
    return generate_collagen((-5.0, 0.0, 10.0), (side - 5, side, side + 10), periodic, **given)  # type: ignore[arg-type]


def straight_lines(count: int, side: float, length: float, seed: int) -> FiberNetwork:
    """Random straight fibers that wrap through a periodic cube, without crosslinks."""
    random = np.random.default_rng(seed)
    tangent = random.standard_normal((count, 3))
    tangent *= 2.0 / np.linalg.norm(tangent, axis=1)[:, None]
    pieces = round(length / 2)
    first = random.random((count, 3)) * side
    starts = (first[:, None] + tangent[:, None] * np.arange(pieces)[:, None]).reshape(-1, 3)
    return assemble(starts, starts + np.repeat(tangent, pieces, axis=0), np.repeat(np.arange(count), pieces),
                    np.empty((0, 2), int), np.empty((0, 2)), Box(np.zeros(3), np.full(3, side), EVERY), 0.1)


def brute_distance(network: FiberNetwork, points: Points) -> Points:
    """(n,) distance to the nearest segment, over all segments and the 27 periodic images."""
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1] if p else [0] for p in network.periodic], indexing="ij"), -1)
    best = np.full(len(points), np.inf)
    begin, vector = network.nodes[network.segments[:, 0]], network.vectors
    for shift in shifts.reshape(-1, 3) * (network.upper - network.lower):
        offset = points[:, None] - begin - shift
        t = np.clip((offset * vector).sum(-1) / (vector**2).sum(-1), 0, 1)
        best = np.minimum(best, np.linalg.norm(offset - t[..., None] * vector, axis=-1).min(axis=1))
    return best


@pytest.mark.parametrize(("diameter", "density"), [(0.1, 0.186), (0.2, 0.047), (0.4, 0.012)])
def test_length_density_follows_concentration_and_bundle_diameter(diameter: float, density: float) -> None:
    assert length_density(2.0, diameter) == pytest.approx(density, rel=0.035)
    assert length_density(4.0, diameter) == pytest.approx(2 * length_density(2.0, diameter), rel=1e-12)


@pytest.mark.parametrize("periodic", [EVERY, SLAB, NONE])
@pytest.mark.parametrize("options", [{}, {"bundle_diameter": 0.15, "alignment": 0.5}, {"valence": 3.0}])
def test_network_has_the_density_and_valence_asked_for(periodic: tuple[bool, bool, bool],
                                                       options: dict[str, float]) -> None:
    network = gel(periodic=periodic, **options)
    wanted = length_density(2.0, options.get("bundle_diameter", 0.1))
    assert measure.length_density(network) == pytest.approx(wanted, rel=0.01)
    histogram, mean = measure.valence_histogram(network)
    assert mean == pytest.approx(options.get("valence", 3.3), abs=0.02)
    assert sum(n for v, n in histogram.items() if v > 4) < 0.05 * len(network.crosslinks)  # ECM-1


def test_fibers_are_consecutive_and_inside_the_box() -> None:
    for periodic in (EVERY, SLAB, NONE):
        network = gel(periodic=periodic)
        index = np.arange(len(network.segments))
        assert np.array_equal(network.segments[:, 0], index + network.segment_fiber)
        assert np.array_equal(network.segments[:, 1], network.segments[:, 0] + 1)
        assert set(np.diff(network.segment_fiber)) == {0, 1} and network.segment_fiber[0] == 0
        assert (network.nodes >= network.lower).all() and (network.nodes <= network.upper).all()
        wrapped = network.nodes[:, list(periodic)]
        assert (wrapped < network.upper[list(periodic)]).all()
        assert network.lengths.min() > 0.1 and network.lengths.max() < 3 * 2.5
        assert (network.crosslink_at >= 0).all() and (network.crosslink_at <= 1).all()


def test_crosslinks_join_two_fibers_that_touch() -> None:
    network = gel(segment_length=1.0)
    gap = network.box.image(network.crosslink_points(0) - network.crosslink_points(1))
    assert np.quantile(np.linalg.norm(gap, axis=1), 0.95) < 0.05
    joined = network.segment_fiber[network.crosslinks]
    assert (joined[:, 0] != joined[:, 1]).all()
    assert np.bincount(joined.ravel(), minlength=network.fibers).min() >= 2  # fibers held by one are pruned
    assert network.pruned > 0


def test_gel_at_a_face_is_as_dense_as_in_the_middle() -> None:
    network = gel(60.0, periodic=SLAB)
    depth = np.minimum(network.midpoints[:, 2] - 10, 70 - network.midpoints[:, 2])
    inside = np.histogram(depth, bins=[0, 5, 30], weights=network.lengths)[0]
    per_layer = inside / (2 * 60**2 * np.array([5, 25]))
    assert per_layer[0] == pytest.approx(per_layer[1], rel=0.08)
    crossing_rate = (~network.free_ends).sum() / (2 * 60**2)  # lines cross a plane rho/2 times per area
    assert crossing_rate == pytest.approx(0.5 * length_density(2.0, 0.1), rel=0.2)


def test_valence_of_hand_made_crosslinks() -> None:
    """Fiber 0 is crossed by 1 in its middle and ends on 2, which goes on; 1 and 2 also cross 3."""
    begin = np.array([[0, 0, 0], [5, -5, 0], [10, -5, 0], [4, 5, 0.0]])
    end = np.array([[10, 0, 0], [5, 5.5, 0], [10, 5.5, 0], [11, 5, 0.0]])
    links = np.array([[0, 1], [0, 2], [1, 3], [2, 3]])
    at = np.array([[0.5, 5 / 10.5], [1, 5 / 10.5], [10 / 10.5, 1 / 7], [10 / 10.5, 6 / 7]])
    box = Box(np.full(3, -10.0), np.full(3, 20.0), NONE)
    network = assemble(begin, end, np.arange(4), links, at, box, 0.1)
    # (0,1): first on 0, first on 1 -> 2; (0,2): last on 0, first on 2 -> 2; (1,3), (2,3): last and end -> 2
    assert measure.valence_histogram(network) == ({2: 4}, 2.0)
    more = assemble(begin, end, np.arange(4), np.concatenate([links, [[0, 3]]]),
                    np.concatenate([at, [[0.2, 0.5]]]), box, 0.1)
    # the fifth joins 0 before its others and 3 between: valence 3; (0,1) now has two arms on 0: valence 3
    assert measure.valence_histogram(more) == ({2: 3, 3: 2}, 2.4)
    crowded = assemble(begin, end, np.arange(4), np.concatenate([links, [[0, 3]]]),
                       np.concatenate([at, [[0.505, 0.5]]]), box, 0.1)
    # now 0.05 um from (0,1): one node of 0, 1 and 3, with one arm on 0, one on 1, two on 3
    assert measure.valence_histogram(crowded)[0] == {2: 3, 4: 1}


@pytest.mark.parametrize("order", [0.0, 0.3, 0.6, 0.85])
def test_nematic_order_is_the_one_asked_for(order: float) -> None:
    direction = np.array([1.0, 2.0, -2.0]) / 3
    network = generate_collagen(
        np.zeros(3), np.full(3, 45.0), EVERY, concentration=2.0, bundle_diameter=0.1, alignment=order,
        alignment_direction=direction, seed=5)
    found, director = measure.nematic_order(network)
    assert found == pytest.approx(order, abs=0.05)
    if order > 0:
        assert abs(director @ direction) > 0.99


def test_aligned_and_bent_fibers_keep_their_order_along_the_contour() -> None:
    """The field of the director acts on every segment: order does not decay with exp(-3 s/P)."""
    kappa, director = chain.watson_kappa(0.7), np.array([0.0, 0.0, 1.0])
    begin, end, _ = chain.chains(np.zeros((3000, 3)), np.full(3000, 60.0), 2.0, 20.0, kappa, director,
                                     np.random.default_rng(0))
    cosine = ((end - begin) / 2.0)[:, 2].reshape(3000, 30)
    order = (1.5 * cosine**2 - 0.5).mean(axis=0)
    assert order == pytest.approx(0.7, abs=0.04)


@pytest.mark.parametrize("persistence", [10.0, 50.0])
def test_persistence_length_from_the_tangent_correlation(persistence: float) -> None:
    begin, end, _ = chain.chains(np.zeros((4000, 3)), np.full(4000, 80.0), 2.5, persistence, 0.0,
                                 np.array([1.0, 0.0, 0.0]), np.random.default_rng(1))
    tangent = ((end - begin) / 2.5).reshape(4000, 32, 3)
    for lag in (1, 4, 8):
        found = (tangent[:, lag:] * tangent[:, :-lag]).sum(-1).mean()
        assert found == pytest.approx(np.exp(-2.5 * lag / persistence), abs=0.012)


def test_crosslinking_keeps_the_persistence_length() -> None:
    """Fibers are straightened between crosslinks, so that the correlation begins late; its length is the same."""
    network = gel(70.0, bundle_diameter=0.2, persistence_length=20.0, fiber_length=50.0, length_spread=0.0,
                  segment_length=1.5)
    tangent = network.vectors / network.lengths[:, None]
    lags = np.arange(4, 16, 2)
    fiber = network.segment_fiber
    correlation = [(tangent[n:] * tangent[:-n]).sum(1)[fiber[n:] == fiber[:-n]].mean() for n in lags]
    slope, start = np.polyfit(lags * network.lengths.mean(), np.log(correlation), 1)
    assert -1 / slope == pytest.approx(20.0, rel=0.2)
    assert 1.0 < np.exp(start) < 1.3


def test_fiber_length_scales_with_the_mesh() -> None:
    for concentration in (1.0, 4.0):
        network = gel(concentration=concentration)
        density = length_density(concentration, 0.1)
        per_fiber = 2 * len(network.crosslinks) / network.fibers
        assert per_fiber == pytest.approx(4 / (4 - 3.3), rel=0.02)
        assert measure.crosslink_spacings(network).mean() == pytest.approx(density**-0.5, rel=0.25)
    assert default_fiber_length(0.02, 3.3) == pytest.approx(5.71 * 0.02**-0.5, rel=0.01)


def test_same_seed_same_network() -> None:
    first, again, other = (
        generate_collagen(np.zeros(3), np.full(3, 25.0), SLAB, concentration=1.5, bundle_diameter=0.1, seed=s)
        for s in (7, 7, 8))
    for field in fields(FiberNetwork):
        assert np.array_equal(getattr(first, field.name), getattr(again, field.name)), field.name
    assert first.nodes.shape != other.nodes.shape or not np.array_equal(first.nodes, other.nodes)


def test_crossings_agree_with_every_pair() -> None:
    """Fiber pairs and gaps of the search against a scan of all segments and images."""
    box = Box(np.zeros(3), np.array([14.0, 16.0, 18.0]), SLAB)
    begin, end, fiber = chain.fill(box, 0.1, 12.0, 0.3, 2.0, 30.0, 0.0, np.array([1.0, 0, 0]),
                                   np.random.default_rng(2))
    found = crosslink.crossings(begin, end, fiber, box, 0.9)
    vector, s = end - begin, np.linspace(0, 1, 41)
    i, j = (index.ravel() for index in np.triu_indices(len(fiber), 1))
    points = begin[:, None] + s[:, None] * vector[:, None]
    keep = fiber[i] != fiber[j]
    best: dict[tuple[int, int], float] = {}
    for a, b in zip(i[keep], j[keep], strict=True):
        gap = box.image(points[a][:, None] - points[b][None, :])
        best_gap = float(np.sqrt((gap**2).sum(-1)).min())
        key = (int(fiber[a]), int(fiber[b]))
        best[key] = min(best.get(key, np.inf), best_gap)
    near = {key for key, gap in best.items() if gap <= 0.9}
    pairs = [(int(min(pair)), int(max(pair))) for pair in fiber[found.segments]]
    assert len(set(pairs)) == len(pairs) and near <= set(pairs) and len(near) > 20
    gaps = np.linalg.norm(found.gap, axis=1)
    assert all(abs(gap - best[pair]) < 0.03 for gap, pair in zip(gaps, pairs, strict=True))
    assert (np.diff(gaps) >= -1e-12).all()


@pytest.mark.parametrize("periodic", [EVERY, SLAB])
def test_distance_to_fibers_is_exact(periodic: tuple[bool, bool, bool]) -> None:
    network = gel(20.0, periodic=periodic)
    points = network.lower + np.random.default_rng(0).random((60, 3)) * 20.0
    assert measure.DistanceField(network)(points) == pytest.approx(brute_distance(network, points), abs=1e-9)


def test_distance_is_exact_beside_a_crowd_of_short_segments() -> None:
    """One long segment is nearest, though the middles of a hundred short ones are nearer than its own."""
    crowd = np.array([10.0, 8.5, 10.0]) + np.linspace(0, 0.1, 100)[:, None] * np.array([1.0, 0.0, 0.0])
    begin = np.concatenate([[[11.0, 11.0, 10.0]], crowd])
    end = np.concatenate([[[19.0, 11.0, 10.0]], crowd + np.array([0.0, 0.0, 0.01])])
    network = assemble(begin, end, np.arange(101), np.empty((0, 2), int), np.empty((0, 2)),
                       Box(np.zeros(3), np.full(3, 20.0), NONE), 0.1)
    assert measure.DistanceField(network)(np.array([[11.0, 10.0, 10.0]])) == pytest.approx(1.0, abs=1e-12)


def test_bubble_pore_agrees_with_a_scan_of_centers() -> None:
    network = gel(15.0)
    lattice = np.stack(np.meshgrid(*[np.arange(0.2, 15, 0.4)] * 3, indexing="ij"), -1).reshape(-1, 3)
    lattice += network.lower
    radius = measure.DistanceField(network)(lattice)
    points = network.lower + np.random.default_rng(0).random((150, 3)) * 15.0
    apart = np.linalg.norm(network.box.image(points[:, None] - lattice), axis=-1)
    scanned = 2 * np.where(apart <= radius, radius, 0.0).max(axis=1).mean()
    assert measure.bubble_pore(network, 400) == pytest.approx(scanned, rel=0.06)
    assert 0 <= measure.largest_sphere(network) - 2 * radius.max() < 0.4 * 3**0.5  # a diagonal


def test_nearest_obstacle_pore_of_random_lines() -> None:
    """1/sqrt(rho): the number of lines within r of a point is Poisson of mean pi rho r^2.

    For straight pieces of length L it is rho (pi r^2 + 4 pi r^3/(3 L)), an effect of 0.6 % here.
    """
    side, length = 40.0, 120.0
    networks = [straight_lines(100, side, length, k) for k in range(12)]
    density = measure.length_density(networks[0])
    assert density == pytest.approx(100 * length / side**3, rel=1e-12)
    r = np.linspace(0, 8 / density**0.5, 20001)
    expected = 2 * np.trapezoid(np.exp(-density * np.pi * (r**2 + 4 * r**3 / (3 * length))), r)
    pores = [measure.nearest_obstacle_pore(lines, 2000, seed=k) for k, lines in enumerate(networks)]
    error = np.std(pores, ddof=1) / np.sqrt(len(pores))
    assert error < 0.01 * expected
    assert np.mean(pores) == pytest.approx(expected, abs=3 * error)
    assert expected == pytest.approx(density**-0.5, rel=0.01)


def test_pore_does_not_depend_on_whether_it_is_sampled_with_the_seed_of_the_network() -> None:
    """Sample points from the stream that placed the fibers lay on them: 2.37 instead of 3.1 um."""
    for seed in (1, 2):
        network = gel(60.0, concentration=1.2, segment_length=1.497, seed=seed)
        pores = [measure.nearest_obstacle_pore(network, seed=k) for k in (seed, 50, 51)]
        assert pores[0] == pytest.approx(np.mean(pores[1:]), rel=0.04)


def test_pores_follow_concentration_as_published() -> None:
    """ECM-1: nearest-obstacle pore 3.0 +- 0.6 um at 1.2-1.5 mg/ml, 2.1 +- 0.4 at 3-3.5, log-slope -0.5 +-
    0.15."""
    concentrations = np.array([1.2, 1.5, 3.0, 3.5])
    pores = np.array([measure.nearest_obstacle_pore(gel(35.0, concentration=c)) for c in concentrations])
    assert pores[:2] == pytest.approx(3.0, abs=0.6)
    assert pores[2:] == pytest.approx(2.1, abs=0.4)
    assert np.polyfit(np.log(concentrations), np.log(pores), 1)[0] == pytest.approx(-0.5, abs=0.15)


def test_three_pores_are_in_order_and_spheres_are_empty() -> None:
    """A hexagonal array of straight fibers a apart: the bubble at every point is the circumscribed one, 2
    a/sqrt(3)."""
    a, n = 4.0, 5
    i, j = (x.ravel() for x in np.meshgrid(np.arange(n), np.arange(2 * n), indexing="ij"))
    size = np.array([a * n, a * 2 * n * np.sqrt(3) / 2, 10.0])
    foot = np.stack([a * (i + 0.5 * (j % 2)), a * np.sqrt(3) / 2 * j, np.zeros(len(i))], axis=1)
    step: Points = np.array([0, 0, 2.0])
    starts: Points = (foot[:, None] + step * np.arange(5.0)[:, None]).reshape(-1, 3)
    network = assemble(starts, starts + step, np.repeat(np.arange(len(i)), 5), np.empty((0, 2), int),
                       np.empty((0, 2)), Box(np.zeros(3), size, EVERY), 0.1)
    widest = 2 * a / np.sqrt(3)
    assert measure.largest_sphere(network) == pytest.approx(widest, rel=0.01)
    assert measure.largest_sphere(network) <= widest + 1e-9
    assert measure.bubble_pore(network) <= widest + 1e-9
    nearest, bubble = measure.nearest_obstacle_pore(network), measure.bubble_pore(network)
    assert nearest < 0.75 * bubble and bubble > 0.9 * widest


@pytest.mark.parametrize("periodic", [EVERY, SLAB])
def test_carving_leaves_nothing_inside_and_everything_else(periodic: tuple[bool, bool, bool]) -> None:
    network = gel(periodic=periodic)
    centers = np.array([[-4.0, 20.0, 30.0], [15.0, 39.0, 12.0], [20.0, 10.0, 40.0]])  # two cross a face
    radii = np.array([8.0, 5.0, 3.0])
    carved = carve(network, centers, radii)
    for center, radius in zip(centers, radii, strict=True):
        assert brute_distance(carved, center[None])[0] > radius
    assert np.array_equal(carved.segments[:, 0], np.arange(len(carved.segments)) + carved.segment_fiber)
    volume = 4 / 3 * np.pi * (radii**3).sum()
    lost = network.lengths.sum() - carved.lengths.sum()
    assert 1.0 < lost / (volume * measure.length_density(network)) < 2.2  # whole segments, and what they held
    kept = {tuple(x) for x in np.round(carved.midpoints, 6)}
    assert len(kept) == len(carved.segments) and kept < {tuple(x) for x in np.round(network.midpoints, 6)}
    points, known = ({tuple(x) for x in np.round(n.box.wrap(n.crosslink_points(0)), 6)}
                     for n in (carved, network))
    assert len(points) > 0.5 * len(known) and points < known
    holds = np.bincount(carved.segment_fiber[carved.crosslinks].ravel(), minlength=carved.fibers)
    assert (holds + (~carved.free_ends).sum(axis=1) >= 2).all() and holds.min() >= 1
    assert carved.pruned > network.pruned


def test_carving_a_fiber_in_the_middle_makes_two() -> None:
    starts = np.stack([np.arange(10.0), np.full(10, 5.0), np.full(10, 5.0)], axis=1)
    box = Box(np.zeros(3), np.full(3, 12.0), NONE)
    fiber = assemble(starts, starts + np.array([1.0, 0, 0]), np.zeros(10, int), np.empty((0, 2), int),
                     np.empty((0, 2)), box, 0.1)
    carved = carve(fiber, [[5.0, 5.5, 5.0]], 1.0)  # chord 4.13 .. 5.87: segments 4 and 5
    assert carved.fibers == 2 and carved.segment_fiber.tolist() == [0] * 4 + [1] * 4
    assert sorted(carved.nodes[:, 0].tolist()) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert carve(fiber, np.empty((0, 3)), 1.0) is fiber
    assert len(carve(fiber, [[5.0, 5.0, 5.0]], 50.0).segments) == 0


def test_dropping_segments_moves_crosslinks_to_the_right_ones() -> None:
    network = gel(25.0)
    keep = np.arange(len(network.segments)) % 7 != 0
    less = keep_segments(network, keep)
    survivors = keep[network.crosslinks].all(axis=1)
    for side in (0, 1):
        moved = less.box.image(less.crosslink_points(side) - network.crosslink_points(side)[survivors])
        assert np.abs(moved).max() < 1e-9


def test_fibers_are_numbered_along_a_curve() -> None:
    network = gel(40.0)
    place = np.random.default_rng(0).permutation(network.fibers)[network.segment_fiber]
    order = np.argsort(place, kind="stable")
    begin, end = network.nodes[network.segments[order]].transpose(1, 0, 2)
    shuffled = assemble(begin, end, place[order], np.argsort(order)[network.crosslinks], network.crosslink_at,
                        network.box, network.bundle_diameter)
    back = along_curve(shuffled)
    for name in ("nodes", "segments", "segment_fiber"):  # the generator has numbered them so already
        assert np.array_equal(getattr(back, name), getattr(network, name))
    for side in (0, 1):
        assert np.array_equal(back.crosslink_points(side), network.crosslink_points(side))

    def reach(net: FiberNetwork) -> float:
        return float(np.median(np.abs(np.diff(net.segment_fiber[net.crosslinks], axis=1))))

    assert reach(network) < 0.25 * reach(shuffled)  # fibers are half as long as the box


BOX = (np.zeros(3), np.full(3, 40.0), EVERY)


@pytest.mark.parametrize(("change", "named"), [
    ({"concentration": 0.0}, "concentration = 0 "), ({"concentration": float("nan")}, "concentration = nan"),
    ({"bundle_diameter": -0.1}, "bundle_diameter = -0.1"), ({"alignment": 1.0}, "alignment = 1 "),
    ({"alignment": -0.1}, "alignment = -0.1"), ({"alignment_direction": (0, 0, 0)}, "alignment_direction"),
    ({"valence": 4.0}, "valence = 4 "), ({"valence": 2.0}, "valence = 2 "),
    ({"valence": 3.7, "fiber_length": 6.0}, "valence = 3.7 cannot be reached"),
    ({"segment_length": 10.0}, "segment_length = 10 um"), ({"segment_length": 0.0}, "segment_length = 0 "),
    ({"fiber_length": 41.0}, "fiber_length = 41"), ({"bundle_diameter": 0.4}, "fiber_length = 53"),
    ({"length_spread": -1.0}, "length_spread"), ({"persistence_length": 0.0}, "persistence_length = 0 "),
])
def test_bad_input_is_refused_by_name(change: dict[str, float], named: str) -> None:
    options = {"concentration": 2.0, "bundle_diameter": 0.1, **change}
    with pytest.raises(ValueError, match=named) as raised:
        generate_collagen(*BOX, **options)  # type: ignore[arg-type]
    assert all(line.endswith(".") and 40 < len(line) < 260 for line in str(raised.value).splitlines())


def test_all_problems_are_told_at_once_and_bad_boxes_and_spheres_refused() -> None:
    with pytest.raises(ValueError, match="concentration") as raised:
        generate_collagen(*BOX, concentration=-1.0, bundle_diameter=0.0, valence=9.0)
    assert len(str(raised.value).splitlines()) == 3
    with pytest.raises(ValueError, match="no volume"):
        generate_collagen(np.zeros(3), (40.0, 0.0, 40.0), EVERY, concentration=2.0, bundle_diameter=0.1)
    for centers, radius in (([[np.nan, 0, 0]], 1.0), ([[0, 0, 0]], 0.0)):
        with pytest.raises(ValueError, match="carve"):
            carve(gel(25.0), centers, radius)


def test_report_names_pores_density_and_order() -> None:
    numbers = measure.describe(gel())
    assert numbers["length density (um/um^3)"] == pytest.approx(0.186, rel=0.02)
    pores = [numbers[f"{name} (um)"] for name in ("nearest-obstacle pore", "bubble pore", "largest sphere")]
    assert pores == sorted(pores) and len(set(pores)) == 3
    assert numbers["mean valence"] == pytest.approx(3.3, abs=0.02)
    assert "not for moduli" in measure.report(gel(20.0))
    assert "not for moduli" not in measure.report(gel(20.0, segment_length=1.0))


def test_halving_segments_moves_no_fiber() -> None:
    network = generate_collagen([0.0] * 3, [40.0] * 3, (True, False, True), concentration=2.0, bundle_diameter=0.2,
                                segment_length=2.5, seed=3)  # fmt: skip
    fine = halved(network)
    assert len(fine.segments) == 2 * len(network.segments) and fine.fibers == network.fibers
    assert fine.lengths == pytest.approx(np.repeat(network.lengths / 2, 2), abs=1e-9)
    assert fine.box.image(fine.midpoints[::2] - fine.midpoints[1::2]) == pytest.approx(-network.vectors / 2, abs=1e-9)

    def places(of):
        begin = of.nodes[of.segments[of.crosslinks, 0]]
        return begin + of.crosslink_at[..., None] * of.vectors[of.crosslinks]

    assert fine.box.image(places(fine) - places(network)) == pytest.approx(0, abs=1e-9)
    assert (fine.crosslink_at >= 0).all() and (fine.crosslink_at <= 1).all()
