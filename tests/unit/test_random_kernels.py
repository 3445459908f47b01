"""What is drawn at random: the numbers, noise, polarity, probes, binding and release of links."""

from __future__ import annotations

import numpy as np
import pytest
from reference import draws as numbers
from reference import scenes

from physim import codegen
from physim.device import prepare
from physim.terms import REGISTRY

SEED = 7


def scattered(count: int, spacing: float = 3.2) -> dict[str, np.ndarray]:
    """Cells that do not meet, in the middle of a box of 200 um."""
    side = int(np.ceil(count ** (1 / 3)))
    lattice = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:count]
    return scenes.cells(100 + spacing * (lattice - (side - 1) / 2))


def alone(terms: dict, step: float = 0.1, **options) -> dict:
    """A step of these terms; wide bins, since no cell looks at another."""
    return scenes.table({"neighbors": {"skin": 2.0}, **terms}, step=step, seed=SEED, **options)


@pytest.fixture(scope="module")
def draws(device):
    """Uniforms and normals of 50,000 entities from the kernels' own header."""
    count, seed = 50_000, np.array([SEED, 0x70687973], np.uint32)
    text = """__kernel void draw(__constant uint *seed, __global float4 *u, __global float4 *n, uint count) {
      for (uint i = get_global_id(0); i < count; i += get_global_size(0)) {
        u[i] = uniforms(i, 5, 9, FOR_LINK_BINDING, seed);
        n[i] = (float4)(normals(i, 0, 9, FOR_NOISE, seed), 0.0f);
      }
    }"""
    program = device.build("", ("draws.cl", text))
    key, u, n = (
        device.empty(f"draws {name}", size)
        for name, size in (("key", 8), ("u", 16 * count), ("n", 16 * count))
    )
    device.upload(key, seed)
    launch = prepare(device, "test", "draw", program, count, [key, u, n, np.uint32(count)])
    device.cl.enqueue_nd_range_kernel(device.queue, launch.kernel, launch.global_size, launch.local_size)
    return [device.download(b, np.float32, 4 * count).reshape(count, 4) for b in (u, n)]


def test_draws_are_philox(draws) -> None:
    entity = np.arange(50_000)
    assert np.array_equal(
        draws[0], numbers.uniforms(entity, 5, 9, numbers.LINK_BINDING, SEED).astype(np.float32)
    )
    wanted = numbers.normals(entity, 0, 9, numbers.NOISE, SEED)
    assert np.abs(draws[1][:, :3] - wanted).max() < 1e-5


def test_moments(draws) -> None:
    """Means, variances, fourth moments and correlations within four standard errors."""
    n, u, x = 50_000, draws[0].astype(float), draws[1][:, :3].astype(float)
    assert u.min() > 0 and u.max() <= 1
    for values, moment, wanted, deviation in (
        (u, 1, 1 / 2, np.sqrt(1 / 12)), (u, 2, 1 / 3, np.sqrt(4 / 45)),
        (x, 1, 0, 1), (x, 2, 1, np.sqrt(2)), (x, 3, 0, np.sqrt(15)), (x, 4, 3, np.sqrt(96)),
    ):  # fmt: skip
        assert np.abs((values**moment).mean(0) - wanted).max() < 4 * deviation / np.sqrt(n)
    for columns in (u, x):
        off = np.corrcoef(columns.T) - np.eye(columns.shape[1])
        assert np.abs(off).max() < 4 / np.sqrt(n)


def test_noise_diffuses(make_simulation) -> None:
    """<dx^2> = 6 D t along all axes, with every draw as the counters say."""
    diffusion, step, steps, count = 0.02, 0.1, 20, 5000
    sim = make_simulation(alone({"noise": {"diffusion": diffusion}}, step), cells=scattered(count))
    begin = sim.positions()
    sim.advance(steps)
    gone = sim.positions() - begin
    wanted = sum(numbers.normals(np.arange(count), 0, k, numbers.NOISE, SEED) for k in range(steps))
    assert gone == pytest.approx(np.sqrt(2 * diffusion * step) * wanted, abs=1e-5)
    share = (gone**2).mean(0) / (2 * diffusion * step * steps)
    assert np.abs(share - 1).max() < 4 * np.sqrt(2 / count)


def test_polarity_persists(make_simulation) -> None:
    """<p(0).p(t)> = exp(-t/P): the exact mean of the discrete steps, which tends to it."""
    persistence, step, steps, count = 5.0, 0.05, 120, 8000
    sim = make_simulation(alone({"polarity": {"persistence": persistence}}, step), cells=scattered(count))
    begin = scenes.by_id(sim, "polarity").astype(float)
    for until in (40, steps):
        sim.advance(until)
        now = scenes.by_id(sim, "polarity").astype(float)
        assert np.linalg.norm(now, axis=1) == pytest.approx(np.ones(count), abs=1e-6)
        cosine = (begin * now).sum(1)
        # a step turns by tan(angle)^2 = x dt/P, x the sum of two squared normals: density exp(-x/2)/2
        at, weight = np.polynomial.laguerre.laggauss(60)
        kept = (weight / np.sqrt(1 + 2 * at * step / persistence)).sum()
        error = cosine.mean() - kept**until
        limit = np.exp(-until * step / persistence)
        print(f"<p.p> = {cosine.mean():.4f}, exact {kept**until:.4f}, limit {limit:.4f}")
        assert abs(error) < 4 * cosine.std() / np.sqrt(count)
        assert kept**until == pytest.approx(limit, abs=0.01)
    assert np.abs(now.mean(0)).max() < 4 / np.sqrt(3 * count), "no direction is preferred"


def test_polarity_turns_towards_the_own_motion(make_simulation) -> None:
    """Without noise: p' = p + w dt (I - p p) v', |p'| = 1, v' = v exp(-dt/memory) at rest."""
    terms = {"polarity": {"persistence": 1e12, "feedback": 0.2, "memory": 5.0}}
    sim = make_simulation(alone(terms), cells=scattered(500))
    velocity = np.random.default_rng(1).normal(size=(500, 4)) * [5, 5, 5, 0]
    sim.write("smoothed_velocity", velocity)
    before = scenes.by_id(sim, "polarity").astype(float)
    sim.advance(1)
    seen = velocity[:, :3] * np.exp(-0.1 / 5)
    wanted = before + 0.2 * 0.1 * (seen - (seen * before).sum(1, keepdims=True) * before)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    assert scenes.by_id(sim, "smoothed_velocity") == pytest.approx(seen, abs=2e-6)
    assert scenes.by_id(sim, "polarity") == pytest.approx(wanted, abs=2e-6)
    assert np.abs(wanted - before).max() > 0.05


def probe_directions(device, axis: np.ndarray, focus: float, count: int) -> np.ndarray:
    before, after = codegen.source(REGISTRY["links"]())
    text = """__kernel void probes(__constant uint *seed, float4 axis, float focus, __global float4 *out,
                                   uint count) {
      for (uint i = get_global_id(0); i < count; i += get_global_size(0)) {
        float4 u = uniforms(i, 0, 0, FOR_LINK_BINDING, seed);
        out[i] = (float4)(direction_about(axis.xyz, focus, u.z, u.w), 0.0f);
      }
    }"""
    program = device.build(before, REGISTRY["links"].kernel_file(), after + text)
    key, out = device.empty("probes key", 8), device.empty("probes out", 16 * count)
    device.upload(key, np.array([SEED, 0x70687973], np.uint32))
    arguments = [key, np.append(axis, 0).astype(np.float32), np.float32(focus), out, np.uint32(count)]
    launch = prepare(device, "test", "probes", program, count, arguments)
    device.cl.enqueue_nd_range_kernel(device.queue, launch.kernel, launch.global_size, launch.local_size)
    return device.download(out, np.float32, 4 * count).reshape(count, 4)[:, :3].astype(float)


@pytest.mark.parametrize("focus", [0.0, 0.5, 2.0, 20.0, 100.0])
@pytest.mark.parametrize("axis", [(0, 0, 1), (0.8, -0.6, 0)])
def test_probes_follow_von_mises_fisher(device, focus, axis) -> None:
    """Mean resultant length coth k - 1/k, mean square 1 - 2 (coth k - 1/k)/k, even turn about the axis."""
    count, axis = 40_000, np.array(axis, float)
    directions = probe_directions(device, axis, focus, count)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(count), abs=1e-5)
    along = directions @ axis
    mean = 1 / np.tanh(focus) - 1 / focus if focus else 0.0
    square = 1 - 2 * mean / focus if focus else 1 / 3
    print(f"mean cosine {along.mean():.5f}, exact {mean:.5f}")
    assert abs(along.mean() - mean) < 4 * along.std() / np.sqrt(count)
    assert abs((along**2).mean() - square) < 4 * (along**2).std() / np.sqrt(count)
    aside = directions - along[:, None] * axis
    spread = np.sqrt((1 - square) / 2 / count)
    assert np.abs(aside.mean(0)).max() < 4 * spread
    other = np.cross(axis, [0.6, 0.0, 0.8] if axis[2] == 0 else [1.0, 0.0, 0.0])
    other /= np.linalg.norm(other)
    assert ((aside @ other) ** 2).mean() == pytest.approx((1 - square) / 2, rel=0.05)


def held_links(make_simulation, tension: float, **parameters):
    """1000 cells that stand still, each with 16 links of the same tension on one fiber."""
    terms = {
        "links": {"binding_rate": 0.0, "contraction_speed": 0.0, **parameters},
        "drag": {"coefficient": 1e12},
    }
    fiber = scenes.network([[100.0, 100.0, 112.0]], [[101.0, 100.0, 112.0]])
    given = scattered(1000, 2.2)
    sim = make_simulation(alone(terms, collagen=True), cells=given, network=fiber)
    taken, force = np.ones((16, 1000), np.uint32), np.full((16, 1000), tension)
    length = np.linalg.norm(given["position"] - [100.5, 100.0, 112.0], axis=1)
    rest = np.broadcast_to(length - tension / 2.0, (16, 1000))
    for name, values in (("link_segment", taken), ("link_at", 0.5 * (taken > 0)), ("link_force", force),
                         ("link_rest", rest)):  # fmt: skip
        sim.write(name, values)
    return sim


@pytest.mark.parametrize("tension, ligand", [(0.0, 1.0), (2.5, 1.0), (5.0, 1.0), (5.0, 0.5)])
def test_links_release_faster_under_load(make_simulation, tension, ligand) -> None:
    """Survivors after t: exp(-k_0 exp(F/(F_b L)) t)."""
    sim = held_links(make_simulation, tension, ligand=ligand)
    sim.advance(100)
    left = np.count_nonzero(sim.read("link_segment"))
    wanted = np.exp(-0.01 * np.exp(tension / (5.0 * ligand)) * 10.0)
    print(f"{left / 16_000:.4f} of the links are left, {wanted:.4f} expected")
    assert abs(left / 16_000 - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / 16_000)
    assert sim.status["links_released"] == 16_000 - left


def test_links_let_go_when_too_short_or_too_long(make_simulation) -> None:
    """Below `shortest`, and beyond radius + reach + overreach."""
    sim = held_links(make_simulation, 0.0, release_rate=0.0, shortest=6.0, reach=5.0, overreach=4.0)
    length = np.linalg.norm(sim.positions() - [100.5, 100.0, 112.0], axis=1)
    sim.advance(1)
    wanted = (length >= 6.0) & (length <= 8.4 + 9.0)
    assert 100 < wanted.sum() < 900
    assert np.array_equal((scenes.by_id(sim, "link_segment") > 0).all(0), wanted)
    assert np.array_equal((scenes.by_id(sim, "link_segment") > 0).any(0), wanted)


def closest(tip: np.ndarray, begin: np.ndarray, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of a point from each segment, and where on it."""
    along = np.clip(((tip - begin) * vector).sum(1) / (vector**2).sum(1), 0, 1)
    return np.linalg.norm(begin + along[:, None] * vector - tip, axis=1), along


@pytest.mark.parametrize("gain, level", [(0.0, 1.0), (3.0, 1.0), (3.0, 0.4)])
def test_probes_bind_the_nearest_segment_not_yet_held(make_simulation, gain, level) -> None:
    """The first step of 200 cells, slot by slot, from the same draws and a search of all segments.

    With a gain, probes are more, and integrins shed on the segment that was found decide which of them bind. `level` is
    the ligand on all fibers.
    """
    rng = np.random.default_rng(4)
    begin, vector = rng.uniform(60, 137, (6000, 3)), rng.normal(size=(6000, 3))
    fibers = scenes.network(begin, begin + vector)
    given = scenes.cells(
        rng.uniform(80, 120, (200, 3)), rng.uniform(6, 10, 200), integrin=rng.uniform(0.5, 2, 200)
    )
    term = REGISTRY["links"](binding_rate=5.0, focus=1.0, capture=2.0)
    laws = {"links": {"binding_rate": 5.0, "focus": 1.0, "capture": 2.0, "ligand": level}}
    laws |= {"shedding": {"ligand_gain": gain, "ligand_half": 50.0}} if gain else {}
    sim = make_simulation(alone(laws, collagen=True), cells=given, network=fibers)
    shed = np.where(rng.random(6000) < 0.5, 0, rng.integers(1, 500, 6000))
    if gain:
        sim.write("segment_shed", shed.astype(np.uint32))
    polarity = scenes.by_id(sim, "polarity").astype(float)
    sim.advance(1)
    held, at = scenes.by_id(sim, "link_segment"), scenes.by_id(sim, "link_at")
    agree = bound = 0
    for cell, position in enumerate(given["position"]):
        radius, taken = float(given["radius"][cell]), np.zeros(6000, bool)
        probes = term.binding_rate * given["integrin"][cell] * 0.1
        for slot in range(16):
            u = numbers.uniforms(np.array(cell), slot, 0, numbers.LINK_BINDING, SEED)
            reach = radius - term.probe_length * np.log(u[1])
            found = 0
            if u[0] <= 1 - np.exp(-probes * level * (1 + gain)) and reach <= radius + term.reach:
                cosine = 1 + np.log(u[2] + (1 - u[2]) * np.exp(-2 * term.focus)) / term.focus
                axis = polarity[cell]
                first = np.cross(axis, [1, 0, 0] if abs(axis[0]) < 0.6 else [0, 1, 0])
                first /= np.linalg.norm(first)
                turn = np.cos(2 * np.pi * u[3]) * first + np.sin(2 * np.pi * u[3]) * np.cross(axis, first)
                tip = position + reach * (cosine * axis + np.sqrt(1 - cosine**2) * turn)
                distance, along = closest(tip, begin, vector)
                distance[taken] = np.inf
                found = int(distance.argmin())
                ligand = level * (1 + gain * shed[found] / (shed[found] + 50.0))
                if distance[found] > term.capture or u[0] > 1 - np.exp(-probes * ligand):
                    found = 0
                else:
                    taken[found] = True
                    found += 1
            got = int(held[slot, cell])
            agree += got == found
            bound += found > 0
            if got == found > 0:
                assert at[slot, cell] == pytest.approx(along[found - 1], abs=1e-3)
    print(f"{bound} of 3200 probes bind, {3200 - agree} differ")
    assert bound > 300 and 3200 - agree <= 3, "all but ties within rounding"
