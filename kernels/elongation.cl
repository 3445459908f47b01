// A cell in blood between two ends: sections along it are as wide as the lumen, or as the cell where that is wider, and
// hold its volume. What is narrower than the cell at rest costs energy, in the nucleus too. Fronts do the work for both.
#define RING 8

// What the wall lets the places of a cell have: mean distance across (room), its slope by the place, and what turns the
// cell; distance of the middle from the wall (gap) and the normal there.
typedef struct { float room[PLACES], gap[PLACES]; float3 slope[PLACES], turn[PLACES], normal[PLACES]; } Space;

static inline void look_around(int4 rear, float3 along, float3 axis, float widest, uint i, __constant World *world,
                               __global const float *body_radius, __global const float8 *wall_grid,
                               __global const int4 *wall_node, __global const uint2 *wall_entry,
                               __global const int4 *wall_triangle, __global const float4 *wall_pseudo, Space *space) {
  float3 first = across(axis), second = cross(axis, first);
  for (uint k = 0; k < PLACES; ++k) {
    int4 middle = moved(rear, SECTION_AT[k] * along, world->quantum);
    Wall wall = nearest_wall(middle, world->quantum, wall_grid, wall_node, wall_entry, wall_triangle, wall_pseudo);
    space->room[k] = INFINITY;
    space->gap[k] = wall.port >= 0 ? INFINITY : -wall.distance;
    space->normal[k] = wall.normal;
    space->slope[k] = space->turn[k] = (float3)(0.0f);
    if (space->gap[k] >= widest) continue;
    float a = body_radius[k * world->stride + i], sum = 0.0f;
    for (uint q = 0; q < RING; ++q) {
      float angle = 6.28318531f / RING * (q + 0.5f);
      float3 out = cos(angle) * first + sin(angle) * second;
      Wall side = nearest_wall(moved(middle, a * out, world->quantum), world->quantum, wall_grid, wall_node, wall_entry,
                               wall_triangle, wall_pseudo);
      if (side.port >= 0) {
        sum += widest / RING;
        continue;
      }
      float steep = RING * fmax(dot(side.normal, out), 0.3f);
      sum += a / RING - side.distance / steep;
      space->slope[k] -= side.normal / steep;
      space->turn[k] += a * dot(side.normal, axis) / steep * out;
    }
    space->room[k] = fmax(sum, 0.05f * widest);
  }
}

// Radius that the cell has wherever the lumen is no narrower, so that its volume is that at rest.
static inline float free_radius(const Space *space, float length, float most, float volume) {
  float low = 0.0f, high = most;
  for (int step = 0; step < 30; ++step) {
    float middle = 0.5f * (low + high), sum = 0.0f;
    for (uint k = 0; k < PLACES; ++k) sum += share_of_volume(k, fmin(middle, space->room[k]), length).x;
    if (sum < volume) low = middle;
    else high = middle;
  }
  return high;
}

void seat_ends(uint i, __constant World *world, __global Status *status, __constant Elongation *term,
               __global const uint *end_of, __global uint *end_row) {
  if (end_of[i]) end_row[end_of[i] - 1] = i;
}

// Direction of a cell: from rear to front, or, as far as it is round (`lack`, um), along the vessel: there it becomes long.
static inline float3 along_vessel(int4 position, float3 along, float lack, float3 before, __constant World *world,
                                  __global const float8 *lumen_grid, __global const int *lumen_block,
                                  __global const int2 *lumen_near, __global const float8 *vessel_point) {
  Lumen lumen = lumen_of(lumen_grid);
  int row = lumen_row_at(from_corner(position, world->quantum, lumen), lumen, lumen_block);
  int point = row < 0 ? -1 : lumen_near[row].x;
  float3 vessel = point < 0 ? before : vessel_point[point].s012;
  if (lack > 0.0f) along += (dot(vessel, before) < 0.0f ? -lack : lack) * vessel;
  return normalize(along);
}

void squeeze(uint i, __constant World *world, __global Status *status, __constant Elongation *term,
             __global const int4 *position, __global const float *radius, __global const float *nucleus_radius,
             __global const uint *end_of, __global const uint *end_row, __global const float8 *lumen_grid,
             __global const int *lumen_block, __global const int2 *lumen_near, __global const float8 *vessel_point,
             __global const float8 *wall_grid, __global const int4 *wall_node, __global const uint2 *wall_entry,
             __global const int4 *wall_triangle, __global const float4 *wall_pseudo, __global float *end_radius,
             __global float *body_radius, __global float4 *body_axis, __global float4 *body_force,
             __global float8 *body_block, __global float4 *body_swell,
             __global float2 *end_seal) {
  if (!end_of[i] || end_of[i] % 2) return;
  uint rear = end_row[end_of[i] - 2];
  float rest = radius[i], volume = sphere_volume(rest), nucleus = nucleus_radius[i];
  float sound = dot(body_axis[i], body_axis[i]);  // not finite if something that is remembered is not
  for (uint k = 0; k < PLACES; ++k) sound += body_radius[k * world->stride + i];
  float3 along = separation(position[i], position[rear], world->quantum);
  float length_now = length(along), widest = 1.2f * rest;
  float3 axis = along_vessel(position[i], along, 2.0f * rest - length_now, body_axis[i].xyz, world, lumen_grid, lumen_block,
                             lumen_near, vessel_point);
  Space space;
  look_around(position[rear], along, axis, widest, i, world, body_radius, wall_grid, wall_node, wall_entry, wall_triangle,
              wall_pseudo, &space);
  float broad = 0.0f, filled = 0.0f;
  for (uint k = 0; k < PLACES; ++k) {
    broad = fmax(broad, fmin(space.room[k], widest));
    filled += share_of_volume(k, fmin(space.room[k], widest), length_now).x;
  }
  float wide = free_radius(&space, length_now, broad, volume);

  // volumes, energies, and what the nucleus adds where more of the cell lies behind it
  float part[PLACES], by_radius[PLACES], pull[PLACES];
  float4 energy[PLACES];
  float behind = 0.0f, later = 0.0f, free_work = 0.0f, free_slope = 0.0f, by_length = 0.0f;
  for (uint k = 0; k < PLACES; ++k) {
    float a = fmin(space.room[k], wide);
    float2 v = share_of_volume(k, a, length_now);
    float2 share = nuclear_share((behind + 0.5f * v.x) / volume, (nucleus / rest) * (nucleus / rest) * (nucleus / rest));
    energy[k] = energy_at(a, share.x, rest, nucleus, term->modulus, term->nucleus_modulus);
    part[k] = v.x, by_radius[k] = v.y, pull[k] = v.x * share.y * energy[k].w / volume;
    behind += v.x;
    body_radius[k * world->stride + i] = a;
  }
  for (int k = PLACES - 1; k >= 0; --k) {
    energy[k].x += later + 0.5f * pull[k];
    later += pull[k];
    if (space.room[k] < wide) continue;
    free_work += by_radius[k] * energy[k].x + part[k] * energy[k].y;
    free_slope += by_radius[k];
  }
  // where the walls leave no more room than the cell needs, the pressure is the multiplier of its volume
  float lacks = 1.0f - filled / volume, at_rest = free_slope > 0.0f ? free_work / free_slope : 0.0f;
  float pressure = body_axis[i].w + term->bulk_modulus * lacks;
  float multiplier = fmax(body_axis[i].w + 0.3f * term->bulk_modulus * lacks, 0.0f);
  bool full = pressure > at_rest;
  if (!full) pressure = at_rest;

  // where the cell is tightest: the rear end by itself, and what is before it, which the front stands for
  uint seal = PLACES - 1;
  for (uint k = PLACES - 1; k > 0; --k)
    if (body_radius[k * world->stride + i] * space.room[seal] > body_radius[seal * world->stride + i] * space.room[k] * 1.001f)
      seal = k;
  end_seal[rear] = (float2)(body_radius[i] / space.room[0], body_radius[i]);
  end_seal[i] = (float2)(body_radius[seal * world->stride + i] / space.room[seal], body_radius[seal * world->stride + i]);

  float3 on_rear = 0.0f, on_front = 0.0f, swell_rear = 0.0f, swell_front = 0.0f;  // slopes of the volume
  Symmetric of_rear = {0, 0, 0, 0, 0, 0}, of_front = of_rear, between = of_rear;
  float tension = 0.0f;
  for (uint k = 0; k < PLACES; ++k) {
    float s = SECTION_AT[k], a = fmin(space.room[k], wide);
    if (k && k < PLACES - 1) {
      float each = 3.14159265f * SECTION_WEIGHT[k] * a * a;
      tension += each * (energy[k].x - pressure);
      by_length += each;
    }
    float3 f = 0.0f;
    Symmetric block = {0, 0, 0, 0, 0, 0};
    if (space.room[k] < wide || full) {
      float g = by_radius[k] * (energy[k].x - pressure) + part[k] * energy[k].y;
      float curve = by_radius[k] / a * (energy[k].x - pressure) + 2.0f * by_radius[k] * energy[k].y + part[k] * energy[k].z;
      f -= g * space.slope[k];
      swell_rear += (1.0f - s) * by_radius[k] * space.slope[k], swell_front += s * by_radius[k] * space.slope[k];
      block = bond_block(space.slope[k], fmax(curve, 0.0f), 0.0f);
      block = plus(block, bond_block(axis, 0.0f, 0.5f * fabs(g) / a));  // what keeps it in the middle
      if (length_now > 0.1f * rest) {
        on_front -= g / length_now * space.turn[k];
        on_rear += g / length_now * space.turn[k];
      }
    }
    float overlap = a - space.gap[k];
    if (overlap > 0.0f) {
      float area = 6.28318531f * a * (k && k < PLACES - 1 ? SECTION_WEIGHT[k] * length_now : a);
      f -= term->wall_stiffness * area * overlap * space.normal[k];
      float yields = term->viscosity * sqrt(a * overlap) / world->step;  // the inside, where the wall dents it
      block = plus(block, bond_block(space.normal[k], term->wall_stiffness * area + yields, 0.0f));
    }
    on_rear += (1.0f - s) * f, on_front += s * f;
    of_rear = plus(of_rear, scaled(block, (1.0f - s) * (1.0f - s)));
    of_front = plus(of_front, scaled(block, s * s));
    between = plus(between, scaled(block, s * (1.0f - s)));
  }
  on_front -= tension * axis, on_rear += tension * axis + 0.0f * sound;
  swell_rear -= by_length * axis, swell_front += by_length * axis;
  float bulk = full ? world->step * term->bulk_modulus / volume : 0.0f;
  float stretch = by_length * by_length / volume * term->modulus;
  float viscous = term->viscosity * rest, little = 0.1f * rest;  // friction of ends that turn about each other is that of a sphere
  float round = little * little / (little * little + length_now * length_now);
  Symmetric inner = bond_block(axis, viscous + world->step * stretch, viscous * round);
  of_rear = plus(scaled(of_rear, world->step), inner), of_front = plus(scaled(of_front, world->step), inner);
  between = plus(scaled(between, world->step), scaled(inner, -1.0f));

  of_rear = plus(of_rear, bond_block(swell_rear, bulk, 0.0f));
  of_front = plus(of_front, bond_block(swell_front, bulk, 0.0f));
  body_swell[i] = (float4)(swell_rear, bulk), body_swell[world->stride + i] = (float4)(swell_front, bulk);
  end_radius[rear] = body_radius[i], end_radius[i] = body_radius[(PLACES - 1) * world->stride + i];
  body_axis[i] = (float4)(axis, full ? multiplier : fmax(at_rest, 0.0f));
  body_force[i] = (float4)(on_rear, length_now);
  body_force[world->stride + i] = (float4)(on_front, pressure);
  body_block[i] = (float8)(of_rear.xx, of_rear.yy, of_rear.zz, of_rear.xy, of_rear.xz, of_rear.yz, 0.0f, 0.0f);
  body_block[world->stride + i] =
      (float8)(of_front.xx, of_front.yy, of_front.zz, of_front.xy, of_front.xz, of_front.yz, 0.0f, 0.0f);
  body_block[2 * world->stride + i] =
      (float8)(between.xx, between.yy, between.zz, between.xy, between.xz, between.yz, 0.0f, 0.0f);
}

static inline Symmetric symmetric_of(float8 b) {
  Symmetric s = {b.s0, b.s1, b.s2, b.s3, b.s4, b.s5};
  return s;
}

void elongation(uint i, __constant World *world, __global Status *status, __constant Elongation *term,
                __global const uint *end_of, __global const uint *end_row, __global const float4 *body_force,
                __global const float8 *body_block, __global float4 *force, __global float *resistance) {
  if (!end_of[i]) return;
  uint front = end_row[end_of[i] - 1 | 1], at = (end_of[i] - 1) % 2 * world->stride + front;
  force[i].xyz += body_force[at].xyz;
  store_symmetric(resistance, i, world->stride,
                  plus(load_symmetric(resistance, i, world->stride), symmetric_of(body_block[at])));
}

void multiply_ends(uint i, __constant World *world, __global Status *status, __constant Elongation *term,
                   __global const uint *end_of, __global const uint *end_row, __global const float8 *body_block,
                   __global const float4 *body_swell, __global const float4 *direction, __global float4 *product) {
  if (!end_of[i]) return;
  uint number = end_of[i] - 1, front = end_row[number | 1], other = end_row[number ^ 1], side = number % 2;
  float3 there = direction[other].xyz;
  float4 own = body_swell[side * world->stride + front], far = body_swell[(1 - side) * world->stride + front];
  product[i].xyz += times(symmetric_of(body_block[2 * world->stride + front]), there) + own.w * dot(far.xyz, there) * own.xyz;
}
