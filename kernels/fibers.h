// The point at `at` (0..1) of a segment, seen from a cell's centre.
static inline float3 point_on_segment(int4 centre, int4 a, int4 b, float at, const __constant float *quantum) {
  return separation(a, centre, quantum) + at * separation(b, a, quantum);
}

// A force on that point, shared between the two nodes as a rigid segment would.
static inline void add_to_nodes(__global uint2 *node_force, int2 nodes, uint stride, float at, float3 force) {
  add_force(node_force, (uint)nodes.x, stride, (1.0f - at) * force);
  add_force(node_force, (uint)nodes.y, stride, at * force);
}

// Area of a segment over that of a whole fiber.
static inline double area_of(uint area) { return (double)area * (1.0 / 16777216.0); }

// How far from the bin of its middle a segment can reach: where fibers move, nodes have since gone by half a skin.
#define SEGMENT_REACH (as_float(status->longest_half) + (world->moving ? world->skin : 0.0f))

typedef struct { int4 low, high; } Span;

static inline int2 span_along(int home, float reach, const __constant float *bins_per_um, const __constant Grid *grid,
                              int axis) {
  int n = (int)ceil(fmin(reach * bins_per_um[axis], 1e6f)), count = grid->count[axis];
  if (!grid->periodic[axis]) return (int2)(max(-n, -home), min(n, count - 1 - home));
  return 2 * n + 1 < count ? (int2)(-n, n) : (int2)(-((count - 1) / 2), count / 2);
}

// Steps from a bin to all that a reach of so many um can touch, each bin once; add them with `bin_near`.
static inline Span bins_around(int4 home, float reach, const __constant float *bins_per_um, const __constant Grid *grid) {
  int2 x = span_along(home.x, reach, bins_per_um, grid, 0), y = span_along(home.y, reach, bins_per_um, grid, 1);
  int2 z = span_along(home.z, reach, bins_per_um, grid, 2);
  Span span = {(int4)(x.x, y.x, z.x, 0), (int4)(x.y, y.y, z.y, 0)};
  return span;
}

static inline uint bin_near(int4 home, int dx, int dy, int dz, const __constant Grid *grid) {
  return bin_index(neighbor_bin(home.x + dx, grid, 0), neighbor_bin(home.y + dy, grid, 1),
                   neighbor_bin(home.z + dz, grid, 2), grid);
}

// What lies in these bins, one after the other: k is the place of each in the list that is sorted by bins.
#define EACH_NEAR(k, home, near, grid, bin_start)                                                                  \
  for (int dz = (near).low.z; dz <= (near).high.z; ++dz)                                                          \
    for (int dy = (near).low.y; dy <= (near).high.y; ++dy)                                                        \
      for (int dx = (near).low.x; dx <= (near).high.x; ++dx)                                                      \
        for (uint bin = bin_near(home, dx, dy, dz, grid), k = (bin_start)[bin]; k < (bin_start)[bin + 1]; ++k)

// Steps from the bin `home` to all that a short reach around a position can touch.
static inline Span bins_within(int4 at, float reach, const __constant float *quantum,
                               const __constant float *bins_per_um, const __constant Grid *grid, int4 *home) {
  int4 low = bin_of_position(moved(at, (float3)(-reach), quantum), grid);
  int4 high = bin_of_position(moved(at, (float3)(reach), quantum), grid);
  int from[3] = {low.x, low.y, low.z}, to[3] = {high.x, high.y, high.z};
  for (int axis = 0; axis < 3; ++axis) {
    int count = grid->count[axis];
    if (grid->periodic[axis] && 2.0f * reach * bins_per_um[axis] > (float)(count - 2)) {
      from[axis] = 0;
      to[axis] = count - 1;
    } else if (to[axis] < from[axis]) to[axis] = grid->periodic[axis] ? to[axis] + count : from[axis];
  }
  *home = (int4)(from[0], from[1], from[2], 0);
  Span span = {(int4)(0), (int4)(to[0] - from[0], to[1] - from[1], to[2] - from[2], 0)};
  return span;
}

// Wires are pieces of obstacles, at most 1 um long, in the order of their bins.
#define WIRE_REACH(radius) (world->wires ? (radius) + 0.5f : 0.0f)

// The part [begin, end] of the segment a + t e, t in 0..1, inside a sphere about the origin; begin >= end if none.
static inline float2 inside_sphere(float3 a, float3 e, float radius) {
  float ee = dot(e, e), ae = dot(a, e), root = ae * ae - ee * (dot(a, a) - radius * radius);
  if (root <= 0.0f) return (float2)(1.0f, 0.0f);
  root = sqrt(root);
  return (float2)(fmax((-ae - root) / ee, 0.0f), fmin((-ae + root) / ee, 1.0f));
}

// Of that part, what lies in front of a plane through the origin.
static inline float2 in_front(float2 part, float3 a, float3 e, float3 front) {
  float ahead = dot(a, front), along = dot(e, front);
  if (along == 0.0f) return ahead > 0.0f ? part : (float2)(1.0f, 0.0f);
  float t = -ahead / along;
  return along > 0.0f ? (float2)(fmax(part.x, t), part.y) : (float2)(part.x, fmin(part.y, t));
}

// What happens to the matrix at intervals happens at the end of so many steps.
static inline uint steps_of(float interval, float step) { return max((uint)rint(interval / step), 1u); }

// Chains that wait to be laid down are no part of the matrix yet. Node less segment is the number of a chain.
#define IN_RESERVE(chain) ((uint)(chain) >= status->chains)

// Rows of `matrix_tally`.
enum { TAKEN_BY_CELLS, DISSOLVED_LOOSE, DEPOSITED };
