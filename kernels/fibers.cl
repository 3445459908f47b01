// Fibers held still: their nodes do not move, and the force on each of them is what its anchor would carry.

void release_nodes(uint i, __constant World *world, __global Status *status, __constant Fibers *term,
                   __global uint2 *node_force) {
  for (uint axis = 0; axis < 3; ++axis) node_force[axis * world->nodes + i] = (uint2)(0, 0);
}

void release_obstacles(uint i, __constant World *world, __global Status *status, __constant Fibers *term,
                       __global uint2 *obstacle_force) {
  for (uint row = 0; row < 3; ++row) obstacle_force[row * world->obstacles + i] = (uint2)(0, 0);
}
