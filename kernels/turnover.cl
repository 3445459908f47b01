// Crosslinks break at k0 exp(F/F_b) and leave a free site on their first fiber; a free site binds the nearest other fiber
// within `capture`, at rest as the two then are.

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
  if (crosslink_bound[x]) {
    float2 at = crosslink_at[x];
    int4 begin = node_position[segment_nodes[own].x], there = node_position[segment_nodes[other].x];
    double3 e1 = exact_separation(node_position[segment_nodes[own].y], begin, world->quantum);
    double3 e2 = exact_separation(node_position[segment_nodes[other].y], there, world->quantum);
    double4 rest = crosslink_rest[x];
    double3 gap = gap_of(exact_separation(begin, there, world->quantum), e1, e2, at, rest);
    float force = (float)(world->crosslink_stiffness * fabs(slack_of(gap, rest.w)) * sqrt(square(gap)));
    if (!(u.x <= -expm1(-term->release_rate * exp(force / term->release_force) * time))) return;  // 0 inf is not a number
    crosslink_bound[x] = 0;
    atomic_inc(&status->crosslinks_broken);
  } else {
    if (!segment_area[own] || u.x > -expm1(-term->binding_rate * time)) return;
    uint found = bind_site(x, term->capture, world, status, node_position, segment_nodes, listed_node, segment_list,
                           segment_bin_start, segment_area, segment_rest, segment_fiber, fiber_frame,
                           crosslink_segments, crosslink_bound, crosslink_at, crosslink_rest, crosslink_turn);
    if (!found) return;
    other = found - 1;
  }
  atomic_or(&status->relink, 1u);
  if (segment_area[own]) atomic_max(&fiber_awake[segment_fiber[own]], 1u);
  if (segment_area[other]) atomic_max(&fiber_awake[segment_fiber[other]], 1u);
}
