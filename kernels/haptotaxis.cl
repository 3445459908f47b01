// dp = dt (I - p p) (w_l m_l + w_s m_s): towards where more ligand is, and more integrins were left, within reach;
// m = sum_s lambda_s n_s / sum_s lambda_s over segments, n_s the direction from the cell's centre to their middle.

// First moment (x, y, z) over the zeroth (w).
static inline float3 mean_direction(float4 sum) { return sum.w > 0.0f ? sum.xyz / sum.w : (float3)(0.0f); }

void haptotaxis(uint i, __constant World *world, __global Status *status, __constant Haptotaxis *term,
                __global const int4 *position, __global const float *radius, __global const int4 *node_position,
                __global const uint *listed_node, __global const uint *segment_list,
                __global const uint *segment_bin_start, __global const uint *segment_area,
                __global const uint *segment_shed, __global float4 *polarity) {
  if (term->ligand_weight == 0.0f && term->shed_weight == 0.0f) return;
  __constant Grid *grid = &world->segment_grid;
  int4 home = bin_of_position(position[i], grid);
  float reach = radius[i] + term->reach;
  float margin = world->moving ? world->skin : 0.0f;  // how far middles may have gone since they were sorted into bins
  Span near = bins_around(home, reach + margin, world->segment_bins_per_um, grid);
  float4 ligand = 0.0f, shed = 0.0f;
  EACH_NEAR(k, home, near, grid, segment_bin_start) {
    uint n = listed_node[k], s = segment_list[k];
    float3 e = separation(node_position[n + 1], node_position[n], world->quantum);
    float3 r = separation(node_position[n], position[i], world->quantum) + 0.5f * e;
    float d = length(r);
    if (d > reach || d == 0.0f || !segment_area[s]) continue;
    float4 direction = (float4)(r / d, 1.0f);
    ligand += length(e) * (float)area_of(segment_area[s]) * direction;
    shed += (float)segment_shed[s] * direction;
  }
  float3 turn = term->ligand_weight * mean_direction(ligand) + term->shed_weight * mean_direction(shed);
  polarity[i] = steered(polarity[i], world->step * turn);
}
