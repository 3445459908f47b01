"""The parts of a frame as VTP files: cells as points, fibers and links as lines, with units in the names of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from physim import vtk_files

if TYPE_CHECKING:
    from physim.generate.fiber_network import FiberNetwork
    from physim.generate.obstacles import Wires
    from physim.record import Snapshot
    from physim.vessels import Vessels

CELL_ARRAYS = {
    "id": "",
    "type": "",
    "radius": "um",
    "nucleus_radius": "um",
    "cadherin": "",
    "integrin": "",
    "mmp": "",
    "polarity": "",
    "velocity": "um/min",
    "force": "nN",
    "bound_links": "",
    "link_force": "nN",
    "junctions": "",
    "departed": "h",
}
"""Arrays of cells_N.vtp beside the positions, with their units: `velocity (um/min)`, `id`."""
_OF_NODES = {"displacement": "displacement (um)"}
_OF_SEGMENTS = {"tension": "tension (nN)", "area": "area"}
"""Arrays of fibers_N.vtp by those of the snapshot."""


def write_cells(path: Path, snapshot: Snapshot, type_names: Sequence[str]) -> None:
    cells = dict(snapshot.cells)
    cells["departed"] = cells["departed"] / 60
    arrays = {f"{name} ({unit})" if unit else name: cells[name] for name, unit in CELL_ARRAYS.items()}
    arrays |= {"in_blood": cells["in_blood"]} if "in_blood" in cells else {}
    fields: vtk_files.FieldData = {**_clock(snapshot), "type_names": type_names}
    vtk_files.write_points(path, cells["position"], arrays, fields)


def write_fibers(path: Path, network: FiberNetwork, snapshot: Snapshot) -> None:
    """Segments as lines with the `fiber` of each, where they are in the snapshot, with what it knows of them.

    Where fibers are held and nothing changes them: as they were made, for all frames. Segments through a periodic face
    are left out, and those that are cut, with nodes that have no other: then `node` is the number of a node in the
    network, and `cut_end` is 1 where the fiber went on. Fibers that wait to be laid down are not written.
    """
    fibers = snapshot.fibers or {}
    if network.reserve:
        network = network.first(len(fibers["position"]) - len(fibers["area"])) if fibers else network.made
    nodes, area = fibers.get("position", network.nodes), fibers.get("area")
    fields = _clock(snapshot) if fibers else {}
    fields |= {"bundle_diameter (um)": np.array([network.bundle_diameter])}
    of_nodes = {label: fibers[name].astype(np.float32) for name, label in _OF_NODES.items() if name in fibers}
    of_segments = {label: fibers[name].astype(np.float32) for name, label in _OF_SEGMENTS.items() if name in fibers}
    if "shed_integrins" in fibers:
        of_segments["shed_integrins"] = fibers["shed_integrins"].astype(np.int32)
    there = np.ones(len(network.segments), bool) if area is None else area > 0
    drawn = there & ~through_faces(network, nodes)
    fields["segments_not_drawn"] = np.array([int((there & ~drawn).sum())])
    lines = network.segments[drawn]
    if area is not None:
        fields["segments_cut"] = np.array([int((~there).sum())])
        left, ends = np.unique(network.segments[there]), network.segments[~there]
        lines, nodes = np.searchsorted(left, lines), nodes[left]
        of_nodes = {name: values[left] for name, values in of_nodes.items()}
        of_nodes |= {"node": left.astype(np.int32), "cut_end": np.isin(left, ends).astype(np.uint8)}
    of_segments = {name: values[drawn] for name, values in {"fiber": network.segment_fiber, **of_segments}.items()}
    vtk_files.write_lines(path, nodes, lines, of_segments, fields, of_nodes)


def write_obstacles(path: Path, wires: Wires) -> None:
    """Wires as lines, with the `obstacle` that each is of, as numbered in the scenario."""
    count = len(wires.begin)
    lines = np.arange(2 * count).reshape(-1, 2)
    ends = np.stack([wires.begin, wires.end], axis=1).reshape(-1, 3)
    vtk_files.write_lines(path, ends, lines, {"obstacle": wires.obstacle}, {})


def write_vessels(path: Path, vessels: Vessels) -> None:
    """The wall as triangles: endothelial `patch`, `port` (-1: none) and the shear of blood without cells, by patch."""
    from physim.wall_shear import network_wall_shear

    made, patch = vessels.surface, vessels.patch
    shear = network_wall_shear(vessels.blood, made, patch)
    arrays = {"patch": patch.astype(np.int32), "port": made.port.astype(np.int32),
              "wall_shear (Pa)": np.where(patch >= 0, shear[patch], 0.0).astype(np.float32)}  # fmt: skip
    vtk_files.write_triangles(path, made.vertices, made.faces, arrays, {})


def write_centerlines(path: Path, vessels: Vessels, snapshot: Snapshot) -> None:
    """Centerlines as lines, with the `branch` and flow of each as cells leave it, radius and mean speed at points."""
    assert snapshot.flow is not None
    network = vessels.blood.network
    first, branch = network.first, np.repeat(np.arange(network.branches), np.diff(network.first))
    begin = np.setdiff1d(np.arange(len(branch) - 1), first[1:-1] - 1)
    flow = snapshot.flow / 60  # um^3/s
    arrays = {"branch": branch[begin].astype(np.int32), "flow (um^3/s)": flow[branch[begin]].astype(np.float32)}
    speed = flow[branch] / (np.pi * network.radius**2)
    of_points = {"radius (um)": network.radius.astype(np.float32), "speed (um/s)": speed.astype(np.float32)}
    lines = np.stack([begin, begin + 1], axis=1)
    vtk_files.write_lines(path, network.points, lines, arrays, _clock(snapshot), of_points)


def through_faces(network: FiberNetwork, nodes: np.ndarray) -> np.ndarray:
    """(M,) which segments between these nodes (N, 3) pass through a periodic face."""
    straight = nodes[network.segments[:, 1]] - nodes[network.segments[:, 0]]
    return np.abs(straight - network.box.image(straight)).max(axis=1, initial=0.0) > 1e-6


def write_links(path: Path, snapshot: Snapshot) -> None:
    """A line from each cell's centre to the point on the fiber that it holds."""
    links = snapshot.links
    assert links is not None
    count = len(links["cell_id"])
    ends = np.concatenate([links["cell_position"].reshape(-1, 3), links["point"].reshape(-1, 3)])
    lines = np.stack([np.arange(count), np.arange(count) + count], axis=1)
    arrays = {"cell_id": links["cell_id"], "tension (nN)": links["tension"]}
    vtk_files.write_lines(path, ends, lines, arrays, _clock(snapshot))


def write_shells(path: Path, snapshot: Snapshot) -> None:
    """Nuclei and cortices as triangles, with the `cell_id` of each; `cortex` is 0 on the nucleus."""
    shells = snapshot.shells
    assert shells is not None
    arrays = {name: shells[name] for name in ("cell_id", "cortex")}
    vtk_files.write_triangles(path, shells["position"], shells["triangles"], arrays, _clock(snapshot))


def _clock(snapshot: Snapshot) -> dict[str, np.ndarray]:
    return {"time (h)": np.array([snapshot.time / 60]), "step": np.array([snapshot.step], np.int64)}
