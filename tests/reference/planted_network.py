"""A generated tumor network with the defects that a real segmented one had, planted where a test knows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.meshes.centerlines import Centerlines
from physim.meshes.clean import Lines
from physim.meshes.generate_tumour import tumour

SIZE = (260.0, 260.0, 60.0)


@dataclass(frozen=True)
class Planted:
    """The lines as a file would have them, the sound network, and how often each defect is in them."""

    lines: Lines
    sound: Centerlines
    zero_radii: int
    border_cuts: int
    spurs: int
    repeated: int
    kinks: int


def planted(seed: int = 0) -> Planted:
    """The network of `tumour(size=SIZE, seed=seed)` with all of them. The same seed gives the same lines."""
    sound = tumour(size=SIZE, seed=seed)
    random = np.random.Generator(np.random.Philox(seed + 1))
    lines = [tuple(part.copy() for part in sound.branch(b)) for b in range(sound.branches)]
    low, high = sound.points.min(0), sound.points.max(0)
    cuts = zeros = repeated = kinks = 0
    for b, (points, radius) in enumerate(lines):  # ends on the box whose last radius is 0, as where an image is cut
        for end, node in ((0, sound.ends[b, 0]), (-1, sound.ends[b, 1])):
            on_box = (points[end] < low + 0.9).any() or (points[end] > high - 0.9).any()
            if sound.degree[node] == 1 and on_box:
                radius[end] = 0.0
                cuts += 1
    long = [b for b in range(sound.branches) if len(lines[b][0]) >= 24]
    for b in long[:6]:  # radii lost in the middle
        lines[b][1][9:13] = (0.0, 0.01, 0.1, 0.0)
        zeros += 4
    for b in long[6:9]:  # every point twice
        points, radius = lines[b]
        lines[b] = np.repeat(points, 2, axis=0), np.repeat(radius, 2)
        repeated += len(radius)
    for b in long[9:12]:  # a point that lies beside the course, so that it turns by more than 78 degrees
        points = lines[b][0]
        along = points[13] - points[11]
        aside = np.cross(along, [0.3, 0.5, 0.8])
        points[12] += 6.0 * aside / np.linalg.norm(aside)
        kinks += 1
    spurs = 0
    for b in long[:8]:  # thin, or shorter than the vessel is thick
        points, radius = sound.branch(b)
        way = random.standard_normal(3)
        long_thin = spurs % 2 == 0
        length, wide = (9.0, 0.3) if long_thin else (0.7 * radius[5], 1.8)
        spur = points[5] + np.linspace(0, length, 4)[:, None] * way / np.linalg.norm(way)
        lines.append((spur, np.full(4, wide)))
        spurs += 1
    first = np.concatenate([[0], np.cumsum([len(radius) for _, radius in lines])])
    given = Lines(np.concatenate([p for p, _ in lines]), np.concatenate([r for _, r in lines]), first)
    return Planted(given, sound, zeros, cuts, spurs, repeated, kinks)


def as_vtp(lines: Lines) -> bytes:
    """A text VTP file with a radius, and the false hub: a cell array that says that all lines begin at node 0."""
    count, cells = len(lines.radius), len(lines.first) - 1

    def array(name: str, kind: str, values: np.ndarray, wide: int = 1) -> str:
        text = " ".join(f"{value:.9g}" for value in np.ravel(values))
        return f'<DataArray type="{kind}" Name="{name}" NumberOfComponents="{wide}" format="ascii">{text}</DataArray>'

    return (f'<?xml version="1.0"?>\n<VTKFile type="PolyData" version="0.1" byte_order="LittleEndian"><PolyData>\n'
            f'<Piece NumberOfPoints="{count}" NumberOfLines="{cells}">'
            f'<PointData>{array("Radius", "Float64", lines.radius)}</PointData>'
            f'<CellData>{array("Topology", "Int64", np.zeros(cells))}</CellData>'
            f'<Points>{array("Points", "Float64", lines.points, 3)}</Points>'
            f'<Lines>{array("connectivity", "Int64", np.arange(count))}{array("offsets", "Int64", lines.first[1:])}'
            "</Lines></Piece></PolyData></VTKFile>\n").encode()  # fmt: skip
