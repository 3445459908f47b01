// Follower alignment: dp = w (I - p p) v dt, v = sum_j a_ij v_j / max(sum_j a_ij, 1), a_ij = sqrt(c_i c_j) w(d_ij);
// v_j dt is how far neighbour j moved in the last step.

void following(uint i, __constant World *world, __global Status *status, __constant Following *term,
               __global const int4 *position, __global const float *radius, __global const float *cadherin,
               __global const float4 *displacement, __global const uint *neighbor,
               __global const uint *neighbor_count, __global float4 *polarity) {
  float4 sum = 0.0f;
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint j = neighbor[list_entry(i, k, world->neighbor_rows)];
    float d = length(separation(position[j], position[i], world->quantum)), touch = radius[i] + radius[j];
    float adhesion = sqrt(cadherin[i] * cadherin[j])
                   * contact_weight(d, term->near_distance * touch, term->far_distance * touch);
    sum += adhesion * (float4)(displacement[j].xyz, 1.0f);
  }
  polarity[i] = steered(polarity[i], term->weight / fmax(sum.w, 1.0f) * sum.xyz);
}
