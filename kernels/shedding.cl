// Integrins in whole numbers: links that let go leave a share q/(1 + q), q = q0 exp(F/F_q), of theirs on the fiber;
// these decay; the cell makes new ones. Runs behind the solve, and compares links with those of the step before.
enum { AT_START, DEGRADED, SYNTHESISED, LEFT_BEHIND, TAKEN_BACK };

// A whole number whose mean is x, at most n; u is uniform in (0, 1].
static inline uint whole_number(float x, uint n, float u) {
  x = fmax(x, 0.0f);  // and of what is no number, 0
  float low = floor(x);
  return min((uint)low + (u <= x - low ? 1u : 0u), n);
}

static inline bool now(__global const Status *status, __constant World *world, __constant Shedding *term) {
  return (status->step + 1) % steps_of(term->interval, world->step) == 0;
}

// Number that a cell makes up for: rounded to even, as on the host.
static inline uint complete(__constant Shedding *term, float level) {
  return convert_uint_sat_rte((float)term->per_cell * level);
}

static inline float share_left(__constant Shedding *term, float tension) {
  float q = term->ripping_ratio;
  return q > 0.0f ? 1.0f / (1.0f + exp(-tension / term->ripping_force) / q) : 0.0f;
}

void part_integrins(uint i, __constant World *world, __global Status *status, __constant Shedding *term,
                    __global const uint *id, __global const float *integrin, __global const uint *departed,
                    __global const uint *link_segment, __global const float *link_at, __global const float *link_force,
                    __global uint *integrin_owner, __global uint *integrin_surface, __global uint *anchored,
                    __global uint *anchored_segment, __global float *anchored_at, __global float *anchored_force,
                    __global uint *segment_shed, __global uint2 *integrin_tally) {
  uint surface = integrin_surface[i], left = 0, back = 0;
  if (integrin_owner[i] != id[i] + 1) {  // born in this step
    integrin_owner[i] = id[i] + 1;
    surface = complete(term, integrin[i]);
    add_count(integrin_tally + SYNTHESISED, surface);
  }
  for (uint slot = 0; slot < world->link_slots; ++slot) {
    uint here = slot * world->stride + i, segment = departed[i] ? 0 : link_segment[here];
    uint before = anchored_segment[here], n = anchored[here];
    bool bound = segment == before && link_at[here] == anchored_at[here];
    if (before && !bound) {
      float u = uniforms(id[i], slot, status->step, FOR_SHEDDING, world->seed).x;
      // an obstacle keeps none
      float share = before > world->segments ? 0.0f : share_left(term, anchored_force[here]);
      uint stay = whole_number(n * share, n, u);
      if (stay) atomic_add(&segment_shed[before - 1], stay);
      surface += n - stay, left += stay, back += n - stay;
    }
    if (!bound || !segment) {
      n = segment ? min((uint)term->per_link, surface) : 0;
      surface -= n;
    }
    anchored[here] = n;
    anchored_segment[here] = segment;
    anchored_at[here] = segment ? link_at[here] : 0.0f;
    anchored_force[here] = segment ? link_force[here] : 0.0f;
  }
  integrin_surface[i] = surface;
  if (left) add_count(integrin_tally + LEFT_BEHIND, left);
  if (back) add_count(integrin_tally + TAKEN_BACK, back);
}

void synthesise(uint i, __constant World *world, __global Status *status, __constant Shedding *term,
                __global const uint *id, __global const float *integrin, __global const uint *departed,
                __global const uint *anchored, __global uint *integrin_surface, __global uint2 *integrin_tally) {
  if (!now(status, world, term) || departed[i]) return;
  uint have = integrin_surface[i], wanted = complete(term, integrin[i]);
  for (uint slot = 0; slot < world->link_slots; ++slot) have += anchored[slot * world->stride + i];
  if (have >= wanted) return;
  float time = steps_of(term->interval, world->step) * world->step;
  float u = uniforms(id[i], 0, status->step, FOR_SYNTHESIS, world->seed).x;
  uint made = whole_number((wanted - have) * -expm1(-term->synthesis_rate * time), wanted - have, u);
  integrin_surface[i] += made;
  if (made) add_count(integrin_tally + SYNTHESISED, made);
}

void decay_shed(uint s, __constant World *world, __global Status *status, __constant Shedding *term,
                __global const uint *segment_area, __global uint *segment_shed, __global uint2 *integrin_tally) {
  uint n = segment_shed[s], lost = n;
  if (!n) return;
  if (segment_area[s]) {
    if (!now(status, world, term)) return;
    float time = steps_of(term->interval, world->step) * world->step;
    float u = uniforms(s, 0, status->step, FOR_DECAY, world->seed).x;
    lost = whole_number(n * -expm1(-term->decay_rate * time), n, u);
  }
  segment_shed[s] = n - lost;
  if (lost) add_count(integrin_tally + DEGRADED, lost);
}
