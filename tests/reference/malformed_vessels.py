"""Malformed surfaces and networks of vessels as data: what is written, how `physim mesh` is called, what it must say.

A case either is refused with words of one line on stderr, or is repaired and says so on stdout (`repaired`). To add
one, add a line to a list below. `default=True` is run by every test run, the others with `pytest -m faults`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

LINE = "branch,x,y,z,radius\n" + "".join(f"1,{x},0,0,8\n" for x in range(0, 121, 10))
PAGE = "<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>\n"
SWC = "1 2 0 0 0 8 -1\n2 2 40 0 0 8 1\n3 2 80 0 0 8 2\n4 2 120 0 0 8 3\n"
SEGMENTS = "x1,y1,z1,x2,y2,z2,radius\n0,0,0,60,0,0,8\n60,0,0,120,0,0,8\n"


@dataclass(frozen=True)
class Case:
    name: str
    arguments: tuple[str, ...]
    said: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    default: bool = False
    repaired: bool = False
    memory: int = 2_000_000_000
    """Address space in bytes that the command gets."""


def prism(sides: int = 12, rings: int = 13, length: float = 120.0, radius: float = 8.0):
    """A closed tube along x as vertices and triangles, normals out: rings, and a vertex in the middle of each cap."""
    angle = 2 * np.pi * np.arange(sides) / sides
    circle = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = np.linspace(0, length, rings)
    wall = np.concatenate([np.column_stack([np.full(sides, at), circle]) for at in x])
    vertices = np.concatenate([wall, [[0, 0, 0], [length, 0, 0]]])
    faces = []
    for ring in range(rings - 1):
        for k in range(sides):
            a, b = ring * sides + k, ring * sides + (k + 1) % sides
            faces += [[a, b, a + sides], [b, b + sides, a + sides]]
    first, last = sides * rings, sides * rings + 1
    for k in range(sides):
        one, two = k, (k + 1) % sides
        faces += [[first, two, one], [last, one + sides * (rings - 1), two + sides * (rings - 1)]]
    return vertices, np.array(faces)


def stl(vertices, faces) -> bytes:
    """A binary STL file."""
    corners = np.asarray(vertices, np.float32)[np.asarray(faces)].reshape(-1, 9)
    rows = b"".join(struct.pack("<12fH", 0, 0, 0, *row, 0) for row in corners)
    return b"\0" * 80 + struct.pack("<I", len(corners)) + rows


def obj(vertices, faces) -> bytes:
    text = "".join("v {:.9g} {:.9g} {:.9g}\n".format(*v) for v in vertices)
    return (text + "".join("f {} {} {}\n".format(*f) for f in np.asarray(faces) + 1)).encode()


def ply(vertices, faces) -> bytes:
    """A text PLY file."""
    head = (f"ply\nformat ascii 1.0\nelement vertex {len(vertices)}\n"
            "property float x\nproperty float y\nproperty float z\n"
            f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n")  # fmt: skip
    rows = ["{:.9g} {:.9g} {:.9g}".format(*v) for v in vertices] + ["3 {} {} {}".format(*f) for f in faces]
    return (head + "\n".join(rows) + "\n").encode()


def vtp(points, cells, kind="Polys", counts=()) -> bytes:
    """A text VTP file of polygons or lines; `counts` stand in for what it declares of points and cells."""
    declared = counts or (len(points), len(cells))
    members = " ".join(str(k) for cell in cells for k in cell)
    offsets = " ".join(str(k) for k in np.cumsum([len(cell) for cell in cells]))
    places = " ".join(f"{v:.9g}" for v in np.ravel(points))
    return (f'<?xml version="1.0"?>\n<VTKFile type="PolyData" version="0.1" byte_order="LittleEndian"><PolyData>\n'
            f'<Piece NumberOfPoints="{declared[0]}" NumberOf{kind}="{declared[1]}"><Points><DataArray type="Float32" '
            f'NumberOfComponents="3" format="ascii">{places}</DataArray></Points><{kind}><DataArray type="Int64" '
            f'Name="connectivity" format="ascii">{members}</DataArray><DataArray type="Int64" Name="offsets" '
            f'format="ascii">{offsets}</DataArray></{kind}></Piece></PolyData></VTKFile>\n').encode()  # fmt: skip


V, F = prism()
NAN = np.where(np.arange(len(V))[:, None] == 30, np.nan, V)
TURNED = np.where(np.arange(len(F))[:, None] < 20, F[:, ::-1], F)
# an edge of the wall parted in its middle on one side alone, and a triangle without an area on the other
ONE, TWO, THREE = F[100]
SLIVER_V = np.concatenate([V, [0.5 * (V[ONE] + V[TWO])]])
SLIVER = np.concatenate([np.delete(F, 100, axis=0), [[ONE, 158, THREE], [158, TWO, THREE], [ONE, TWO, 158]]])
CROSSED_V = np.concatenate([V, V[:, [1, 0, 2]] + np.array([60, -60, 1.7])])
CROSSED = np.concatenate([F, F[:, ::-1] + 158])
BESIDE_V, BESIDE = np.concatenate([V, V + np.array([0, 40, 0])]), np.concatenate([F, F + 158])
TOUCHING_V = np.concatenate([V, np.delete(V, 156, axis=0) * [1, 0.8, 0.8] + np.array([120, 0, 0])])
TOUCHING = np.concatenate([F, np.where(F == 156, 157, F + 158 - (F > 156))])
NESTED_V = np.concatenate([(V - [60, 0, 0]) * s + [60, 0, 0] for s in np.linspace(0.1, 1, 60)])
NESTED = np.concatenate([F + 158 * k for k in range(60)])
PROJECTIVE = [[0, 0, 0], [50, 0, 0], [0, 50, 0], [0, 0, 50], [50, 50, 0], [50, 0, 50]]
ONE_SIDED = np.array([[1, 2, 3], [1, 3, 4], [1, 4, 5], [1, 5, 6], [1, 2, 6], [2, 3, 5], [3, 4, 6], [2, 4, 5], [2, 4, 6],
                      [3, 5, 6]]) - 1  # fmt: skip
TORN = np.where(((V[:, 0] == 60) & (V[:, 1] > 7.9))[:, None], V - [0, 20.3, 0.2], V)
SHORT = "".join(LINE.splitlines(True)[:11])
TWO_LINES = LINE + "".join(f"2,{x},0,40,8\n" for x in range(0, 121, 10))
RANDOM = np.random.default_rng(7).bytes(20_000)


def surface(name: str, content: bytes, *said: str, line: str = LINE, **options: bool) -> Case:
    """`physim mesh NAME --centerline line.csv`; the kind of the file is in its name."""
    return Case(f"surface {name}", ("mesh", name, "--centerline", "line.csv"), said,
                {name: content, "line.csv": line.encode()}, **options)  # fmt: skip


def network(name: str, content: bytes | str, *said: str, more: tuple[str, ...] = (), **options: bool) -> Case:
    """`physim mesh NAME`."""
    data = content if isinstance(content, bytes) else content.encode()
    return Case(f"network {name}", ("mesh", name, *more), said, {name: data}, **options)


SURFACES = [
    surface("open.stl", stl(V, F[12:]), "is not watertight", "edges are open", "near (", default=True),
    surface("one_hole.obj", obj(V, F[1:]), "3 edges are open"),
    surface("uncapped.ply", ply(V, F[(F < 156).all(axis=1)]), "24 edges are open", "cap the ends"),
    surface("nan.ply", ply(NAN, F).replace(b"nan nan nan", b"nan 0 0"), "is at [nan, 0.0, 0.0]"),
    surface("nan.stl", stl(NAN, F), "is at [nan, nan, nan]", "not within", default=True),
    surface("infinite.obj", obj(np.where(V == 60, np.inf, V), F), "not within"),
    surface("far.stl", stl(V * 1e6, F), "not within", "give the unit"),
    surface("crossed.stl", stl(CROSSED_V, CROSSED), "crosses itself in", "pairs of triangles", default=True),
    surface("folded.obj", obj(TORN, F), "crosses itself in"),
    surface("fin.ply", ply(V, np.concatenate([F, [[3, 4, 150]]])), "is not watertight"),
    surface("three_on_an_edge.obj", obj(np.concatenate([V, [[60, 30, 0]]]), np.concatenate([F, [[60, 61, 158]]])),
            "is not watertight"),
    surface("touching.obj", obj(TOUCHING_V, TOUCHING), "touches itself", "near (120.0"),
    surface("nested.stl", stl(NESTED_V, NESTED), "triangles lie on each other"),
    surface("sheet.obj", obj(V * [1, 1, 0], F), "surface: "),
    surface("one_sided.obj", obj(PROJECTIVE, ONE_SIDED), "has one side alone", "encloses nothing"),
    surface("empty.stl", b"", "is empty", default=True),
    surface("empty.ply", ply(np.zeros((0, 3)), []), "has no vertices or no faces"),
    surface("points.obj", b"v 0 0 0\nv 1 0 0\n", "could be read of 1"),
    surface("count.stl", b"\0" * 80 + struct.pack("<I", 4_000_000_000) + stl(V, F)[84:], "declares 4,000,000,000",
            default=True),
    surface("count.ply", ply(V, F).replace(b"vertex 158", b"vertex 99999999999"), "declares 99,999,999,999 of 'vertex'",
            "can hold", default=True),
    surface("faces.ply", ply(V, F).replace(b"face 312", b"face 7777777777"), "7,777,777,777 of 'face'"),
    surface("count.vtp", vtp(V, F, counts=(99_999_999_999, 312)), "declares 99,999,999,999 points", "can hold",
            default=True),
    surface("negative.vtp", vtp(V, F, counts=(158, -5)), 'NumberOfPolys = "-5" is no count'),
    surface("cut.stl", stl(V, F)[:-333], "declares 312 triangles", "is it a whole STL file?", default=True),
    surface("cut.ply", ply(V, F)[:-900], "is it a whole"),
    surface("cut.vtp", vtp(V, F)[:-900], "is no XML", "whole VTP file"),
    surface("cut_text.stl", b"solid a\nfacet normal 0 0 0\nouter loop\nvertex 0 0 0\n", "has no 'endsolid'"),
    surface("solid_alone.stl", b"solid\nendsolid\n", "has no facets"),
    surface("page.stl", PAGE.encode(), "is a web page", default=True),
    surface("page.ply", PAGE.encode(), "is a web page"),
    surface("page.vtp", PAGE.encode(), "document type"),
    surface("noise.stl", RANDOM, "is it a whole STL file?"),
    surface("noise.obj", RANDOM, "is it an OBJ file?"),
    surface("noise.ply", RANDOM, "does not begin with the header"),
    surface("noise.vtp", RANDOM, "is no XML"),
    surface("index.obj", obj(V, F).replace(b"f 1 2 13", b"f 1 2 9999"), "face [1, 2, 9999] does not fit", default=True),
    surface("zero.obj", obj(V, F).replace(b"f 1 2 13", b"f 0 2 13"), "does not fit the 158 vertices"),
    surface("index.ply", ply(V, F).replace(b"\n3 0 1 12\n", b"\n3 0 1 -7\n"), "has the vertices"),
    surface("index.vtp", vtp(V, np.where(F == 5, 4444, F)), "use vertex 4,444"),
    surface("words.obj", obj(V, F).replace(b"v 60", b"v sixty"), "could not be read"),
    surface("unit.stl", stl(V * 1e-3, F), "are outside the surface"),
    surface("elsewhere.stl", stl(BESIDE_V[158:], F), "points are outside the surface", "near (0.0, 0.0, 0.0)"),
    surface("longer.stl", stl(V, F), "the free end near (90.0, 0.0, 0.0) um is deep within", line=SHORT),
    surface("second.stl", stl(V, F), "points are outside the surface", line=TWO_LINES),
    surface("body.stl", stl(BESIDE_V, BESIDE), "2 bodies, but the centerlines have 1 components",
            "holds no centerline", default=True),
    surface("inside_out.stl", stl(V, F[:, ::-1]), "1  bodies turned inside out", repaired=True, default=True),
    surface("turned.obj", obj(V, TURNED), "20  triangles turned", repaired=True),
    surface("flat.obj", obj(SLIVER_V, SLIVER), "1  triangles without an area given", repaired=True),
    surface("twice.ply", ply(V, np.concatenate([F, F[:9]])), "9  repeated triangles dropped", repaired=True),
]
NETWORKS = [
    network("ones.swc", SWC.replace(" 8 ", " 1 "), "the radius is 1 everywhere", default=True),
    network("negative.swc", SWC.replace(" 8 ", " -8 "), "no point has a radius above 0", default=True),
    network("circle.swc", SWC.replace("1 2 0 0 0 8 -1", "1 2 0 0 0 8 4"), "in a circle", default=True),
    network("itself.swc", SWC + "5 2 9 9 9 8 5\n", "in a circle"),
    network("orphan.swc", SWC + "5 2 9 9 9 8 77\n", "the parent 77, which is not there"),
    network("page.csv", PAGE, "page.csv"),
    network("columns.csv", "a,b,c\n1,2,3\n", "has no column"),
    network("nan.csv", SEGMENTS.replace("60", "nan"), "is not finite"),
    network("noise.swc", RANDOM, "noise.swc"),
    network("noise.csv", RANDOM, "noise.csv"),
    network("bomb.vtp", vtp([[0, 0, 0], [9, 0, 0]], [[0, 1]], "Lines", (9_999_999, 9)), "can hold"),
    network("network.step", "ISO-10303-21;\n", "is neither .vtp, .swc nor .csv"),
    network("a.stl", stl(V, F), "is a surface; give its centerlines"),
    network("thin.csv", SEGMENTS.replace(",8\n", ",0.008\n"), "is the unit um?"),
    network("zero_length.csv", "x1,y1,z1,x2,y2,z2,radius\n5,5,5,5,5,5,8\n", "no line has two different points"),
]
CASES = [*SURFACES, *NETWORKS]
