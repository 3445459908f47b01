// Fibers that stretch, bend and hold each other at crosslinks: forces, stiffness and preconditioner, one fiber per
// work-item, along the chain of its nodes. Fibers on which nothing pulls sleep: they are held, until a force on one of
// their nodes exceeds `wake_force`.

// Forces

// A sleeping fiber need only be looked at if something acts on it, or a fiber that moves is crosslinked to it.
void mark_fibers(uint f, __constant World *world, __global Status *status, __constant Network *term,
                 __global const uint *fiber_start, __global const uint *hold_start, __global const uint *hold_fiber,
                 __global const uint *fiber_awake, __global const uint2 *node_force, __global uint *fiber_check) {
  uint first = fiber_start[f], last = fiber_start[f + 1] - 1, check = fiber_awake[f] || term->wake_force == 0.0f;
  for (uint h = hold_start[first - f]; !check && h < hold_start[last - f]; ++h) check = fiber_awake[hold_fiber[h]] != 0;
  for (uint i = first; !check && i <= last; ++i)
    for (uint axis = 0; axis < 3; ++axis) check |= (node_force[axis * world->nodes + i].x | node_force[axis * world->nodes + i].y) != 0;
  fiber_check[f] = check;
}

static inline double3 force_from_outside(__global const uint2 *node_force, uint i, uint stride) {
  double3 f;
  f.x = (double)as_long((ulong)node_force[i].y << 32 | node_force[i].x);
  f.y = (double)as_long((ulong)node_force[stride + i].y << 32 | node_force[stride + i].x);
  f.z = (double)as_long((ulong)node_force[2 * stride + i].y << 32 | node_force[2 * stride + i].x);
  return f * (1.0 / 4294967296.0);
}

void strain_fibers(uint f, __constant World *world, __global Status *status, __constant Network *term,
                   __global const int4 *node_position, __global const uint2 *node_force,
                   __global const uint *fiber_start, __global const uint *node_held,
                   __global const double *segment_rest, __global const double4 *bend_rest,
                   __global const uint *hold_start, __global const int2 *hold_nodes, __global const float2 *hold_at,
                   __global const double4 *hold_rest,
                   __global const uint *fiber_check, __global uint *fiber_awake,
                   __global uint *awake_place, __global int4 *node_start, __global float4 *node_shift,
                   __global float4 *segment_block, __global float *bend_block, __global float4 *bend_axis,
                   __global float8 *bend_twist, __global float8 *hold_turn, __global float4 *node_residual,
                   __global double2 *fiber_loads) {
  if (f == 0) awake_place[world->fibers] = 0;
  awake_place[f] = 0;
  if (!fiber_check[f]) return;
  uint first = fiber_start[f], last = fiber_start[f + 1] - 1;
  bool awake = fiber_awake[f];
  double load = 0, rounding = 0, left = 0, largest = 0;
  double quantum = fmax(fmax(world->quantum[0], world->quantum[1]), world->quantum[2]);
  // Forces on four nodes in a row, of which `here` is node i; the two segments before i, their lengths and stiffness.
  double3 far = 0, near = 0, here = 0, next = 0, p = 0, n = 0;
  double p_length = 1, n_length = 1, n_rest = 0, stiff_before = 0;
  for (uint i = first; i <= last + 2; ++i) {
    double3 q = 0;
    double q_length = 1, rest = 0, stiff_here = 0;
    if (i < last) {
      uint s = i - f;
      double3 e = exact_separation(node_position[i + 1], node_position[i], world->quantum);
      rest = segment_rest[s];
      q_length = sqrt(square(e));
      q = q_length > 0 ? e / q_length : (double3)(1, 0, 0);
      Spring stretch = spring(e, term->stretch_modulus / rest, rest);
      segment_block[s] = stretch.block;
      here += stretch.pull;
      next -= stretch.pull;
      load += square(stretch.pull);
      rounding += (quantum * term->stretch_modulus / rest) * (quantum * term->stretch_modulus / rest);
      rounding += (double)term->least_force * term->least_force;
      for (uint h = hold_start[s]; h < hold_start[s + 1]; ++h) {
        int2 other = hold_nodes[h];
        float2 at = hold_at[h];
        double3 e_other = exact_separation(node_position[other.y], node_position[other.x], world->quantum);
        double3 gap = exact_separation(node_position[i], node_position[other.x], world->quantum)
                    + (double)at.x * e - (double)at.y * e_other;
        double4 r = hold_rest[h];
        double3 grip = term->crosslink_stiffness * (gap - r.x * e - r.y * e_other - r.z * cross(e, e_other));
        double3 lever = r.z * cross(e_other, grip);
        double share = (double)at.x - r.x;
        here -= (1.0 - share) * grip + lever;
        next -= share * grip - lever;
        double other_length = sqrt(square(e_other)), cosine;
        double3 m = other_length > 0 ? e_other / other_length : q;
        cosine = dot(q, m);
        double3 turn = across_unit(m, q, q_length), other_turn = across_unit(q, m, fmax(other_length, 1e-9));
        float root = sqrt(term->crosslink_rigidity);
        hold_turn[h] = (float8)(root * convert_float3(turn), 0.0f, root * convert_float3(other_turn), 0.0f);
        turn *= term->crosslink_rigidity * (cosine - r.w);
        here += turn;
        next -= turn;
      }
      if (i > first) stiff_here = 2.0 * term->bend_modulus / (rest + n_rest);
      bend_block[i] = (float)stiff_here;
    }
    if (i > first && i <= last) {  // the segment that ends here, against its neighbours
      double4 r = bend_rest[i - 1 - f];
      Bend shape = {r.x, r.y, r.z, r.w};
      Moment m = moment_of(p, n, q, stiff_before, stiff_here, shape);
      double3 on_p = across_unit(m.p, p, p_length), on_n = across_unit(m.n, n, n_length), on_q = across_unit(m.q, q, q_length);
      bend_axis[i - 1 - f] = (float4)(convert_float3(n), 0.0f);
      bend_twist[i - 1 - f] = (float8)(convert_float3(m.twist_a), 0.0f, convert_float3(m.twist_b), 0.0f);
      if (stiff_before > 0) far += on_p, near -= on_p;
      near += on_n, here -= on_n;
      if (stiff_here > 0) here += on_q, next -= on_q;
    }
    if (i >= first + 2) {  // all that acts on the node before the last is known
      uint node = i - 2;
      double lengths = (node > first ? segment_rest[node - 1 - f] : 0.0) + (node < last ? segment_rest[node - f] : 0.0);
      double3 outside = force_from_outside(node_force, node, world->nodes), r = node_held[node] ? (double3)(0.0) : far + outside;
      if (awake) r -= 0.5 * term->drag * lengths / world->step * convert_double3(node_shift[node].xyz);
      node_residual[node] = (float4)(convert_float3(r), 0.0f);
      if (!node_held[node]) load += square(outside);
      left += square(r);
      largest = fmax(largest, square(r));
    }
    far = near, near = here, here = next, next = 0;
    p = n, p_length = n_length, n = q, n_length = q_length, n_rest = rest, stiff_before = stiff_here;
  }
  if (!awake && (largest > (double)term->wake_force * term->wake_force || term->wake_force == 0.0f)) {
    fiber_awake[f] = awake = 1;
    for (uint i = first; i <= last; ++i) {
      node_start[i] = node_position[i];
      node_shift[i] = 0.0f;
    }
  }
  awake_place[f] = awake;
  fiber_loads[f] = (double2)((double)term->tolerance * term->tolerance * load + rounding, left);
}

void list_awake(uint f, __constant World *world, __global Status *status, __constant Network *term,
                __global const uint *fiber_awake, __global const uint *awake_place, __global uint *awake_fiber) {
  if (fiber_awake[f]) awake_fiber[awake_place[f]] = f;
}

void count_awake(uint i, __constant World *world, __global Status *status, __constant Network *term,
                 __global const uint *awake_place) {
  status->awake = awake_place[world->fibers];
  status->error = 0;
}

// Conjugate gradients

void load_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                 __global const uint *awake_fiber, __global const uint *fiber_start,
                 __global const double2 *fiber_loads, __global double2 *fiber_sums, __global float4 *node_solution,
                 __global float4 *node_direction) {
  uint f = awake_fiber[k];
  fiber_sums[k] = fiber_loads[f];
  for (uint i = fiber_start[f]; i < fiber_start[f + 1]; ++i) node_solution[i] = node_direction[i] = 0.0f;
}

// The part of Z + dt K that couples the nodes of one fiber, factored; nodes that are held have no rows in it.
void factor_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                   __global const uint *awake_fiber, __global const uint *fiber_start, __global const uint *node_held,
                   __global const float *segment_inverse, __global const double *segment_rest,
                   __global const float4 *segment_block, __global const float *bend_block,
                   __global const uint *hold_start, __global const float2 *hold_at,
                   __global const float8 *hold_turn, __global const uint *tether_start,
                   __global const uint *tether_list,
                   __global const float8 *tether_block, __global float8 *factor) {
  uint f = awake_fiber[k], first = fiber_start[f], last = fiber_start[f + 1] - 1;
  double dt = world->step;
  // D, D^-1 and the near block of L of the last two nodes; what a node leaves to the next one and to the one after it.
  Matrix none = matrix_of(0.0), d1 = none, d2 = none, over1 = none, over2 = none, near_before = none;
  Matrix diagonal1 = none, near1 = none, far1 = none, diagonal2 = none, near2 = none, far2 = none;
  for (uint i = first; i <= last; ++i) {
    Matrix diagonal = diagonal1, near = near1, far = far1;
    diagonal1 = diagonal2, near1 = near2, far1 = far2;
    diagonal2 = near2 = far2 = none;
    double lengths = i > first ? segment_rest[i - 1 - f] : 0.0;
    if (i < last) {
      uint s = i - f;
      lengths += segment_rest[s];
      Matrix stretch = block_matrix(segment_block[s], dt);
      diagonal = plus3(diagonal, stretch);
      diagonal1 = plus3(diagonal1, stretch);
      near1 = minus3(near1, stretch);
      for (uint h = hold_start[s]; h < hold_start[s + 1]; ++h) {
        double at = hold_at[h].x, grip = dt * term->crosslink_stiffness;
        diagonal = plus3(diagonal, matrix_of(grip * (1.0 - at) * (1.0 - at)));
        diagonal1 = plus3(diagonal1, matrix_of(grip * at * at));
        near1 = plus3(near1, matrix_of(grip * at * (1.0 - at)));
        Matrix turn = block_matrix((float4)(hold_turn[h].s012, 0.0f), dt);
        diagonal = plus3(diagonal, turn);
        diagonal1 = plus3(diagonal1, turn);
        near1 = minus3(near1, turn);
      }
      for (uint t = tether_start[s]; t < tether_start[s + 1]; ++t) {
        float8 tether = tether_block[tether_list[t]];
        double at = tether.s6;
        diagonal = plus3(diagonal, symmetric_matrix(tether, dt * (1.0 - at) * (1.0 - at)));
        diagonal1 = plus3(diagonal1, symmetric_matrix(tether, dt * at * at));
        near1 = plus3(near1, symmetric_matrix(tether, dt * at * (1.0 - at)));
      }
    }
    if (i + 1 < last) {  // the bend of which this node is the first of three
      double a = segment_inverse[i - f], b = segment_inverse[i + 1 - f];
      double bend = dt * bend_block[i + 1];
      diagonal = plus3(diagonal, matrix_of(bend * a * a));
      diagonal1 = plus3(diagonal1, matrix_of(bend * (a + b) * (a + b)));
      near1 = minus3(near1, matrix_of(bend * a * (a + b)));
      diagonal2 = matrix_of(bend * b * b);
      near2 = matrix_of(-bend * b * (a + b));
      far2 = matrix_of(bend * a * b);
    }
    Matrix d = none, over = none, l_near = none, l_far = none;
    if (!node_held[i]) {
      l_far = times3(far, over2);
      Matrix between = minus3(near, times3(times3(l_far, d2), turned(near_before)));
      l_near = times3(between, over1);
      d = plus3(diagonal, matrix_of(0.5 * term->drag * lengths));
      d = minus3(d, plus3(times3(times3(l_near, d1), turned(l_near)), times3(times3(l_far, d2), turned(l_far))));
      over = inverse3(d);
    }
    store_factor(factor, i, over, l_near, l_far);
    d2 = d1, d1 = d, over2 = over1, over1 = over, near_before = l_near;
  }
}

static inline float3 times8(float8 s, float3 v) {
  return (float3)(s.s0 * v.x + s.s3 * v.y + s.s4 * v.z, s.s3 * v.x + s.s1 * v.y + s.s5 * v.z,
                  s.s4 * v.x + s.s5 * v.y + s.s2 * v.z);
}

// z = M^-1 r along a fiber, and r.z, r.r.
static inline double2 precondition(uint first, uint last, __global const float8 *factor,
                                   __global const float4 *node_residual, __global float4 *node_preconditioned) {
  float3 one = 0.0f, two = 0.0f;  // of the last node and of the one before
  for (uint i = first; i <= last; ++i) {
    Factor at = {factor[3 * i], factor[3 * i + 1], factor[3 * i + 2]};
    float3 y = node_residual[i].xyz - near_times(at, one) - far_times(at, two);
    node_preconditioned[i] = (float4)(y, 0.0f);
    two = one, one = y;
  }
  double2 sum = 0;
  float3 from_near = 0.0f, from_far = 0.0f, from_far_later = 0.0f;
  for (uint i = last + 1; i-- > first;) {
    Factor at = {factor[3 * i], factor[3 * i + 1], factor[3 * i + 2]};
    float3 z = over_diagonal(at, node_preconditioned[i].xyz) - from_near - from_far, r = node_residual[i].xyz;
    node_preconditioned[i] = (float4)(z, 0.0f);
    from_near = near_turned(at, z);
    from_far = from_far_later;
    from_far_later = far_turned(at, z);
    sum += (double2)(dot(r, z), dot(r, r));
  }
  return sum;
}

void precondition_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                         __global const uint *awake_fiber, __global const uint *fiber_start,
                         __global const float8 *factor, __global const float4 *node_residual,
                         __global float4 *node_preconditioned, __global double2 *fiber_sums) {
  uint f = awake_fiber[k];
  fiber_sums[k] = precondition(fiber_start[f], fiber_start[f + 1] - 1, factor, node_residual, node_preconditioned);
}

void redirect_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                     __global const uint *awake_fiber, __global const uint *fiber_start,
                     __global const float4 *node_preconditioned, __global const double *krylov,
                     __global float4 *node_direction) {
  uint f = awake_fiber[k];
  float turn = (float)krylov[2];
  for (uint i = fiber_start[f]; i < fiber_start[f + 1]; ++i)
    node_direction[i] = node_preconditioned[i] + turn * node_direction[i];
}

void multiply_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                     __global const uint *awake_fiber, __global const uint *fiber_start,
                     __global const uint *node_held, __global const float *segment_inverse,
                     __global const float4 *segment_block, __global const float *bend_block,
                     __global const float4 *bend_axis, __global const float8 *bend_twist,
                     __global const uint *hold_start, __global const int2 *hold_nodes, __global const float2 *hold_at,
                     __global const float8 *hold_turn,
                     __global const uint *tether_start, __global const uint *tether_list,
                     __global const float8 *tether_block, __global const float4 *direction,
                     __global const float4 *node_direction, __global float4 *node_product,
                     __global double2 *fiber_sums) {
  uint f = awake_fiber[k], first = fiber_start[f], last = fiber_start[f + 1] - 1;
  float dt = world->step, drag = 0.5f * term->drag;
  // Forces on four nodes in a row, of which `here` is node i; directions of these nodes; the segment and bend before.
  float3 far = 0.0f, near = 0.0f, here = 0.0f, next = 0.0f, d = node_direction[first].xyz, d_near = d, d_far = d;
  float3 e_before = 0.0f, bend_before = 0.0f;
  float over_far = 0.0f, over_before = 0.0f, stiff_before = 0.0f;
  double curvature = 0;
  for (uint i = first; i <= last + 2; ++i) {
    float3 e = 0.0f, d_next = d, bend_here = 0.0f;
    float over = 0.0f, stiff_here = 0.0f;
    if (i < last) {
      uint s = i - f;
      d_next = node_direction[i + 1].xyz;
      e = d_next - d;
      over = segment_inverse[s];
      float3 pull = dt * stiff(segment_block[s], e);
      here += drag / over * d - pull;
      next += drag / over * d_next + pull;
      for (uint h = hold_start[s]; h < hold_start[s + 1]; ++h) {
        int2 other = hold_nodes[h];
        float2 at = hold_at[h];
        float3 there = node_direction[other.x].xyz, e_other = node_direction[other.y].xyz - there;
        float3 grip = dt * term->crosslink_stiffness * (d + at.x * e - there - at.y * e_other);
        float8 turns = hold_turn[h];
        float3 turn = dt * (dot(turns.s012, e) + dot(turns.s456, e_other)) * turns.s012;
        here += (1.0f - at.x) * grip - turn;
        next += at.x * grip + turn;
      }
      for (uint t = tether_start[s]; t < tether_start[s + 1]; ++t) {
        uint tether = tether_list[t];
        float8 block = tether_block[tether];
        float3 gap = d + block.s6 * e - direction[tether % world->stride].xyz;
        float3 grip = dt * times8(block, gap);
        here += (1.0f - block.s6) * grip;
        next += block.s6 * grip;
      }
      if (i > first) {
        stiff_here = bend_block[i];
        bend_here = over * e - over_before * e_before;
      }
    }
    if (i > first && i <= last) {  // the segment that ends here bends against its neighbours
      float3 axis = bend_axis[i - 1 - f].xyz;
      float8 twist = bend_twist[i - 1 - f];
      float turn = dot(twist.s012, bend_before) + dot(twist.s456, bend_here);
      float3 at_a = 0.5f * dt * (stiff_before * (bend_before - dot(axis, bend_before) * axis) - turn * twist.s012);
      float3 at_b = 0.5f * dt * (stiff_here * (bend_here - dot(axis, bend_here) * axis) - turn * twist.s456);
      far += over_far * at_a;
      near += over_before * at_b - (over_far + over_before) * at_a;
      here += over_before * at_a - (over_before + over) * at_b;
      next += over * at_b;
    }
    if (i >= first + 2) {  // all that acts on the node before the last is known
      uint n = i - 2;
      float3 product = node_held[n] ? (float3)(0.0f) : far;
      node_product[n] = (float4)(product, 0.0f);
      curvature += (double)dot(d_far, product);
    }
    far = near, near = here, here = next, next = 0.0f;
    d_far = d_near, d_near = d, d = d_next;
    e_before = e, bend_before = bend_here, over_far = over_before, over_before = over, stiff_before = stiff_here;
  }
  fiber_sums[k] = (double2)(curvature, 0.0);
}

// The cells' side of the tethers; their own block is in `resistance`.
void couple_cells(uint i, __constant World *world, __global Status *status, __constant Network *term,
                  __global const int2 *segment_nodes, __global const uint *tether_key,
                  __global const float8 *tether_block, __global const float4 *node_direction,
                  __global float4 *product) {
  float3 sum = 0.0f;
  for (uint k = 0; k < world->link_slots + world->touch_rows; ++k) {
    uint tether = k * world->stride + i, s = tether_key[tether];
    if (s == 0xFFFFFFFFu) continue;
    float8 block = tether_block[tether];
    float3 a = node_direction[segment_nodes[s].x].xyz, b = node_direction[segment_nodes[s].y].xyz;
    sum += times8(block, a + block.s6 * (b - a));
  }
  product[i].xyz -= world->step * sum;
}

void descend_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                    __global const uint *awake_fiber, __global const uint *fiber_start, __global const float8 *factor,
                    __global const float4 *node_direction, __global const float4 *node_product,
                    __global const double *krylov, __global float4 *node_solution, __global float4 *node_residual,
                    __global float4 *node_preconditioned, __global double2 *fiber_sums) {
  uint f = awake_fiber[k], first = fiber_start[f], last = fiber_start[f + 1] - 1;
  float length = (float)krylov[1];
  for (uint i = first; i <= last; ++i) {
    node_solution[i] += length * node_direction[i];
    node_residual[i] -= length * node_product[i];
  }
  fiber_sums[k] = precondition(first, last, factor, node_residual, node_preconditioned);
}

// The step

// Where a node would be at its velocity of the last step: the first guess.
void predict_fibers(uint f, __constant World *world, __global Status *status, __constant Network *term,
                    __global const uint *fiber_start, __global const uint *fiber_awake,
                    __global const float4 *node_velocity, __global int4 *node_position, __global int4 *node_start,
                    __global float4 *node_shift) {
  if (!fiber_awake[f]) return;
  for (uint i = fiber_start[f]; i < fiber_start[f + 1]; ++i) {
    float4 shift = world->step * node_velocity[i];
    node_start[i] = node_position[i];
    node_shift[i] = shift;
    node_position[i] = moved(node_position[i], shift.xyz, world->quantum);
  }
}

// At most 1 um in a round; `error` is what conjugate gradients have left, in um.
void move_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                 __global const uint *awake_fiber, __global const uint *fiber_start,
                 __global const float4 *node_solution, __global const float4 *node_preconditioned,
                 __global const int4 *node_start, __global float4 *node_shift, __global int4 *node_position) {
  uint f = awake_fiber[k];
  float missing = 0.0f;
  for (uint i = fiber_start[f]; i < fiber_start[f + 1]; ++i) {
    float3 move = world->step * node_solution[i].xyz;
    float size = length(move);
    if (size > 1.0f) move /= size;
    node_shift[i].xyz += move;
    node_position[i] = moved(node_start[i], node_shift[i].xyz, world->quantum);
    missing = fmax(missing, world->step * length(node_preconditioned[i].xyz));
  }
  atomic_max(&status->error, as_uint(missing));
}

// The step is accepted. A fiber that has hardly moved for ten steps, and on which little pulls, falls asleep.
void settle_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                   __global const uint *awake_fiber, __global const uint *fiber_start,
                   __global const int4 *node_listed, __global const int4 *node_position,
                   __global const float4 *node_residual, __global const uint *node_held, __global float4 *node_shift,
                   __global float4 *node_velocity, __global float4 *node_direction, __global uint *fiber_awake) {
  uint f = awake_fiber[k];
  float farthest = 0.0f, largest = 0.0f, gone = 0.0f;
  for (uint i = fiber_start[f]; i < fiber_start[f + 1]; ++i) {
    float3 shift = node_shift[i].xyz, left = separation(node_position[i], node_listed[i], world->quantum);
    node_velocity[i] = (float4)(shift / world->step, 0.0f);
    farthest = fmax(farthest, dot(shift, shift));
    if (!node_held[i]) largest = fmax(largest, dot(node_residual[i].xyz, node_residual[i].xyz));
    gone = fmax(gone, dot(left, left));
  }
  if (!isfinite(farthest)) atomic_or(&status->moved, NOT_FINITE);
  if (4.0f * gone > world->skin * world->skin) atomic_or(&status->moved, 1u);
  bool still = farthest <= term->still_distance * term->still_distance && 4.0f * largest <= term->wake_force * term->wake_force;
  uint steps = still && term->wake_force > 0.0f ? fiber_awake[f] + 1 : 1;
  fiber_awake[f] = steps > 10 ? 0 : steps;
  if (steps <= 10) return;
  for (uint i = fiber_start[f]; i < fiber_start[f + 1]; ++i) node_velocity[i] = node_shift[i] = node_direction[i] = 0.0f;
}

void rewind_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                   __global const uint *awake_fiber, __global const uint *fiber_start,
                   __global const int4 *node_start, __global int4 *node_position, __global float4 *node_shift) {
  uint f = awake_fiber[k];
  for (uint i = fiber_start[f]; i < fiber_start[f + 1]; ++i) {
    node_position[i] = node_start[i];
    node_shift[i] = 0.0f;
  }
}

void commit_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                   __global const uint *awake_fiber, __global const uint *fiber_start,
                   __global const int4 *node_position, __global int4 *node_start, __global float4 *node_shift) {
  uint f = awake_fiber[k];
  for (uint i = fiber_start[f]; i < fiber_start[f + 1]; ++i) {
    node_start[i] = node_position[i];
    node_shift[i] = 0.0f;
  }
}

void begin_tethers(uint i, __constant World *world, __global Status *status, __constant Network *term,
                   __global uint *tethering) {
  tethering[0] = 1;
  tethering[1] = (world->link_slots + world->touch_rows) * world->stride;
}

void end_tethers(uint i, __constant World *world, __global Status *status, __constant Network *term,
                 __global uint *tethering) {
  tethering[0] = 0;
}
