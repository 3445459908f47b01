// F = f on each node.

void pull_nodes(uint i, __constant World *world, __global Status *status, __constant Pull *term,
                __global const float4 *node_pull, __global uint2 *node_force) {
  add_force(node_force, i, world->nodes, node_pull[i].xyz);
}
