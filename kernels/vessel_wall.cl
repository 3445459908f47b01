// A cell that is one sphere, against the wall of a vessel: Hertz. kernels/elongation.cl has cells of two ends.

// Ports are open along the vessel, and round: of what closes one, only what lies across counts, as if the vessel went on.
static inline float3 wall_normal(Wall wall, float3 along) {
  return wall.port < 0 ? wall.normal : wall.normal - dot(wall.normal, along) * along;
}

void vessel_wall(uint i, __constant World *world, __global Status *status, __constant VesselWall *term,
                 __global const int4 *position, __global const float *radius, __global const float8 *wall_grid,
                 __global const int4 *wall_node, __global const uint2 *wall_entry, __global const int4 *wall_triangle,
                 __global const float4 *wall_pseudo, __global const float8 *vessel_point,
                 __global const uint *vessel_at, __global float *wall_way, __global float4 *force,
                 __global float *resistance) {
  Wall wall = wall_within(radius[i], position[i], world->quantum, wall_grid, wall_node, wall_entry, wall_triangle,
                          wall_pseudo);
  wall_way[i] = -wall.distance;
  if (wall.distance <= -radius[i]) return;
  Symmetric stiffness;
  float3 normal = wall_normal(wall, vessel_point[vessel_at[i]].s012);
  force[i].xyz += press_sphere(wall.distance, normal, radius[i], term->modulus, &stiffness);
  store_symmetric(resistance, i, world->stride,
                  plus(load_symmetric(resistance, i, world->stride), scaled(stiffness, world->step)));
}

// No step takes the middle of a cell more than half of its way to the wall, nor along it by more than 0.8 of that way: in the
// ball that it stays in there is no wall, however long the step, whatever pushes. Away from the wall it moves by as much, or by
// R/4 (vessels are wider). Past ports, which are no walls, it moves by R/4 at least.
void restrain(uint i, __constant World *world, __global Status *status, __constant VesselWall *term,
              __global const int4 *position, __global const float *radius, __global const float8 *wall_grid,
              __global const int4 *wall_node, __global const uint2 *wall_entry, __global const int4 *wall_triangle,
              __global const float4 *wall_pseudo, __global const float8 *vessel_point, __global const uint *vessel_at,
              __global const float *wall_way, __global float4 *shift) {
  float3 move = shift[i].xyz;
  float far = length(move), least = 0.25f * radius[i];
  if (!world->moving && 2.0f * far <= wall_way[i]) return;  // where fibers move, it may be that of another place
  Wall wall = wall_within(2.0f * far, position[i], world->quantum, wall_grid, wall_node, wall_entry, wall_triangle,
                          wall_pseudo);
  float way = fmax(-wall.distance, 0.0f), past = wall.port < 0 ? 0.0f : least;
  if (far <= 0.5f * way || (wall.triangle == NO_TRIANGLE && wall.distance > 0.0f)) return;  // or far outside
  float3 normal = wall_normal(wall, vessel_point[vessel_at[i]].s012);
  float share = length(normal);
  if (wall.port >= 0 && share < 0.1f) return;
  if (share > 0.0f) normal /= share;  // none where the wall is farther than it is known
  float out = dot(move, normal), inward = fmax(0.5f * way, least), outward = fmax(0.5f * way, past);
  float3 along = move - out * normal;
  float slide = length(along), most = fmax(0.8f * way, past);
  if (out >= -inward && out <= outward && slide <= most) return;
  shift[i].xyz = clamp(out, -inward, outward) * normal + (slide > most ? most / slide : 1.0f) * along;
  atomic_inc(&status->limited);
}
