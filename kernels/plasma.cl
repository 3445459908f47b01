// Blood carries cells: F = zeta (w Q - v), where w Q is the velocity at which a cell is carried when its branch carries Q. What
// it holds back costs pressure in turn: dP = (R + sum zeta w.w) Q - sum zeta w.v, so that Q answers to the cells at once:
// Z = zeta - zeta w (zeta w)'/(R + sum zeta w.w) over the cells of a branch, which is what free cells and plugs have alike.
// From free spheres to plugs: factors of Haberman & Sayre (1958) on the axis of a tube, of Goldman, Cox & Brenner (1967) and
// Faxen near a wall. Source of what lies beyond lambda = 0.8, where Q/A carries all of the cell: docs/vessels.md.
#define NO_BRANCH 0xFFFFFFFFu
#define MOST_ACROSS 3.2e4f  // the factor at `TIGHTEST`: a long cell that seals more tightly does not resist more across

// What a cell of radius a is resisted by, and by what the velocity of blood without it must be multiplied; in units of
// 6 pi mu a. lambda: a over the radius of the lumen.
static inline float2 in_tube(float lambda) {
  float l = fmin(lambda, 0.8f), l2 = l * l, l3 = l2 * l, l5 = l3 * l2;
  float below = 1.0f - 2.1050f * l + 2.0865f * l3 - 1.7068f * l5 + 0.72603f * l5 * l;
  float2 k = (float2)(1.0f - 0.75857f * l5, 1.0f - 0.6666667f * l2 - 0.20217f * l5) / below;
  if (lambda <= 0.8f) return k;
  float m = fmin(lambda, 0.999f), share = (m - 0.8f) / 0.2f;
  k.x *= pow(0.2f / (1.0f - m), 2.5f);
  k.y = k.x * (0.675f + share * (0.5f - 0.675f));  // what carries it falls to the mean velocity
  return k;
}

// x: a over the distance of the middle from a wall.
static inline float2 at_wall(float x) {
  float x2 = x * x, x3 = x2 * x;
  return (float2)(1.0f / (1.0f - 0.5625f * x + 0.125f * x3 - 0.17578125f * x2 * x2 - 0.0625f * x3 * x2),
                  1.0f + 0.5625f * x + 0.138f * x2);
}

// The branch that a cell is in, and the place on its centerline.
void find_branch(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
                 __global const int4 *position, __global const uint *departed, __global const float8 *lumen_grid,
                 __global const int *lumen_block, __global const int2 *lumen_near, __global const float8 *vessel_point,
                 __global uint *vessel_at, __global uint *branch_of) {
  Lumen lumen = lumen_of(lumen_grid);
  int row = lumen_row_at(from_corner(position[i], world->quantum, lumen), lumen, lumen_block);
  int point = row < 0 || departed[i] ? -1 : lumen_near[row].x;
  if (point >= 0) vessel_at[i] = point;
  branch_of[i] = point < 0 ? NO_BRANCH : (uint)vessel_point[point].s4;
}

void open_branches(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
                   __global uint *branching) {
  branching[0] = 1;
  branching[1] = status->rows;
}

void close_branches(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
                    __global uint *branching) {
  branching[0] = 0;
}

// A cell leaves, with both of its ends, when one of them is past a port.
void leave(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
           __global const int4 *position, __global const uint *end_of, __global const uint *end_row,
           __global const float8 *lumen_grid, __global const int *lumen_block, __global const int2 *lumen_near,
           __global const float4 *vessel_port, __global uint *departed, __global uint *left_by) {
  if (!leads(i, end_of) || departed[i]) return;
  Lumen lumen = lumen_of(lumen_grid);
  uint rows[2] = {i, rear_of(i, end_of, end_row)}, out = 0;
  for (uint side = 0; side < 2; ++side) {
    float3 at = from_corner(position[rows[side]], world->quantum, lumen);
    int row = lumen_row_at(at, lumen, lumen_block), port = row < 0 ? -1 : lumen_near[row].y;
    if (port >= 0 && dot(at - vessel_port[2 * port].xyz, vessel_port[2 * port + 1].xyz) > 0.0f) out = port + 1;
  }
  if (!out) return;
  for (uint side = 0; side < (rows[1] == i ? 1 : 2); ++side) {
    left_by[rows[side]] = out;
    departed[rows[side]] = status->step + 1;
    atomic_inc(&status->departed);
  }
  atomic_or(&status->moved, 1u);
}

// What all cells of a branch fill of its section, at each point of its centerline.
void fill_vessels(uint b, __constant World *world, __global Status *status, __constant Plasma *term,
                  __global const int4 *position, __global const float *radius, __global const uint *end_of,
                  __global const uint *end_row, __global const float *end_radius, __global const float8 *lumen_grid,
                  __global const float8 *vessel_point, __global const float8 *vessel_place,
                  __global const uint *vessel_at, __global const uint *branch_of, __global const uint *branch_start,
                  __global const uint *branch_list, __global float *vessel_filled) {
  if (branch_start[b] == branch_start[b + 1]) return;
  Lumen lumen = lumen_of(lumen_grid);
  float8 any = vessel_place[vessel_at[branch_list[branch_start[b]]]];
  uint first = (uint)any.s4, end = (uint)any.s5 + 1;
  for (uint p = first; p < end; ++p) vessel_filled[p] = 0.0f;
  for (uint k = branch_start[b]; k < branch_start[b + 1]; ++k) {
    uint i = branch_list[k], at = vessel_at[i];
    if (!leads(i, end_of)) continue;
    Stretch s = stretch_of(i, lumen, world, position, radius, end_of, end_row, end_radius, vessel_point, vessel_place,
                           vessel_at, branch_of);
    float low = s.low - sqrt(s.low_square), high = s.high + sqrt(s.high_square);
    for (uint p = at; p < end && vessel_place[p].s3 < high; ++p) vessel_filled[p] += section_at(s, vessel_place[p].s3);
    for (uint p = at; p > first && vessel_place[p - 1].s3 > low; --p)
      vessel_filled[p - 1] += section_at(s, vessel_place[p - 1].s3);
  }
}

// Ratio of a cell to the lumen, radius of that, and what its drag is multiplied by.
typedef struct { float lambda, wide, part; } Plug;

// Cells side by side close a vessel together, of radius `wide`: they lose as much as a sphere that fills as much, and each
// bears its part of that. Between ratios of 0.6 and 0.8 from what it is alone; where it loses more alone, it is alone.
static inline Plug side_by_side(Plug alone, float own, float others, float wide) {
  float filled = fmin(own + fmax(others, 0.0f) / M_PI_F, TIGHTEST * TIGHTEST * wide * wide), part = own / filled;
  float lambda = sqrt(filled) / wide, together = clamp((lambda - 0.6f) / 0.2f, 0.0f, 1.0f);
  if (part >= 1.0f || in_tube(lambda).x * sqrt(part) <= in_tube(alone.lambda).x * pown(wide / alone.wide, 4)) return alone;
  Plug plug = {mix(alone.lambda, lambda, together), mix(alone.wide, wide, together), mix(1.0f, sqrt(part), together)};
  return plug;
}

// Least radius of a branch between two of its points and as far as `reach` beyond.
static inline float least_radius(uint one, uint other, float reach, __global const float8 *vessel_point,
                                 __global const float8 *vessel_place) {
  uint low = min(one, other), high = max(one, other), first = (uint)vessel_place[low].s4, last = (uint)vessel_place[low].s5;
  float from = vessel_place[low].s3 - reach, to = vessel_place[high].s3 + reach, least = vessel_point[low].s3;
  while (low > first && vessel_place[low - 1].s3 > from) --low;
  for (uint p = low; p <= last && (p <= high || vessel_place[p].s3 < to); ++p) least = fmin(least, vessel_point[p].s3);
  return least;
}

// What a cell of two ends closes, by its walls. Where these are much nearer than those of its branch, at the mouth of a narrower
// vessel, it closes that one and not its own.
static inline Plug plug_of(float2 seal, float a, float least, float here) {
  Plug plug = {seal.x, seal.x > 0.6f ? seal.y : here, 1.0f};
  float own = clamp((seal.y / least - 0.6f) / 0.2f, 0.0f, 1.0f);
  if (seal.x <= 0.0f || own >= 1.0f) return plug;
  plug.lambda = mix(fmin(a / least, TIGHTEST), plug.lambda, own), plug.wide = mix(least, plug.wide, own);
  return plug;
}

// stream: w (1/um^2) and zeta (nN min/um) of each cell; stream_rest: velocity (um/min) by what other branches carry. A cell in
// the mouth of a vessel goes with the blood there, which may be a thousand times what flows in that vessel: w is no more
// than twice that on an axis, and what is left does not depend on the flow of the branch.
void find_stream(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
                 __global const int4 *position, __global const float *radius, __global const uint *end_of,
                 __global const uint *end_row, __global const float *end_radius, __global const float2 *end_seal,
                 __global const float8 *lumen_grid, __global const int *lumen_block, __global const float4 *lumen_voxel,
                 __global const float8 *vessel_point, __global const float8 *vessel_place,
                 __global const float *vessel_filled, __global const float4 *branch, __global const uint *vessel_at,
                 __global const uint *branch_of, __global float4 *stream, __global float4 *stream_rest) {
  float a = width_of(i, end_of, radius, end_radius), share = end_of[i] ? 0.5f : 1.0f;
  float zeta = 6.0f * M_PI_F * term->viscosity * a * share;
  stream_rest[i] = (float4)(0.0f, 0.0f, 0.0f, zeta);
  if (branch_of[i] == NO_BRANCH) {
    stream[i] = (float4)(0.0f, 0.0f, 0.0f, zeta);
    return;
  }
  Lumen lumen = lumen_of(lumen_grid);
  float3 at = from_corner(position[i], world->quantum, lumen);
  float8 here = vessel_point[vessel_at[i]];
  uint point = vessel_at[i], front = front_of(i, end_of, end_row);
  Plug plug = {fmin(a / here.s3, TIGHTEST), here.s3, 1.0f};
  if (end_of[i]) {
    uint other = vessel_at[rear_of(i, end_of, end_row) == i ? front : rear_of(i, end_of, end_row)];
    uint until = vessel_point[other].s4 == here.s4 ? other : point;  // as far as the cell is in this branch
    plug = plug_of(end_seal[i], a, least_radius(point, until, 1.2f * radius[i], vessel_point, vessel_place), here.s3);
  }
  if (vessel_filled[point] / M_PI_F + a * a > 0.36f * here.s3 * here.s3) {
    Stretch s = stretch_of(front, lumen, world, position, radius, end_of, end_row, end_radius, vessel_point, vessel_place,
                           vessel_at, branch_of);
    float own = s.branch == branch_of[i] ? section_at(s, vessel_place[point].s3) : 0.0f;
    plug = side_by_side(plug, a * a, vessel_filled[point] - own, here.s3);
  }
  zeta *= plug.part;
  float distance = lumen_distance(at, lumen, lumen_block, lumen_voxel).w;
  float2 tube = in_tube(plug.lambda), wall = at_wall(a / fmax(-distance, a)), k = tube.x > wall.x ? tube : wall;
  float flow = branch[branch_of[i]].z;
  float3 mean = here.s012 / (M_PI_F * plug.wide * plug.wide);
  float3 field = 60.0f * lumen_velocity_at(at, distance, lumen, lumen_block, lumen_voxel);
  float fills = clamp((plug.lambda - 0.6f) / 0.2f, 0.0f, 1.0f), most = 4.0f * length(mean);
  float3 carried = k.y / k.x * (field + fills * (2.0f * mean * flow - field));
  float part = clamp(most * fabs(flow) / fmax(length(carried), 1e-30f), 0.0f, 1.0f);
  float3 w = fabs(flow) > 0.0f ? part / flow * carried : k.y / k.x * 2.0f * mean;
  stream[i] = (float4)(w, zeta * k.x);
  stream_rest[i] = (float4)((1.0f - part) * carried, zeta * fmin(k.x, MOST_ACROSS));
}

void load_branch(uint b, __constant World *world, __global Status *status, __constant Plasma *term,
                 __global const float4 *stream, __global const float4 *stream_rest, __global const uint *branch_start,
                 __global const uint *branch_list, __global const float4 *branch, __global float *branch_flow,
                 __global float *branch_load) {
  float sum = 0.0f, against = 0.0f;
  for (uint k = branch_start[b]; k < branch_start[b + 1]; ++k) {
    uint i = branch_list[k];
    float4 s = stream[i];
    sum += s.w * dot(s.xyz, s.xyz), against += s.w * dot(s.xyz, stream_rest[i].xyz);
  }
  branch_load[b] = sum;
  branch_flow[b] = (branch[b].x - against) / (branch[b].y + sum);
}

void plasma(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
            __global const float4 *stream, __global const float4 *stream_rest, __global const uint *branch_of,
            __global const float *branch_flow, __global float4 *force, __global float *resistance) {
  float4 s = stream[i];
  if (branch_of[i] != NO_BRANCH) force[i].xyz += s.w * (branch_flow[branch_of[i]] * s.xyz + stream_rest[i].xyz);
  float across = stream_rest[i].w;
  float3 along = s.w > across ? normalize(s.xyz) : (float3)(0.0f);
  Symmetric z = plus(bond_block(along, s.w - across, 0.0f), bond_block((float3)(0.0f), across, across));
  store_symmetric(resistance, i, world->stride, plus(load_symmetric(resistance, i, world->stride), z));
}

void gather_stream(uint b, __constant World *world, __global Status *status, __constant Plasma *term,
                   __global const float4 *stream, __global const uint *branch_start, __global const uint *branch_list,
                   __global const float4 *direction, __global const float4 *branch, __global const float *branch_load,
                   __global float *branch_drive) {
  float sum = 0.0f;
  for (uint k = branch_start[b]; k < branch_start[b + 1]; ++k) {
    uint i = branch_list[k];
    sum += stream[i].w * dot(stream[i].xyz, direction[i].xyz);
  }
  branch_drive[b] = sum / (branch[b].y + branch_load[b]);
}

void multiply_stream(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
                     __global const float4 *stream, __global const uint *branch_of, __global const float *branch_drive,
                     __global float4 *product) {
  if (branch_of[i] != NO_BRANCH) product[i].xyz -= stream[i].w * branch_drive[branch_of[i]] * stream[i].xyz;
}

// The preconditioner: (D - a a'/s)^-1 = D^-1 + y y'/t for the cells of a branch, with D the blocks of cells, a = zeta w, s = R +
// sum zeta w.w, y = D^-1 a, t = s - a.y. Without the second part a branch that cells fill takes iterations by itself. A cell
// whose ends are in two branches counts as at rest: to move one end alone would work against all that holds them together.
void yield_cells(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
                 __global const uint *end_of, __global const uint *end_row, __global const float *resistance,
                 __global const float8 *body_factor, __global const float4 *stream, __global const uint *branch_of,
                 __global float4 *stream_yield) {
  if (!leads(i, end_of)) return;
  uint rear = rear_of(i, end_of, end_row);
  float3 ahead = stream[i].w * stream[i].xyz, back = stream[rear].w * stream[rear].xyz;
  if (branch_of[i] != branch_of[rear]) ahead = back = 0.0f;
  else if (end_of[i]) solve6(i, world->stride, body_factor, &back, &ahead);
  else ahead = back = solve3(load_symmetric(resistance, i, world->stride), ahead);
  stream_yield[rear] = (float4)(back, 0.0f), stream_yield[i] = (float4)(ahead, 0.0f);
}

// t - R is a sum over cells of what is never negative but for rounding.
void yield_branches(uint b, __constant World *world, __global Status *status, __constant Plasma *term,
                    __global const float4 *stream, __global const float4 *stream_yield,
                    __global const uint *branch_start, __global const uint *branch_list,
                    __global const float4 *branch, __global float *branch_yield) {
  float sum = 0.0f;
  for (uint k = branch_start[b]; k < branch_start[b + 1]; ++k) {
    uint i = branch_list[k];
    sum += stream[i].w * dot(stream[i].xyz, stream[i].xyz - stream_yield[i].xyz);
  }
  branch_yield[b] = branch[b].y + fmax(sum, 0.0f);
}

void gather_yield(uint b, __constant World *world, __global Status *status, __constant Plasma *term,
                  __global const float4 *stream_yield, __global const uint *branch_start,
                  __global const uint *branch_list, __global const float4 *residual,
                  __global const float *branch_yield, __global float *branch_drive) {
  float sum = 0.0f;
  for (uint k = branch_start[b]; k < branch_start[b + 1]; ++k) {
    uint i = branch_list[k];
    sum += dot(stream_yield[i].xyz, residual[i].xyz);
  }
  branch_drive[b] = sum / branch_yield[b];
}

void add_yield(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
               __global const float4 *stream_yield, __global const uint *branch_of, __global const float *branch_drive,
               __global float4 *preconditioned) {
  if (branch_of[i] != NO_BRANCH) preconditioned[i].xyz += branch_drive[branch_of[i]] * stream_yield[i].xyz;
}

// The first direction is the motion of the last step, or, in later rounds, that of the blocks: a guess (krylov.h), as r.z is not
// yet that of this preconditioner. What follows starts anew from where it leads.
void recall_motion(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
                   __global const float4 *cell_velocity, __global float4 *direction, __global double *krylov) {
  if (status->iterations != (uint)krylov[BEFORE]) return;
  if (!status->round) direction[i] = cell_velocity[i];
  if (i == 0) krylov[FRESH] = 0.0;
}

// As it was solved for, before anything cuts it; the sum of the rounds where there are several.
void keep_motion(uint i, __constant World *world, __global Status *status, __constant Plasma *term,
                 __global const float4 *solution, __global const float4 *shift, __global float4 *cell_velocity) {
  cell_velocity[i] = world->moving ? shift[i] / world->step : solution[i];
}
