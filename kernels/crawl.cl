// Crawling on neighbours: a cell pulls with f along its polarity on what it touches, equal and opposite on them,
// F_i = sum_j f w_ij (p_i/g_i - p_j/g_j), g = max(sum_j w_ij, 1).

void gather_grip(uint i, __constant World *world, __global Status *status, __constant Crawl *term,
          __global const int4 *position, __global const float *radius, __global const uint *neighbor,
          __global const uint *neighbor_count, __global float *grip) {
  float sum = 0.0f;
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint j = neighbor[list_entry(i, k, world->neighbor_rows)];
    float d = length(separation(position[i], position[j], world->quantum)), touch = radius[i] + radius[j];
    sum += contact_weight(d, term->near_distance * touch, term->far_distance * touch);
  }
  grip[i] = fmax(sum, 1.0f);
}

void crawl(uint i, __constant World *world, __global Status *status, __constant Crawl *term,
           __global const int4 *position, __global const float *radius, __global const float4 *polarity,
           __global const uint *neighbor, __global const uint *neighbor_count, __global const float *grip,
           __global float4 *force) {
  float3 sum = 0.0f, own = polarity[i].xyz / grip[i];
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint j = neighbor[list_entry(i, k, world->neighbor_rows)];
    float d = length(separation(position[i], position[j], world->quantum)), touch = radius[i] + radius[j];
    float weight = contact_weight(d, term->near_distance * touch, term->far_distance * touch);
    sum += weight * (own - polarity[j].xyz / grip[j]);
  }
  force[i].xyz += term->force * sum;
}
