"""The wall of vessels on the device: against brute force in float64 and VTK, signs at edges and corners, invariants."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import trimesh
from reference import walls as exact

from physim import memory, wall_lists
from physim.device import Device, choose
from physim.errors import InputError
from physim.step import kernel_source
from physim.wall_state import wall_state
from physim.walls import Walls, distance
from physim.world import Box

BAND = 4.0


def spiked() -> trimesh.Trimesh:
    """A ball from which every fourth corner stands out, far and thin: its dihedral angles go down to 20 degrees."""
    ball = trimesh.creation.icosphere(1, 3.0)
    points = np.array(ball.vertices)
    points[::4] *= 2.5
    return trimesh.Trimesh(points, ball.faces, process=False)


MESHES = {
    "box": lambda: trimesh.creation.box([8.0, 5.0, 3.0]),
    "tetrahedron": lambda: trimesh.Trimesh([[0, 0, 0], [9, 0, 0], [0, 0.4, 0], [3, 0.2, 6]],
                                           [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]]),
    "torus": lambda: trimesh.creation.torus(9.0, 3.0, major_sections=14, minor_sections=8),
    "spiked": spiked,
    "bodies": lambda: trimesh.util.concatenate([
        trimesh.creation.icosphere(1, 3.0), trimesh.creation.icosphere(1, 2.0).apply_translation([7, 1, 0])]),
}  # fmt: skip


@cache
def mesh(name: str) -> trimesh.Trimesh:
    return MESHES[name]()


@cache
def points(name: str) -> np.ndarray:
    """Around a mesh, and close to its edges and corners, where signs are hard."""
    rng, made = np.random.default_rng(5), mesh(name)
    low, high = made.bounds
    edges = made.vertices[made.edges_unique]
    share = rng.uniform(0, 1, (len(edges), 1))
    on_edges = share * edges[:, 0] + (1 - share) * edges[:, 1]
    special = np.repeat(np.concatenate([made.vertices, on_edges]), 1 + 800 // (len(made.vertices) + len(edges)), 0)
    special = special[rng.permutation(len(special))[:800]]
    off = rng.normal(size=special.shape) * 10.0 ** rng.uniform(-3, 0.5, (len(special), 1))
    return np.concatenate([rng.uniform(low - 2 * BAND, high + 2 * BAND, (1000, 3)), special + off])


@pytest.fixture(scope="module")
def walls(device_label):
    """Walls around a mesh by its name; small parts, so that there are several."""
    made = {}

    def get(name: str) -> Walls:
        if name not in made:
            made[name] = Walls(mesh(name).vertices, mesh(name).faces, band=BAND, leaf=1.0, device=device_label)
        return made[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wall_lists, "PART", 2000)
        patch.setattr(wall_lists, "FEW", 8)
        yield get


@pytest.mark.parametrize("name", MESHES)
def test_nearest_is_that_of_brute_force(walls, name) -> None:
    """Distance, sign, point and normal within the band; a lower bound with the right sign beyond it."""
    at, made = points(name), mesh(name)
    found, wanted = walls(name).nearest(at), exact.nearest(made.triangles, at)
    near = found.triangle >= 0
    assert near[np.abs(wanted.distance) < BAND].all() and (~near).sum() > 100
    inside = exact.winding(made.triangles, at) > 0.5
    clear = np.abs(wanted.distance) > 1e-5
    assert ((found.distance < 0) == inside)[clear].all() and inside.sum() > 50
    assert np.abs(found.distance - np.where(inside, -1, 1) * wanted.distance)[near & clear].max() < 3e-6
    bound = np.abs(found.distance)[~near]
    assert (bound <= wanted.distance[~near] + 1e-5).all() and bound.min() >= BAND
    reached = np.linalg.norm(found.point - at, axis=1)[near]
    assert reached == pytest.approx(np.abs(found.distance[near]), abs=3e-6)
    on = exact.nearest(made.triangles[found.triangle[near]][:, None], found.point[near], own=True).distance
    assert on.max() < 3e-6, "the nearest point is on the triangle that is named"
    far = near & (np.abs(found.distance) > 0.1)
    outward = (at - found.point)[far] / found.distance[far, None]
    assert np.abs(found.normal[far] - outward).max() < 1e-4
    assert np.isnan(found.point[~near]).all() and np.isnan(found.normal[~near]).all()


@pytest.mark.parametrize("name", ["box", "spiked"])
def test_points_on_corners_and_edges_are_on_the_wall(walls, name) -> None:
    made = mesh(name)
    at = np.concatenate([made.vertices, made.vertices[made.edges_unique].mean(axis=1), made.triangles_center])
    found = walls(name).nearest(at)
    assert np.abs(found.distance).max() < 1e-6 and np.abs(found.point - at).max() < 1e-6
    assert np.linalg.norm(found.normal, axis=1) == pytest.approx(1, abs=1e-5)
    facing = np.einsum("ij,ij->i", found.normal[-len(made.faces):], made.face_normals)
    assert facing == pytest.approx(1, abs=1e-5)


def test_distance_is_lipschitz_and_its_gradient_is_the_normal(walls) -> None:
    """|d(p) - d(q)| <= |p - q| for any pair, across the medial axis too; away from that the slope is the normal."""
    asked, made, rng = walls("torus"), mesh("torus"), np.random.default_rng(2)
    at = made.triangles_center[rng.integers(0, len(made.faces), 2000)] + rng.normal(0, 1.0, (2000, 3))
    step = 10.0 ** rng.uniform(-4, 0, (2000, 1)) * rng.normal(size=(2000, 3))
    change = np.abs(asked.distance(at + step)[0] - asked.distance(at)[0])
    assert (change <= np.linalg.norm(step, axis=1) + 2e-6).all()
    found, h = asked.nearest(at), 1e-2
    above, below = ([asked.nearest(at + side * axis) for axis in np.eye(3)] for side in (h, -h))
    slope = np.stack([(up.distance - down.distance) / (2 * h) for up, down in zip(above, below, strict=True)], axis=1)
    # away from the medial axis: the same triangle is nearest to all seven points
    smooth = np.all([other.triangle == found.triangle for other in (*above, *below)], axis=0)
    smooth &= (np.abs(found.distance) > 0.3) & (np.abs(found.distance) < 2)
    assert smooth.sum() > 500
    # the gradient turns by no more than 1/d: a bound for differences over h, beside rounding
    most = 0.5 * h / np.abs(found.distance[smooth]) + 2e-4
    assert (np.linalg.norm(slope - found.normal, axis=1)[smooth] < most).all()
    assert (np.abs(np.linalg.norm(slope, axis=1) - 1)[smooth] < most).all()


def test_no_bit_depends_on_groups_parts_or_the_order_of_triangles(device_label) -> None:
    """Lists and answers; with other parts of the work only the numbers of nodes and entries differ."""
    made, at, shuffle = mesh("torus"), points("torus"), np.random.default_rng(0).permutation(len(mesh("torus").faces))
    answers, states = [], []
    for group, part, order in ((1, 1 << 22, slice(None)), (64, 1 << 22, slice(None)), (64, 3000, shuffle)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PHYSIM_WORKGROUP", str(group))
            patch.setattr(wall_lists, "PART", part)
            device = Device(choose(device_label))
            asked = Walls(made.vertices, made.faces[order], band=BAND, leaf=1.5, device=device)
            answers.append(asked.nearest(at))
            states.append(asked.state)
    assert all((states[0][name] == states[1][name]).all() for name in states[0])
    for other in answers[1:]:
        for one, two in ((answers[0].distance, other.distance), (answers[0].point, other.point),
                         (answers[0].normal, other.normal)):  # fmt: skip
            assert np.array_equal(one, two, equal_nan=True)
    found = answers[2].triangle
    assert (np.where(found < 0, -1, shuffle[found]) == answers[0].triangle).all()


def test_agrees_with_vtk(device_label) -> None:
    """VTK's sign is ours: below 0 inside."""
    made, rng = trimesh.creation.torus(20.0, 6.0, major_sections=48, minor_sections=24), np.random.default_rng(3)
    at = rng.uniform(made.bounds[0] - 6, made.bounds[1] + 6, (3000, 3))
    found, point, triangle = distance(made, at, band=6.0, device=device_label)
    wanted, near = exact.vtk_distance(made.vertices, made.faces, at), triangle >= 0
    assert np.abs(found - wanted)[near].max() < 1e-5 and near.sum() > 1500
    assert ((found < 0) == (wanted < 0)).all() and (found < 0).sum() > 300
    assert np.linalg.norm(point - at, axis=1)[near] == pytest.approx(np.abs(wanted)[near], abs=1e-5)


def test_walls_do_not_reach_through_a_periodic_face(device) -> None:
    """A flat periodic box, in which cells of the octree are larger than the box; the wall ends 1 um before a face."""
    made = trimesh.creation.cylinder(4.0, 58.0, sections=24)
    box = Box(np.array([-30.0, -5, -30]), np.array([30.0, 15, 30]), ("periodic", "periodic", "wall"))
    state = wall_state(made.vertices, made.faces, box, device, band=8.0, leaf=3.0, outside=3.0)
    asked = Walls(made.vertices, made.faces, band=8.0, outside=3.0, leaf=3.0, device=device)
    asked.box, asked.state = box, state
    asked.keep()
    at = np.random.default_rng(4).uniform(box.lower + 1e-3, box.upper - 1e-3, (4000, 3))
    found, wanted = asked.nearest(at), exact.nearest(made.triangles, at)
    near, inside = found.triangle >= 0, exact.winding(made.triangles, at) > 0.5
    assert near[inside | (wanted.distance < 3)].all() and (~near).sum() > 100 and inside.sum() > 100
    assert np.abs(np.abs(found.distance) - wanted.distance)[near].max() < 1e-5
    assert ((found.distance < 0) == inside)[wanted.distance > 1e-4].all()


def test_labels_come_back(device) -> None:
    made = mesh("box")
    state = wall_state(made.vertices, made.faces, Box(np.full(3, -9.0), np.full(3, 9.0), ("open",) * 3), device,
                       patch=np.arange(12) + 100, port=np.arange(12) - 1)  # fmt: skip
    rows = state["wall_triangle"].reshape(-1, 4, 4)
    order = rows[:, 0, 3]
    assert sorted(order) == list(range(12))
    assert (rows[:, 1, 3] == order + 100).all() and (rows[:, 2, 3] == order - 1).all()


@pytest.mark.parametrize("name, reach", [("torus", 1.0), ("spiked", 0.3)])
def test_a_query_that_reaches_less_far_finds_the_same_there(device, name, reach) -> None:
    """Bit by bit, and outside at any distance; deeper in the lumen a bound of the distance comes back, or all of it."""
    made = mesh(name).subdivide().subdivide()
    walls = Walls(made.vertices, made.faces, band=BAND, leaf=0.5, device=device)
    whole = walls.nearest(points(name))
    text = kernel_source("wall_lists.cl").replace("nearest_wall(point[i]", f"wall_within({reach}f, point[i]")
    walls._program = device.build(wall_lists._HEADERS, ("kernels/wall_lists.cl", text))
    found = walls.nearest(points(name))
    same = whole.distance > -reach
    assert (found.distance[same] == whole.distance[same]).all() and (found.triangle == whole.triangle)[same].all()
    deep = ~same & (found.triangle < 0)
    assert (found.distance[deep] <= np.float32(-reach)).all() and (found.distance >= whole.distance - 1e-5)[deep].all()
    assert deep.sum() > 10 and (found.triangle == whole.triangle)[~same & ~deep].all()


@pytest.mark.parametrize("radius", [0.5, 3.0])
def test_sphere_against_the_wall_is_pushed_into_the_lumen(device, radius) -> None:
    """4/3 E* sqrt(R) depth^1.5 against the normal; the stiffness is its slope, and nothing across."""
    text = kernel_source("triangle.h") + kernel_source("wall.h") + """__kernel void press(
        __global const float4 *at, __global float4 *force, __global float *stiff, float radius, uint count) {
      for (uint i = get_global_id(0); i < count; i += get_global_size(0)) {
        Symmetric s;
        force[i] = (float4)(press_sphere(at[i].w, at[i].xyz, radius, 3.0f, &s), 0.0f);
        store_symmetric(stiff, i, count, s);
      }
    }"""
    rng = np.random.default_rng(1)
    normal = rng.normal(size=(200, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    gap = rng.uniform(-1.5, 0.5, 200) * radius
    at = np.concatenate([normal, gap[:, None]], axis=1).astype(np.float32)
    buffers = [device.empty(f"test press {size}", size * 200) for size in (16, 17, 24)]
    device.upload(buffers[0], at)
    kernel = device.cl.Kernel(device.build("", ("press.cl", text)), "press")
    kernel.set_args(*buffers, np.float32(radius), np.uint32(200))
    device.wait(device.cl.enqueue_nd_range_kernel(device.queue, kernel, (8,), (4,)))
    force = device.download(buffers[1], np.float32, 800).reshape(-1, 4)[:, :3]
    xx, yy, zz, xy, xz, yz = device.download(buffers[2], np.float32, 1200).reshape(6, -1)
    overlap, shift = radius + at[:, 3].astype(float), np.array([[-1e-6], [0], [1e-6]])
    below, size, above = 4 / 3 * 3.0 * np.sqrt(radius) * np.maximum(overlap + shift, 0) ** 1.5
    assert force == pytest.approx(-size[:, None] * at[:, :3], rel=1e-5, abs=1e-6 * size.max())
    slope = (above - below) / 2e-6
    block = np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=1).reshape(-1, 3, 3)
    wanted = slope[:, None, None] * at[:, :3, None] * at[:, None, :3]
    assert np.abs(block - wanted).max() < 1e-4 * slope.max()
    free = overlap < 0
    assert free.sum() > 30 and not force[free].any() and not block[free].any()


def flat_box() -> trimesh.Trimesh:
    return trimesh.creation.box([8.0, 5.0, 1e-9])


@pytest.mark.parametrize(("change", "line"), [
    (lambda m: {"faces": m.faces[1:]}, "walls: the surface of 11 triangles is not closed"),
    (lambda m: {"faces": m.faces[:, ::-1]}, "walls: the surface of 12 triangles is not closed, or not all of it is"),
    (lambda m: {"vertices": flat_box().vertices}, "have no area, the first near"),
    (lambda m: {"vertices": m.vertices * np.nan}, r"walls: vertices of shape \(8, 3\) are not points in um"),
    (lambda m: {"vertices": m.vertices * 1e5}, "walls: in a box of .* um positions have steps of"),
    (lambda m: {"band": np.inf}, "band: inf um; give a length above 0"),
    (lambda m: {"outside": 0.0}, "outside: 0 um; give a length above 0"),
    (lambda m: {"leaf": -1.0}, "leaf: -1 um; give a length above 0"),
])  # fmt: skip
def test_what_cannot_be_is_refused(device, change, line) -> None:
    made = mesh("box")
    with pytest.raises(InputError, match=line):
        Walls(**({"vertices": made.vertices, "faces": made.faces, "device": device} | change(made)))


def test_more_than_memory_is_refused_before_it_is_taken(device, monkeypatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 1_000_000)
    monkeypatch.setattr(wall_lists, "build", lambda *_: pytest.fail("lists were made"))
    made = mesh("torus")
    with pytest.raises(InputError, match=r"walls: lists of 224 triangles.* need about .* GiB.*give a smaller band"):
        Walls(made.vertices, made.faces, leaf=0.2, device=device)


def test_surface_outside_of_the_box_is_refused(device) -> None:
    box = Box(np.full(3, -3.0), np.full(3, 9.0), ("open",) * 3)
    with pytest.raises(InputError, match=r"walls: the surface leaves the box near \(-4\.0, -2\.5, -1\.5\) um"):
        wall_state(mesh("box").vertices, mesh("box").faces, box, device)
