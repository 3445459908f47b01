// Contact inhibition of locomotion: dp = -w dt (I - p p) sum_j w(d_ij) n_ij, n_ij from cell i to its neighbour j.

void contact_inhibition(uint i, __constant World *world, __global Status *status, __constant ContactInhibition *term,
                        __global const int4 *position, __global const float *radius, __global const uint *neighbor,
                        __global const uint *neighbor_count, __global float4 *polarity) {
  float3 sum = 0.0f;
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint j = neighbor[list_entry(i, k, world->neighbor_rows)];
    float3 apart = separation(position[j], position[i], world->quantum);
    float d = length(apart), touch = radius[i] + radius[j];
    sum += contact_weight(d, term->near_distance * touch, term->far_distance * touch) * apart / fmax(d, 1e-6f);
  }
  polarity[i] = steered(polarity[i], -term->weight * world->step * sum);
}
