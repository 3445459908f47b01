// F_ij = -xi w(d) (v_i - v_j): touching cells resist sliding and parting; v is what earlier rounds have found.

void friction(uint i, __constant World *world, __global Status *status, __constant Friction *term,
              __global const int4 *position, __global const float *radius, __global const uint *neighbor,
              __global const uint *neighbor_count, __global const float4 *shift, __global float4 *force,
              __global half *pair_resistance) {
  float3 slid = 0.0f;
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint entry = list_entry(i, k, world->neighbor_rows), j = neighbor[entry];
    float d = length(separation(position[i], position[j], world->quantum)), touch = radius[i] + radius[j];
    float weight = contact_weight(d, term->near_distance * touch, term->far_distance * touch);
    add_pair(pair_resistance, entry, term->coefficient * weight, term->coefficient * weight);
    if (status->round) slid += weight * (shift[i].xyz - shift[j].xyz);
  }
  force[i].xyz -= term->coefficient / world->step * slid;
}
