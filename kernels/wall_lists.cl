// Lists of the triangles that can be nearest to a point in a cell of an octree, from the root's cells down: those of a
// cell are sought among those of the cell that it is an eighth of. First by balls around triangles (wall_ball: middle,
// um, and radius), in the leaves by the triangles themselves. Each work-item takes one cell, and writes but its own.
#define CELLS for (uint i = get_global_id(0); i < count; i += get_global_size(0))
#define EACH_OF(span, k) for (uint k = (span).x; k < (span).x + (span).y; ++k)

// From the middle of a cell, which may be out of what 32 bits hold, to a corner, um. Unlike `separation` it does not
// wrap: a wall does not reach through a periodic face.
static inline float3 to_corner(int4 corner, long4 middle, const __constant float *quantum) {
  return convert_float3(convert_long3(corner.xyz) - middle.xyz) * (float3)(quantum[0], quantum[1], quantum[2]);
}

static inline void look_from(long4 middle, uint place, const __constant float *quantum,
                             __global const int4 *wall_triangle, Nearest *best) {
  __global const int4 *corner = wall_triangle + 4 * place;
  float4 face = as_float4(corner[3]);
  float3 a = to_corner(corner[0], middle, quantum);
  if (least_square(a, face) > best->beyond) return;
  float3 b = to_corner(corner[1], middle, quantum), c = to_corner(corner[2], middle, quantum);
  improve(best, place, a, b, c, face.xyz);
}

// Less the square of the distance to one point q of the wall, that to a point t is linear in the place x from the
// middle of a cube: t^2 - q^2 - 2 x (t - q). What is in a ball is nowhere nearest if that is above 0 at all corners.
static inline bool may_be_near(float4 ball, float3 middle, float3 point, float half_side, float slack) {
  float3 q = point - middle, apart = fabs(ball.xyz - point);
  float least = fmax(length(ball.xyz - middle) - ball.w, 0.0f), other = length(q);
  float most = 2.0f * (half_side + slack) * (apart.x + apart.y + apart.z + 1.7320509f * ball.w);
  return (least - other) * (least + other) <= most + 4.0f * slack * (least + other);
}

// Middle of the ball that is nearest; whether the wall is beyond the band, else how many triangles are to be listed.
__kernel void survey_cells(__constant float *quantum, __global const float8 *wall_grid,
                           __global const int4 *wall_triangle, __global const float4 *wall_pseudo,
                           __global const float4 *wall_ball, __global const long4 *cell_middle,
                           __global const uint2 *cell_span, __global const uint *above, __global uint *nearest,
                           __global uint *listed, __global float *distance, float half_side, uint count) {
  float2 band = wall_grid[1].s01;
  float slack = wall_grid[1].s2;
  CELLS {
    uint2 span = cell_span[i];
    float3 middle = -to_corner((int4)(0), cell_middle[i], quantum);
    float upper = INFINITY, lower = INFINITY;
    EACH_OF(span, k) {
      float4 ball = wall_ball[above[k]];
      float d = length(ball.xyz - middle);
      if (d < upper) nearest[i] = above[k];
      upper = fmin(upper, d);
      lower = fmin(lower, d - ball.w);
    }
    float3 point = wall_ball[nearest[i]].xyz;
    float clear = lower - 1.7320509f * half_side - slack, middle_distance = 0.0f;
    bool far = clear > fmin(band.x, band.y);
    if (far) {
      Nearest near = nothing_near();
      EACH_OF(span, k) look_from(cell_middle[i], above[k], quantum, wall_triangle, &near);
      middle_distance = signed_distance(&near, normal_at(&near, wall_triangle, wall_pseudo));
      far = clear > (middle_distance < 0.0f ? band.x : band.y);
    }
    uint number = 0;
    if (!far) EACH_OF(span, k) number += may_be_near(wall_ball[above[k]], middle, point, half_side, slack);
    listed[i] = number;
    distance[i] = middle_distance;
  }
}

__kernel void list_triangles(__constant float *quantum, __global const float8 *wall_grid,
                             __global const float4 *wall_ball, __global const long4 *cell_middle,
                             __global const uint2 *cell_span, __global const uint *above, __global const uint *nearest,
                             __global const uint *start, __global uint *list, float half_side, uint count) {
  float slack = wall_grid[1].s2;
  CELLS {
    float3 middle = -to_corner((int4)(0), cell_middle[i], quantum), point = wall_ball[nearest[i]].xyz;
    uint place = start[i];
    EACH_OF(cell_span[i], k)
      if (may_be_near(wall_ball[above[k]], middle, point, half_side, slack)) list[place++] = above[k];
  }
}

// Whether a triangle may be nearest somewhere in a cube about the origin. The same difference for all points of it is
// the least of linear functions, which is concave: the corners decide.
static inline bool may_be_nearest(float3 a, float3 b, float3 c, float4 face, float3 point, float half_side,
                                  float margin) {
  uint toward = (a.x > point.x) + 2 * (a.y > point.y) + 4 * (a.z > point.z);  // the corner where it is most likely
  for (uint n = 0; n < 8; ++n) {
    uint k = n ^ toward;
    float3 corner = half_side * (float3)(k & 1 ? 1 : -1, k & 2 ? 1 : -1, k & 4 ? 1 : -1);
    float3 other = point - corner, shares;
    float most = dot(other, other) + margin;
    if (least_square(a - corner, face) > most) continue;
    float3 to = offset_to(a - corner, b - corner, c - corner, face.xyz, &shares);
    if (dot(to, to) <= most) return true;
  }
  return false;
}

static inline ulong key_of(uint2 entry) { return (ulong)entry.y << 32 | entry.x; }

// Heapsort by distance and triangle.
static inline void sort_entries(__global uint2 *entry, uint count) {
  for (uint first = count / 2, end = count; end > 1;) {
    uint2 moved;
    if (first) moved = entry[--first];
    else {
      moved = entry[--end];
      entry[end] = entry[0];
    }
    uint hole = first;
    for (uint next; (next = 2 * hole + 1) < end; hole = next) {
      if (next + 1 < end && key_of(entry[next + 1]) > key_of(entry[next])) ++next;
      if (key_of(entry[next]) <= key_of(moved)) break;
      entry[hole] = entry[next];
    }
    entry[hole] = moved;
  }
}

// Of the triangles of a leaf those that may be nearest in it, in order; the signed distance of its middle.
__kernel void prune_leaves(__constant float *quantum, __global const float8 *wall_grid,
                           __global const int4 *wall_triangle, __global const float4 *wall_pseudo,
                           __global const long4 *cell_middle, __global const uint *start, __global const uint *list,
                           __global uint2 *entry, __global uint *listed, __global float *distance, float half_side,
                           uint count) {
  float slack = wall_grid[1].s2, corner = 1.7320509f * half_side + slack;
  CELLS {
    uint first = start[i], end = start[i + 1], kept = 0;
    Nearest near = nothing_near();
    for (uint k = first; k < end; ++k) look_from(cell_middle[i], list[k], quantum, wall_triangle, &near);
    float least = near.length + 2.0f * corner, margin = 4.0f * slack * least;
    for (uint k = first; k < end; ++k) {
      __global const int4 *t = wall_triangle + 4 * list[k];
      float4 face = as_float4(t[3]);
      float3 a = to_corner(t[0], cell_middle[i], quantum);
      float square = least_square(a, face);
      if (square > least * least) continue;
      float3 b = to_corner(t[1], cell_middle[i], quantum), shares;
      float3 c = to_corner(t[2], cell_middle[i], quantum);
      float3 to = offset_to(a, b, c, face.xyz, &shares);
      float d = length(to);
      if (d <= least && may_be_nearest(a, b, c, face, near.offset, half_side, margin)) {
        uint direction = d > 1e-3f ? packed_direction(to / d) : NO_DIRECTION;
        entry[first + kept++] = (uint2)(list[k], (as_uint(d) & DISTANCE_BITS) | direction);
      }
    }
    sort_entries(entry + first, kept);
    listed[i] = kept;
    distance[i] = signed_distance(&near, normal_at(&near, wall_triangle, wall_pseudo));
  }
}

__kernel void pack_entries(__global const uint *start, __global const uint *listed, __global const uint2 *entry,
                           __global const uint *packed_start, __global uint2 *packed, uint count) {
  CELLS for (uint k = 0; k < listed[i]; ++k) packed[packed_start[i] + k] = entry[start[i] + k];
}

// Signed distance, offset and triangle of each point.
__kernel void measure_walls(__constant float *quantum, __global const float8 *wall_grid, __global const int4 *wall_node,
                            __global const uint2 *wall_entry, __global const int4 *wall_triangle,
                            __global const float4 *wall_pseudo, __global const int4 *point, __global float4 *nearest,
                            __global float4 *normal, __global uint *triangle, uint count) {
  CELLS {
    Wall wall = nearest_wall(point[i], quantum, wall_grid, wall_node, wall_entry, wall_triangle, wall_pseudo);
    nearest[i] = (float4)(wall.offset, wall.distance);
    normal[i] = (float4)(wall.normal, 0.0f);
    triangle[i] = wall.triangle;
  }
}
