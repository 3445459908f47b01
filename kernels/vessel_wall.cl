// A cell that is one sphere, against the wall of a vessel: Hertz. kernels/elongation.cl has cells of two ends.

// Ports are open along the vessel, and round: of what closes one, only what lies across counts, as if the vessel went on.
static inline float3 wall_normal(Wall wall, float3 along) {
  return wall.port < 0 ? wall.normal : wall.normal - dot(wall.normal, along) * along;
}

void vessel_wall(uint i, __constant World *world, __global Status *status, __constant VesselWall *term,
                 __global const int4 *position, __global const float *radius, __global const float8 *wall_grid,
                 __global const int4 *wall_node, __global const uint2 *wall_entry, __global const int4 *wall_triangle,
                 __global const float4 *wall_pseudo, __global const float8 *vessel_point,
                 __global const uint *vessel_at, __global float4 *force, __global float *resistance) {
  Wall wall = wall_within(radius[i], position[i], world->quantum, wall_grid, wall_node, wall_entry, wall_triangle,
                          wall_pseudo);
  if (wall.distance <= -radius[i]) return;
  Symmetric stiffness;
  float3 normal = wall_normal(wall, vessel_point[vessel_at[i]].s012);
  force[i].xyz += press_sphere(wall.distance, normal, radius[i], term->modulus, &stiffness);
  store_symmetric(resistance, i, world->stride,
                  plus(load_symmetric(resistance, i, world->stride), scaled(stiffness, world->step)));
}

// No step takes the middle of a cell nearer to the wall than 3/4 of its radius, or than R/4 from where it was: the wall has
// pushed it before it can be on the other side, however long the step is. Along the wall and across it apart: a cell that
// slides fast would else not be pushed back.
void restrain(uint i, __constant World *world, __global Status *status, __constant VesselWall *term,
              __global const int4 *position, __global const float *radius, __global const float8 *wall_grid,
              __global const int4 *wall_node, __global const uint2 *wall_entry, __global const int4 *wall_triangle,
              __global const float4 *wall_pseudo, __global const float8 *vessel_point, __global const uint *vessel_at,
              __global float4 *shift) {
  float3 move = shift[i].xyz;
  float far = length(move), least = 0.25f * radius[i], margin = 3.0f * least;
  if (!(far > least)) return;
  Wall wall = wall_within(far + margin, position[i], world->quantum, wall_grid, wall_node, wall_entry, wall_triangle,
                          wall_pseudo);
  float most = fmax(-wall.distance - margin, least);
  float3 normal = wall_normal(wall, vessel_point[vessel_at[i]].s012);
  float share = length(normal);
  if (share < 0.1f || wall.distance <= -(far + margin) || far <= most) return;
  normal /= share;
  float out = dot(move, normal);
  float3 along = move - out * normal;
  float slide = length(along);
  shift[i].xyz = clamp(out, -most, most) * normal + (slide > most ? most / slide : 1.0f) * along;
  atomic_inc(&status->limited);
}
