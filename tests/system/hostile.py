# ruff: noqa: E501
"""Hostile input as data: what is given to the command line, and the words that one line of its answer must have.

To add a case, add a `Case` to a list below (or to `CASES`): `files` are made in an empty folder first, as bytes or by a
function of the path. A case with `default=True` is run by every test run, the others with `pytest -m faults`.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SCENARIO = """
title = "Hostile"
[run]
duration = "1 h"
[box]
size = "300 um"
[[cells]]
count = 20
[collagen]
concentration = "1 mg/ml"
bundle_diameter = "0.4 um"
[terms.contact]
[terms.links]
[record]
interval = "10 min"
"""
FROM_CSV = SCENARIO.replace("count = 20", 'place = "file"\nfile = "cells.csv"')
TRACED = SCENARIO.replace('concentration = "1 mg/ml"', 'file = "{}"')
VTP = b"""<?xml version="1.0"?>
<VTKFile type="PolyData" version="0.1" byte_order="LittleEndian"><PolyData>
<Piece NumberOfPoints="3" NumberOfVerts="0" NumberOfLines="1" NumberOfStrips="0" NumberOfPolys="0">
<Points><DataArray type="Float64" NumberOfComponents="3" format="ascii">1 2 3 40 50 60 90 90 90</DataArray></Points>
<Lines><DataArray type="Int64" Name="connectivity" format="ascii">0 1 2</DataArray>
<DataArray type="Int64" Name="offsets" format="ascii">3</DataArray></Lines></Piece></PolyData></VTKFile>
"""
APPENDED = VTP.replace(
    b'format="ascii">1 2 3 40 50 60 90 90 90</DataArray>', b'format="appended" offset="0"/>'
).replace(b"</VTKFile>", b'<AppendedData encoding="raw">\n_')


@dataclass(frozen=True)
class Case:
    name: str
    arguments: tuple[str, ...]
    said: tuple[str, ...]
    """Words of place, value and remedy that one line on stderr has."""
    files: Mapping[str, bytes | str | Callable[[Path], object]] = field(default_factory=dict)
    default: bool = False
    memory: int = 8 << 30
    """Address space in bytes that the command gets; what it really uses may not exceed 2 GB in any case."""
    usage: bool = False
    """Refused by the command line itself, which prints its usage."""


def value(override: str, *said: str, default: bool = False, **options: object) -> Case:
    """`physim validate s.toml --set OVERRIDE`."""
    arguments = ("validate", "s.toml", "--set", override)
    return Case(f"set {override[:60]}", arguments, said, {"s.toml": SCENARIO}, default, **options)  # type: ignore[arg-type]


def scenario(name: str, content: object, *said: str, default: bool = False, place: str = "s.toml: ") -> Case:
    """`physim validate s.toml`, where s.toml is `content`."""
    return Case(f"scenario {name}", ("validate", "s.toml"), (place, *said), {"s.toml": content}, default)  # type: ignore[dict-item]


def cells(name: str, content: object, *said: str, default: bool = False) -> Case:
    """A scenario whose cells come from `content`."""
    files = {"s.toml": FROM_CSV, "cells.csv": content}
    return Case(f"cells {name}", ("validate", "s.toml"), ("cells.0.file", *said), files, default)  # type: ignore[arg-type]


def fibers(name: str, file: str, content: object, *said: str, default: bool = False) -> Case:
    """A scenario whose fibers come from `content`."""
    files = {"s.toml": TRACED.replace("{}", file), file: content}
    return Case(f"fibers {name}", ("validate", "s.toml"), ("collagen.file", *said), files, default)  # type: ignore[arg-type]


def sparse(size: int) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        path.touch()
        os.truncate(path, size)

    return make


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def run(*arguments: str, said: tuple[str, ...], default: bool = False, usage: bool = False) -> Case:
    name = " ".join(arguments)[:60]
    return Case(name, arguments, said, {"s.toml": SCENARIO}, default, usage=usage)


VALUES = [
    value("cells.0.raduis=3", "cells.0.raduis: unknown key", "did you mean 'radius'?", default=True),
    value("colagen.seed=3", "colagen: unknown key", "did you mean 'collagen'?"),
    value("terms.lnks.focus=1", "terms.lnks: unknown term", "did you mean 'links'?"),
    value("run.step=0.1 mg", 'run.step: "0.1 mg"', "min is expected", "write e.g."),
    value("cells.0.radius=8 parsec", 'cells.0.radius: "8 parsec"', "unknown unit 'parsec'", "known:"),
    value("cells.0.radius=-8.4 um", "cells.0.radius", "must be >= 0.1 um", "change it"),
    value("cells.0.radius=nan", "cells.0.radius: nan must be finite", "write e.g.", default=True),
    value("box.size=inf", "box.size: inf must be finite", "write e.g."),
    value("cells.0.radius=1e308 m", 'cells.0.radius: "1e308 m" must be finite', "write e.g."),
    value("cells.0.count=1000000000", "1,000,000,000 cells in all", "more than the 42,000,000", "use fewer", default=True),
    value("cells.0.count=1" + "0" * 40, "cells.0.count", "more than 64 bits", "write a smaller number"),
    value("cells.0.count=many", 'cells.0.count: "many" must be a whole number', "write e.g. 100"),
    value("cells.0.count=true", "cells.0.count: true must be a whole number", "write e.g. 100"),
    value("cells.0.count=[20]", "cells.0.count: [20] must be a whole number", "write e.g. 100"),
    value("cells.0.center=[1, 2]", "cells.0.center.2: missing", "write three values"),
    value("cells=[" + "{}," * 1001 + "]", "cells: ", "has 1001 entries", "write at most 1000"),
    value("run.duration=1e300 h", "run.duration", "must be <= 1e+09 min", "change it"),
    value("run.duration=2020-01-01", "run.duration: 2020-01-01 is a date", "write a number with a unit"),
    value("box.boundary=[1, 2, 3]", "box.boundary.0: 1 must be one of", "write one of these"),
    value("box.size=1e6", "collagen.concentration: makes", "segments, more than 200,000,000", "use a smaller box"),
    value("collagen.bundle_diameter=1 nm", "collagen.concentration: makes", "thicker bundles"),
    value("cells", '--set "cells": is no assignment', "write e.g. cells.0.count=50"),
    value("=3", "is no assignment", "write e.g. cells.0.count=50"),
    value("a..b=3", '"a..b=3": is no assignment', "write e.g."),
    value(".".join("a" * 30_000) + "=1", "nested deeper than 12 levels", "no key is that deep"),
    value("null=" + "{a=" * 40 + "1" + "}" * 40, "nested deeper than 12 levels", "no key is that deep"),
    value('null={"terms.nix.a" = 1}', "null", "the scenario has no term 'nix'", "leave the line out"),
    value("terms.deposition.rate=-1", "terms.deposition.rate: -1.0 must be >= 0 1/min", "change it"),
    value("terms.deposition.length=200", "terms.deposition.length: 200 um is more than half", 'write at most "150 um"'),
    value("terms.deposition.reserve=2000000000", "terms.deposition.reserve: makes 16,000,000,000 segments", "lower it"),
    value("obstacles=[{}]", "obstacles.0.kind: missing", "add a value"),
    value('obstacles=[{kind = "plate"}]', "obstacles: nothing feels them", "add a section [terms.steric]", default=True),
    value('obstacles=[{kind = "plate", radius = 3}]', "obstacles.0.radius: has no meaning for a plate", "leave it out"),
    value('obstacles=[{kind = "wall"}]', 'obstacles.0.kind: "wall" must be one of', "write one of these"),
    value('obstacles=[{kind = "plate", hole_area = 30, pitch = 6}]', "obstacles.0.pitch: 6 um leaves no plate", "write more"),
    value('obstacles=[{kind = "surface", file = "nix.stl"}]', "obstacles.0.file: nix.stl: cannot be read", "give an STL"),
    value('obstacles=[{kind = "cylinder", radius = nan}]', "obstacles.0.radius: nan must be finite", "write e.g."),
    value('obstacles=[{kind = "plate", spacing = "1 nm"}]', "obstacles.0.spacing", "must be >= 0.1 um", "change it"),
    value("title=\udcff\udcfe", "title", "is no valid Unicode text", "use UTF-8"),
    value("collagen.valence=" + "9" * 100_000, "collagen.valence", "write e.g."),
]  # fmt: skip

SCENARIOS = [
    scenario("empty", b"", "is empty", "physim init"),
    scenario("blank", b" \n" * 1000, "is empty", "physim init"),
    scenario("picture", b"\x89PNG\r\n\x1a\n\x00\xff" * 1000, "byte 0 is no UTF-8", "save the file as UTF-8", default=True),
    scenario("nul bytes", SCENARIO.encode() + b"\x00" * 1000, "line 16", "correct the TOML"),
    scenario("utf-16", SCENARIO.encode("utf-16"), "no UTF-8 text", "save the file as UTF-8", default=True),
    scenario("latin-1", SCENARIO.replace("Hostile", "Zürich").encode("latin-1"), "no UTF-8 text", "save the file as UTF-8"),
    scenario("string of 3 MB", 'title = """' + ("x" * 4000 + "\n") * 750 + '"""', "3,000,", "is it the right file?"),
    scenario("long line", 'title = "' + "x" * 500_000 + '"', "500,010 characters", "break it into lines"),
    scenario("nested lists", "a = " + "[\n" * 400_000, "nested too deeply", "at most 12 levels"),
    scenario("nested tables", "a = " + "{b = " * 900, "nested too deeply", "at most 12 levels"),
    scenario("dotted keys", "\n".join(f"b{k}" + ".a" * 2400 + " = 1" for k in range(200)), "line 1", "12 levels"),
    scenario("dotted headers", "\n".join(f"[b{k}" + ".a" * 2400 + "]" for k in range(200)), "line 1", "12 levels"),
    scenario("open string", 'title = "never', "line 1, at the end", "correct the TOML"),
    scenario("twice", SCENARIO * 2, "line 18", "correct the TOML there"),
    scenario("html", "<html><body>404</body></html>", "line 1, column 1", "correct the TOML there"),
    scenario("json", '{"title": 3}', "line 1, column 1", "correct the TOML there"),
    scenario("digits", "a = " + "9" * 4900, "digits", "write a shorter number"),
    scenario("a folder", Path.mkdir, "is a folder", "give the path of a file", default=True),
    scenario("a symlink loop", loop, "Too many levels of symbolic links", "check the path"),
    scenario("a dangling link", lambda path: path.symlink_to("nowhere"), "no such file", "check the path"),
    scenario("a fifo", os.mkfifo, "is no regular file", "give the path of a file", default=True),
    run("validate", "/dev/zero", said=("/dev/zero: is no regular file", "give the path of a file")),
    run("validate", "/dev/stdin", said=("/dev/stdin: is no regular file", "give the path of a file")),
    run("validate", "x" * 5000, said=("xxx: cannot be read: File name too long", "check the path")),
    scenario("many headers", "[[cells]]\n" * 90_000, "cells", "has 90000 entries", "write at most 1000", place="cells: "),
    scenario("many keys", "\n".join(f"k{k} = 1" for k in range(90_000)), "unknown key", "there is title, introduction", place="k0: "),
]  # fmt: skip

ROW = "50,60,70\n"
CELLS = [
    cells("a million columns", "x,y,z" + ",c" * 1_000_000, "more than 100,000 characters", "one point a row", default=True),
    cells("a quote bomb", 'x,y,z\n1,2,"' + '""\n' * 2_000_000, "cannot be read as a table", "save it as CSV"),
    cells("nul bytes", b"x,y,z\n1,2,3\n" + b"\x00" * 10_000, "binary", "export it as CSV"),
    cells("utf-16", ("x,y,z\n" + ROW).encode("utf-16"), "UTF-16", "save it as CSV in UTF-8"),
    cells("empty", b"", "is empty", "write a header x,y,z"),
    cells("a header", "x,y,z\n", "has a header but no rows", "write one row per cell"),
    cells("no z", "x,y\n1,2\n", "has no column z", "name the columns x, y, z"),
    cells("nan", "x,y,z\n" + ROW + "1,2,nan\n", "line 3: z", "is not finite", "write a number in um"),
    cells("hex", "x,y,z\n0x10,2,3\n", 'line 2: x = "0x10" is no number', "write a number"),
    cells("outside", "x,y,z\n" + ROW + "50,1e30,50\n", "line 3: y = 1e+30 um is outside the box", "enlarge box.size"),
    cells("pixels", "x (px),y (px),z (px)\n" + ROW, "not in a unit of length", "convert it to um"),
    cells("the same id", "id,x,y,z\n1,50,50,50\n1,90,90,90\n", "line 3: id 1 is taken", "give each cell its own id"),
    cells("huge id", "id,x,y,z\n1e30,50,50,50\n", "must be a whole number from 0 to", "correct it"),
    cells("no radius", "x,y,z,radius\n50,50,50,0\n", "radius = 0 must be > 0", "write the radius in um"),
    Case("cells too wide for the box", ("validate", "s.toml", "--set", "box.size=100 um", "--set", "box.boundary=periodic"),
         ("box.size: 100 um along a periodic axis is less than three interaction ranges", "enlarge the box"),
         {"s.toml": FROM_CSV, "cells.csv": "x,y,z,radius\n50,60,70,40\n"}, default=True),
    Case("a cell too small for its links", ("validate", "s.toml", "--set", "terms.links.shortest=20 um",
         "--set", "cells.0.nucleus_radius=1 um"),
         ("cells.0.file: line 2: radius 4 um: terms.links.shortest: 20 um is not less than the longest probe, 19 um",
          "correct the radius"), {"s.toml": FROM_CSV, "cells.csv": "x,y,z,radius\n50,60,70,4\n"}, default=True),
    cells("garbage rows", "x,y,z\n" + "a,b,c\n" * 1_000_000, "and 980 more bad rows", "the rest was not read"),
    cells("a million empty lines", "x,y,z\n" + "\n" * 3_000_000, "more than 1,000,000 empty lines", "the right file?"),
    cells("3 GB", sparse(3_000_000_000), "3,000,000,000 bytes are more than", "is it the right file?"),
    cells("1 GB of nothing", sparse(1_000_000_000), "binary", "export it as CSV"),
    cells("a folder", Path.mkdir, "is a folder", "give the path of a file"),
    cells("a fifo", os.mkfifo, "is no regular file", "give the path of a file"),
    Case("cells at the same place", ("validate", "s.toml"), ("are at the same point (50, 60, 70) um", "move or remove one"),
         {"s.toml": FROM_CSV, "cells.csv": "x,y,z\n" + ROW + ROW}),
]  # fmt: skip

HEAD = "fiber,x,y,z\n"
FIBERS = [
    fibers("nan", "f.csv", HEAD + "1,0,0,0\n1,nan,1,1\n", "line 3: x", "is not finite", "write a number in um"),
    fibers("one point", "f.csv", HEAD + "1,1,1,1\n", 'line 2: fiber "1": is its only point', "remove it or add a point"),
    fibers("the same point", "f.csv", HEAD + "1,1,1,1\n1,1,1,1\n", "line 3", "is the same point", "remove one"),
    fibers("outside", "f.csv", HEAD + "1,900,1,1\n1,990,1,1\n", "no fiber lies in the box", "change box.size"),
    fibers("far", "f.csv", HEAD + "1,0,0,0\n1,1e300,1,1\n", "beyond 1e+07 um", "write positions in um"),
    fibers("crowded", "f.csv", HEAD + "".join(f"{k},10,10,{10 + k * 1e-6}\n{k},12,10,{10 + k * 1e-6}\n" for k in range(15_000)),
           "pairs of segments", "are the points in um?"),
    fibers("endless", "f.csv", HEAD + "".join(f"1,{1 + 298 * (k % 2)},{1 + k / 900},5\n" for k in range(250_000)),
           "the fibers make", "use a smaller box"),
    fibers("matlab", "f.mat", b"MATLAB 5.0", "is neither .csv nor .vtp", "export the fibers"),
    fibers("huge counts", "f.vtp", VTP.replace(b'NumberOfPoints="3"', b'NumberOfPoints="9223372036854775807"'),
           "declares 9,223,372,036,854,775,807 points", "cut out a part", default=True),
    fibers("more than its bytes", "f.vtp", VTP.replace(b'NumberOfLines="1"', b'NumberOfLines="9999999"'),
           "declares 9,999,999 lines, more than its", "write it again"),
    fibers("truncated", "f.vtp", VTP[:450], "is no XML", "is it a whole VTP file?", default=True),
    fibers("no data", "f.vtp", APPENDED, "VTK", "is it a whole VTP file?"),
    fibers("bytes of 255", "f.vtp", APPENDED + b"\xff" * 400, "f.vtp", "point 0: a coordinate is not finite", "correct"),
    fibers("a wrong point", "f.vtp", VTP.replace(b">0 1 2<", b">0 1 7<"), "use point 7, but there are 3", "whole VTP file?"),
    fibers("a wrong offset", "f.vtp", VTP.replace(b">3<", b">-3<"), "f.vtp", "is it a whole VTP file?"),
    fibers("an external entity", "f.vtp",
           b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>' + VTP.partition(b"\n")[2].replace(b"1 2 3", b"&b;"),
           "has a document type or entities", "remove them"),
    fibers("a billion laughs", "f.vtp",
           b'<!DOCTYPE a [<!ENTITY b0 "ha">' + b"".join(b'<!ENTITY b%d "%s">' % (k, b"&b%d;" % (k - 1) * 10) for k in range(1, 12))
           + b"]>" + VTP.partition(b"\n")[2].replace(b"1 2 3", b"&b11;"), "has a document type or entities", "remove them"),
    fibers("deep", "f.vtp", b"<VTKFile type='PolyData'>" + b"<a>" * 500_000, "nested deeper", "write it again"),
    fibers("another kind", "f.vtp", VTP.replace(b"PolyData", b"ImageData"), "holds ImageData", "export polylines"),
    fibers("1 GB of nothing", "f.vtp", sparse(1_000_000_000), "more than the 500,000,000 allowed", "the right file?"),
    fibers("a folder", "f.vtp", Path.mkdir, "is a folder", "give the path of a file"),
    fibers("a symlink loop", "f.vtp", loop, "Too many levels of symbolic links", "check the path"),
    fibers("a fifo", "f.csv", os.mkfifo, "is no regular file", "give the path of a file"),
]  # fmt: skip

COMMANDS = [
    run("run", "s.toml", "--seed", "-1", said=("run.seed: -1 must be >= 0", "change it"), default=True),
    run("run", "s.toml", "--seed", "4294967296", said=("run.seed: 4294967296 must be < 4", "change it")),
    run("run", "s.toml", "--seed", "one", said=("Invalid value", "--seed"), usage=True),
    run("run", "s.toml", "--hours", "nan", said=("run.duration", "no number with a unit", "write")),
    run("run", "s.toml", "--hours", "inf", said=("run.duration", "no number with a unit", "write")),
    run("run", "s.toml", "--hours", "0", said=("run.duration", "must be > 0 min", "change it")),
    run("run", "s.toml", "--sed", "1", said=("No such option", "--sed"), usage=True),
    run("run", said=("Missing argument", "SCENARIO"), usage=True),
    run("rnu", said=("No such command", "rnu"), usage=True),
    run("run", "nix.toml", said=("nix.toml: no such file", "built-in scenarios:")),
    run("run", "s.toml", "--hours", "-1", said=("run.duration", "must be > 0 min", "change it")),
    run("run", "s.toml", "--out", "s.toml", said=("--out s.toml: is no name for a folder", "give another"), default=True),
    run("run", "s.toml", "--out", ".", said=("--out .: is no name for a folder", "give another")),
    run("run", "s.toml", "--out", "/dev/null", said=("--out /dev/null: is no name for a folder", "give another")),
    run("run", "s.toml", "--device", "abacus", said=("device: 'abacus' matches no OpenCL device", "physim devices")),
    run("init", "doublet", "s.toml", said=("s.toml: exists and is not overwritten", "give another name")),
    run("schema", "--out", "s.toml", said=("s.toml: exists and is not overwritten", "give another name")),
    run("schema", "--out", "no/where.json", said=("no/where.json: cannot be written", "give another path")),
    run("render", "s.toml", said=("s.toml: is no folder", "give the folder that 'physim run' printed")),
    run("render", ".", said=("has no run.pvd", "give the folder")),
    Case("render junk", ("render", "."), ("run.pvd cannot be read", "give the folder"), {"run.pvd": b"\x00junk" * 1000}),
    Case("twenty million cells in 3 GB", ("validate", "s.toml", "--set", "cells.0.count=20000000", "--set", "box.size=9 mm",
         "--set", "collagen=off", "--set", "terms.links=off"),
         ("cells: 20,000,000 cells need about 6.52 GiB of memory", "use fewer cells"), {"s.toml": SCENARIO}, memory=3 << 30),
]  # fmt: skip



def tracks(name: str, content: object, *said: str, default: bool = False) -> Case:
    """`physim tracks t.csv`."""
    return Case(f"tracks {name}", ("tracks", "t.csv"), ("t.csv: ", *said), {"t.csv": content}, default)  # type: ignore[dict-item]


ROWS = "track,time_min,x_um,y_um\n"
TRACKS = [
    tracks("of nan", ROWS + "1,0,0,0\n1,5,nan,1\n", 'line 3: x_um = "nan" says nothing', "remove the row", default=True),
    tracks("a million bad rows", ROWS + "a,b,c,d\n" * 1_000_000, "and 980 more bad rows", "the rest was not read"),
    tracks("a million empty lines", ROWS + "\n" * 3_000_000, "more than 1,000,000 empty lines", "the right file?"),
    tracks("a million columns", "track" + ",c" * 1_000_000, "more than 100,000 characters", "one point a row"),
    tracks("a thousand tracks, far apart", ROWS + "".join(f"{k},{9e8 * (k % 2) + 0.001 * m},0,0\n" for k in range(1000) for m in (0, 1)),
           "are too many at once", "check the times"),
    tracks("a million tracks of one row", ROWS + "".join(f"{k},0,0,0\n" for k in range(1_000_000)), "no track has two rows", "column of tracks"),
    tracks("3 GB", sparse(3_000_000_000), "3,000,000,000 bytes are more than", "is it the right file?"),
    tracks("1 GB of nothing", sparse(1_000_000_000), "binary", "export it as CSV"),
    tracks("nul bytes", ROWS.encode() + b"1,0,0,0\n" + b"\x00" * 10_000, "binary", "export it as CSV"),
    tracks("a quote bomb", ROWS + '1,2,"' + '""\n' * 2_000_000, "cannot be read as a table", "save it as CSV"),
    tracks("a fifo", os.mkfifo, "is no regular file", "give the path of a file"),
    tracks("a symlink loop", loop, "Too many levels of symbolic links", "check the path"),
]  # fmt: skip

MOVING = SCENARIO + "[terms.network]\n"


def network(override: str, *said: str, default: bool = False) -> Case:
    """`physim validate s.toml --set OVERRIDE`, where fibers move."""
    arguments = ("validate", "s.toml", "--set", override)
    return Case(f"network {override}", arguments, said, {"s.toml": MOVING}, default)


NETWORK = [
    network("terms.network.stretch_modulus=0", "terms.network.stretch_modulus: 0.0 must be > 0 nN", "change it", default=True),
    network("terms.network.stretch_modulus=-5 nN", "terms.network.stretch_modulus: -5.0 must be > 0 nN", "change it"),
    network("terms.network.stretch_modulus=nan", "terms.network.stretch_modulus: nan must be finite", "write e.g."),
    network("terms.network.stretch_modulus=5 kPa", "terms.network.stretch_modulus", "nN", "write e.g."),
    network("terms.network.bend_modulus=0", "terms.network.bend_modulus: 0.0 must be > 0 nN um^2", "change it"),
    network("terms.network.crosslink_stiffness=-1", "terms.network.crosslink_stiffness: -1.0 must be > 0", "change it"),
    network("terms.network.crosslink_rigidity=-1", "terms.network.crosslink_rigidity: -1.0 must be >= 0", "change it"),
    network("terms.network.drag=0", "terms.network.drag: 0.0 must be > 0", "change it"),
    network("terms.network.tolerance=0.5", "terms.network.tolerance: 0.5 must be < 0.1", "change it"),
    network("terms.network.wake_force=-1", "terms.network.wake_force: -1.0 must be >= 0", "change it"),
    network("collagen=off", "terms.network: needs collagen", "add a section [collagen]"),
    network("collagen.valence=7", "collagen.valence: 7.0 must be <= 3.8", "change it"),
    network("collagen.fiber_length=400 um", "collagen.fiber_length: 400 um is longer than the box along x (300 um)",
            "shorten it or enlarge box.size", default=True),
]  # fmt: skip

CASES = [*VALUES, *NETWORK, *SCENARIOS, *CELLS, *FIBERS, *COMMANDS, *TRACKS]
