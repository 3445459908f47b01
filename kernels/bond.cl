// Cells in blood hold each other where they are nearest, end to end where they are long: F = k g over the gap g of a bond,
// and k_c g where they overlap. Bonds form on contact and break at k_0 exp(F/F_b). Fronts do the work for both ends; each
// cell keeps its own copy of a bond, and both are updated from the same numbers.
#define FOR_BOND 11  // behind those of random.h
#define NO_BOND 0xFFFFFFFFu

// The nearest ends of two cells: rows, and the gap between them.
typedef struct { uint own, other; float gap; } Nearest;

static inline Nearest nearest_ends(uint i, uint j, __constant World *world, __global const uint *id,
                                   __global const int4 *position, __global const float *radius,
                                   __global const uint *end_of, __global const uint *end_row,
                                   __global const float *end_radius) {
  uint own[2] = {front_of(i, end_of, end_row), rear_of(i, end_of, end_row)};
  uint other[2] = {front_of(j, end_of, end_row), rear_of(j, end_of, end_row)};
  Nearest best = {own[0], other[0], INFINITY};
  for (uint a = 0; a < 2; ++a)
    for (uint b = 0; b < 2; ++b) {
      float gap = length(separation(position[own[a]], position[other[b]], world->quantum)) -
                  (width_of(own[a], end_of, radius, end_radius) + width_of(other[b], end_of, radius, end_radius));
      uint sum = id[own[a]] + id[other[b]], least = id[best.own] + id[best.other];
      bool first = min(id[own[a]], id[other[b]]) < min(id[best.own], id[best.other]);
      if (gap < best.gap || (gap == best.gap && (sum < least || (sum == least && first)))) {
        best.own = own[a], best.other = other[b], best.gap = gap;
      }
    }
  return best;
}

static inline uint slot_of(uint key, uint i, __constant World *world, __global const uint *bond_partner) {
  for (uint slot = 0; slot < world->junction_slots; ++slot)
    if (bond_partner[slot * world->stride + i] == key) return slot;
  return NO_BOND;
}

void bind(uint i, __constant World *world, __global Status *status, __constant Bond *term, __global const uint *id,
          __global const int4 *position, __global const float *radius, __global const uint *end_of,
          __global const uint *end_row, __global const float *end_radius, __global const uint *neighbor,
          __global const uint *neighbor_count, __global uint *bond_partner) {
  if (!leads(i, end_of)) return;
  uint rear = rear_of(i, end_of, end_row), stride = world->stride, met = 0;
  for (uint side = 0; side < (rear == i ? 1 : 2); ++side) {
    uint row = side ? rear : i;
    for (uint k = 0; k < neighbor_count[row]; ++k) {
      uint j = neighbor[list_entry(row, k, world->neighbor_rows)], partner = front_of(j, end_of, end_row);
      if (partner == i) continue;
      Nearest near = nearest_ends(i, j, world, id, position, radius, end_of, end_row, end_radius);
      if (near.own != row || near.other != j) continue;
      uint slot = slot_of(id[partner] + 1, i, world, bond_partner);
      float pull = term->stiffness * fmax(near.gap, 0.0f);
      float u = uniforms(min(id[i], id[partner]), max(id[i], id[partner]), status->step, FOR_BOND, world->seed).x;
      if (slot != NO_BOND) {
        float rate = term->release_rate * exp(pull / term->release_force);
        if (u <= -expm1(-rate * world->step)) continue;
        met |= 1u << slot;
      } else if (near.gap < term->reach && (status->step == 0 || u <= -expm1(-term->binding_rate * world->step))) {
        slot = slot_of(0, i, world, bond_partner);
        if (slot == NO_BOND) {
          atomic_inc(&status->junctions_full);
          continue;
        }
        bond_partner[slot * stride + i] = id[partner] + 1;
        met |= 1u << slot;
      }
    }
  }
  for (uint slot = 0; slot < world->junction_slots; ++slot)
    if (!(met >> slot & 1u)) bond_partner[slot * stride + i] = 0;
}

void check_bonds(uint i, __constant World *world, __global Status *status, __constant Bond *term) {
  if (status->junctions_full) status->halt = 3;
}

// How much of a force between two cells an end bears: all of it, nearly, where the cell is long and it is the nearest one;
// half where the cell is round, so that what pushes or pulls a sphere moves it and does not draw it out.
static inline float share_of(uint row, uint nearest, __global const int4 *position, __global const float *radius,
                             __global const uint *end_of, __global const uint *end_row, __constant World *world) {
  if (!end_of[row]) return 1.0f;
  float along = length(separation(position[front_of(row, end_of, end_row)], position[rear_of(row, end_of, end_row)],
                                  world->quantum));
  float most = 0.5f + 0.5f * along / (along + radius[row]);
  return row == nearest ? most : 1.0f - most;
}

void bond(uint i, __constant World *world, __global Status *status, __constant Bond *term, __global const uint *id,
          __global const int4 *position, __global const float *radius, __global const uint *end_of,
          __global const uint *end_row, __global const float *end_radius, __global const uint *neighbor,
          __global const uint *neighbor_count, __global const uint *bond_partner, __global float4 *force,
          __global half *pair_resistance) {
  if (!leads(i, end_of)) return;
  uint rear = rear_of(i, end_of, end_row);
  for (uint side = 0; side < (rear == i ? 1 : 2); ++side) {
    uint row = side ? rear : i, mate = side ? i : rear;
    for (uint k = 0; k < neighbor_count[row]; ++k) {
      uint entry = list_entry(row, k, world->neighbor_rows), j = neighbor[entry], partner = front_of(j, end_of, end_row);
      if (partner == i) continue;
      Nearest near = nearest_ends(i, j, world, id, position, radius, end_of, end_row, end_radius);
      bool bound = slot_of(id[partner] + 1, i, world, bond_partner) != NO_BOND;
      if (near.gap > 0.0f && !bound) continue;
      float stiffness = near.gap > 0.0f ? term->stiffness : term->contact_stiffness;
      float own = share_of(row, near.own, position, radius, end_of, end_row, world);
      float other = share_of(j, near.other, position, radius, end_of, end_row, world);
      add_pair(pair_resistance, entry, (world->step * stiffness + term->friction) * own * other, 0.0f);
      if (near.own != row || near.other != j) continue;
      float3 r = separation(position[row], position[j], world->quantum);
      float3 f = -stiffness * near.gap / fmax(length(r), 1e-6f) * r;
      force[row].xyz += own * f;
      if (mate != row) force[mate].xyz += (1.0f - own) * f;
    }
  }
}
