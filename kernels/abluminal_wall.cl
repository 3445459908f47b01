// A cell of tissue against the wall of a vessel, from outside: Hertz. Cut ends of vessels are walls too.

void abluminal_wall(uint i, __constant World *world, __global Status *status, __constant AbluminalWall *term,
                    __global const int4 *position, __global const float *radius, __global const float8 *wall_grid,
                    __global const int4 *wall_node, __global const uint2 *wall_entry,
                    __global const int4 *wall_triangle, __global const float4 *wall_pseudo, __global float4 *force,
                    __global float *resistance) {
  Wall wall = nearest_wall(position[i], world->quantum, wall_grid, wall_node, wall_entry, wall_triangle, wall_pseudo);
  if (wall.distance >= radius[i]) return;
  Symmetric stiffness;
  force[i].xyz += press_sphere(-wall.distance, -wall.normal, radius[i], term->modulus, &stiffness);
  store_symmetric(resistance, i, world->stride,
                  plus(load_symmetric(resistance, i, world->stride), scaled(stiffness, world->step)));
}
