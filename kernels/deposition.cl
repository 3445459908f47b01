// New collagen: a cell lays a straight fiber down beside itself, about parallel to its polarity, out of those in reserve;
// it rests as it lies, and its free sites bind what is near.

static inline bool lays_now(__global const Status *status, __constant World *world, __constant Deposition *term) {
  return (status->step + 1) % steps_of(term->interval, world->step) == 0;
}

typedef struct { int4 middle; float3 along; } Line;

// Tangent to a sphere about the cell's centre.
static inline Line line_beside(int4 centre, float radius, float3 polarity, float4 u, __constant World *world,
                               __constant Deposition *term) {
  float3 along = direction_about(polarity, term->focus, u.y, u.z), e = across(along), f = cross(along, e);
  float3 out = cospi(2.0f * u.w) * e + sinpi(2.0f * u.w) * f;
  Line line = {moved(centre, (radius + term->clearance) * out, world->quantum), along};
  return line;
}

// The point at `at` (0..1) of a fiber.
static inline int4 point_of(Line line, float at, __constant World *world, __constant Deposition *term) {
  return moved(line.middle, (at - 0.5f) * term->length * line.along, world->quantum);
}

static inline bool in_box(int4 p, __constant World *world) {
  int place[3] = {p.x, p.y, p.z};
  bool inside = true;
  for (int axis = 0; axis < 3; ++axis)
    inside &= world->boundary[axis] == 0 || (place[axis] > world->face_low[axis] && place[axis] < world->face_high[axis]);
  return inside;
}

// Whether a piece from one point to another lies in a cell. Bins of cells are at least twice as wide as their radius, and
// none has moved by more than half a skin since they were sorted.
static inline bool in_a_cell(int4 first, int4 second, __constant World *world, __global const int4 *position,
                             __global const float *radius, __global const uint *bin_start) {
  __constant Grid *grid = &world->cell_grid;
  float3 e = separation(second, first, world->quantum), scale = vload3(0, world->cell_bins_per_um);
  int4 home = bin_of_position(moved(first, 0.5f * e, world->quantum), grid);
  float widest = 0.5f / fmin(fmin(scale.x, scale.y), scale.z);
  Span near = bins_around(home, widest + 0.5f * (length(e) + world->skin), world->cell_bins_per_um, grid);
  EACH_NEAR(j, home, near, grid, bin_start) {
    float2 part = inside_sphere(separation(first, position[j], world->quantum), e, radius[j]);
    if (part.y > part.x) return true;
  }
  return false;
}

// How many of the sites would find a fiber: in the middle of segments, as `bind_site` has them.
static inline int anchors_of(Line line, int segments, __constant World *world, __global const Status *status,
                             __constant Deposition *term, __global const int4 *node_position,
                             __global const uint *listed_node, __global const uint *segment_list,
                             __global const uint *segment_bin_start, __global const uint *segment_area) {
  int found = 0;
  float place;
  for (int k = 0; k < segments; ++k) {
    int4 begin = point_of(line, (float)k / segments, world, term);
    double3 e = exact_separation(point_of(line, (float)(k + 1) / segments, world, term), begin, world->quantum);
    found += nearest_other(moved(begin, 0.5f * convert_float3(e), world->quantum), 0xFFFFFFFFu, term->capture, world,
                           status, node_position, listed_node, segment_list, segment_bin_start, segment_area,
                           &place) != 0;
  }
  return found;
}

void begin_deposits(uint i, __constant World *world, __global Status *status, __constant Deposition *term,
                    __global uint *depositing) {
  depositing[0] = lays_now(status, world, term);
  depositing[1] = world->stride;
}

// Each cell by its own draw; a fiber for which there is no room is not laid, nor, where fibers move, one that would not hold.
void wish_deposits(uint i, __constant World *world, __global Status *status, __constant Deposition *term,
                   __global const uint *id, __global const int4 *position, __global const float *radius,
                   __global const float *secretion, __global const float4 *polarity, __global const uint *bin_start,
                   __global const uint *chain_start, __global const int4 *node_position,
                   __global const uint *listed_node, __global const uint *segment_list,
                   __global const uint *segment_bin_start, __global const uint *segment_area,
                   __global uint *deposit_wish, __global uint *deposit_place) {
  if (!lays_now(status, world, term)) return;
  deposit_wish[i] = deposit_place[i] = 0;
  if (i >= status->cells) return;
  float time = steps_of(term->interval, world->step) * world->step;
  float4 u = uniforms(id[i], 0, status->step, FOR_DEPOSITION, world->seed);
  if (!(u.x <= -expm1(-term->rate * secretion[i] * time))) return;
  Line line = line_beside(position[i], radius[i], polarity[i].xyz, u, world, term);
  int4 begin = point_of(line, 0.0f, world, term);
  bool room = in_box(begin, world) && in_box(point_of(line, 1.0f, world, term), world);
  int pieces = (int)ceil(0.5f * term->length);  // of 2 um or less
  for (int k = 0; room && k < pieces; ++k) {
    int4 end = point_of(line, (k + 1.0f) / pieces, world, term);
    room = !in_a_cell(begin, end, world, position, radius, bin_start);
    begin = end;
  }
  int segments = chain_start[world->chains] - chain_start[world->chains - 1] - 1;  // of each in reserve
  if (room && world->moving && term->anchors)
    room = anchors_of(line, segments, world, status, term, node_position, listed_node, segment_list, segment_bin_start,
                      segment_area) >= term->anchors;
  if (room) deposit_wish[i] = deposit_place[i] = 1;
  else atomic_inc(&status->deposits_blocked);
}

void lay_chains(uint i, __constant World *world, __global Status *status, __constant Deposition *term,
                __global const uint *id, __global const int4 *position, __global const float *radius,
                __global const float4 *polarity, __global const uint *chain_start, __global const uint *deposit_wish,
                __global const uint *deposit_place, __global int4 *node_position, __global int4 *node_rest,
                __global uint *segment_area, __global uint *segment_length, __global uint2 *matrix_tally) {
  if (!lays_now(status, world, term) || !deposit_wish[i]) return;
  uint c = status->chains + deposit_place[i];
  if (c >= world->chains) return;
  float4 u = uniforms(id[i], 0, status->step, FOR_DEPOSITION, world->seed);
  Line line = line_beside(position[i], radius[i], polarity[i].xyz, u, world, term);
  uint first = chain_start[c], last = chain_start[c + 1] - 1;
  for (uint n = first; n <= last; ++n) {
    node_position[n] = node_rest[n] = point_of(line, (float)(n - first) / (last - first), world, term);
    if (n == first) continue;
    uint s = n - 1 - c;
    double3 e = exact_separation(node_position[n], node_position[n - 1], world->quantum);
    segment_area[s] = 16777216u;
    segment_length[s] = convert_uint_rte(4096.0 * sqrt(square(e)));
    add_count(matrix_tally + DEPOSITED, (ulong)segment_length[s] << 24);
  }
}

// What has just been laid is whole, and still counts as in reserve.
static inline bool just_laid(uint s, __global const int2 *segment_nodes, __global const uint *segment_area,
                             __global const Status *status) {
  return IN_RESERVE(segment_nodes[s].x - s) && segment_area[s];
}

// Straight, at rest, and told in the frame that its chain has been given (any will do).
void rest_chains(uint s, __constant World *world, __global Status *status, __constant Deposition *term,
                 __global const int4 *node_position, __global const int2 *segment_nodes,
                 __global const uint *segment_area, __global const uint *segment_fiber,
                 __global const double4 *fiber_frame, __global double *segment_rest, __global float *segment_inverse,
                 __global double4 *segment_course, __global uint *fiber_awake) {
  if (!lays_now(status, world, term) || !just_laid(s, segment_nodes, segment_area, status)) return;
  int2 nodes = segment_nodes[s];
  double3 e = exact_separation(node_position[nodes.y], node_position[nodes.x], world->quantum);
  double rest = sqrt(square(e));
  segment_rest[s] = rest;
  segment_inverse[s] = (float)(1.0 / rest);
  segment_course[s] = (double4)(matrix_times(turned(load_frame(fiber_frame, segment_fiber[s])), e / rest), 0.0);
  atomic_max(&fiber_awake[segment_fiber[s]], 1u);
}

void bind_chains(uint x, __constant World *world, __global Status *status, __constant Deposition *term,
                 __global const int4 *node_position, __global const int2 *segment_nodes,
                 __global const uint *listed_node, __global const uint *segment_list,
                 __global const uint *segment_bin_start, __global const uint *segment_area,
                 __global const double *segment_rest, __global const uint *segment_fiber,
                 __global const double4 *fiber_frame, __global uint2 *crosslink_segments,
                 __global uint *crosslink_bound, __global float2 *crosslink_at, __global double4 *crosslink_rest,
                 __global double4 *crosslink_turn, __global uint *fiber_awake) {
  if (!lays_now(status, world, term)) return;
  if (!just_laid(crosslink_segments[x].x, segment_nodes, segment_area, status)) return;
  uint found = bind_site(x, term->capture, world, status, node_position, segment_nodes, listed_node, segment_list,
                         segment_bin_start, segment_area, segment_rest, segment_fiber, fiber_frame,
                         crosslink_segments, crosslink_bound, crosslink_at, crosslink_rest, crosslink_turn);
  if (found) atomic_max(&fiber_awake[segment_fiber[found - 1]], 1u);
}

// New fibers are in the lists of crosslinks and fibers in this step, and in the bins of segments in the next.
void end_deposits(uint i, __constant World *world, __global Status *status, __constant Deposition *term,
                  __global const uint *deposit_wish, __global const uint *deposit_place, __global uint *depositing) {
  depositing[0] = 0;
  if (!lays_now(status, world, term)) return;
  uint last = world->stride - 1, wishes = deposit_place[last] + deposit_wish[last];
  uint laid = min(wishes, world->chains - status->chains);
  status->chains += laid;
  status->deposits_refused += wishes - laid;
  if (!laid) return;
  status->relink = 1;
  status->moved |= 1u;
  status->binned = 0;
}
