"""Centerlines out of files and through the cleaning: a network with known defects, and files that are none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from physim.errors import InputError
from physim.meshes.clean import Lines, clean
from physim.meshes.read import read_centerlines


def polyline(*corners, radius=6.0, every=4.0):
    """Points at most `every` um apart along the corners, with a radius each."""
    corners = np.array(corners, float)
    parts = [np.linspace(a, b, int(np.ceil(np.linalg.norm(b - a) / every)), endpoint=False)
             for a, b in pairwise(corners)]  # fmt: skip
    points = np.concatenate([*parts, corners[-1:]])
    return points, np.full(len(points), float(radius))


def lines(*parts):
    first = np.concatenate([[0], np.cumsum([len(points) for points, _ in parts])])
    return Lines(np.concatenate([p for p, _ in parts]), np.concatenate([r for _, r in parts]), first)


def ladder():
    """A loop with four tails: seven branches, one component, one loop, 4 x 100 + 2 x 100 + ... um."""
    a, b, c, d = [100, 100, 50], [200, 100, 50], [200, 200, 50], [100, 200, 50]
    return [polyline(a, b), polyline(b, c), polyline(c, d), polyline(d, a),
            polyline([0, 100, 50], a), polyline(b, [300, 100, 50]), polyline(c, [300, 200, 50]),
            polyline([0, 200, 50], d)]  # fmt: skip


def test_sound_network_stays_what_it_is():
    network, report = clean(lines(*ladder()))
    assert (network.branches, len(network.nodes), network.components, network.loops) == (8, 8, 1, 1)
    assert network.lengths.sum() == pytest.approx(800, rel=1e-9)
    assert sorted(network.degree) == [1] * 4 + [3] * 4
    np.testing.assert_allclose(network.radius, 6.0)
    assert not any(report.counts.values()) and "8 branches, 1 components, 4 free ends (4 on the box)" in report.text()
    step = np.linalg.norm(np.diff(network.branch(0)[0], axis=0), axis=1)
    assert step.max() <= 3.0 and np.ptp(step) < 1e-9


def planted():
    """The ladder with every defect that the real network had; and how often each."""
    parts = ladder()
    for k, end in ((4, 0), (5, -1)):
        parts[k][1][end] = 0.0  # cut at the border of the image
    parts[6][1][-5:] = 0.3  # an end that fades out
    parts[1][1][8:12] = 0.1  # radii lost in the middle
    parts[2] = np.repeat(parts[2][0], 2, axis=0), np.repeat(parts[2][1], 2)  # every point twice
    parts.append(polyline([148, 100, 50], [148, 104, 50], radius=3.0, every=1.0))  # shorter than its parent is thick
    parts.append(polyline([200, 152, 50], [230, 152, 50], radius=0.2))  # a thin spur
    bridge = [120, 100, 50], [120, 104, 50], [124, 104, 50], [124, 100, 50]
    parts.append(polyline(*bridge, radius=0.4, every=2.0))
    parts.append(polyline([20, 20, 20], [20, 60, 20]))  # a piece of another vessel
    parts[7][0][-1] += 5e-4  # an end that does not quite meet the others
    return lines(*parts)


def test_planted_defects_are_found_counted_and_mended():
    network, report = clean(planted(), components="all")
    assert (network.branches, network.components, network.loops) == (9, 2, 1)
    assert report.counts["ends at the border of the image that took their neighbour's radius"] == 2
    assert report.counts["ends cut back to their last good point"] == 1
    assert report.counts["repeated points dropped"] == 26
    assert report.counts["spurs deleted"] == 2
    assert report.counts["thin bridges contracted"] == 1
    assert report.counts["radii filled in"] == 4
    assert report.counts["ends moved onto a node"] >= 1
    assert network.radius.min() > 5.9 and network.radius.max() < 6.1
    assert network.lengths.sum() == pytest.approx(800 - 20 + 40, abs=6)


def test_largest_component_is_kept_and_the_others_are_named():
    network, report = clean(planted())
    assert (network.branches, network.components) == (8, 1) and report.counts["components dropped"] == 1
    assert "kept the largest of 2 components" in report.text() and "dropped: 40 um" in report.text()


def test_snap_joins_what_nearly_meets():
    parts = ladder()
    parts[4] = polyline([0, 100, 50], [92, 100, 50])  # 8 um short
    assert clean(lines(*parts), components="all")[0].components == 2
    network, report = clean(lines(*parts), snap=10.0)
    assert (network.components, network.loops, network.branches) == (1, 1, 8)
    assert report.counts["ends moved onto a node"] == 3


def test_line_that_ends_on_another_parts_it():
    network, report = clean(lines(polyline([0, 0, 0], [100, 0, 0]), polyline([48, 0, 0], [48, 80, 0])))
    assert sorted(network.degree) == [1, 1, 1, 3] and report.counts["lines parted where others end on them"] == 1


def test_many_short_segments_are_one_branch():
    """Each shorter than it is thick: end to end they are a vessel and not spurs."""
    points, radius = polyline([0, 0, 0], [90, 0, 0], radius=8.0, every=3.0)
    pieces = [(points[k : k + 2], radius[k : k + 2]) for k in range(len(points) - 1)]
    network, report = clean(lines(*pieces))
    assert network.branches == 1 and network.lengths[0] == pytest.approx(90)
    assert report.counts["lines joined end to end"] == 29


def test_smoothing_rounds_a_zigzag_and_leaves_ends_and_arcs():
    x = np.arange(0, 121, 2.0)
    zigzag = np.stack([x, np.where(np.arange(len(x)) % 2, 1.0, -1.0), 0 * x], axis=1)
    network, _ = clean(lines((zigzag, np.full(len(x), 6.0))))
    assert np.abs(network.points[5:-5, 1]).max() < 0.1
    np.testing.assert_allclose(network.nodes[[0, 1]], zigzag[[0, -1]])
    angle = np.linspace(0, np.pi, 101)
    arc = 100 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    network, _ = clean(lines((arc, np.full(101, 6.0))))
    np.testing.assert_allclose(np.linalg.norm(network.points, axis=1), 100, atol=0.2)  # sigma^2/2R = 0.07 um inward


@pytest.mark.parametrize(("change", "message"), [
    (lambda r: 0 * r, "no point has a radius above 0"), (lambda r: 0 * r + 1, "the radius is 1 everywhere"),
    (lambda r: r * np.nan, "no point has a radius above 0"), (lambda r: 0.01 * r, "is the unit um"),
])  # fmt: skip
def test_radii_that_are_none_are_refused(change, message):
    made = lines(*ladder())
    with pytest.raises(InputError, match=message):
        clean(Lines(made.points, change(made.radius), made.first))


@pytest.mark.parametrize("wrong", [{"snap": -1.0}, {"spacing": 0.0}, {"smoothing": np.nan}, {"least_radius": np.inf}])
def test_parameters_that_are_none_are_refused(wrong):
    with pytest.raises(InputError, match="must not be negative"):
        clean(lines(*ladder()), **wrong)


Y = "0,0,0;30,0,0;60,0,0 / 60,0,0;90,30,0 / 60,0,0;90,-30,0"
SWC = """# made by hand
1 2 0 0 0 5 -1
2 2 30 0 0 5 1
3 2 60 0 0 5 2
4 2 90 30 0 4 3
5 2 90 -30 0 4 3
"""
POINTS = "branch,x,y,z,radius\n" + "".join(
    f"{b},{place},{4 if b and k else 5}\n"
    for b, line in enumerate(Y.split(" / ")) for k, place in enumerate(line.split(";"))
)  # fmt: skip
SEGMENTS = """x1,y1,z1,x2,y2,z2,diameter
0,0,0,30,0,0,10
30,0,0,60,0,0,10
60,0,0,90,30,0,8
60,0,0,90,-30,0,8
"""


def as_vtp(path):
    """The same Y by VTK's writer."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    points, cells, data, writer, radius = vtkPoints(), vtkCellArray(), vtkPolyData(), vtkXMLPolyDataWriter(), []
    for b, line in enumerate(Y.split(" / ")):
        places = line.split(";")
        cells.InsertNextCell(len(places))
        for k, place in enumerate(places):
            cells.InsertCellPoint(points.InsertNextPoint([float(v) for v in place.split(",")]))
            radius.append(4.0 if b and k else 5.0)
    data.SetPoints(points)
    data.SetLines(cells)
    array = numpy_to_vtk(np.array(radius), deep=True)
    array.SetName("Radius")
    data.GetPointData().AddArray(array)
    writer.SetFileName(str(path))
    writer.SetInputData(data)
    writer.Write()


@pytest.mark.parametrize("kind", ["y.swc", "points.csv", "segments.csv", "y.vtp"])
def test_all_formats_say_the_same(tmp_path, kind):
    path = tmp_path / kind
    text = {"y.swc": SWC, "points.csv": POINTS, "segments.csv": SEGMENTS}.get(kind)
    as_vtp(path) if text is None else path.write_text(text)
    network, _ = clean(read_centerlines(path))
    assert sorted(network.degree) == [1, 1, 1, 3] and network.loops == 0
    np.testing.assert_allclose(sorted(network.lengths), [30 * 2**0.5, 30 * 2**0.5, 60], rtol=1e-6)
    assert {tuple(node) for node in np.round(network.nodes, 3)} == {(0, 0, 0), (60, 0, 0), (90, 30, 0), (90, -30, 0)}
    assert 4 <= network.radius.min() < 4.5 and network.radius.max() == pytest.approx(5, abs=0.1)
    halved = clean(read_centerlines(path, unit=0.5))[0]
    assert halved.lengths.sum() == pytest.approx(0.5 * network.lengths.sum(), rel=1e-6)


def test_units_of_titles_and_radii_that_are_missing(tmp_path):
    path = tmp_path / "mm.csv"
    path.write_text("vessel;x (mm);y (mm);z (mm)\na;0,0;0;0\na;0,1;0;0\n")
    made = read_centerlines(path, radius=7.0)
    np.testing.assert_allclose(made.points, [[0, 0, 0], [100, 0, 0]])
    np.testing.assert_allclose(made.radius, 7)
    with pytest.raises(InputError, match="no point has a radius"):
        clean(read_centerlines(path))
    ones = tmp_path / "ones.swc"
    ones.write_text(SWC.replace(" 5 ", " 1 ").replace(" 4 3\n", " 1 3\n"))
    with pytest.raises(InputError, match="the radius is 1 everywhere"):
        clean(read_centerlines(ones))
    np.testing.assert_allclose(clean(read_centerlines(ones, radius=5.0))[0].radius, 5)


@pytest.mark.parametrize(("name", "text", "message"), [
    ("a.swc", "", "is empty"),
    ("a.swc", "<html><body>404</body></html>\n", "line 1: has 1 values"),
    ("a.swc", SWC.replace("2 2 30 0 0 5 1", "2 2 30 0 0 5 3"), "in a circle"),
    ("a.swc", SWC.replace("1 2 0 0 0 5 -1", "1 2 0 0 0 5 5"), "in a circle"),
    ("a.swc", SWC.replace("3 2 60 0 0 5 2", "3 2 60 0 0 5 77"), "the parent 77, which is not there"),
    ("a.swc", SWC.replace("2 2 30", "1 2 30"), "node 1 is there twice"),
    ("a.swc", SWC.replace("30 0 0 5 1", "nan 0 0 5 1"), "is not finite"),
    ("a.swc", "1 2 0 0 0 5 -1\n2 2 9 0 0 5 -1\n", "all roots"),
    ("a.swc", "1 2 0 0 0 5 -1\n", "has 1 nodes, no line"),
    ("a.csv", "a,b\n1,2\n", "has no column"),
    ("a.csv", "x1,y1,z1\n1,2,3\n", "has no column"),
    ("a.csv", "branch,x,y,z,radius\n", "has a header but no rows"),
    ("a.csv", "branch,x,y,z,radius\n1,0,0,0,4\n2,9,0,0,4\n", "each branch has one point"),
    ("a.csv", POINTS.replace("30,0,0", "1e30,0,0"), "not within"),
    ("a.csv", "branch,x (px),y,z\n1,0,0,0\n", "not in a unit of length"),
    ("a.vtp", "<html></html>", "no VTK PolyData"),
    ("a.obj", "v 0 0 0\n", "is neither .vtp, .swc nor .csv"),
])  # fmt: skip
def test_files_that_are_none_are_refused_in_one_line(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_centerlines(path)
    assert "\n" not in str(caught.value).strip()
