// dx = sqrt(2 D dt) xi: diffusion of free cells, without inertia.

void noise(uint i, __constant World *world, __global Status *status, __constant Noise *term,
           __global const uint *id, __global float4 *displacement) {
  float3 xi = normals(id[i], 0, status->step, FOR_NOISE, world->seed);
  displacement[i].xyz += sqrt(2.0f * term->diffusion * world->step) * xi;
}
