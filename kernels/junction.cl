// Cadherin junctions that mature, and saturate with a cell's coverage: E = -1/2 sum_i rho_i h(q_i),
// q_i = sum_j b w, rho_i = sum_j eps_ij sqrt(c_i c_j) b w, h = g(q)/q, g' = 1/(1 + exp((q - q_s)/dq)).
// Each side of a pair keeps its own copy of (young, mature); both are updated from symmetric data only.
#define NO_SLOT 255

static inline float bound_share(uint i, uint slot, uint stride, __constant Junction *term, __global const float *young,
                         __global const float *mature) {
  float full = term->initial_force + term->mature_force;
  return (term->initial_force * young[slot * stride + i] + term->mature_force * mature[slot * stride + i]) / full;
}

// Slots of the new list entries; slots whose partner is out of reach are freed.
void find_slots(uint i, __constant World *world, __global Status *status, __constant Junction *term,
                __global const uint *id, __global const uint *neighbor, __global const uint *neighbor_count,
                __global uchar *pair_slot, __global uint *junction_partner) {
  uint used = 0, stride = world->stride;
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint entry = list_entry(i, k, world->neighbor_rows), partner = id[neighbor[entry]] + 1, slot = 0;
    while (slot < world->junction_slots && junction_partner[slot * stride + i] != partner) ++slot;
    pair_slot[entry] = slot < world->junction_slots ? slot : NO_SLOT;
    if (slot < world->junction_slots) used |= 1u << slot;
  }
  for (uint slot = 0; slot < world->junction_slots; ++slot)
    if (!(used >> slot & 1u)) junction_partner[slot * stride + i] = 0;
}

void mature(uint i, __constant World *world, __global Status *status, __constant Junction *term,
            __global const uint *id, __global const int4 *position, __global const float *radius,
            __global const uint *neighbor, __global const uint *neighbor_count, __global uint *junction_partner,
            __global float *junction_young, __global float *junction_mature, __global uchar *pair_slot) {
  uint stride = world->stride;
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint entry = list_entry(i, k, world->neighbor_rows), j = neighbor[entry], slot = pair_slot[entry];
    float d = length(separation(position[i], position[j], world->quantum)), touch = radius[i] + radius[j];
    if (slot != NO_SLOT && d > term->far_distance * touch) {
      junction_partner[slot * stride + i] = 0;
      pair_slot[entry] = NO_SLOT;
    }
    if (d > term->on_distance * touch) continue;
    if (slot == NO_SLOT) {
      for (slot = 0; slot < world->junction_slots && junction_partner[slot * stride + i]; ++slot) {}
      if (slot == world->junction_slots) {
        atomic_inc(&status->junctions_full);
        break;
      }
      pair_slot[entry] = slot;
      junction_partner[slot * stride + i] = id[j] + 1;
      junction_young[slot * stride + i] = junction_mature[slot * stride + i] = 0.0f;
    }
    uint here = slot * stride + i;
    float young = junction_young[here], grown = junction_mature[here];
    junction_young[here] = young + (1.0f - young) * -expm1(-world->step / term->initial_time);
    junction_mature[here] = grown + (junction_young[here] - grown) * -expm1(-world->step / term->mature_time);
  }
}

// In a kernel of its own, so that all such cells are counted and none is skipped by a halt that another one sets.
void check_slots(uint i, __constant World *world, __global Status *status, __constant Junction *term) {
  if (status->junctions_full) status->halt = 3;
}

// Per cell: q, rho, h(q), h'(q).
void cover(uint i, __constant World *world, __global Status *status, __constant Junction *term,
           __global const int4 *position, __global const float *radius, __global const float *cadherin,
           __global const uint *neighbor, __global const uint *neighbor_count, __global const uchar *pair_slot,
           __global const float *junction_young, __global const float *junction_mature, __global float4 *coverage) {
  float q = 0, rho = 0, full = term->initial_force + term->mature_force;
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint entry = list_entry(i, k, world->neighbor_rows), j = neighbor[entry];
    if (pair_slot[entry] == NO_SLOT) continue;
    float d = length(separation(position[i], position[j], world->quantum)), touch = radius[i] + radius[j];
    float near = term->near_distance * touch, far = term->far_distance * touch;
    float bound = bound_share(i, pair_slot[entry], world->stride, term, junction_young, junction_mature);
    float weight = bound * contact_weight(d, near, far);
    q += weight;
    rho += full * (far - near) / 1.5f * sqrt(cadherin[i] * cadherin[j]) * weight;
  }
  float x = (q - term->saturation) / term->saturation_width, empty = -term->saturation / term->saturation_width;
  float slope = 1.0f / (1.0f + exp(x));
  float g = q - term->saturation_width * (fmax(x, 0.0f) + log1p(exp(-fabs(x))) - log1p(exp(empty)));
  float h = q > 1e-3f ? g / q : 1.0f, dh = q > 1e-3f ? (slope - h) / q : 0.0f;
  coverage[i] = (float4)(q, rho, h, dh);
}

void junction(uint i, __constant World *world, __global Status *status, __constant Junction *term,
              __global const int4 *position, __global const float *radius, __global const float *cadherin,
              __global const uint *neighbor, __global const uint *neighbor_count, __global const uchar *pair_slot,
              __global const float *junction_young, __global const float *junction_mature,
              __global const float4 *coverage, __global float4 *force, __global half *pair_resistance) {
  float3 sum = 0.0f;
  float full = term->initial_force + term->mature_force;
  float4 own = coverage[i];
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint entry = list_entry(i, k, world->neighbor_rows), j = neighbor[entry];
    if (pair_slot[entry] == NO_SLOT) continue;
    float3 r = separation(position[i], position[j], world->quantum);
    float d = length(r), touch = radius[i] + radius[j];
    float near = term->near_distance * touch, width = (term->far_distance - term->near_distance) * touch;
    float u = (d - near) / width;
    if (u <= 0.0f || u >= 1.0f) continue;
    float bound = bound_share(i, pair_slot[entry], world->stride, term, junction_young, junction_mature);
    float4 other = coverage[j];
    float energy = full * width / 1.5f * sqrt(cadherin[i] * cadherin[j]);
    float shared = energy * (own.z + other.z) + (own.y * own.w + other.y * other.w);
    float scale = 0.5f * bound * shared / width;
    float pull = scale * 6.0f * u * (1.0f - u);
    sum -= pull / d * r;
    add_pair(pair_resistance, entry, world->step * fmax(scale * 6.0f * (1.0f - 2.0f * u) / width, 0.0f),
             world->step * fmax(pull, 0.0f) / d);
  }
  force[i].xyz += sum;
}
