// The crosslinks of each segment, and the fibers that are left of each chain: anew when crosslinks or segments changed.

void begin_listing(uint i, __constant World *world, __global Status *status, __constant Chains *term,
                   __global uint *listing) {
  listing[0] = status->relink;
  listing[1] = 2 * world->crosslinks;
}

// A crosslink on a segment that is cut lets go, and the other fiber wakes.
void key_holds(uint x, __constant World *world, __global Status *status, __constant Chains *term,
               __global const uint *segment_area, __global const uint *segment_fiber,
               __global uint2 *crosslink_segments, __global uint *crosslink_bound, __global uint *hold_key,
               __global uint *fiber_awake) {
  uint2 s = crosslink_segments[x];
  bool one = segment_area[s.x], two = segment_area[s.y];
  if (crosslink_bound[x] && !(one && two)) {
    crosslink_bound[x] = 0;
    atomic_inc(&status->crosslinks_broken);
    if (one) atomic_max(&fiber_awake[segment_fiber[s.x]], 1u);
    if (two) atomic_max(&fiber_awake[segment_fiber[s.y]], 1u);
  }
  bool bound = crosslink_bound[x];
  hold_key[x] = bound ? s.x : 0xFFFFFFFFu;
  hold_key[world->crosslinks + x] = bound ? s.y : 0xFFFFFFFFu;
}

// The run of segments from s on that are not cut: its end, which is cut or of another chain.
static inline uint end_of_run(uint s, uint end, __global const uint *segment_area) {
  while (s < end && segment_area[s]) ++s;
  return s;
}

// Pieces of a chain that has been cut, and are neither crosslinked nor held, dissolve; the others become fibers.
void count_pieces(uint c, __constant World *world, __global Status *status, __constant Chains *term,
                  __global const uint *chain_start, __global const uint *node_held, __global const uint *hold_start,
                  __global const uint *segment_length, __global uint *segment_area, __global uint *piece_place,
                  __global uint2 *matrix_tally) {
  if (c == 0) piece_place[world->chains] = 0;
  uint first = chain_start[c] - c, end = chain_start[c + 1] - 1 - c, count = 0;
  for (uint s = first, stop; s < end; s = max(stop, s + 1)) {
    stop = end_of_run(s, end, segment_area);
    bool stays = (s == first && stop == end) || hold_start[stop] > hold_start[s];
    for (uint k = s; !stays && k <= stop && stop > s; ++k) stays = node_held[k + c];
    if (stays && stop > s) ++count;
    for (uint k = s; !stays && k < stop; ++k) {
      add_count(matrix_tally + DISSOLVED_LOOSE, (ulong)segment_area[k] * segment_length[k]);
      segment_area[k] = 0;
    }
  }
  piece_place[c] = count;
}

// Where pieces go among the fibers, with the frame of the fiber that they were part of.
void lay_pieces(uint c, __constant World *world, __global Status *status, __constant Chains *term,
                __global const uint *chain_start, __global const uint *segment_area, __global const uint *piece_place,
                __global const double4 *fiber_frame, __global const uint *fiber_awake, __global int4 *fiber_span,
                __global uint *segment_fiber, __global double4 *next_frame, __global uint *next_awake,
                __global float4 *node_velocity, __global float4 *node_glide, __global float4 *node_direction) {
  uint first = chain_start[c] - c, end = chain_start[c + 1] - 1 - c, f = piece_place[c];
  if (c == 0) status->fibers = piece_place[world->chains];
  for (uint s = first, stop; s < end; s = max(stop, s + 1)) {
    stop = end_of_run(s, end, segment_area);
    if (stop == s) {  // a node between two cuts moves no more
      uint i = s + c;
      if (s == first || !segment_area[s - 1]) node_velocity[i] = node_glide[i] = node_direction[i] = 0.0f;
      if (s + 1 == end) node_velocity[i + 1] = node_glide[i + 1] = node_direction[i + 1] = 0.0f;
      continue;
    }
    uint was = segment_fiber[s];
    fiber_span[f] = (int4)((int)(s + c), (int)(stop + c), (int)c, 0);
    for (uint row = 0; row < 3; ++row) next_frame[3 * f + row] = fiber_frame[3 * was + row];
    next_awake[f] = fiber_awake[was];
    for (uint k = s; k < stop; ++k) segment_fiber[k] = f;
    ++f;
  }
}

void take_pieces(uint f, __constant World *world, __global Status *status, __constant Chains *term,
                 __global const double4 *next_frame, __global const uint *next_awake, __global double4 *fiber_frame,
                 __global uint *fiber_awake) {
  for (uint row = 0; row < 3; ++row) fiber_frame[3 * f + row] = next_frame[3 * f + row];
  fiber_awake[f] = next_awake[f];
}

// An end of a crosslink as its own segment sees it: what is own comes first.
void fill_holds(uint h, __constant World *world, __global Status *status, __constant Chains *term,
                __global const uint *hold_start, __global const uint *hold_list,
                __global const uint2 *crosslink_segments, __global const uint *crosslink_bound,
                __global const float2 *crosslink_at, __global const double4 *crosslink_rest,
                __global const double4 *crosslink_turn, __global const int2 *segment_nodes,
                __global const uint *segment_fiber, __global int2 *hold_nodes, __global uint *hold_segment,
                __global uint *hold_fiber, __global float2 *hold_at, __global double4 *hold_rest,
                __global double4 *hold_turn) {
  if (h >= hold_start[world->segments]) return;
  bool second = hold_list[h] >= world->crosslinks;
  uint x = hold_list[h] - (second ? world->crosslinks : 0);
  uint other = second ? crosslink_segments[x].x : crosslink_segments[x].y;
  double4 rest = crosslink_rest[x];
  float2 at = crosslink_at[x];
  hold_segment[h] = other;
  hold_nodes[h] = segment_nodes[other];
  hold_fiber[h] = segment_fiber[other];
  double2 exact = (double2)(at.x - rest.x, at.y + rest.y);  // where the forces act: their stiffness, in fp32, there too
  float2 near = convert_float2(exact);
  rest.xy = (double2)(near.x - exact.x, exact.y - near.y);
  hold_at[h] = second ? near.yx : near;
  hold_rest[h] = second ? (double4)(-rest.y, -rest.x, rest.z, rest.w) : rest;
  hold_turn[3 * h] = crosslink_turn[4 * x + (second ? 3 : 0)];
  hold_turn[3 * h + 1] = crosslink_turn[4 * x + (second ? 2 : 1)];
  hold_turn[3 * h + 2] = crosslink_turn[4 * x + (second ? 1 : 2)];
}

void end_listing(uint i, __constant World *world, __global Status *status, __constant Chains *term,
                 __global uint *listing) {
  listing[0] = 0;
  status->relink = 0;
}
