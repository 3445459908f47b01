// The wall of vessels: signed distance of a point to a closed surface of triangles, below 0 in the lumen, with what is
// nearest. physim/wall_lists.py makes the arrays: an octree whose leaves near the wall list the triangles that can be
// nearest to a point in them, by their distance from the middle. Needs triangle.h.
//
// wall_grid[0]: lower corner and side of the cells of the octree's root, um, their numbers, 0; [1]: band in the lumen
// and outside of it, slack, um.
// wall_node: first of eight children, or 0; first entry; entries; signed distance of the middle, um, bits of a float.
// wall_entry: triangle; its distance from the middle of the leaf, um, rounded down to the upper 16 bits of a float, and the
// direction there in the lower 16: the triangle, being convex, is no nearer along it.
// wall_triangle: three corners, quanta (and, as fourth numbers, triangle as it was given, patch, port); unit normal
// and the longer edge from the first corner, um, bits of floats: together one line of a cache.
// wall_pseudo: unit normals of the edges opposite to the corners, and of the corners: sums over triangles, by angles at
// corners. By these a point is inside or outside, which by normals of triangles alone it is not (Baerentzen & Aanaes,
// IEEE Trans Vis Comput Graph 11:243, 2005).
#define NO_TRIANGLE 0xFFFFFFFFu
#define DISTANCE_BITS 0xFFFF0000u
#define NO_DIRECTION 0xFFFFu
#define TURNED 0.018f  // more than the 0.0165 by which a direction of 16 bits may be off

// Beyond the band only the sign is exact: there the distance is a lower bound of its size, and there is no triangle.
typedef struct {
  float distance;   // um, below 0 in the lumen
  float3 normal;    // unit vector out of the lumen, the gradient of the distance
  float3 offset;    // from the point to the nearest one of the wall, um
  uint triangle;    // as it was given; NO_TRIANGLE where the wall is beyond the band
  int patch, port;  // -1 for none
} Wall;

// The nearest so far: place in wall_triangle, distance, its square and what is beyond rounding of that, shares of the
// corners, offset from the point.
typedef struct { uint place; float length, square, beyond; float3 shares, offset; } Nearest;

// A unit vector on 16 bits: unfolded from an octahedron onto a square of 255 x 255.
static inline uint packed_direction(float3 u) {
  float3 p = u / (fabs(u.x) + fabs(u.y) + fabs(u.z));
  float2 q = p.z >= 0.0f ? p.xy : (1.0f - fabs(p.yx)) * (float2)(p.x < 0.0f ? -1.0f : 1.0f, p.y < 0.0f ? -1.0f : 1.0f);
  uint2 k = convert_uint2_rte(clamp(127.0f * (q + 1.0f), (float2)(0.0f), (float2)(254.0f)));
  return k.x | k.y << 8;
}

// Along that direction, of no particular length.
static inline float3 direction_of(uint packed) {
  float2 q = (float2)((float)(packed & 255u), (float)(packed >> 8 & 255u)) * (1.0f / 127.0f) - 1.0f;
  float z = 1.0f - fabs(q.x) - fabs(q.y), fold = fmax(-z, 0.0f);
  return (float3)(q.x + (q.x < 0.0f ? fold : -fold), q.y + (q.y < 0.0f ? fold : -fold), z);
}

// Whether the triangle of an entry is surely farther than `length` from a point, which is `way` from the middle of the leaf,
// `away` far with slack: p.u >= t on the triangle, and |u' - u| < TURNED, so that it is if way.u' is below `most`.
static inline bool beyond_entry(uint entry, float length, float3 way, float away, float slack) {
  float t = as_float(entry & DISTANCE_BITS);
  if ((entry & ~DISTANCE_BITS) == NO_DIRECTION) return t - away > length;
  float most = t - TURNED * away - (1.0f + TURNED) * (length + slack);
  float3 u = direction_of(entry & ~DISTANCE_BITS);
  float along = dot(way, u), square = most * most * dot(u, u);
  return most > 0.0f ? along < 0.0f || along * along < square : along < 0.0f && along * along > square;
}

static inline Nearest nothing_near(void) {
  Nearest none = {NO_TRIANGLE, INFINITY, INFINITY, INFINITY, (float3)(0.0f), (float3)(0.0f)};
  return none;
}

// From the origin to the nearest point of a triangle with this unit normal. It is sought from the foot in the plane:
// from afar, small triangles would drown in rounding.
static inline float3 offset_to(float3 a, float3 b, float3 c, float3 normal, float3 *shares) {
  float3 up = dot(normal, a) * normal;
  a -= up, b -= up, c -= up;
  *shares = nearest_in_triangle(a, b, c);
  return up + shares->x * a + shares->y * b + shares->z * c;
}

// Lower bound of the square of the distance to a triangle of this normal and longer edge from its corner a.
static inline float least_square(float3 a, float4 face) {
  float up = dot(face.xyz, a), aside = fmax(length(a - up * face.xyz) - face.w, 0.0f);
  return up * up + aside * aside;
}

// From the point b to a corner a, um, to a quantum. Halves do not wrap, as `separation` does: a wall does not reach
// through a periodic face.
static inline float3 reach_of(int4 a, int4 b, const __constant float *quantum) {
  return convert_float3((a.xyz >> 1) - (b.xyz >> 1)) * (2.0f * (float3)(quantum[0], quantum[1], quantum[2]));
}

static inline void improve(Nearest *best, uint place, float3 a, float3 b, float3 c, float3 normal) {
  float3 shares, offset = offset_to(a, b, c, normal, &shares);
  float square = dot(offset, offset);
  if (square > best->square || (square == best->square && place > best->place)) return;
  best->place = place;
  best->square = square;
  best->length = sqrt(square);
  best->beyond = (best->length + 1e-6f) * (best->length + 1e-6f);
  best->shares = shares;
  best->offset = offset;
}

static inline void look_at(uint place, int4 point, const __constant float *quantum, __global const int4 *wall_triangle,
                           Nearest *best) {
  __global const int4 *corner = wall_triangle + 4 * place;
  float4 face = as_float4(corner[3]);
  float3 a = reach_of(corner[0], point, quantum);
  if (least_square(a, face) > best->beyond) return;
  float3 b = reach_of(corner[1], point, quantum), c = reach_of(corner[2], point, quantum);
  improve(best, place, a, b, c, face.xyz);
}

// Normal of the part of the triangle, inner, edge or corner, in which the nearest point is.
static inline float3 normal_at(const Nearest *near, __global const int4 *wall_triangle,
                               __global const float4 *wall_pseudo) {
  bool a = near->shares.x > 0.0f, b = near->shares.y > 0.0f, c = near->shares.z > 0.0f;
  if (a && b && c) return as_float4(wall_triangle[4 * near->place + 3]).xyz;
  uint part = b && c ? 0 : a && c ? 1 : a && b ? 2 : a ? 3 : b ? 4 : 5;
  return wall_pseudo[6 * near->place + part].xyz;
}

static inline float signed_distance(const Nearest *near, float3 normal) {
  return copysign(near->length, -dot(near->offset, normal));
}

// What is nearest of the wall, if it is nearer than `reach`. If not, there is no triangle, and where the point is surely in
// the lumen the distance is -reach: a bound of its size, which costs less.
static inline Wall wall_within(float reach, int4 point, const __constant float *quantum,
                               __global const float8 *wall_grid, __global const int4 *wall_node,
                               __global const uint2 *wall_entry, __global const int4 *wall_triangle,
                               __global const float4 *wall_pseudo) {
  Wall wall = {0.0f, (float3)(0.0f), (float3)(0.0f), NO_TRIANGLE, -1, -1};
  float8 grid = wall_grid[0];
  float2 band = wall_grid[1].s01;
  float slack = wall_grid[1].s2, side = grid.s3;
  float3 x = separation(point, (int4)(0), quantum) - grid.s012, size = side * grid.s456;
  float3 over = fmax(fmax(-x, x - size), (float3)(0.0f));
  if (dot(over, over) > 0.0f) {
    wall.distance = band.y + length(over);
    return wall;
  }
  float3 cell = fmin(floor(x / side), grid.s456 - 1.0f);
  int4 node = wall_node[(uint)((cell.z * grid.s5 + cell.y) * grid.s4 + cell.x)];
  x -= side * cell;
  while (node.x) {
    side *= 0.5f;
    bool right = x.x >= side, back = x.y >= side, top = x.z >= side;
    x -= side * (float3)(right, back, top);
    node = wall_node[node.x + right + 2 * back + 4 * top];
  }
  float3 way = x - 0.5f * side;
  float away = length(way) + slack, middle = as_float(node.w);
  if (!node.z) {
    wall.distance = copysign(fmax(fabs(middle) - away, middle < 0.0f ? band.x : band.y), middle);
    return wall;
  }
  bool inside = middle + away <= reach;  // as the distance differs by no more than the way to the middle
  if (middle + away < -reach - 1e-6f) {
    wall.distance = -reach;
    return wall;
  }
  Nearest near = nothing_near();
  if (inside) near.length = reach, near.square = reach * reach, near.beyond = (reach + 1e-6f) * (reach + 1e-6f);
  for (int k = node.y; k < node.y + node.z; ++k) {
    uint2 entry = wall_entry[k];
    if (as_float(entry.y & DISTANCE_BITS) - away > near.length) break;  // and so are all that follow
    if (beyond_entry(entry.y, near.length, way, away, slack)) continue;
    look_at(entry.x, point, quantum, wall_triangle, &near);
  }
  if (near.place == NO_TRIANGLE) {
    wall.distance = -reach;
    return wall;
  }
  __global const int4 *found = wall_triangle + 4 * near.place;
  float3 normal = normal_at(&near, wall_triangle, wall_pseudo);
  wall.distance = signed_distance(&near, normal);
  // where the point is on the wall but for rounding, the offset has no direction
  wall.normal = fabs(wall.distance) > 1e-3f ? -near.offset / wall.distance : normal;
  wall.offset = near.offset;
  wall.triangle = (uint)found[0].w;
  wall.patch = found[1].w;
  wall.port = found[2].w;
  return wall;
}

static inline Wall nearest_wall(int4 point, const __constant float *quantum, __global const float8 *wall_grid,
                                __global const int4 *wall_node, __global const uint2 *wall_entry,
                                __global const int4 *wall_triangle, __global const float4 *wall_pseudo) {
  return wall_within(INFINITY, point, quantum, wall_grid, wall_node, wall_entry, wall_triangle, wall_pseudo);
}

// Hertz: a sphere whose centre is at this signed distance from a rigid wall, and into which that reaches by
// depth = radius + distance, is pushed into the lumen by 4/3 E* sqrt(R) depth^1.5; E* = E/(1 - nu^2), kPa = nN/um^2.
// Its stiffness is what is sure to be positive: along the normal, without what the wall's curvature does to that.
static inline float3 press_sphere(float distance, float3 normal, float radius, float modulus, Symmetric *stiffness) {
  float depth = fmax(radius + distance, 0.0f), root = sqrt(radius * depth);
  *stiffness = bond_block(normal, 2.0f * modulus * root, 0.0f);
  return -4.0f / 3.0f * modulus * root * depth * normal;
}
