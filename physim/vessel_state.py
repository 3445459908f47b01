"""From vessels to the arrays that the device keeps of them: wall, lumen, centerlines, branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from physim.lumen_device import blocks
from physim.wall_state import wall_state

if TYPE_CHECKING:
    from physim.device import Device
    from physim.meshes.centerlines import Centerlines
    from physim.vessels import Vessels
    from physim.world import Box


def vessel_state(vessels: Vessels, box: Box, device: Device) -> dict[str, np.ndarray]:
    """Arrays of the state by name; those of cells and branches are as at time zero."""
    surface, network, lumen = vessels.surface, vessels.blood.network, vessels.lumen
    middle = 0.5 * (box.lower + box.upper)
    made, ports = blocks(lumen), lumen.voxels.ports
    grid = np.zeros((1, 8), np.float32)
    grid[0, :3], grid[0, 3] = lumen.voxels.origin - middle, lumen.voxels.h
    grid[0, 4:7], grid[0, 7] = made.number.shape, made.grid[0]["far"]
    points = np.zeros((len(network.points), 8), np.float32)
    branch = np.repeat(np.arange(network.branches), np.diff(network.first))
    points[:, :3], points[:, 3], points[:, 4] = directions(vessels), network.radius, branch
    places = np.zeros_like(points)
    places[:, :3], places[:, 3] = network.points - lumen.voxels.origin, arclengths(network)
    places[:, 4], places[:, 5] = network.first[branch], network.first[branch + 1] - 1
    planes = np.zeros((len(ports.node), 2, 4), np.float32)
    planes[:, 0, :3], planes[:, 1, :3] = ports.place - lumen.voxels.origin, ports.outward
    near = np.stack([made.point, made.port.astype(np.int32)], axis=1).astype(np.int32)
    state = {
        "lumen_grid": grid, "lumen_block": made.number.ravel(), "lumen_voxel": made.voxels, "lumen_near": near,
        "vessel_point": points, "vessel_place": places, "vessel_port": planes.reshape(-1, 4),
        "branch": vessels.branches(),
    }  # fmt: skip
    walls = wall_state(surface.vertices, surface.faces, box, device, patch=vessels.patch, port=surface.port,
                       band=vessels.reach, outside=vessels.outside)  # fmt: skip
    return state | walls


def sizes(state: dict[str, np.ndarray] | None) -> dict[str, int]:
    """Of the domains, as `assembly.Layout` names them."""
    if not state:
        return {}
    return {
        "walls": len(state["wall_pseudo"]) // 6, "wall_nodes": len(state["wall_node"]),
        "wall_entries": len(state["wall_entry"]), "lumen_blocks": len(state["lumen_block"]),
        "lumen_voxels": len(state["lumen_voxel"]), "vessel_points": len(state["vessel_point"]),
        "vessel_ports": len(state["vessel_port"]) // 2, "branches": len(state["branch"]),
    }  # fmt: skip


def arclengths(network: Centerlines) -> np.ndarray:
    """(P,) um along each branch, from its first point."""
    way = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(network.points, axis=0), axis=1))]
    return way - np.repeat(way[network.first[:-1]], np.diff(network.first))


def directions(vessels: Vessels) -> np.ndarray:
    """(P, 3) unit vectors along the centerlines, from the first to the last point of each branch."""
    network = vessels.blood.network
    found = np.empty_like(network.points)
    for b in range(network.branches):
        part = slice(network.first[b], network.first[b + 1])
        found[part] = np.gradient(network.points[part], axis=0)
    return found / np.linalg.norm(found, axis=1, keepdims=True)
