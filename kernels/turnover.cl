// Crosslinks break at k0 exp(F/F_b) and leave a free site on their first fiber; a free site binds the nearest other fiber
// within `capture`, at rest as the two then are.

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
  EACH_SEGMENT_NEAR(k, home, near, grid, segment_bin_start) {
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

void turn_over(uint x, __constant World *world, __global Status *status, __constant Turnover *term,
               __global const int4 *node_position, __global const int2 *segment_nodes,
               __global const uint *listed_node, __global const uint *segment_list,
               __global const uint *segment_bin_start, __global const uint *segment_area,
               __global const double *segment_rest, __global const uint *segment_fiber, __global const double4 *fiber_frame,
               __global uint2 *crosslink_segments, __global uint *crosslink_bound, __global float2 *crosslink_at,
               __global double4 *crosslink_rest, __global double4 *crosslink_turn, __global uint *fiber_awake) {
  uint steps = steps_of(term->interval, world->step);
  if ((status->step + 1) % steps) return;
  float time = steps * world->step;
  float4 u = uniforms(x, 0, status->step, FOR_TURNOVER, world->seed);
  uint own = crosslink_segments[x].x, other = crosslink_segments[x].y;
  float2 at = crosslink_at[x];
  int4 begin = node_position[segment_nodes[own].x];
  double3 e1 = exact_separation(node_position[segment_nodes[own].y], begin, world->quantum), e2;
  if (crosslink_bound[x]) {
    int4 there = node_position[segment_nodes[other].x];
    e2 = exact_separation(node_position[segment_nodes[other].y], there, world->quantum);
    double4 rest = crosslink_rest[x];
    double3 gap = gap_of(exact_separation(begin, there, world->quantum), e1, e2, at, rest);
    float force = (float)(world->crosslink_stiffness * fabs(slack_of(gap, rest.w)) * sqrt(square(gap)));
    if (!(u.x <= -expm1(-term->release_rate * exp(force / term->release_force) * time))) return;  // 0 inf is not a number
    crosslink_bound[x] = 0;
    atomic_inc(&status->crosslinks_broken);
  } else {
    if (!segment_area[own] || u.x > -expm1(-term->binding_rate * time)) return;
    at.x = clamp(at.x, 0.0f, 1.0f);
    int4 site = moved(begin, at.x * convert_float3(e1), world->quantum);
    float place;
    uint found = nearest_other(site, (uint)segment_nodes[own].x - own, term->capture, world, status, node_position,
                               listed_node, segment_list, segment_bin_start, segment_area, &place);
    if (!found) return;
    other = found - 1, at.y = place;
    int4 there = node_position[segment_nodes[other].x];
    e2 = exact_separation(node_position[segment_nodes[other].y], there, world->quantum);
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
  }
  atomic_or(&status->relink, 1u);
  if (segment_area[own]) atomic_max(&fiber_awake[segment_fiber[own]], 1u);
  if (segment_area[other]) atomic_max(&fiber_awake[segment_fiber[other]], 1u);
}
