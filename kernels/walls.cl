// F = k (R - h)+ away from each wall of the box, h the distance of the centre from the wall; reaction on the wall.

void release_walls(uint i, __constant World *world, __global Status *status, __constant Walls *term,
                   __global uint2 *anchor_force) {
  for (uint entry = 0; entry < 18; ++entry) anchor_force[entry] = (uint2)(0, 0);
}

void walls(uint i, __constant World *world, __global Status *status, __constant Walls *term,
           __global const int4 *position, __global const float *radius, __global float4 *force,
           __global float *resistance, __global uint2 *anchor_force) {
  int where[3] = {position[i].x, position[i].y, position[i].z};
  float push[3] = {0, 0, 0};
  for (int face = 0; face < 6; ++face) {
    int axis = face / 2, sign = face % 2 ? -1 : 1;
    if (world->boundary[axis] != 1) continue;
    int wall = sign > 0 ? world->face_low[axis] : world->face_high[axis];
    float height = sign * (float)(where[axis] - wall) * world->quantum[axis];
    float load = term->stiffness * fmax(radius[i] - height, 0.0f);
    if (load <= 0.0f) continue;
    push[axis] += sign * load;
    resistance[axis * world->stride + i] += world->step * term->stiffness;
    add_fixed(anchor_force + axis * 6 + face, -(double)(sign * load));
  }
  force[i].xyz += (float3)(push[0], push[1], push[2]);
}
