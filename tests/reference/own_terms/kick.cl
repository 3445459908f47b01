// F = f in a direction that is new for each cell every `hold` steps.

void kick(uint i, __constant World *world, __global Status *status, __constant Kick *term, __global const uint *id,
          __global float4 *force) {
  float4 u = uniforms(id[i], 0, status->step / (uint)term->hold, 40, world->seed);
  float z = 2.0f * u.x - 1.0f, turn = 6.2831853f * u.y, out = sqrt(fmax(1.0f - z * z, 0.0f));
  force[i].xyz += term->most * u.z * (float3)(out * cos(turn), out * sin(turn), z);
}
