// F = -k (z - z0): a spring to a plane.

void tether(uint i, __constant World *world, __global Status *status, __constant Tether *term,
            __global const int4 *position, __global float4 *force, __global float *resistance) {
  float z = (float)((uint)position[i].z - (uint)world->face_low[2]) * world->quantum[2];
  force[i].z -= term->stiffness * (z - term->height);
  resistance[2 * world->stride + i] += world->step * term->stiffness;
}
