"""Surfaces from files: crossings beside a search by brute force, repairs, refusals, and centerlines that must fit."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from reference.malformed_vessels import obj, ply, prism, stl, vtp

from physim.errors import InputError
from physim.meshes.clean import Lines, Report, clean
from physim.meshes.closed import bodies, closed, volumes
from physim.meshes.crossings import crossings
from physim.meshes.imported import fitted, read_surface, signed_distance, wall_radii
from physim.meshes.patches import patches, sizes
from physim.meshes.surface import surface

V, F = prism()


def centerline(*lines, radius=8.0):
    first = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    points = np.concatenate([np.array(line, float) for line in lines])
    return Lines(points, np.full(len(points), float(radius)), first)


def along(begin=0.0, end=120.0, y=0.0):
    return [[x, y, 0.0] for x in np.linspace(begin, end, 25)]


def pierced(a, b):
    """Whether an edge of triangle a passes through b: p + t (q - p) = b0 + u (b1 - b0) + v (b2 - b0), solved."""
    for k in range(3):
        p, q = a[k], a[(k + 1) % 3]
        matrix = np.column_stack([p - q, b[1] - b[0], b[2] - b[0]])
        if abs(np.linalg.det(matrix)) > 1e-12:
            t, u, v = np.linalg.solve(matrix, p - b[0])
            if 0 < t < 1 and u > 0 and v > 0 and u + v < 1:
                return True
    return False


@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_crossings_are_those_of_a_search_over_all_pairs(spread):
    """Triangles of one size, or of sizes from 4 to 120."""
    random = np.random.default_rng(2)
    middle, size = random.uniform(0, 10, (150, 1, 3)), spread ** random.uniform(0, 1, (150, 1, 1))
    corners = middle + 4 * size * random.uniform(-0.6, 0.6, (150, 3, 3))
    brute = [(i, j) for i in range(150) for j in range(i + 1, 150)
             if pierced(corners[i], corners[j]) or pierced(corners[j], corners[i])]  # fmt: skip
    found = crossings(corners.reshape(-1, 3), np.arange(450).reshape(-1, 3))
    assert len(brute) > 20 and [tuple(pair) for pair in found] == brute


def test_a_made_surface_and_a_torus_do_not_cross_themselves():
    torus = trimesh.creation.torus(20, 5)
    assert not len(crossings(np.array(torus.vertices), np.array(torus.faces)))
    network, _ = clean(centerline(along(), [[60, 0, 0], [60, 60, 0]]))
    made = surface(network, 2.5)
    assert not len(crossings(made.vertices, made.faces))


@pytest.mark.parametrize(("name", "content"), [
    ("a.stl", stl(V, F)), ("a.obj", obj(V, F)), ("a.ply", ply(V, F)), ("a.vtp", vtp(V, F)),
])  # fmt: skip
def test_all_formats_give_the_same_surface(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    vertices, faces, report = read_surface(tmp_path / name, unit=2.0)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    assert mesh.is_volume and len(vertices) == len(V) and len(faces) == len(F)
    assert mesh.volume == pytest.approx(8 * trimesh.Trimesh(V, F, process=False).volume, rel=1e-6)
    merged = 3 * len(F) - len(V) if name == "a.stl" else 0
    assert report.counts["vertices merged into those at the same place"] == merged


def test_repairs_are_counted_and_give_the_sound_surface():
    report = Report()
    faces = np.where(np.arange(len(F))[:, None] < 30, F[:, ::-1], F)  # 30 triangles turned
    two = np.concatenate([faces, F[:, ::-1] + len(V)])  # and a second body inside out
    vertices = np.concatenate([V, V + np.array([0, 50, 0])])
    a, b, c = two[100]
    middle = len(vertices)
    vertices = np.concatenate([vertices, [0.5 * (vertices[a] + vertices[b])]])
    two = np.concatenate([np.delete(two, 100, axis=0), [[a, middle, c], [middle, b, c], [a, b, middle]], two[200:204],
                          [[0, 0, 1]]])  # fmt: skip
    vertices, two = closed(vertices[two].reshape(-1, 3), np.arange(3 * len(two)).reshape(-1, 3), report)
    assert report.counts["triangles turned"] == 30
    assert report.counts["bodies turned inside out, of which the normals pointed in"] == 1
    assert report.counts["repeated triangles dropped"] == 4
    assert report.counts["triangles without an area given to their neighbour"] == 1
    assert report.counts["triangles without an area dropped"] == 1
    mesh = trimesh.Trimesh(vertices, two, process=False)
    assert mesh.is_volume and mesh.body_count == 2
    np.testing.assert_allclose(volumes(vertices, two, bodies(two)), trimesh.Trimesh(V, F).volume, rtol=1e-9)


def test_back_to_back_triangles_between_two_tubes_join_them():
    longer = np.concatenate([V, V + np.array([120, 0, 0])])
    report = Report()
    vertices, faces = closed(longer, np.concatenate([F, F + len(V)]), report)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    assert mesh.is_volume and mesh.body_count == 1 and report.counts["repeated triangles dropped"] == 24


def test_ports_are_the_caps_and_the_wall_is_endothelium():
    """Of a cylinder whose centerline ends in its caps, or 5 um before them."""
    for short in (0.0, 5.0):
        network, _ = clean(centerline(along(short, 120 - short)))
        found = fitted(network, V, F, Report())
        x = V[F].mean(axis=1)[:, 0]
        caps = (V[F][:, :, 0] == 0).all(axis=1) | (V[F][:, :, 0] == 120).all(axis=1)
        assert set(np.unique(found.port)) == {-1, 0, 1} and (found.port[caps] >= 0).all()
        assert (found.port[(x > 13) & (x < 107)] == -1).all()
        if not short:
            np.testing.assert_array_equal(found.port >= 0, caps)
        low, high = np.argsort(network.nodes[:, 0])
        assert (found.port[x < 1] == low).all() and (found.port[x > 119] == high).all()
        area = found.mesh.area_faces[found.port < 0].sum()
        assert sizes(found, patches(found)).sum() == pytest.approx(area)


def test_imported_surface_is_the_made_one_with_its_ports():
    middle = [100.0, 0, 0]
    network, _ = clean(centerline([[0, 0, 0], middle], [middle, [170, 50, 0]], [middle, [170, -50, 0]]))
    made = surface(network, 2.0)
    found = fitted(network, made.vertices, made.faces, Report())
    np.testing.assert_array_equal(found.port, made.port)
    assert found.voxel == pytest.approx(made.voxel, rel=0.1)


def test_radii_that_are_missing_come_from_the_wall():
    distance = signed_distance(V, F)
    lines = wall_radii(centerline(along(), radius=np.nan), distance)
    np.testing.assert_allclose(lines.radius, 8 * np.cos(np.pi / 12), rtol=1e-6)
    known = centerline(along(), radius=7.0)
    assert wall_radii(known, distance) is known


def ring():
    """A torus and its centerline in two halves."""
    torus = trimesh.creation.torus(40, 6, major_sections=48, minor_sections=16)
    turn = np.linspace(0, np.pi, 40)[:, None]
    half = 40 * np.concatenate([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    return np.array(torus.vertices), np.array(torus.faces), [half, half * [1, -1, 1]]


def test_a_ring_has_a_handle_for_its_loop():
    vertices, faces, halves = ring()
    network, _ = clean(centerline(*halves, radius=6.0))
    found = fitted(network, vertices, faces, Report())
    assert network.loops == 1 and (found.port == -1).all()


@pytest.mark.parametrize(("lines", "said"), [
    ([ring()[2][0]], r"deep within the surface"),
    ([along(0, 120), along(0, 120, 40)], r"25 of 82 points|41 of 82 points are outside the surface"),
    ([along(0, 100)], r"the free end near \(100.0, 0.0, 0.0\) um is deep within"),
    ([along(-20, 120)], r"points are outside the surface, e.g. near \(-"),
])  # fmt: skip
def test_centerlines_that_do_not_fit_are_named(lines, said):
    vertices, faces = ring()[:2] if "deep within the surface" in said else (V, F)
    network, _ = clean(centerline(*lines, radius=6.0), components="all")
    with pytest.raises(InputError, match=said):
        fitted(network, vertices, faces, Report())


def test_handle_and_body_that_the_centerlines_lack_are_named():
    tail, one = [[-40, 0, 0], [0, 0, 0], [80, 0, 0]], [[80, 0, 0], [80, 80, 0]]
    two = [[80, 80, 0], [0, 80, 0], [0, 0, 0]]
    made = surface(clean(centerline(tail, one, two, radius=6.0))[0], 2.0)
    network, _ = clean(centerline(tail, one, radius=6.0))
    with pytest.raises(InputError, match=r"1 handles, but the centerlines have 0 loops in the body near \(3"):
        fitted(network, made.vertices, made.faces, Report())
    network, _ = clean(centerline(along()))
    two = np.concatenate([V, V + np.array([0, 40, 0])])
    with pytest.raises(InputError, match=r"2 bodies, but .* 1 components: the body near \(60.0, 40.0, 0.0\)"):
        fitted(network, two, np.concatenate([F, F + len(V)]), Report())


def test_wall_far_from_the_radii_is_a_wrong_unit():
    network, _ = clean(centerline(along(2, 118), radius=40.0))
    with pytest.raises(InputError, match=r"the wall is at 0\.19 of their radii"):
        fitted(network, V, F, Report())
