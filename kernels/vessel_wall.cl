// A cell that is one sphere, against the wall of a vessel: Hertz; ports are open. kernels/elongation.cl has cells of two ends.

// wall_near: normal of the wall where it is near, and um from the middle to the wall, or a lower bound of that which is more
// than moves in a step ask for.
void vessel_wall(uint i, __constant World *world, __global Status *status, __constant VesselWall *term,
                 __global const int4 *position, __global const float *radius, __global const float8 *wall_grid,
                 __global const int4 *wall_node, __global const uint2 *wall_entry, __global const int4 *wall_triangle,
                 __global const float4 *wall_pseudo, __global float4 *wall_near, __global float4 *force,
                 __global float *resistance) {
  float r = radius[i];
  Wall wall = wall_within(fmax(r, 0.75f * r + 1.0f), position[i], world->quantum, wall_grid, wall_node, wall_entry,
                          wall_triangle, wall_pseudo);
  wall_near[i] = (float4)(wall.normal, wall.port >= 0 ? INFINITY : -wall.distance);
  if (wall.port >= 0 || wall.distance <= -r) return;
  Symmetric stiffness;
  force[i].xyz += press_sphere(wall.distance, wall.normal, r, term->modulus, &stiffness);
  store_symmetric(resistance, i, world->stride,
                  plus(load_symmetric(resistance, i, world->stride), scaled(stiffness, world->step)));
}

// No step takes the middle of a cell nearer to the wall than 3/4 of its radius, or than R/4 from where it was: the wall has
// pushed it before it can be on the other side, however long the step is. Along the wall and across it apart: a cell that
// slides fast would else not be pushed back.
void restrain(uint i, __constant World *world, __global Status *status, __constant VesselWall *term,
              __global const float *radius, __global const float4 *wall_near, __global float4 *shift) {
  float most = fmax(wall_near[i].w - 0.75f * radius[i], 0.25f * radius[i]);
  float3 move = shift[i].xyz, normal = wall_near[i].xyz;
  if (!(dot(move, move) > most * most)) return;
  float out = dot(move, normal);
  float3 along = move - out * normal;
  float slide = length(along);
  shift[i].xyz = clamp(out, -most, most) * normal + (slide > most ? most / slide : 1.0f) * along;
  if (slide > most || fabs(out) > most) atomic_inc(&status->limited);
}
