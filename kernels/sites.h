// Free sites of crosslinks, and what they bind.

// Nearest segment to a point that is not of the chain `own`: 1 + segment, and where on it; 0 if none within capture.
static inline uint nearest_other(int4 point, uint own, float capture, __constant World *world,
                                 __global const Status *status, __global const int4 *node_position,
                                 __global const uint *listed_node, __global const uint *segment_list,
                                 __global const uint *segment_bin_start, __global const uint *segment_area, float *at) {
  __constant Grid *grid = &world->segment_grid;
  int4 home = bin_of_position(point, grid);
  Span near = bins_around(home, capture + SEGMENT_REACH, world->segment_bins_per_um, grid);
  float best = capture;
  uint found = 0;
  EACH_NEAR(k, home, near, grid, segment_bin_start) {
    uint n = listed_node[k];
    float3 a = separation(node_position[n], point, world->quantum);
    float3 e = separation(node_position[n + 1], node_position[n], world->quantum);
    float t = clamp(-dot(a, e) / dot(e, e), 0.0f, 1.0f), d = length(a + t * e);
    if (d > best) continue;
    uint s = segment_list[k];
    if (n - s == own || !segment_area[s] || (d == best && found && s + 1 > found)) continue;
    best = d, found = s + 1, *at = t;
  }
  return found;
}

// The free site of crosslink x binds the nearest other fiber within `capture`, at rest as the two now are: 1 + the segment
// that it binds, 0 if there is none.
static inline uint bind_site(uint x, float capture, __constant World *world, __global Status *status,
                             __global const int4 *node_position, __global const int2 *segment_nodes,
                             __global const uint *listed_node, __global const uint *segment_list,
                             __global const uint *segment_bin_start, __global const uint *segment_area,
                             __global const double *segment_rest, __global const uint *segment_fiber,
                             __global const double4 *fiber_frame, __global uint2 *crosslink_segments,
                             __global uint *crosslink_bound, __global float2 *crosslink_at,
                             __global double4 *crosslink_rest, __global double4 *crosslink_turn) {
  uint own = crosslink_segments[x].x;
  float2 at = (float2)(clamp(crosslink_at[x].x, 0.0f, 1.0f), 0.0f);
  int4 begin = node_position[segment_nodes[own].x];
  double3 e1 = exact_separation(node_position[segment_nodes[own].y], begin, world->quantum);
  int4 site = moved(begin, at.x * convert_float3(e1), world->quantum);
  float place;
  uint found = nearest_other(site, (uint)segment_nodes[own].x - own, capture, world, status, node_position, listed_node,
                             segment_list, segment_bin_start, segment_area, &place);
  if (!found) return 0;
  uint other = found - 1;
  at.y = place;
  int4 there = node_position[segment_nodes[other].x];
  double3 e2 = exact_separation(node_position[segment_nodes[other].y], there, world->quantum);
  double3 gap = exact_separation(begin, there, world->quantum) + (double)at.x * e1 - (double)at.y * e2;
  crosslink_segments[x].y = other;
  crosslink_bound[x] = 1;
  atomic_inc(&status->crosslinks_formed);
  crosslink_at[x] = at;
  crosslink_rest[x] = gap_at_rest(gap, e1, e2);
  e1 /= segment_rest[own], e2 /= segment_rest[other];
  Matrix here = turned(load_frame(fiber_frame, segment_fiber[own]));
  Matrix across = turned(load_frame(fiber_frame, segment_fiber[other]));
  crosslink_turn[4 * x] = (double4)(matrix_times(here, e1), 0.0);
  crosslink_turn[4 * x + 1] = (double4)(matrix_times(here, e2), 0.0);
  crosslink_turn[4 * x + 2] = (double4)(matrix_times(across, e1), 0.0);
  crosslink_turn[4 * x + 3] = (double4)(matrix_times(across, e2), 0.0);
  return found;
}
