// Stiff core of a cell: F = k_r (d_c - d)+ + k_2 (d_1 - d)+^2 along the line of centres.

void contact(uint i, __constant World *world, __global Status *status, __constant Contact *term,
             __global const int4 *position, __global const float *radius, __global const uint *neighbor,
             __global const uint *neighbor_count, __global float4 *force, __global half *pair_resistance) {
  float3 sum = 0.0f;
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint entry = list_entry(i, k, world->neighbor_rows), j = neighbor[entry];
    float3 r = separation(position[i], position[j], world->quantum);
    float d = max(length(r), 1e-6f), touch = radius[i] + radius[j];
    float shallow = max(term->rest_distance * touch - d, 0.0f), deep = max(term->core_distance * touch - d, 0.0f);
    if (shallow <= 0.0f) continue;
    sum += (term->stiffness * shallow + term->core_stiffness * deep * deep) / d * r;
    add_pair(pair_resistance, entry, world->step * (term->stiffness + 2.0f * term->core_stiffness * deep), 0.0f);
  }
  force[i].xyz += sum;
}
