// Segments of fibers in bins, found by cells that press on them or probe for them; anew when a cell or a node has moved
// by half the skin. Where fibers move, each cell lists the segments that may touch it until then.

void begin_binning(uint i, __constant World *world, __global Status *status, __constant Segments *term,
                   __global uint *binning) {
  binning[0] = status->rebuild && (world->moving || !status->binned);
  binning[1] = world->segments;
  if (binning[0]) status->longest_half = 0;
}

void bin_segments(uint i, __constant World *world, __global Status *status, __constant Segments *term,
                  __global const uint *binning, __global const int4 *node_position,
                  __global const int2 *segment_nodes, __global uint *segment_bin) {
  if (!binning[0]) return;
  segment_bin[i] = 0xFFFFFFFFu;
  if (IN_RESERVE(segment_nodes[i].x - i)) return;
  int4 first = node_position[segment_nodes[i].x];
  float3 half_way = 0.5f * separation(node_position[segment_nodes[i].y], first, world->quantum);
  int4 bin = bin_of_position(moved(first, half_way, world->quantum), &world->segment_grid);
  segment_bin[i] = bin_index(bin.x, bin.y, bin.z, &world->segment_grid);
  atomic_max(&status->longest_half, as_uint(length(half_way) * 1.0001f));
}

// First nodes of segments in the order of their bins, so that a search reads them in turn.
void name_nodes(uint k, __constant World *world, __global Status *status, __constant Segments *term,
                __global const uint *binning, __global const int2 *segment_nodes,
                __global const uint *segment_bin_start, __global const uint *segment_list, __global uint *listed_node) {
  bool listed = binning[0] && k < segment_bin_start[bin_total(&world->segment_grid)];
  if (listed) listed_node[k] = (uint)segment_nodes[segment_list[k]].x;
}

void mark_nodes(uint i, __constant World *world, __global Status *status, __constant Segments *term,
                __global const int4 *node_position, __global int4 *node_listed) {
  node_listed[i] = node_position[i];
}

void list_touches(uint i, __constant World *world, __global Status *status, __constant Segments *term,
                  __global const int4 *position, __global const float *radius, __global const int4 *node_position,
                  __global const uint *listed_node, __global const uint *segment_list,
                  __global const uint *segment_bin_start, __global uint *touch_segment, __global uint *touch_count) {
  __constant Grid *grid = &world->segment_grid;
  int4 home = bin_of_position(position[i], grid);
  float reach = radius[i] + world->skin;
  Span near = bins_around(home, reach + SEGMENT_REACH, world->segment_bins_per_um, grid);
  uint count = 0;
  EACH_NEAR(k, home, near, grid, segment_bin_start) {
    uint n = listed_node[k];
    float3 a = separation(node_position[n], position[i], world->quantum);
    float3 e = separation(node_position[n + 1], node_position[n], world->quantum);
    float3 r = a + clamp(-dot(a, e) / dot(e, e), 0.0f, 1.0f) * e;
    if (dot(r, r) > reach * reach) continue;
    if (count < world->touch_rows) touch_segment[count * world->stride + i] = segment_list[k] + 1;
    ++count;
  }
  touch_count[i] = min(count, world->touch_rows);
  if (world->touch_rows) atomic_max(&status->touches_needed, count);
}

// More segments near a cell than there are rows: frozen before anything has used them; the host makes room.
void end_binning(uint i, __constant World *world, __global Status *status, __constant Segments *term,
                 __global uint *binning) {
  binning[0] = 0;
  if (status->rebuild) status->binned = 1;
  if (status->touches_needed > world->touch_rows) status->halt = 1;
}

void clear_tethers(uint i, __constant World *world, __global Status *status, __constant Segments *term,
                   __global uint *tether_key) {
  for (uint k = 0; k < world->link_slots + world->touch_rows; ++k) tether_key[k * world->stride + i] = 0xFFFFFFFFu;
}
