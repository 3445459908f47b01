// Held nodes follow a strain that grows: simple shear along x across z, and stretch along z, from the lower face of the box.

void strain(uint f, __constant World *world, __global Status *status, __constant Strain *term,
            __global const int4 *fiber_span, __global const uint *node_held, __global const int4 *node_rest,
            __global int4 *node_position, __global uint *fiber_awake) {
  if ((float)status->step * world->step >= term->duration) return;
  for (int i = fiber_span[f].x; i <= fiber_span[f].y; ++i) {
    if (!node_held[i]) continue;
    float height = (float)((uint)node_rest[i].z - (uint)world->face_low[2]) * world->quantum[2];
    float3 move = world->step * height * (float3)(term->shear_rate, 0.0f, term->stretch_rate);
    node_position[i] = moved(node_position[i], move, world->quantum);
    fiber_awake[f] = 1;
  }
}
