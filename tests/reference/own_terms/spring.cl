// F = -k (z - z0), and its stiffness times a direction.

void spring(uint i, __constant World *world, __global Status *status, __constant Spring *term,
            __global const int4 *position, __global float4 *force) {
  float z = (float)((uint)position[i].z - (uint)world->face_low[2]) * world->quantum[2];
  force[i].z -= term->stiffness * (z - term->height);
}

void multiply_spring(uint i, __constant World *world, __global Status *status, __constant Spring *term,
                     __global const float4 *direction, __global float4 *product) {
  product[i].z += world->step * term->stiffness * direction[i].z;
}
