// A cell in blood between two ends: sections along it are as wide as the lumen, or as the cell where that is wider, and
// hold its volume. What is narrower than the cell at rest costs energy, in the nucleus too. Fronts do the work for both.

void seat_ends(uint i, __constant World *world, __global Status *status, __constant Elongation *term,
               __global const uint *end_of, __global uint *end_row) {
  if (end_of[i]) end_row[end_of[i] - 1] = i;
}

// A cell as wide as it may be: volumes of its places, their slopes by the radius, and the energy per volume.
typedef struct {
  float length, wide, radius[PLACES], part[PLACES], by_radius[PLACES];
  float4 energy[PLACES];
  float lacks, at_rest;  // share of the volume that walls leave no room for; pressure where the cell is free
} Shape;

// Volumes and energies, and what the nucleus adds where more of the cell lies behind it.
static inline void take_shape(const Space *space, float length, float widest, float rest, float nucleus,
                              __constant Elongation *term, Shape *shape) {
  float broad = 0.0f, filled = 0.0f, volume = sphere_volume(rest);
  for (uint k = 0; k < PLACES; ++k) {
    broad = fmax(broad, fmin(space->room[k], widest));
    filled += share_of_volume(k, fmin(space->room[k], widest), length).x;
  }
  shape->length = length, shape->lacks = 1.0f - filled / volume;
  float wide = shape->wide = free_radius(space, length, broad, volume);
  float pull[PLACES], behind = 0.0f, later = 0.0f, free_work = 0.0f, free_slope = 0.0f;
  for (uint k = 0; k < PLACES; ++k) {
    float a = shape->radius[k] = fmin(space->room[k], wide);
    float2 v = share_of_volume(k, a, length);
    float2 share = nuclear_share((behind + 0.5f * v.x) / volume, (nucleus / rest) * (nucleus / rest) * (nucleus / rest));
    float4 energy = shape->energy[k] = energy_at(a, share.x, rest, nucleus, term->modulus, term->nucleus_modulus);
    shape->part[k] = v.x, shape->by_radius[k] = v.y, pull[k] = v.x * share.y * energy.w / volume;
    behind += v.x;
  }
  for (int k = PLACES - 1; k >= 0; --k) {
    shape->energy[k].x += later + 0.5f * pull[k];
    later += pull[k];
    if (space->room[k] < wide) continue;
    free_work += shape->by_radius[k] * shape->energy[k].x + shape->part[k] * shape->energy[k].y;
    free_slope += shape->by_radius[k];
  }
  shape->at_rest = free_slope > 0.0f ? free_work / free_slope : 0.0f;
}

// Ratio of a sphere to a tube whose drag factor (kernels/plasma.cl) is k, from 0.8 on.
#define K_AT_08 49.0f

// For each end: radius over that of the lumen where it is tightest, and the latter. What closes the lumen between the ends
// counts for the narrower one, as blood pushes a cell in by the end that is in the narrow part, and out by the one that is
// left there; for both where they are alike. Along a cell that is long the gap is an annulus: blood that passes it loses
// 6 mu Q dx/(pi a h^3), and the ratio is that of a sphere which holds back as much.
static inline void seal_ends(const Space *space, const Shape *shape, uint rear, uint front, __global float2 *end_seal) {
  float room = 1.0f, ratio = 0.0f, annulus = 0.0f;
  for (uint k = PLACES - 2; k > 0; --k) {
    float a = shape->radius[k], wide = space->room[k], h = fmax(wide - a, 0.015f * wide);
    if (a > 0.6f * wide)
      annulus += fmin((a / wide - 0.6f) / 0.2f, 1.0f) * 2.0f * SECTION_WEIGHT[k] * shape->length / (a * h * h * h);
    if (a > ratio * wide * 1.001f) room = wide, ratio = a / wide;
  }
  float behind = shape->radius[0], ahead = shape->radius[PLACES - 1];
  for (uint side = 0; side < 2; ++side) {
    float end = side ? ahead : behind, other = side ? behind : ahead, wide = space->fit[side ? PLACES - 1 : 0];
    float share = clamp(0.5f + 2.5f * (other - end) / (other + end), 0.0f, 1.0f), all = fmin(2.0f * share, 1.0f);
    float lambda = end / wide;
    if (ratio > lambda) wide = lambda > 0.0f ? mix(wide, room, all) : room, lambda = mix(lambda, ratio, all);
    if (lambda <= 0.0f) {  // no wall is near
      end_seal[side ? front : rear] = (float2)(0.0f, end);
      continue;
    }
    lambda = fmin(lambda, TIGHTEST);
    float long_gap = 2.0f * share * annulus * wide * wide * wide * wide / end;
    float sphere = K_AT_08 * pow(0.2f / (1.0f - fmax(lambda, 0.8f)), 2.5f);
    if (long_gap > 0.0f) lambda = fmax(lambda, 1.0f - 0.2f * pow(K_AT_08 / (sphere + long_gap), 0.4f));
    end_seal[side ? front : rear] = (float2)(lambda, wide);
  }
}

// What acts on rear (0) and front (1): forces, slopes of the volume, and stiffness of each and between them.
typedef struct { float3 on[2], swell[2]; Symmetric of[2], between; } Ends;

// Walls, and the pressure inside, at one place of a cell.
static inline void press_place(uint k, const Space *space, const Shape *shape, float3 axis, float rest, float pressure,
                               bool full, __constant World *world, __constant Elongation *term, Ends *ends) {
  float s = SECTION_AT[k], a = shape->radius[k];
  float3 f = 0.0f;
  Symmetric block = {0, 0, 0, 0, 0, 0};
  if (space->room[k] < shape->wide || full) {
    float excess = shape->energy[k].x - pressure, slope = shape->energy[k].y, by = shape->by_radius[k];
    float g = by * excess + shape->part[k] * slope;
    float curve = by / a * excess + 2.0f * by * slope + shape->part[k] * shape->energy[k].z;
    f -= g * space->slope[k];
    ends->swell[0] += (1.0f - s) * by * space->slope[k], ends->swell[1] += s * by * space->slope[k];
    block = bond_block(space->slope[k], fmax(curve, 0.0f), 0.0f);
    block = plus(block, bond_block(axis, 0.0f, 0.5f * fabs(g) / a));  // what keeps it in the middle
    if (shape->length > 0.1f * rest) {
      ends->on[1] -= g / shape->length * space->turn[k];
      ends->on[0] += g / shape->length * space->turn[k];
    }
  }
  float fits = fmin(a, space->fit[k]), overlap = fits - space->gap[k];  // of what is off the middle
  if (overlap > 0.0f) {
    float area = 6.28318531f * a * (k && k < PLACES - 1 ? SECTION_WEIGHT[k] * shape->length : a);
    float left = fmax(space->gap[k] / fits, 0.1f), stiffness = term->wall_stiffness * area / left;
    f -= stiffness * overlap * space->normal[k];
    // the inside is viscous where the wall dents it: as the dent gets deeper, eta sqrt(a d), and as it moves along, times d/a
    float yields = term->viscosity * sqrt(a * overlap) / world->step, passes = yields * fmin(overlap / a, 1.0f);
    block = plus(block, bond_block(space->normal[k], (left > 0.1f ? stiffness / left : stiffness) + yields, passes));
  }
  ends->on[0] += (1.0f - s) * f, ends->on[1] += s * f;
  ends->of[0] = plus(ends->of[0], scaled(block, (1.0f - s) * (1.0f - s)));
  ends->of[1] = plus(ends->of[1], scaled(block, s * s));
  ends->between = plus(ends->between, scaled(block, s * (1.0f - s)));
}

// What pulls the ends together, the friction of the inside, and the stiffness of the volume.
static inline void hold_together(const Shape *shape, float3 axis, float rest, float pressure, float bulk,
                                 __constant World *world, __constant Elongation *term, Ends *ends) {
  float tension = 0.0f, by_length = 0.0f, volume = sphere_volume(rest);
  for (uint k = 1; k < PLACES - 1; ++k) {
    float each = 3.14159265f * SECTION_WEIGHT[k] * shape->radius[k] * shape->radius[k];
    tension += each * (shape->energy[k].x - pressure);
    by_length += each;
  }
  ends->on[1] -= tension * axis, ends->on[0] += tension * axis;
  ends->swell[0] -= by_length * axis, ends->swell[1] += by_length * axis;
  float stretch = by_length * by_length / volume * term->modulus;
  float viscous = term->viscosity * rest, little = 0.1f * rest;  // friction of ends that turn about each other is that of a sphere
  float round = little * little / (little * little + shape->length * shape->length);
  Symmetric inner = bond_block(axis, viscous + world->step * stretch, viscous * round);
  ends->between = plus(scaled(ends->between, world->step), scaled(inner, -1.0f));
  for (uint side = 0; side < 2; ++side)
    ends->of[side] = plus(plus(scaled(ends->of[side], world->step), inner), bond_block(ends->swell[side], bulk, 0.0f));
}

static inline float8 octet_of(Symmetric s) { return (float8)(s.xx, s.yy, s.zz, s.xy, s.xz, s.yz, 0.0f, 0.0f); }

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
  uint rear = end_row[end_of[i] - 2], stride = world->stride;
  float rest = radius[i], volume = sphere_volume(rest), widest = 1.2f * rest;
  float sound = dot(body_axis[i], body_axis[i]);  // not finite if something that is remembered is not
  for (uint k = 0; k < PLACES; ++k) sound += body_radius[k * stride + i];
  float3 along = separation(position[i], position[rear], world->quantum);
  float length_now = length(along);
  float3 axis = along_vessel(position[i], along, 2.0f * rest - length_now, body_axis[i].xyz, world, lumen_grid, lumen_block,
                             lumen_near, vessel_point);
  Space space;
  look_around(position[rear], along, axis, widest, i, world, body_radius, wall_grid, wall_node, wall_entry, wall_triangle,
              wall_pseudo, &space);
  Shape shape;
  take_shape(&space, length_now, widest, rest, nucleus_radius[i], term, &shape);
  seal_ends(&space, &shape, rear, i, end_seal);

  // where the walls leave no more room than the cell needs, the pressure is the multiplier of its volume
  float pressure = body_axis[i].w + term->bulk_modulus * shape.lacks;
  float multiplier = fmax(body_axis[i].w + 0.3f * term->bulk_modulus * shape.lacks, 0.0f);
  bool full = pressure > shape.at_rest;
  if (!full) pressure = shape.at_rest;
  float bulk = full ? world->step * term->bulk_modulus / volume : 0.0f;

  Symmetric none = {0, 0, 0, 0, 0, 0};
  Ends ends = {{0.0f, 0.0f}, {0.0f, 0.0f}, {none, none}, none};
  for (uint k = 0; k < PLACES; ++k) press_place(k, &space, &shape, axis, rest, pressure, full, world, term, &ends);
  hold_together(&shape, axis, rest, pressure, bulk, world, term, &ends);

  for (uint k = 0; k < PLACES; ++k) body_radius[k * stride + i] = shape.radius[k];
  end_radius[rear] = shape.radius[0], end_radius[i] = shape.radius[PLACES - 1];
  body_axis[i] = (float4)(axis, full ? multiplier : fmax(shape.at_rest, 0.0f));
  body_swell[i] = (float4)(ends.swell[0], bulk), body_swell[stride + i] = (float4)(ends.swell[1], bulk);
  body_force[i] = (float4)(ends.on[0] + 0.0f * sound, length_now);
  body_force[stride + i] = (float4)(ends.on[1], pressure);
  body_block[i] = octet_of(ends.of[0]), body_block[stride + i] = octet_of(ends.of[1]);
  body_block[2 * stride + i] = octet_of(ends.between);
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

void factor_ends(uint i, __constant World *world, __global Status *status, __constant Elongation *term,
                 __global const uint *end_of, __global const uint *end_row, __global const float *resistance,
                 __global const float8 *body_block, __global const float4 *body_swell, __global float8 *body_factor) {
  if (!end_of[i] || end_of[i] % 2) return;
  uint rear = end_row[end_of[i] - 2], stride = world->stride;
  float m[21];
  lay_block(load_symmetric(resistance, rear, stride), 0, m);
  lay_block(load_symmetric(resistance, i, stride), 3, m);
  Symmetric b = symmetric_of(body_block[2 * stride + i]);
  float4 back = body_swell[i], ahead = body_swell[stride + i];
  float3 rows[3] = {(float3)(b.xx, b.xy, b.xz), (float3)(b.xy, b.yy, b.yz), (float3)(b.xz, b.yz, b.zz)};
  float along[3] = {ahead.x, ahead.y, ahead.z};
  for (uint r = 0; r < 3; ++r) {
    float3 row = rows[r] + ahead.w * along[r] * back.xyz;
    m[BLOCK_AT(3 + r, 0)] = row.x, m[BLOCK_AT(3 + r, 1)] = row.y, m[BLOCK_AT(3 + r, 2)] = row.z;
  }
  factor6(m);
  store_factor(i, stride, m, body_factor);
}

void precondition_ends(uint i, __constant World *world, __global Status *status, __constant Elongation *term,
                       __global const uint *end_of, __global const uint *end_row, __global const float8 *body_factor,
                       __global const float4 *residual, __global float4 *preconditioned) {
  if (!end_of[i] || end_of[i] % 2) return;
  uint rear = end_row[end_of[i] - 2];
  float3 back = residual[rear].xyz, ahead = residual[i].xyz;
  solve6(i, world->stride, body_factor, &back, &ahead);
  preconditioned[rear] = (float4)(back, 0.0f), preconditioned[i] = (float4)(ahead, 0.0f);
}

// No step takes an end more than half of its way to the wall, nor along it by more than 0.8 of that way: in the ball that it
// stays in there is no wall. Away from the wall it moves by as much, or by half of its own radius, than which the vessel is
// wider. Near a port, which is no wall, that holds across the vessel; along it the end moves by a quarter of the cell's radius.
void restrain_ends(uint i, __constant World *world, __global Status *status, __constant Elongation *term,
                   __global const int4 *position, __global const float *radius, __global const uint *end_of,
                   __global const float *end_radius, __global const float8 *wall_grid, __global const int4 *wall_node,
                   __global const uint2 *wall_entry, __global const int4 *wall_triangle,
                   __global const float4 *wall_pseudo, __global const float8 *vessel_point,
                   __global const uint *vessel_at, __global float4 *shift) {
  if (!end_of[i]) return;
  float3 move = shift[i].xyz, normal, free = 0.0f;
  Wall wall = wall_within(2.0f * length(move), position[i], world->quantum, wall_grid, wall_node, wall_entry,
                          wall_triangle, wall_pseudo);
  if (wall.triangle == NO_TRIANGLE) return;
  normal = wall.normal;
  float way = fmax(-wall.distance, 0.0f), most = 0.8f * way, past = fmax(most, 0.25f * radius[i]);
  if (wall.port >= 0) {
    float3 vessel = vessel_point[vessel_at[i]].s012;
    free = dot(move, vessel) * vessel, normal -= dot(normal, vessel) * vessel;
    float share = length(normal);
    normal = share > 0.1f ? normal / share : (float3)(0.0f);
  }
  float out = dot(move - free, normal), inward = fmax(0.5f * way, 0.5f * end_radius[i]), ahead = length(free);
  float3 along = move - free - out * normal;
  float slide = length(along);
  if (out <= 0.5f * way && out >= -inward && slide <= most && ahead <= past) return;
  shift[i].xyz = clamp(out, -inward, 0.5f * way) * normal + (slide > most ? most / slide : 1.0f) * along +
                 (ahead > past ? past / ahead : 1.0f) * free;
  atomic_inc(&status->limited);
}
