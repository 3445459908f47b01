"""`physim mesh` from outside: what it says and writes, and files that it refuses in one line."""

from __future__ import annotations

import time

import numpy as np
import pytest
import trimesh
from reference.commands import inside, physim
from reference.malformed_vessels import prism, stl

from physim import vtk_files

RING = """# a ring with a tail on each side, and a spur
1 2 0 0 0 8 -1
2 2 60 0 0 8 1
3 2 100 60 0 7 2
4 2 160 60 0 8 3
5 2 100 -60 0 7 2
6 2 60.0 3 0 0.2 2
"""

BOMB = """<VTKFile type="PolyData"><PolyData>
<Piece NumberOfPoints="9999999" NumberOfLines="9"/></PolyData></VTKFile>"""


@pytest.fixture(scope="module")
def meshed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mesh")
    (folder / "ring.swc").write_text(RING)
    return folder, physim("mesh", "ring.swc", "--voxel", "2", cwd=folder)


def test_report_and_files(meshed):
    folder, result = meshed
    assert result.returncode == 0, result.stderr
    assert "1  spurs deleted" in result.stdout and "kept: 3 branches, 1 components, 3 free ends" in result.stdout
    assert "watertight" in result.stdout and "3 ports" in result.stdout
    made = folder / "ring_vessels"
    assert {p.name for p in made.iterdir()} == {"surface.vtp", "centerlines.vtp", "report.txt", "preview.png"}
    points, cells = vtk_files.read(made / "surface.vtp")
    mesh = trimesh.Trimesh(points["Points"], cells["Triangles"], process=False)
    assert mesh.is_volume and mesh.body_count == 1 and mesh.euler_number == 2
    assert len(np.unique(cells["port"])) == 4 and (cells["patch"] >= 0).sum() == (cells["port"] < 0).sum()
    points, cells = vtk_files.read(made / "centerlines.vtp")
    assert points["radius_um"].min() > 6.5 and set(cells["branch"]) == {0, 1, 2}
    assert "flow, estimated: " in result.stdout
    assert np.median(np.abs(points["speed_um_s"])) == pytest.approx(300, rel=0.02)
    np.testing.assert_array_equal(np.sign(points["speed_um_s"]), np.sign(points["wall_shear_Pa"]))


def test_picture_shows_vessels_and_ports(meshed):
    from matplotlib.image import imread

    pixels = imread(meshed[0] / "ring_vessels" / "preview.png")[..., :3]
    red = (pixels[..., 0] > 0.4) & (pixels[..., 1] < 0.5)
    yellow = (pixels[..., 0] > 0.5) & (pixels[..., 1] > 0.45) & (pixels[..., 2] < 0.4)
    assert 0.05 < red.mean() < 0.6 and 0.001 < yellow.mean() < 0.1


def test_folder_is_not_overwritten(meshed, monkeypatch):
    folder, _ = meshed
    monkeypatch.chdir(folder)
    before = (folder / "ring_vessels" / "surface.vtp").stat().st_mtime_ns
    result = inside("mesh", "ring.swc")
    assert result.returncode == 2 and result.stderr.startswith("error: ring_vessels: exists and is not overwritten")
    assert (folder / "ring_vessels" / "surface.vtp").stat().st_mtime_ns == before


@pytest.mark.parametrize(("name", "text", "said"), [
    ("missing.swc", None, "no such file"),
    ("a.swc", "<html><body>404</body></html>", "has 1 values"),
    ("a.vtp", BOMB, "can hold"),
    ("a.stl", "solid\n", "give its centerlines as well: --centerline FILE.csv"),
])  # fmt: skip
def test_files_that_are_none_are_refused_in_one_line(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    begin = time.monotonic()
    result = physim("mesh", name, cwd=tmp_path)
    assert result.returncode == 2 and result.stdout == "" and time.monotonic() - begin < 10
    lines = result.stderr.splitlines()
    assert said in result.stderr and all(line.startswith("error: ") for line in lines) and len(lines) <= 3
    assert not [p for p in tmp_path.iterdir() if p.is_dir()]


@pytest.fixture
def at_hand(tmp_path, monkeypatch):
    """An empty folder to be in, and no pictures."""
    monkeypatch.setattr("physim.viz.vessels.render", lambda folder: "no picture")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_surface_with_a_centerline_without_radii(at_hand):
    vertices, faces = prism()
    (at_hand / "tube.stl").write_bytes(stl(vertices * 1e-3, faces[:, ::-1]))
    (at_hand / "line.csv").write_text("branch,x,y,z\n" + "".join(f"a,{x / 1000},0,0\n" for x in range(0, 121, 5)))
    result = inside("mesh", "tube.stl", "--centerline", "line.csv", "--unit", "1000")
    assert result.returncode == 0, result.stderr
    assert "1  bodies turned inside out" in result.stdout and "2 ports" in result.stdout
    assert "the wall is at 1.00 of the radii of the centerlines" in result.stdout
    points, cells = vtk_files.read(at_hand / "tube_vessels" / "surface.vtp")
    mesh = trimesh.Trimesh(points["Points"], cells["Triangles"], process=False)
    assert mesh.is_volume and len(np.unique(cells["port"])) == 3
    lines = vtk_files.read(at_hand / "tube_vessels" / "centerlines.vtp")[0]
    np.testing.assert_allclose(lines["radius_um"], 8 * np.cos(np.pi / 12), rtol=1e-5)


def test_built_in_networks_have_a_name_and_a_seed(at_hand):
    result = inside("mesh", "capillaries", "--seed", "4", "--voxel", "3", "--out", "bed")
    assert result.returncode == 0, result.stderr
    assert "seed 4: 46 branches, 15 loops" in result.stdout and "2 ports" in result.stdout
    assert "flow, estimated" in (at_hand / "bed" / "report.txt").read_text()
    wrong = inside("mesh", "capilaries")
    assert wrong.returncode == 2 and "did you mean 'capillaries'?" in wrong.stderr
