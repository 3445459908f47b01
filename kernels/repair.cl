// Matrix repair: what is thinned grows back, da/dt = (1 - a)/tau; what is cut comes back whole after a mean of tau, from
// the ends that are left, at rest as it lies.

static inline bool mends_now(__global const Status *status, __constant World *world, __constant Repair *term) {
  return (status->step + 1) % steps_of(term->interval, world->step) == 0;
}

void uncover(uint s, __constant World *world, __global Status *status, __constant Repair *term,
             __global uint *segment_covered) {
  if (mends_now(status, world, term)) segment_covered[s] = 0;
}

// Where a cell is, nothing can be laid down.
void cover(uint i, __constant World *world, __global Status *status, __constant Repair *term,
           __global const int4 *position, __global const float *radius, __global const int4 *node_position,
           __global const uint *listed_node, __global const uint *segment_list,
           __global const uint *segment_bin_start, __global const uint *segment_area, __global uint *segment_covered) {
  if (!mends_now(status, world, term)) return;
  __constant Grid *grid = &world->segment_grid;
  int4 home = bin_of_position(position[i], grid);
  Span near = bins_around(home, radius[i] + SEGMENT_REACH, world->segment_bins_per_um, grid);
  EACH_NEAR(k, home, near, grid, segment_bin_start) {
    uint n = listed_node[k], s = segment_list[k];
    if (segment_area[s]) continue;
    float3 a = separation(node_position[n], position[i], world->quantum);
    float3 e = separation(node_position[n + 1], node_position[n], world->quantum);
    float2 part = inside_sphere(a, e, radius[i]);
    if (part.y > part.x) atomic_or(&segment_covered[s], 1u);
  }
}

static inline double length_now(uint i, __constant World *world, __global const int4 *node) {
  return sqrt(square(exact_separation(node[i + 1], node[i], world->quantum)));
}

// A segment, which begins at node i, comes back where no cell is, and its nodes have not come too near or gone too far.
static inline bool has_room(uint s, uint i, __constant World *world, __constant Repair *term,
                            __global const int4 *node_position, __global const int4 *node_rest,
                            __global const uint *segment_covered) {
  double now = length_now(i, world, node_position), made = length_now(i, world, node_rest);
  return !segment_covered[s] && now * term->stretch >= made && now <= term->stretch * made;
}

static inline void lay(uint s, uint i, __constant World *world, __global Status *status,
                       __global const int4 *node_position, __global uint *segment_area, __global uint *segment_length,
                       __global uint *segment_laid, __global uint2 *matrix_tally) {
  uint size = convert_uint_rte(4096.0 * length_now(i, world, node_position));
  segment_area[s] = 16777216u;
  segment_length[s] = size;
  segment_laid[s] = 1;
  add_count(matrix_tally + DEPOSITED, (ulong)size << 24);
  atomic_or(&status->relink, 1u);
}

// Each segment of a gap falls due by its own draw; as many as fall due come back at the ends of the gap. Where nothing of
// a chain is left, all of it comes back at once.
void regrow(uint c, __constant World *world, __global Status *status, __constant Repair *term,
            __global const int4 *node_position, __global const int4 *node_rest, __global const uint *chain_start,
            __global const uint *segment_covered, __global uint *segment_area, __global uint *segment_length,
            __global uint *segment_laid, __global uint2 *matrix_tally) {
  if (!mends_now(status, world, term) || IN_RESERVE(c)) return;
  uint first = chain_start[c] - c, end = chain_start[c + 1] - 1 - c, due, a, b;
  float chance = -expm1(-(steps_of(term->interval, world->step) * world->step) / term->time);
  for (uint s = first; s < end; ++s) {
    uint area = segment_area[s], more = area ? convert_uint_rte(chance * (float)(16777216u - area)) : 0;
    segment_laid[s] = 0;
    if (!more) continue;
    segment_area[s] = area + more;
    add_count(matrix_tally + DEPOSITED, (ulong)more * segment_length[s]);
  }
  for (uint s = first; s < end; s = max(b, s + 1)) {  // a gap is s .. b - 1
    for (b = s, due = 0; b < end && !segment_area[b]; ++b)
      due += uniforms(b, 0, status->step, FOR_REPAIR, world->seed).x <= chance;
    uint stop = b;
    bool gone = s == first && b == end, room = uniforms(s, 0, status->step, FOR_REPAIR, world->seed).x <= chance;
    for (uint k = s; gone && room && k < b; ++k)
      room = has_room(k, k + c, world, term, node_position, node_rest, segment_covered);
    for (uint k = s; gone && room && k < b; ++k)
      lay(k, k + c, world, status, node_position, segment_area, segment_length, segment_laid, matrix_tally);
    for (a = s; !gone && due && a < b; --due) {
      bool left = a > first && has_room(a, a + c, world, term, node_position, node_rest, segment_covered);
      bool right = b < end && has_room(b - 1, b - 1 + c, world, term, node_position, node_rest, segment_covered);
      if (!left && !right) break;
      if (left && right) left = uniforms(s, due, status->step, FOR_REPAIR, world->seed).y <= 0.5f;
      uint k = left ? a++ : --b;
      lay(k, k + c, world, status, node_position, segment_area, segment_length, segment_laid, matrix_tally);
    }
    b = stop;
  }
}

// What has been laid rests as it lies, and so do the bends at its ends. What it joins takes the frame of the first of
// them: bends are told in that frame from there on, so that no force changes.
void join_pieces(uint c, __constant World *world, __global Status *status, __constant Repair *term,
                 __global const int4 *node_position, __global const uint *chain_start,
                 __global const uint *segment_area, __global const uint *segment_laid,
                 __global const uint *segment_fiber,
                 __global const double4 *fiber_frame, __global double *segment_rest, __global float *segment_inverse,
                 __global double4 *segment_course, __global uint *segment_joins, __global uint *fiber_awake) {
  if (!mends_now(status, world, term)) return;
  uint first = chain_start[c] - c, end = chain_start[c + 1] - 1 - c;
  for (uint s = first, stop; s < end; s = max(stop, s + 1)) {
    uint old = 0xFFFFFFFFu, laid = 0;
    for (stop = s; stop < end && segment_area[stop]; ++stop) {
      laid |= segment_laid[stop];
      segment_joins[stop] = segment_fiber[stop];
      if (!segment_laid[stop] && old == 0xFFFFFFFFu) old = segment_fiber[stop];
    }
    if (!laid) continue;
    if (old == 0xFFFFFFFFu) old = segment_fiber[s];  // all of it is new: any frame will do
    atomic_max(&fiber_awake[old], 1u);
    Matrix frame = load_frame(fiber_frame, old), back = turned(frame);
    double3 t_before = 0, was_before = 0, before = 0;
    laid = 0;
    for (uint k = s; k < stop; ++k) {
      double3 e = exact_separation(node_position[k + c + 1], node_position[k + c], world->quantum);
      double3 was = segment_course[k].xyz, course = was;
      if (segment_laid[k]) {
        segment_rest[k] = sqrt(square(e));
        segment_inverse[k] = (float)(1.0 / segment_rest[k]);
      }
      double3 t = e / segment_rest[k];
      if (segment_laid[k] || (k > s && segment_laid[k - 1]))
        course = before + matrix_times(back, t - t_before);
      else if (laid)
        course = before + matrix_times(back, matrix_times(load_frame(fiber_frame, segment_fiber[k]), was - was_before));
      laid |= segment_laid[k];
      segment_course[k] = (double4)(course, 0.0);
      segment_joins[k] = old;
      t_before = t, was_before = was, before = course;
    }
  }
}

// Crosslinks of fibers that take another frame are told in that; those of a segment that had just been cut are lost.
void turn_crosslinks(uint x, __constant World *world, __global Status *status, __constant Repair *term,
                     __global const uint2 *crosslink_segments, __global const uint *segment_area,
                     __global const uint *segment_laid, __global const uint *segment_fiber,
                     __global const uint *segment_joins, __global const double4 *fiber_frame,
                     __global uint *crosslink_bound, __global double4 *crosslink_turn, __global uint *fiber_awake) {
  if (!mends_now(status, world, term) || !crosslink_bound[x]) return;
  uint s[2] = {crosslink_segments[x].x, crosslink_segments[x].y};
  for (uint side = 0; side < 2; ++side) {
    if (!segment_area[s[side]]) continue;
    uint was = segment_fiber[s[side]], is = segment_joins[s[side]];
    if (segment_laid[s[side]]) {
      if (crosslink_bound[x]) atomic_inc(&status->crosslinks_broken);
      crosslink_bound[x] = 0;
      if (segment_area[s[1 - side]]) atomic_max(&fiber_awake[segment_joins[s[1 - side]]], 1u);
    } else if (was != is) {
      Matrix out = load_frame(fiber_frame, was), back = turned(load_frame(fiber_frame, is));
      for (uint row = 4 * x + 2 * side; row < 4 * x + 2 * side + 2; ++row)
        crosslink_turn[row] = (double4)(matrix_times(back, matrix_times(out, crosslink_turn[row].xyz)), 0.0);
    }
  }
}

void take_frames(uint s, __constant World *world, __global Status *status, __constant Repair *term,
                 __global const uint *segment_area, __global const uint *segment_joins, __global uint *segment_fiber) {
  if (mends_now(status, world, term) && segment_area[s]) segment_fiber[s] = segment_joins[s];
}
