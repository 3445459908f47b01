// Collagen that cells take away in front of them: length in reach times rate, summed over cells as integers (2^-24 of the
// area of a whole fiber); then segments thin, and those that are too thin are cut.

static inline bool cuts_now(__global const Status *status, __constant World *world, __constant Proteolysis *term) {
  return (status->step + 1) % steps_of(term->interval, world->step) == 0;
}

void lyse(uint i, __constant World *world, __global Status *status, __constant Proteolysis *term,
          __global const int4 *position, __global const float *radius, __global const float *mmp,
          __global const float4 *polarity, __global const int4 *node_position, __global const uint *listed_node,
          __global const uint *segment_list, __global const uint *segment_bin_start,
          __global const uint *segment_area, __global uint *segment_lysis) {
  if (!cuts_now(status, world, term)) return;
  __constant Grid *grid = &world->segment_grid;
  float3 front = polarity[i].xyz;
  int4 centre = moved(position[i], term->sideways * across(front), world->quantum), home = bin_of_position(centre, grid);
  float reach = radius[i] + term->reach, time = steps_of(term->interval, world->step) * world->step;
  float most = fmin(term->rate * mmp[i] * time, 1.0f);
  Span near = bins_around(home, reach + SEGMENT_REACH, world->segment_bins_per_um, grid);
  EACH_NEAR(k, home, near, grid, segment_bin_start) {
    uint n = listed_node[k], s = segment_list[k];
    float3 a = separation(node_position[n], centre, world->quantum);
    float3 e = separation(node_position[n + 1], node_position[n], world->quantum);
    float2 part = in_front(inside_sphere(a, e, reach), a, e, front);
    if (part.y > part.x && segment_area[s])
      atomic_add(&segment_lysis[s], convert_uint_rte(16777216.0f * most * (part.y - part.x)));
  }
}

// Fibers that are thinned bear their load otherwise.
void wake_thinned(uint s, __constant World *world, __global Status *status, __constant Proteolysis *term,
                  __global const uint *segment_lysis, __global const uint *segment_fiber,
                  __global uint *fiber_awake) {
  if (cuts_now(status, world, term) && segment_lysis[s]) atomic_max(&fiber_awake[segment_fiber[s]], 1u);
}

void thin(uint s, __constant World *world, __global Status *status, __constant Proteolysis *term,
          __global const uint *segment_length, __global uint *segment_area, __global uint *segment_lysis,
          __global uint2 *matrix_tally) {
  uint area = segment_area[s], taken = min(segment_lysis[s], area);
  if (!cuts_now(status, world, term) || !segment_lysis[s]) return;
  segment_lysis[s] = 0;
  uint left = area - taken;
  if (taken && left < (uint)(term->severed * 16777216.0f)) {
    taken = area, left = 0;
    atomic_or(&status->relink, 1u);
  }
  segment_area[s] = left;
  add_count(matrix_tally + TAKEN_BY_CELLS, (ulong)taken * segment_length[s]);
}
