// dp = (I - p p) [ sqrt(dt/P) xi + w v dt ], then |p| = 1: persistence P, turning towards the cell's own recent velocity v.

void turn(uint i, __constant World *world, __global Status *status, __constant Polarity *term,
              __global const uint *id, __global const float4 *displacement, __global float4 *polarity,
              __global float4 *smoothed_velocity) {
  float3 p = polarity[i].xyz, v = smoothed_velocity[i].xyz;
  v += -expm1(-world->step / term->memory) * (displacement[i].xyz / world->step - v);
  float3 xi = normals(id[i], 0, status->step, FOR_POLARITY, world->seed);
  float3 turn = sqrt(world->step / term->persistence) * xi + term->feedback * world->step * v;
  polarity[i] = (float4)(normalize(p + turn - dot(turn, p) * p), 0.0f);
  smoothed_velocity[i] = (float4)(v, 0.0f);
}
