"""The state: one table of arrays (type, unit, shape, meaning) from which allocation, files and docs come.

Positions are 32-bit fixed point: along a periodic axis the box is exactly 2^32 quanta, so that integer differences wrap
by themselves; along others the box fills the middle half of the range. Kernels work on fp32 differences in um.
"""

from __future__ import annotations

from dataclasses import dataclass

_ITEM_BYTES = {"uchar": 1, "int": 4, "uint": 4, "float": 4, "uint2": 8, "int2": 8, "int4": 16, "float2": 8,
               "float4": 16, "float8": 32, "double": 8, "double2": 16, "double4": 32, "half2": 4}  # fmt: skip


@dataclass(frozen=True)
class Array:
    """One array of the state: `rows` entries (a number or a named size) for each item of the domain `per`."""

    name: str
    type: str
    per: str
    unit: str
    meaning: str
    rows: str = "1"
    persists: bool = False
    """Survives from step to step: kept in checkpoints, and carried along when cells are re-sorted."""
    given: bool = False
    """Fixed by the network that a run starts with; written once, and again when a run is resumed."""

    @property
    def item_bytes(self) -> int:
        return _ITEM_BYTES[self.type]


_TABLE = (
    # name, type, domain, unit, meaning
    Array("id", "uint", "cell", "", "identity of the cell, never reused", persists=True),
    Array("position", "int4", "cell", "quanta", "centre, fixed point (x, y, z, 0)", persists=True),
    Array("type", "uint", "cell", "", "index of the group of cells in the scenario", persists=True),
    Array("radius", "float", "cell", "um", "radius of the cell", persists=True),
    Array("nucleus_radius", "float", "cell", "um", "radius of the nucleus", persists=True),
    Array("cadherin", "float", "cell", "", "cadherin level relative to the reference cell", persists=True),
    Array("integrin", "float", "cell", "", "integrin level relative to the reference cell", persists=True),
    Array("mmp", "float", "cell", "", "level of membrane-bound collagenase relative to the reference cell",
          persists=True),
    Array("secretion", "float", "cell", "", "level of collagen laid down relative to the reference cell",
          persists=True),
    Array("polarity", "float4", "cell", "", "unit vector of polarity (x, y, z, 0)", persists=True),
    Array("smoothed_velocity", "float4", "cell", "um/min", "velocity remembered by polarity", persists=True),
    Array("attractant", "float4", "cell", "nM/um", "gradient of the attractant at the centre (x, y, z); its "
          "concentration, nM"),
    Array(
        "departed", "uint", "cell", "step", "0, or 1 + the step at which the cell left by an open face", persists=True
    ),
    Array("drift_previous", "float4", "cell", "um/min", "explicit velocity of the step before", persists=True),
    Array("displacement", "float4", "cell", "um", "displacement in the last step", persists=True),
    Array("force", "float4", "cell", "nN", "sum of forces on the cell"),
    Array("resistance", "float", "cell", "nN min/um", "drag + step x stiffness, symmetric xx yy zz xy xz yz", rows="6"),
    # births
    Array("bud", "float4", "cell", "um", "where a daughter is to be born, from the centre (x, y, z); 1 if so, else 0",
          persists=True),
    Array("birthing", "uint", "one", "", "1 while daughters get their rows, and how many rows there are", rows="2",
          persists=True),
    Array("bears", "uint", "cell", "", "1 if a daughter is born of this cell in this step"),
    Array("born_at", "uint", "cell", "", "place of the daughter behind the last row; prefix sum of `bears`"),
    # deposition
    Array("depositing", "uint", "one", "", "1 while cells lay fibers down, and how many there can be", rows="2",
          persists=True),
    Array("deposit_wish", "uint", "cell", "", "1 if the cell is to lay a fiber down in this step"),
    Array("deposit_place", "uint", "cell", "", "its place among the fibers in reserve; prefix sum of `deposit_wish`"),
    # neighbours: lists are interleaved by eight cells, entry (octet, k, lane) at (octet x rows + k) x 8 + lane
    Array("list_position", "int4", "cell", "quanta", "centre when the neighbour lists were built", persists=True),
    Array("neighbor_count", "uint", "cell", "", "entries in the neighbour list of the cell"),
    Array("neighbor", "uint", "cell", "", "neighbour lists, interleaved by eight cells", rows="neighbors"),
    Array(
        "pair_resistance", "half2", "cell", "nN min/um", "along and across the pair, per list entry", rows="neighbors"
    ),
    Array("sorting", "uint", "one", "", "1 while cells are being re-sorted, and how many rows there are", rows="2",
          persists=True),
    Array("bin_of", "uint", "cell", "", "bin of the cell, for sorting"),
    Array("order", "uint", "cell", "", "row that moves here when cells are re-sorted"),
    Array("bin_start", "uint", "bin", "", "first cell of each bin, prefix sum of counts"),
    Array("bin_fill", "uint", "bin", "", "cells placed into each bin so far"),
    # junctions: slot tables on both sides of each pair
    Array(
        "junction_partner",
        "uint",
        "cell",
        "",
        "1 + id of the partner cell, 0 in a free slot",
        rows="junctions",
        persists=True,
    ),
    Array(
        "junction_young",
        "float",
        "cell",
        "",
        "share of cadherins bound at initiation, 0..1",
        rows="junctions",
        persists=True,
    ),
    Array(
        "junction_mature",
        "float",
        "cell",
        "",
        "share of the junction coupled to actin, 0..1",
        rows="junctions",
        persists=True,
    ),
    Array("pair_slot", "uchar", "cell", "", "junction slot of each list entry, 255 none", rows="neighbors"),
    Array("coverage", "float4", "cell", "", "junction sums over neighbours: q, rho, h, dh/dq"),
    Array("grip", "float", "cell", "", "summed crawling weight of the touching neighbours"),
    # integrin links
    Array(
        "link_segment",
        "uint",
        "cell",
        "",
        "1 + segment that the link holds, or, past these, 1 + wire; 0 in a free slot",
        rows="links",
        persists=True,
    ),
    Array("link_at", "float", "cell", "", "where on it, 0..1", rows="links", persists=True),
    Array("link_bend", "int4", "cell", "quanta", "where it bends past an obstacle; 1 + that obstacle, 0 where it is "
          "straight", rows="bends", persists=True),
    Array("link_rest", "float", "cell", "um", "rest length", rows="links", persists=True),
    Array("link_force", "float", "cell", "nN", "tension", rows="links", persists=True),
    # integrins, in whole numbers: on the surface, in links, left on fibers
    Array("integrin_surface", "uint", "cell", "", "integrins on the surface that are in no link", persists=True),
    Array("integrin_owner", "uint", "cell", "", "1 + id of the cell that they were counted for; a daughter has another",
          persists=True),
    Array("anchored", "uint", "cell", "", "integrins in the link", rows="links", persists=True),
    Array("anchored_segment", "uint", "cell", "", "1 + segment that they hold, 0 in a free slot", rows="links",
          persists=True),
    Array("anchored_at", "float", "cell", "", "where on the segment, 0..1", rows="links", persists=True),
    Array("anchored_force", "float", "cell", "nN", "tension of the link when it was last seen", rows="links",
          persists=True),
    Array("segment_shed", "uint", "segment", "", "integrins that cells left on the segment", persists=True),
    Array("integrin_tally", "uint2", "one", "", "integrins that there were at the start, were degraded, were "
          "synthesised; that links left on fibers, gave back; 64-bit", rows="5", persists=True),
    # fibers: segment k of fiber f joins the nodes k + f and k + f + 1
    Array("node_position", "int4", "node", "quanta", "fiber node, fixed point", persists=True),
    Array("node_force", "uint2", "node", "nN / 2^32", "force on the node, 64-bit fixed point x, y, z", rows="3"),
    Array("segment_nodes", "int2", "segment", "", "the two nodes of a segment", given=True),
    Array("segment_bin", "uint", "segment", "", "bin of the segment's middle, for sorting"),
    Array("binning", "uint", "one", "", "1 while segments are sorted into bins, and how many there are", rows="2",
          persists=True),
    Array("segment_bin_start", "uint", "segment_bin", "", "first segment of each bin in `segment_list`"),
    Array("segment_bin_fill", "uint", "segment_bin", "", "segments placed into each bin so far"),
    Array("segment_list", "uint", "segment", "", "segments in the order of their bins"),
    Array("listed_node", "uint", "segment", "", "their first nodes; second ones follow these"),
    # obstacles: wires that do not move, in the order of the bins of segments
    Array("wire_begin", "int4", "wire", "quanta", "begin of a wire, fixed point", given=True),
    Array("wire_end", "int4", "wire", "quanta", "its end", given=True),
    Array("wire_weight", "float", "wire", "", "how much of a fiber it is", given=True),
    Array("wire_ligand", "float", "wire", "", "ligand on it, relative to collagen; 0: links do not bind", given=True),
    Array("wire_obstacle", "uint", "wire", "", "the obstacle that it is of", given=True),
    Array("wire_bin_start", "uint", "segment_bin", "", "first wire of each bin", given=True),
    Array("obstacle_middle", "int4", "obstacle", "quanta", "middle of a plate or cylinder, fixed point", given=True),
    Array("obstacle_form", "float8", "obstacle", "um", "kind, axis and extent: kernels/solid.h", rows="2", given=True),
    Array("obstacle_force", "uint2", "obstacle", "nN / 2^32", "force on each obstacle, 64-bit fixed point", rows="3"),
    Array("anchor_force", "uint2", "face", "nN / 2^32", "force on each face of the box, 64-bit fixed point", rows="3"),
    # cells that have a shape: nucleus and cortex as shells of vertices, those of the nucleus first. What persists is by
    # vertex and cell; rows of the others lie together, cell by cell
    Array("shell", "float4", "cell", "um", "vertex of the nucleus or the cortex, from the centre", rows="shell",
          persists=True),
    Array("mesh_ring", "uint", "mesh", "", "neighbours of a vertex, counterclockwise; itself where there are but five",
          rows="6", given=True),
    Array("mesh_unit", "float4", "mesh", "", "the vertex at rest, over the radius of the shell", given=True),
    Array("shell_force", "float4", "cell", "nN", "force on the vertex but for pressure; share of it that touches",
          rows="shell"),
    Array("shell_block", "float8", "cell", "nN min/um", "drag + step x stiffness of the vertex: xx yy zz xy xz yz",
          rows="shell"),
    Array("shell_inverse", "float8", "cell", "um/(nN min)", "inverse of that, with volume and middle", rows="shell"),
    Array("shell_out", "float4", "cell", "um^2", "slope of the volume by the vertex; its share of the volume, um^3",
          rows="shell"),
    Array("shell_edge", "float4", "cell", "nN min/um", "resistance between a vertex and each neighbour, by rows",
          rows="shell_edges"),
    Array("shell_meet", "float8", "cell", "", "where a vertex of the nucleus meets the cortex: kernels/shell.h",
          rows="shell"),
    Array("shell_solution", "float4", "cell", "um/min", "velocity of the vertex while the centre rests, and for each "
          "um/min of it along x, y, z", rows="shell_columns"),
    Array("shell_residual", "float4", "cell", "nN", "what is left of its balance", rows="shell_columns"),
    Array("shell_direction", "float4", "cell", "um/min", "search direction", rows="shell_columns"),
    Array("shell_product", "float4", "cell", "nN", "resistance times direction", rows="shell_columns"),
    # vessels: wall, lumen and branches do not move
    Array("wall_grid", "float8", "one", "um", "root of the octree of the wall: kernels/wall.h", rows="2", given=True),
    Array("wall_node", "int4", "wall_node", "", "cell of the octree: first child, first entry, entries, distance",
          given=True),
    Array("wall_entry", "uint2", "wall_entry", "", "triangle; its distance and direction from the middle of a leaf",
          given=True),
    Array("wall_triangle", "int4", "wall", "quanta", "corners with triangle, patch, port; normal, longer edge (um)",
          rows="4", given=True),
    Array("wall_pseudo", "float4", "wall", "", "unit normals of the edges opposite to the corners, and of the corners",
          rows="6", given=True),
    Array("lumen_grid", "float8", "one", "um", "corner and width of the voxels of the lumen, blocks: kernels/lumen.h",
          given=True),
    Array("lumen_block", "int", "lumen_block", "", "number of each block of 4 x 4 x 4 voxels, -1 where there is none",
          given=True),
    Array("lumen_voxel", "float4", "lumen_voxel", "um/s", "velocity on the low faces; distance from the wall, um",
          given=True),
    Array("lumen_near", "int2", "lumen_voxel", "", "nearest point of the centerlines; port that is near; -1: none",
          given=True),
    Array("vessel_point", "float8", "vessel_point", "um", "point of the centerlines: direction, radius, branch",
          given=True),
    Array("vessel_place", "float8", "vessel_point", "um", "the same: place from the corner of the lumen, way along the "
          "branch; first and last point of the branch", given=True),
    Array("vessel_filled", "float", "vessel_point", "um^2", "section of all cells there"),
    Array("vessel_port", "float4", "vessel_port", "um", "place of a port, and its direction out", rows="2", given=True),
    Array("branch", "float4", "branch", "kPa", "pressure that drives the branch where nothing flows (kPa); resistance "
          "of branch and network, kPa min/um^3; flow of which `lumen_voxel` is, um^3/min", persists=True),
    Array("branch_flow", "float", "branch", "um^3/min", "flow where all cells in the branch rest"),
    Array("branch_load", "float", "branch", "kPa min/um^3", "resistance that its cells add"),
    Array("branch_drive", "float", "branch", "um^3/min", "flow that they drive by moving, in an iteration"),
    Array("branch_yield", "float", "branch", "kPa min/um^3", "what resists if the cells of the branch may move"),
    Array("branch_of", "uint", "cell", "", "branch that a cell is in, 2^32 - 1 for none", persists=True),
    Array("branching", "uint", "one", "", "1 while cells are sorted into branches, and how many there are", rows="2",
          persists=True),
    Array("branch_start", "uint", "branch_start", "", "first cell of each branch in `branch_list`", persists=True),
    Array("branch_fill", "uint", "branch_start", "", "cells placed into it so far"),
    Array("branch_list", "uint", "cell", "", "cells in the order of their branches"),
    Array("vessel_at", "uint", "cell", "", "point of the centerlines that a cell is at", persists=True),
    Array("wall_way", "float", "cell", "um", "no more than the distance of the wall, below 0 outside"),
    Array("left_by", "uint", "cell", "", "1 + port by which the cell left, else 0", persists=True),
    Array("stream", "float4", "cell", "1/um^2", "velocity at which blood carries the cell over the flow of its branch; "
          "its drag, nN min/um"),
    Array("stream_rest", "float4", "cell", "um/min", "velocity at which the flow of other branches carries it; its "
          "drag across the vessel, nN min/um"),
    Array("stream_yield", "float4", "cell", "1/um^2", "velocity of a cell over the flow of its branch, if no other "
          "cell moves"),
    Array("cell_velocity", "float4", "cell", "um/min", "solution of the last step", persists=True),
    # cells with two ends
    Array("end_of", "uint", "cell", "", "1 + number of the end, rear 2 k and front 2 k + 1; 0 for a cell that is one "
          "sphere", persists=True),
    Array("end_row", "uint", "cell", "", "row of the end with a number", persists=True),
    Array("end_radius", "float", "cell", "um", "radius of the cell at its end", persists=True),
    Array("end_seal", "float2", "cell", "", "radius over that of the lumen where the cell is tightest; the latter, um",
          persists=True),
    Array("body_radius", "float", "cell", "um", "radius of the cell at its rear end, eight sections and its front end",
          rows="10", persists=True),
    Array("body_axis", "float4", "cell", "", "direction from rear to front; pressure inside, kPa", persists=True),
    Array("body_force", "float4", "cell", "nN", "force on rear and front; length, um, and share of the volume that is "
          "missing", rows="2"),
    Array("body_block", "float8", "cell", "nN min/um", "resistance of rear, front, and between them: xx yy zz xy xz yz",
          rows="3"),
    Array("body_swell", "float4", "cell", "um^2", "slope of the volume by rear and front; step x stiffness against it",
          rows="2"),
    Array("body_factor", "float8", "cell", "", "Cholesky factor of the resistance of rear and front; `given` since "
          "`plasma` does not read it where no cell has two ends", rows="3", given=True),
    Array("bond_partner", "uint", "cell", "", "1 + id of the cell that is held, by its front; 0 in a free slot",
          rows="junctions", persists=True),
    # a moving network
    Array("segment_area", "uint", "segment", "2^-24", "cross-section over that of a whole fiber; 0 where it is cut",
          persists=True),
    Array("segment_length", "uint", "segment", "2^-12 um", "length that was made or laid, for the balance of mass",
          persists=True),
    Array("segment_lysis", "uint", "segment", "2^-24", "area that is to be taken at the next cut", persists=True),
    Array("matrix_tally", "uint2", "one", "2^-36 um", "length of whole fiber that cells took, that dissolved, that was "
          "deposited, 64-bit", rows="3", persists=True),
    Array("segment_covered", "uint", "segment", "", "1 where a cell is on a segment that is cut"),
    Array("segment_laid", "uint", "segment", "", "1 where a segment has come back in this step"),
    Array("segment_joins", "uint", "segment", "", "the fiber whose frame a segment takes"),
    Array("chain_start", "uint", "chain_start", "", "first node of each fiber as it was made", given=True),
    Array("fiber_span", "int4", "fiber", "", "first and last node of a fiber that holds together; node less segment",
          persists=True),
    Array("segment_fiber", "uint", "segment", "", "the fiber that a segment is part of", persists=True),
    Array("listing", "uint", "one", "", "1 while crosslinks and fibers are listed anew", rows="2", persists=True),
    Array("piece_place", "uint", "chain_start", "", "place of what is left of a chain among the fibers; prefix sum"),
    Array("next_frame", "double4", "fiber", "", "`fiber_frame` in the new order", rows="3"),
    Array("next_awake", "uint", "fiber", "", "`fiber_awake` in the new order"),
    # crosslinks: each has its site on one segment, and, where it is bound, joins that to a place on another
    Array("crosslink_segments", "uint2", "crosslink", "", "segment of the site, and the other", persists=True),
    Array("crosslink_bound", "uint", "crosslink", "", "1 where it is bound, else 0", persists=True),
    Array("crosslink_at", "float2", "crosslink", "", "where on the two segments, 0..1", persists=True),
    Array("crosslink_rest", "double4", "crosslink", "", "gap at rest over both segments and their cross product; its "
          "length", persists=True),
    Array("crosslink_turn", "double4", "crosslink", "", "directions at rest: both segments in the frame of the first "
          "fiber, both in that of the other", rows="4", persists=True),
    Array("hold_key", "uint", "hold", "", "segment of each end of a crosslink, 2^32 - 1 where it is free"),
    Array("hold_fill", "uint", "segment_start", "", "ends placed so far"),
    Array("hold_list", "uint", "hold", "", "ends in the order of their segments"),
    Array("node_held", "uint", "node", "", "1 if the node is held (on a face of the box), else 0", persists=True),
    Array("node_rest", "int4", "node", "quanta", "node where it was made, or laid down", persists=True),
    Array("segment_rest", "double", "segment", "um", "rest length", persists=True),
    Array("segment_inverse", "float", "segment", "1/um", "1 / rest length", persists=True),
    Array("segment_course", "double4", "segment", "", "direction at rest in the frame of the fiber; how it changes "
          "along the fiber counts", persists=True),
    Array("hold_start", "uint", "segment_start", "", "first end of a crosslink on each segment among the holds"),
    Array("hold_nodes", "int2", "hold", "", "nodes of the other segment"),
    Array("hold_segment", "uint", "hold", "", "the other segment"),
    Array("hold_fiber", "uint", "hold", "", "its fiber"),
    Array("hold_at", "float2", "hold", "", "where on the own and on the other segment, 0..1"),
    Array("hold_rest", "double4", "hold", "", "gap at rest over own and other segment and their cross product; its "
          "length"),
    Array("hold_turn", "double4", "hold", "", "directions at rest: own and other segment in the own frame, own in the "
          "other's", rows="3"),
    Array("node_listed", "int4", "node", "quanta", "node when segments were sorted into bins", persists=True),
    Array("node_velocity", "float4", "node", "um/min", "velocity in the last step", persists=True),
    Array("node_glide", "float4", "node", "um/min", "velocity of a fiber that sleeps", persists=True),
    Array("fiber_awake", "uint", "fiber", "", "1 where the fiber moves, 0 while it sleeps",
          persists=True),
    Array("fiber_frame", "double4", "fiber", "", "rotation of the fiber since rest, by rows", rows="3", persists=True),
    Array("fiber_check", "uint", "fiber", "", "1 if the forces on the fiber can have changed"),
    Array("placed", "uint", "one", "", "1 once `awake_place` has been written", persists=True),
    Array("awake_place", "uint", "fiber_start", "", "place among the fibers that move; prefix sum"),
    Array("awake_fiber", "uint", "fiber", "", "the fibers that move, in order"),
    Array("node_start", "int4", "node", "quanta", "node at the beginning of the step"),
    Array("node_shift", "float4", "node", "um", "displacement since then"),
    Array("segment_tension", "float", "segment", "nN", "tension of the linear equations of the last round"),
    Array("segment_block", "float4", "segment", "nN/um", "stiffness m m' + w of the stretch (m, w)"),
    Array("segment_axis", "float4", "segment", "", "direction at rest, in the frame of the fiber; l/a^2 (um) of bends"),
    Array("hold_block", "float4", "hold", "nN/um", "stiffness m m' + w of the crosslink (m, w)"),
    Array("hold_skew", "float4", "hold", "", "what turns the gap at rest over its length: skew times own and other "
          "segment", rows="2"),
    Array("hold_axes", "float4", "hold", "", "directions at rest: own and other segment in the own frame, own in the "
          "other's, as the frames are turned", rows="3"),
    Array("fiber_pivot", "float8", "fiber", "1/(nN um)", "what a frame turns under a torque: xx yy zz xy xz yz"),
    Array("fiber_turn", "float4", "fiber", "1/min", "how the frame turns with the direction"),
    Array("factor", "float8", "node", "", "block LDL' per fiber: D^-1 (6), two blocks of L (9 each)", rows="3"),
    Array("fiber_loads", "double2", "fiber", "nN^2", "target of a fiber, squared, and the square of what is left"),
    Array("fiber_sums", "double2", "fiber", "", "partial sums of the fibers that move, in their order", given=True),
    Array("node_solution", "float4", "node", "um/min", "velocity that is being solved for"),
    Array("node_residual", "float4", "node", "nN", "what is left of the force balance"),
    Array("node_preconditioned", "float4", "node", "um/min", "residual over the factor"),
    Array("node_direction", "float4", "node", "um/min", "search direction; 0 where nothing moves", given=True),
    Array("node_product", "float4", "node", "nN", "resistance times direction"),
    # cells on a moving network: tethers are the links of a cell and the segments that may touch it
    Array("touch_count", "uint", "cell", "", "segments near the cell"),
    Array("touch_segment", "uint", "cell", "", "1 + segment near the cell", rows="touches"),
    Array("tether_key", "uint", "cell", "", "segment of each tether, 2^32 - 1 for none", rows="tethers"),
    Array("tether_block", "float8", "cell", "nN/um", "stiffness xx yy zz xy xz yz, where on the segment, its weight",
          rows="tethers", given=True),
    Array("tethering", "uint", "one", "", "1 while tethers are being sorted, and how many there can be", rows="2",
          persists=True),
    Array("tether_start", "uint", "segment_start", "", "first tether of each segment in `tether_list`"),
    Array("tether_fill", "uint", "segment_start", "", "tethers placed so far"),
    Array("tether_list", "uint", "cell", "", "tethers in the order of their segments", rows="tethers"),
    Array("nucleus_yield", "float", "cell", "nN um", "dU/dS along each direction of the nucleus", rows="42"),
    Array("start_position", "int4", "cell", "quanta", "centre at the beginning of the step"),
    Array("base_position", "int4", "cell", "quanta", "centre at the beginning of this part of the step"),
    # implicit solve: one entry per unknown velocity, cells first
    Array("shift", "float4", "unknown", "um", "displacement found in the rounds so far"),
    Array("solution", "float4", "unknown", "um/min", "velocity that is being solved for"),
    Array("residual", "float4", "unknown", "nN", "what is left of the force balance"),
    Array("preconditioned", "float4", "unknown", "um/min", "residual over the preconditioner"),
    Array("direction", "float4", "unknown", "um/min", "search direction"),
    Array("product", "float4", "unknown", "nN", "resistance times direction"),
    Array("partial", "double", "chunk", "", "partial sums of a fixed-order reduction", rows="2"),
    Array("krylov", "double", "one", "", "scalars of the solve: kernels/krylov.h", rows="15"),
)
ARRAYS: dict[str, Array] = {array.name: array for array in _TABLE}
