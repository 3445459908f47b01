// Cells in blood hold each other where they are nearest, along their bodies: F = k x over the stretch x > 0 of a bond, and k_c
// x/(1 + x/r), up to ten times k_c x, where they are pressed on each other. Their axes are r + x apart: r is the sum w of
// their radii, and (1 - f) w where they hold each other, as they are flattened where they touch. Bonds form on contact and
// break at k_0 exp(F/F_b), or where another cell has come between. Fronts do the work for both ends; each cell keeps its own
// copy of a bond, and both are updated from the same numbers.
#define FOR_BOND 11  // behind those of random.h
#define NO_BOND 0xFFFFFFFFu

// The nearest ends of two cells: rows. A pair of cells is looked at where a list has these two.
typedef struct { uint own, other; } Nearest;

static inline Nearest nearest_ends(uint i, uint j, __constant World *world, __global const uint *id,
                                   __global const int4 *position, __global const float *radius,
                                   __global const uint *end_of, __global const uint *end_row,
                                   __global const float *end_radius) {
  uint own[2] = {front_of(i, end_of, end_row), rear_of(i, end_of, end_row)};
  uint other[2] = {front_of(j, end_of, end_row), rear_of(j, end_of, end_row)};
  Nearest best = {own[0], other[0]};
  if (!end_of[i] && !end_of[j]) return best;
  float least = INFINITY;
  for (uint a = 0; a < 2; ++a)
    for (uint b = 0; b < 2; ++b) {
      float gap = length(separation(position[own[a]], position[other[b]], world->quantum)) -
                  (width_of(own[a], end_of, radius, end_radius) + width_of(other[b], end_of, radius, end_radius));
      uint sum = id[own[a]] + id[other[b]], before = id[best.own] + id[best.other];
      bool first = min(id[own[a]], id[other[b]]) < min(id[best.own], id[best.other]);
      if (gap < least || (gap == least && (sum < before || (sum == before && first)))) {
        best.own = own[a], best.other = other[b], least = gap;
      }
    }
  return best;
}

// Two cells in the order of their ids, so that both find the same numbers: places from the rear end of the first.
typedef struct { Body body[2]; Touch touch; int4 origin; } Pair;

static inline Pair pair_of(uint i, uint j, bool bound, __constant Bond *term, __constant World *world,
                           __global const uint *id, __global const int4 *position, __global const float *radius,
                           __global const uint *end_of, __global const uint *end_row, __global const float *body_radius) {
  uint one = id[i] < id[j] ? i : j, two = one == i ? j : i;
  Pair p;
  p.origin = position[rear_of(one, end_of, end_row)];
  p.body[0] = body_of(one, p.origin, world, position, radius, end_of, end_row);
  p.body[1] = body_of(two, p.origin, world, position, radius, end_of, end_row);
  p.touch = touch_of(&p.body[0], &p.body[1], bound ? term->flattening : 0.0f, world, end_of, body_radius);
  return p;
}

// Whether a cell in the list of a row lies where the two of a pair would touch: they have no surface there any more.
static inline bool parted_by(uint row, const Pair *p, __constant World *world, __global const int4 *position,
                             __global const float *radius, __global const uint *end_of, __global const uint *end_row,
                             __global const float *body_radius, __global const uint *neighbor,
                             __global const uint *neighbor_count) {
  float wide = body_width(&p->body[1], p->touch.at[1], world, end_of, body_radius);
  float3 between = body_point(&p->body[1], p->touch.at[1]) + (wide + 0.5f * p->touch.gap) * p->touch.normal;
  for (uint k = 0; k < neighbor_count[row]; ++k) {
    uint third = front_of(neighbor[list_entry(row, k, world->neighbor_rows)], end_of, end_row);
    if (third == p->body[0].row || third == p->body[1].row) continue;
    Body body = body_of(third, p->origin, world, position, radius, end_of, end_row);
    float at = beside(&body, between);
    if (length(between - body_point(&body, at)) < body_width(&body, at, world, end_of, body_radius)) return true;
  }
  return false;
}

// Slots with a bond, by bits.
static inline uint slots_taken(uint i, __constant World *world, __global const uint *bond_partner) {
  uint taken = 0;
  for (uint slot = 0; slot < world->junction_slots; ++slot)
    taken |= (uint)(bond_partner[slot * world->stride + i] != 0) << slot;
  return taken;
}

// The slot of these with the bond to a partner.
static inline uint slot_of(uint key, uint i, uint taken, __constant World *world, __global const uint *bond_partner) {
  for (uint slot = 0; taken >> slot; ++slot)
    if ((taken >> slot & 1u) && bond_partner[slot * world->stride + i] == key) return slot;
  return NO_BOND;
}

// Whether two cells are spheres with a gap of more than `reach`: these need no look at their bodies.
static inline bool far_spheres(uint i, uint j, float reach, __constant World *world, __global const int4 *position,
                               __global const float *radius, __global const uint *end_of) {
  if (end_of[i] || end_of[j]) return false;
  return length(separation(position[i], position[j], world->quantum)) > radius[i] + radius[j] + reach;
}

void bind(uint i, __constant World *world, __global Status *status, __constant Bond *term, __global const uint *id,
          __global const int4 *position, __global const float *radius, __global const uint *end_of,
          __global const uint *end_row, __global const float *end_radius, __global const float *body_radius,
          __global const uint *neighbor, __global const uint *neighbor_count, __global uint *bond_partner) {
  if (!leads(i, end_of)) return;
  uint rear = rear_of(i, end_of, end_row), stride = world->stride, met = 0;
  uint taken = slots_taken(i, world, bond_partner);
  for (uint side = 0; side < (rear == i ? 1 : 2); ++side) {
    uint row = side ? rear : i;
    for (uint k = 0; k < neighbor_count[row]; ++k) {
      uint j = neighbor[list_entry(row, k, world->neighbor_rows)], partner = front_of(j, end_of, end_row);
      if (partner == i) continue;
      uint slot = taken ? slot_of(id[partner] + 1, i, taken, world, bond_partner) : NO_BOND;
      if (slot == NO_BOND && far_spheres(i, j, term->reach, world, position, radius, end_of)) continue;
      Nearest near = nearest_ends(i, j, world, id, position, radius, end_of, end_row, end_radius);
      if (near.own != row || near.other != j) continue;
      Pair pair = pair_of(i, partner, slot != NO_BOND, term, world, id, position, radius, end_of, end_row, body_radius);
      float gap = pair.touch.gap, pull = term->stiffness * fmax(pair.touch.past, 0.0f);
      float u = uniforms(min(id[i], id[partner]), max(id[i], id[partner]), status->step, FOR_BOND, world->seed).x;
      if (slot != NO_BOND) {
        float rate = term->release_rate * exp(pull / term->release_force);
        if (u <= -expm1(-rate * world->step)) continue;
        bool parted = false;
        for (uint of = 0; of < 2 && gap > term->reach && !parted; ++of)
          parted = parted_by(of ? near.other : near.own, &pair, world, position, radius, end_of, end_row, body_radius,
                             neighbor, neighbor_count);
        if (parted) continue;
        met |= 1u << slot;
      } else if (gap < term->reach && (status->step == 0 || u <= -expm1(-term->binding_rate * world->step))) {
        slot = popcount(taken & ~(taken + 1));  // the first that is free
        if (slot >= world->junction_slots) {
          atomic_inc(&status->junctions_full);
          continue;
        }
        bond_partner[slot * stride + i] = id[partner] + 1;
        taken |= 1u << slot, met |= 1u << slot;
      }
    }
  }
  for (uint slot = 0; taken >> slot; ++slot)
    if ((taken & ~met) >> slot & 1u) bond_partner[slot * stride + i] = 0;
}

void check_bonds(uint i, __constant World *world, __global Status *status, __constant Bond *term) {
  if (status->junctions_full) status->halt = 3;
}

// How much of a force at a place of a cell the end of this row bears.
static inline float share_of(uint row, const Body *body, float at, __global const uint *end_of) {
  if (!end_of[row]) return 1.0f;
  float front = front_share(body, at);
  return row == body->row ? front : 1.0f - front;
}

void bond(uint i, __constant World *world, __global Status *status, __constant Bond *term, __global const uint *id,
          __global const int4 *position, __global const float *radius, __global const uint *end_of,
          __global const uint *end_row, __global const float *end_radius, __global const float *body_radius,
          __global const uint *neighbor, __global const uint *neighbor_count, __global const uint *bond_partner,
          __global float4 *force, __global half *pair_resistance) {
  if (!leads(i, end_of)) return;
  uint rear = rear_of(i, end_of, end_row);
  uint taken = slots_taken(i, world, bond_partner);
  for (uint side = 0; side < (rear == i ? 1 : 2); ++side) {
    uint row = side ? rear : i, mate = side ? i : rear;
    for (uint k = 0; k < neighbor_count[row]; ++k) {
      uint entry = list_entry(row, k, world->neighbor_rows), j = neighbor[entry], partner = front_of(j, end_of, end_row);
      if (partner == i) continue;
      bool bound = taken && slot_of(id[partner] + 1, i, taken, world, bond_partner) != NO_BOND;
      if (!bound && far_spheres(i, j, 0.0f, world, position, radius, end_of)) continue;
      Nearest near = nearest_ends(i, j, world, id, position, radius, end_of, end_row, end_radius);
      Pair pair = pair_of(i, partner, bound, term, world, id, position, radius, end_of, end_row, body_radius);
      float past = pair.touch.past;
      if (past > 0.0f && !bound) continue;
      float left = fmax(1.0f + fmin(past, 0.0f) / pair.touch.apart, 0.1f);  // of the way between the axes
      float stiffness = past > 0.0f ? term->stiffness : term->contact_stiffness / left;
      float slope = left > 0.1f ? stiffness / left : stiffness;
      uint first = pair.body[0].row == i ? 0 : 1;
      float own = share_of(row, &pair.body[first], pair.touch.at[first], end_of);
      float other = share_of(j, &pair.body[1 - first], pair.touch.at[1 - first], end_of);
      add_pair(pair_resistance, entry, (world->step * slope + term->friction) * own * other, 0.0f);
      if (near.own != row || near.other != j) continue;
      float3 f = (first ? stiffness : -stiffness) * past * pair.touch.normal;
      force[row].xyz += own * f;
      if (mate != row) force[mate].xyz += (1.0f - own) * f;
    }
  }
}
