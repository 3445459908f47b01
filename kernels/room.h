// The room that walls leave a cell between two ends: at its ends and sections, on a ring of points around each.
#define RING 8

// What the wall lets the places of a cell have: mean distance across (room), its slope by the place, and what turns the
// cell; distance of the middle from the wall (gap) and the normal there, and the mean of the distances all around (fit),
// which is less than that across where the vessel narrows: the radius of a sphere that closes it.
typedef struct { float room[PLACES], gap[PLACES], fit[PLACES]; float3 slope[PLACES], turn[PLACES], normal[PLACES]; } Space;

static inline void look_around(int4 rear, float3 along, float3 axis, float widest, uint i, __constant World *world,
                               __global const float *body_radius, __global const float8 *wall_grid,
                               __global const int4 *wall_node, __global const uint2 *wall_entry,
                               __global const int4 *wall_triangle, __global const float4 *wall_pseudo, Space *space) {
  float3 first = across(axis), second = cross(axis, first);
  for (uint k = 0; k < PLACES; ++k) {
    int4 middle = moved(rear, SECTION_AT[k] * along, world->quantum);
    Wall wall = nearest_wall(middle, world->quantum, wall_grid, wall_node, wall_entry, wall_triangle, wall_pseudo);
    space->room[k] = space->fit[k] = INFINITY;
    space->gap[k] = wall.port >= 0 ? INFINITY : -wall.distance;
    space->normal[k] = wall.normal;
    space->slope[k] = space->turn[k] = (float3)(0.0f);
    if (space->gap[k] >= widest) continue;
    float a = body_radius[k * world->stride + i], sum = 0.0f, fits = 0.0f;
    float3 sides = (float3)(0.0f);
    for (uint q = 0; q < RING; ++q) {
      float angle = 6.28318531f / RING * (q + 0.5f);
      float3 out = cos(angle) * first + sin(angle) * second;
      Wall side = nearest_wall(moved(middle, a * out, world->quantum), world->quantum, wall_grid, wall_node, wall_entry,
                               wall_triangle, wall_pseudo);
      if (side.port >= 0) {
        sum += widest / RING, fits += widest / RING;
        continue;
      }
      float lean = fmax(dot(side.normal, out), 0.3f), steep = RING * lean;
      sum += a / RING - side.distance / steep;
      fits += (a * lean - side.distance) / RING;
      sides += side.normal / RING;
      space->slope[k] -= side.normal / steep;
      space->turn[k] += a * dot(side.normal, axis) / steep * out;
    }
    // where all that is near is on one side, nothing is closed
    float one_sided = clamp(5.0f * length(sides - dot(sides, axis) * axis) - 3.0f, 0.0f, 1.0f);
    space->room[k] = fmax(sum, 0.05f * widest), space->fit[k] = fmax(mix(fits, sum, one_sided), 0.05f * widest);
  }
}

// Radius that the cell has wherever the lumen is no narrower, so that its volume is that at rest.
static inline float free_radius(const Space *space, float length, float most, float volume) {
  float low = 0.0f, high = most;
  for (int step = 0; step < 30; ++step) {
    float middle = 0.5f * (low + high), sum = 0.0f;
    for (uint k = 0; k < PLACES; ++k) sum += share_of_volume(k, fmin(middle, space->room[k]), length).x;
    if (sum < volume) low = middle;
    else high = middle;
  }
  return high;
}

// Direction of a cell: from rear to front, or, as far as it is round (`lack`, um), along the vessel: there it becomes long.
// Which way along it stays what it was `before`: told by ends that are little apart, it flips to and fro at a mouth.
static inline float3 along_vessel(int4 position, float3 along, float lack, float3 before, __constant World *world,
                                  __global const float8 *lumen_grid, __global const int *lumen_block,
                                  __global const int2 *lumen_near, __global const float8 *vessel_point) {
  Lumen lumen = lumen_of(lumen_grid);
  int row = lumen_row_at(from_corner(position, world->quantum, lumen), lumen, lumen_block);
  int point = row < 0 ? -1 : lumen_near[row].x;
  float3 vessel = point < 0 ? before : vessel_point[point].s012;
  if (lack > 0.0f) along += (dot(vessel, before) < 0.0f ? -lack : lack) * vessel;
  return normalize(along);
}
