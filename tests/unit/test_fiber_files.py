"""Fibers traced in images: what is read from CSV and VTP, and what is refused before it does harm."""

import numpy as np
import pytest
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

from physim.errors import InputError
from physim.generate.fiber_files import read_polylines

POINTS = np.array([[0, 0, 0], [1, 2, 3], [4, 5, 6.5], [9, 9, 9], [8, 8, 8]], float)


def written(tmp_path, text, name="fibers.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def vtp(path, points=POINTS, lines=((0, 1, 2), (3, 4)), arrays=(), mode="appended", compressed=True):
    """A VTP file with these lines of point numbers."""
    data, vertices, cells = vtkPolyData(), vtkPoints(), vtkCellArray()
    vertices.SetData(numpy_to_vtk(np.asarray(points, float), deep=True))
    offsets = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
    members = np.concatenate([np.asarray(line, np.int64) for line in lines])
    cells.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(members, deep=True))
    data.SetPoints(vertices)
    data.SetLines(cells)
    for name, values in arrays:
        array = numpy_to_vtk(np.asarray(values, float), deep=True)
        array.SetName(name)
        data.GetPointData().AddArray(array)
    writer = vtkXMLPolyDataWriter()
    writer.SetInputData(data)
    writer.SetFileName(str(path))
    getattr(writer, {"appended": "SetDataModeToAppended", "ascii": "SetDataModeToAscii",
                     "binary": "SetDataModeToBinary"}[mode])()  # fmt: skip
    writer.EncodeAppendedDataOff()
    if not compressed:
        writer.SetCompressorTypeToNone()
    assert writer.Write() == 1
    return path


def refused(path):
    with pytest.raises(InputError) as caught:
        read_polylines(path)
    for line in caught.value.problems:
        assert path.name in line and len(line) < 400 and "\n" not in line
    return caught.value.problems


@pytest.mark.parametrize(("text", "diameter"), [
    ("fiber,x,y,z\n1,0,0,0\n1,1,2,3\n1,4,5,6.5\n2,9,9,9\n2,8,8,8\n", None),
    ("x,y,z,score,fiber\n0,0,0,a,A\n9,9,9,b,B\n1,2,3,,A\n8,8,8,,B\n4,5,6.5,,A\n", None),  # not in blocks
    ("Frame;Contour ID;Pos.;X (nm);Y (nm);Z (nm);Line width (nm)\n1;7;0;0;0;0;200\n1;7;1;1000;2000;3000;400\n"
     "1;7;2;4000;5000;6500;300\n1;9;3;9000;9000;9000;\n1;9;4;8000;8000;8000;0\n", 0.3),
    ("# made by hand\r\nFiber ID\tx_um\ty_um\tz_um\tRadius\r\n\r\n1\t0\t0\t0\t0.1\r\n1\t1\t2\t3\t0.1\r\n"
     "1\t4\t5\t6.5\t0.1\r\n2\t9\t9\t9\t0.1\r\n2\t8\t8\t8\t0.1\r\n", 0.2),
], ids=["plain", "mixed", "contours", "tabs"])  # fmt: skip
def test_csv_rows_become_fibers_in_their_order(text, diameter, tmp_path):
    lines = read_polylines(written(tmp_path, text))
    assert lines.points == pytest.approx(POINTS, abs=1e-12) and lines.first.tolist() == [0, 3, 5]
    assert lines.diameter == (None if diameter is None else pytest.approx(diameter))


@pytest.mark.parametrize(("mode", "compressed"), [("appended", True), ("appended", False), ("ascii", False),
                                                  ("binary", True)])  # fmt: skip
def test_vtp_lines_become_fibers(mode, compressed, tmp_path):
    path = vtp(tmp_path / "f.vtp", lines=((2, 1, 0), (3, 4), (0, 3)), mode=mode, compressed=compressed,
               arrays=[("score", range(5)), ("Radius (um)", [0.1, 0.1, 0.1, 0.2, 0.3])])  # fmt: skip
    lines = read_polylines(path)
    assert lines.points == pytest.approx(POINTS[[2, 1, 0, 3, 4, 0, 3]]) and lines.first.tolist() == [0, 3, 5, 7]
    assert lines.diameter == pytest.approx(2 * (4 * 0.1 + 2 * 0.2 + 0.3) / 7)


HEAD = "fiber,x,y,z\n"
WRONG = [
    (HEAD, "has a header but no rows"),
    ("", "is empty"),
    ("x,y,z\n1,2,3\n", "has no column fiber; the header has"),
    ("fiber,x,y\n1,2,3\n", "has no column z"),
    ("fiber,x (px),y,z\n1,2,3,4\n", "is not in a unit of length; convert it to um"),
    ("fiber,x,X,y,z\n1,1,2,3,4\n", 'columns "x" and "X" could both be x'),
    (HEAD + "1,0,0,0\n1,1,nan,1\n", 'line 3: y = "nan" is not finite'),
    (HEAD + "1,0,0,0\n1,1,1,inf\n", "line 3: z"),
    (HEAD + "1,0,0,0\n1,1,zwei,1\n", 'line 3: y = "zwei" is no number'),
    (HEAD + "1,0,0,0\n1,1\n", "line 3: has 2 values, too few for column"),
    (HEAD + "1,0,0,0\n1,1,1,1\n2,5,5,5\n", 'line 4: fiber "2": is its only point; a fiber needs two'),
    (HEAD + "1,0,0,0\n2,5,5,5\n1,0,0,0\n2,6,6,6\n", 'line 4: fiber "1": is the same point as the one before it'),
    (HEAD + "1,0,0,0\n1,1e9,0,0\n", 'line 3: fiber "1": a coordinate is beyond 1e+07 um; write positions in um'),
    (HEAD + ",0,0,0\n", 'line 2: fiber = "" is no name of a fiber'),
    ("frame," + HEAD + "1,1,0,0,0\n2,1,1,1,1\n", "holds 2 points in time (1 to 2)"),
    (HEAD.encode("utf-16"), "is UTF-16 text; save it as CSV in UTF-8"),
    (HEAD.encode() + b"\x00" * 50, "is no text table but binary"),
    (HEAD + "\n" * 1_000_001, "has more than 1,000,000 empty lines"),
    (HEAD + '1,"' + "a\n" * 200_000, "field larger than field limit"),
    (HEAD + "1," * 60_000, "has a line of more than 100,000 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_a_wrong_csv_says_where_and_what(text, said, tmp_path):
    assert any(said in line for line in refused(written(tmp_path, text)))


def test_a_thousand_bad_rows_end_the_reading(tmp_path):
    lines = refused(written(tmp_path, HEAD + "1,a,b,c\n" * 300_000))
    assert len(lines) == 21 and lines[-1].endswith("and 980 more bad rows; the rest was not read")


def test_other_files_are_refused(tmp_path):
    assert refused(written(tmp_path, "x", "fibers.mat"))[0].endswith("export the fibers as one of these")
    assert "no such file" in refused(tmp_path / "nowhere.vtp")[0]


def test_damaged_or_boastful_vtp_is_refused(tmp_path):
    good = vtp(tmp_path / "good.vtp").read_bytes()
    text = vtp(tmp_path / "ascii.vtp", mode="ascii", compressed=False).read_bytes()
    line = b'<Piece NumberOfPoints="5"'
    assert line in good and line in text and b'NumberOfLines="2"' in text
    body = text.index(b"<PolyData>")
    cases = [
        (b"", "no element found"),
        (good[:40], "is no XML"),
        (good[: good.index(b"<AppendedData") + 60], "VTK finds errors in it; is it a whole VTP file?"),
        (good[: good.index(b"_", good.index(b"<AppendedData")) + 1] + b"\xff" * 500, "VTK"),  # sizes of 2^64
        (good.replace(line, b'<Piece NumberOfPoints="4000000000000"'), "declares 4,000,000,000,000 points, more than"),
        (text.replace(line, b'<Piece NumberOfPoints="9000000"'), "points, more than its"),
        (text.replace(line, b'<Piece NumberOfPoints="-5"'), 'NumberOfPoints = "-5" is no count'),
        (text.replace(b'NumberOfLines="2"', b'NumberOfLines="0"'), "has no lines; export polylines"),
        (text.replace(b'NumberOfLines="2"', b'NumberOfLines="0" ').replace(b'NumberOfPolys="0"', b'NumberOfPolys="2"'),
         "has no lines, but 2 other cells"),
        (text[:body] + b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + text[body:], "is no XML"),
        (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/hostname'>]>" + text.partition(b"?>")[2], "has a document type"),
        (text.replace(b'type="PolyData"', b'type="ImageData"'), "holds ImageData, no VTK PolyData"),
        (b"<html><body>Not found</body></html>", "holds html, no VTK PolyData"),
    ]  # fmt: skip
    for number, (content, said) in enumerate(cases):
        lines = refused(written(tmp_path, content, f"{number}.vtp"))
        assert len(lines) == 1 and said in lines[0], (number, lines)


def test_vtp_points_are_checked_like_those_of_a_csv(tmp_path):
    bad = POINTS.copy()
    bad[1, 2] = np.nan
    assert "line 0, point 1: a coordinate is not finite" in refused(vtp(tmp_path / "nan.vtp", bad))[0]
    assert "line 1, point 0: is its only point" in refused(vtp(tmp_path / "one.vtp", lines=((0, 1), (3,))))[0]
    same = refused(vtp(tmp_path / "same.vtp", lines=((0, 1, 1),)))
    assert same == ("same.vtp: line 0, point 2: is the same point as the one before it; remove one",)
    assert "use point 7, but there are 5" in refused(vtp(tmp_path / "range.vtp", lines=((0, 7),), mode="ascii"))[0]
