"""How many triangles a surface file declares, from its first bytes alone; refused where its size cannot hold them.

A header of some bytes can ask for terabytes. Nothing is allocated here for what a header says.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any
from xml.parsers import expat

from physim.errors import InputError
from physim.generate.fibers_vtp import DENSEST

MOST = 5_000_000
"""Triangles; more are not read."""
_HEADER = 1 << 16
_WIDTHS = {"char": 1, "uchar": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "float": 4, "double": 8, "int8": 1,
           "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "float32": 4, "float64": 8}  # fmt: skip


class _DataBegin(Exception):  # noqa: N818
    """The data have begun; nothing after them is XML that has to be read."""


def stl(path: Path, size: int) -> int:
    """Triangles of a binary STL file, which its size tells exactly; 0 for a text, which declares none."""
    head = _head(path)
    if b"\0" not in head[:1000] and head.lstrip()[:5].lower() == b"solid":
        if b"facet" not in head.lower():
            raise InputError(f"{path.name}: has no facets; is it a whole STL file?")
        if b"endsolid" not in _tail(path, size).lower():
            raise InputError(f"{path.name}: has no 'endsolid' at its end; the file was cut, export it again")
        return 0
    if len(head) < 84:
        raise InputError(f"{path.name}: has {size:,} bytes, too few for an STL file; export it again")
    count: int = struct.unpack("<I", head[80:84])[0]
    if size != 84 + 50 * count:
        raise InputError(f"{path.name}: declares {count:,} triangles, which are {84 + 50 * count:,} bytes, but has "
                         f"{size:,}; is it a whole STL file? Export it again")  # fmt: skip
    return _few(count, path)


def obj(path: Path, size: int) -> int:
    """0: an OBJ file declares nothing. Refused where its beginning is no text."""
    head = _head(path)
    if b"\0" in head or not any(line.split()[:1] == [b"v"] for line in head.splitlines()):
        raise InputError(f"{path.name}: has no line of a vertex, such as 'v 1 2 3'; is it an OBJ file?")
    return 0


def ply(path: Path, size: int) -> int:
    """Faces of a PLY file. Its elements must have room in its bytes."""
    head = _head(path)
    end = head.find(b"end_header")
    if head[:3] != b"ply" or head[3:4] not in (b"\n", b"\r") or end < 0:
        raise InputError(f"{path.name}: does not begin with the header of a PLY file; export it again")
    text, counts, least = False, dict[str, int](), 0
    element = ""
    for line in head[:end].decode("latin-1").splitlines():
        words = line.split()
        if words[:1] == ["format"]:
            text = words[1:2] == ["ascii"]
        elif words[:1] == ["element"]:
            if len(words) != 3 or not (words[2].isdecimal() and words[2].isascii()) or len(words[2]) > 18:
                raise InputError(f"{path.name}: '{line[:60]}' is no count of elements; export it again")
            element = words[1]
            counts[element] = int(words[2])
        elif words[:1] == ["property"] and element:
            wide = words[2] if words[1:2] == ["list"] and len(words) > 2 else words[1] if len(words) > 1 else ""
            if wide not in _WIDTHS:
                raise InputError(f"{path.name}: '{line[:60]}' is no property of a PLY file; export it again")
            least += counts[element] * (2 if text else _WIDTHS[wide])
    if least > size - end:
        listed = " and ".join(f"{count:,} of '{name[:20]}'" for name, count in list(counts.items())[:3])
        raise InputError(f"{path.name}: declares {listed}, more than its {size:,} bytes can hold; "
                         "the file is damaged, export it again")  # fmt: skip
    if not counts.get("vertex") or not counts.get("face"):
        raise InputError(f"{path.name}: has no vertices or no faces; export the surface, not points")
    return _few(counts["face"], path)


def vtp(path: Path, size: int) -> int:
    """Polygons of a VTP file; 0 where it has strips alone. It may have no document type."""
    told: dict[str, Any] = {"NumberOfPoints": 0, "NumberOfPolys": 0, "NumberOfStrips": 0, "compressor": "", "depth": 0}

    def start(tag: str, attributes: dict[str, str]) -> None:
        told["depth"] += 1
        if told["depth"] == 1 and (tag != "VTKFile" or attributes.get("type") != "PolyData"):
            raise InputError(f"{path.name}: holds {attributes.get('type', tag)[:40]}, no VTK PolyData; export one")
        if told["depth"] > 20:
            raise InputError(f"{path.name}: is nested deeper than any VTP file; write it again")
        told["compressor"] = attributes.get("compressor", told["compressor"])
        for key in ("NumberOfPoints", "NumberOfPolys", "NumberOfStrips"):
            text = attributes.get(key, "0").strip()
            if not (text.isdecimal() and text.isascii()) or len(text) > 18:
                raise InputError(f'{path.name}: {key} = "{text[:40]}" is no count; write the file again')
            told[key] += int(text)
        if tag == "AppendedData":
            raise _DataBegin

    def end(tag: str) -> None:
        told["depth"] -= 1

    def refuse(*_: Any) -> None:
        raise InputError(f"{path.name}: has a document type or entities, which no VTP file needs; remove them")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.buffer_text = False
    try:
        with path.open("rb") as stream:
            while block := stream.read(_HEADER):
                parser.Parse(block, False)
            parser.Parse(b"", True)
    except _DataBegin:
        pass
    except expat.ExpatError as error:
        raise InputError(f"{path.name}: line {error.lineno} is no XML ({expat.ErrorString(error.code)}); "
                         "is it a whole VTP file?") from None  # fmt: skip
    count: int = told["NumberOfPolys"] + told["NumberOfStrips"]
    if not count:
        raise InputError(f"{path.name}: has no polygons; export a surface")
    each = 12 / DENSEST if told["compressor"] else 6  # as text a number has two characters at least
    if max(told["NumberOfPoints"], count) * each > size:
        raise InputError(f"{path.name}: declares {told['NumberOfPoints']:,} points and {count:,} polygons, more than "
                         f"its {size:,} bytes can hold; the file is damaged, write it again")  # fmt: skip
    return _few(told["NumberOfPolys"], path)


def _head(path: Path) -> bytes:
    """The first bytes. Raises InputError for a web page."""
    with path.open("rb") as stream:
        head = stream.read(_HEADER)
    if head.lstrip()[:1] == b"<":
        raise InputError(f"{path.name}: is a web page or XML, no {path.suffix[1:].upper()} file; download it again")
    return head


def _tail(path: Path, size: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(max(0, size - 1000))
        return stream.read()


def _few(count: int, path: Path) -> int:
    if count > MOST:
        raise InputError(f"{path.name}: declares {count:,} triangles, more than {MOST:,}; make it coarser")
    return count
