// Fibers that stretch, bend and hold each other at crosslinks: forces, stiffness and preconditioner, one fiber per
// work-item, along the chain of its nodes. Fibers that are in balance sleep: they glide on at the velocity that they had,
// until a force on one of their nodes exceeds `wake_force`, or to the next sweep.

// Forces

// Fibers are asleep (0), awake (1), or awake as of this step (2). In a sweep all are awake.
static inline bool sweeping(__global const Status *status, __constant Network *term) {
  return term->wake_force == 0.0f || status->step >= status->swept + status->next_sweep;
}

// Of all rows, since all are summed up, also where the step is solved already.
void clear_places(uint f, __constant World *world, __global Status *status, __constant Network *term,
                  __global uint *awake_place, __global uint *placed) {
  if (f == 0) placed[0] = 1;
  awake_place[f] = 0;
  if (f + 1 == world->fiber_rows) awake_place[f + 1] = 0;
}

// A sleeping fiber need only be looked at if something acts on it, if a fiber that moves is crosslinked to it, or in sweeps.
void mark_fibers(uint f, __constant World *world, __global Status *status, __constant Network *term,
                 __global const int4 *fiber_span, __global const uint *hold_start, __global const uint *hold_fiber,
                 __global const uint *fiber_awake, __global const uint2 *node_force, __global uint *fiber_check) {
  uint first = fiber_span[f].x, last = fiber_span[f].y, chain = fiber_span[f].z;
  uint check = fiber_awake[f] || sweeping(status, term);
  for (uint h = hold_start[first - chain]; !check && h < hold_start[last - chain]; ++h)
    check = fiber_awake[hold_fiber[h]] != 0;
  for (uint i = first; !check && i <= last; ++i)
    for (uint axis = 0; axis < 3; ++axis) {
      uint2 force = node_force[axis * world->nodes + i];
      check |= (force.x | force.y) != 0;
    }
  fiber_check[f] = check;
}

static inline double3 force_from_outside(__global const uint2 *node_force, uint i, uint stride) {
  double3 f;
  f.x = (double)as_long((ulong)node_force[i].y << 32 | node_force[i].x);
  f.y = (double)as_long((ulong)node_force[stride + i].y << 32 | node_force[stride + i].x);
  f.z = (double)as_long((ulong)node_force[2 * stride + i].y << 32 | node_force[2 * stride + i].x);
  return f * (1.0 / 4294967296.0);
}

// A fiber's frame: the rotation R that brings what it was at rest nearest to what it is. That is its bends s, and at each
// of its crosslinks the directions of both segments: E = min_R sum k/2 |s - R s0|^2 + sum k_c/2 |t - R t0|^2. What is
// least in R has no gradient through R: forces are k (s - R s0) and k_c (t - R t0), without torque. Newton's method.
void turn_fibers(uint f, __constant World *world, __global Status *status, __constant Network *term,
                 __global const int4 *node_position, __global const double4 *segment_course,
                 __global const int4 *fiber_span,
                 __global const double *segment_rest, __global const uint *segment_area,
                 __global const uint *hold_start, __global const int2 *hold_nodes, __global const uint *hold_segment,
                 __global const double4 *hold_turn, __global const uint *fiber_check,
                 __global double4 *fiber_frame, __global float8 *fiber_pivot) {
  if (!fiber_check[f]) return;
  uint first = fiber_span[f].x, last = fiber_span[f].y, chain = fiber_span[f].z;
  Matrix c = matrix_of(0.0), at_rest = matrix_of(0.0), r = load_frame(fiber_frame, f);
  double3 e_before = 0, rest_before = 0;
  double soft_before = 1, size = 0;
  for (uint i = first; i < last; ++i) {
    double rest = segment_rest[i - chain], soft = bend_compliance(rest, segment_area[i - chain]);
    double3 e = exact_separation(node_position[i + 1], node_position[i], world->quantum) / rest;
    double3 e_rest = segment_course[i - chain].xyz;
    if (i > first) {
      double3 s0 = 2.0 * term->bend_modulus / (soft + soft_before) * (e_rest - rest_before);
      c = plus3(c, outer(e - e_before, s0));
      at_rest = plus3(at_rest, outer(e_rest - rest_before, s0));
      size += sqrt(square(e - e_before) * square(s0));
    }
    for (uint h = hold_start[i - chain]; h < hold_start[i - chain + 1]; ++h) {
      int2 other = hold_nodes[h];
      double3 e_other = exact_separation(node_position[other.y], node_position[other.x], world->quantum);
      double3 own = hold_turn[3 * h].xyz, there = hold_turn[3 * h + 1].xyz;
      c = plus3(c, outer(e, term->crosslink_rigidity * own));
      c = plus3(c, outer(e_other / segment_rest[hold_segment[h]], term->crosslink_rigidity * there));
      at_rest = plus3(at_rest, outer(own, term->crosslink_rigidity * own));
      at_rest = plus3(at_rest, outer(there, term->crosslink_rigidity * there));
      size += 2.0 * term->crosslink_rigidity;
    }
    e_before = e, rest_before = e_rest, soft_before = soft;
  }
  for (int k = 0; k < 100 && size > 1e-12; ++k) {
    Matrix b = times3(c, turned(r));
    double3 w = skew_part(b);
    Matrix against = plus3(against_turning(b), matrix_of(1e-6 * size));
    double lowest = least_eigenvalue(against);  // below 0 far from the best rotation: then only uphill
    bool level = square(w) <= (lowest > 0 ? 1e-28 : 1e-12) * size * size;
    if (level && lowest > 0) break;
    if (level) w = size * (double3)(2e-3, 1.5e-3, 1e-3);  // off a saddle, as after half a turn
    w = matrix_times(inverse3(plus3(against, matrix_of(lowest > 0 ? 0.0 : -1.5 * lowest))), w);
    double angle = sqrt(square(w));
    r = turn_by(angle < 0.3 ? w : 0.3 / angle * w, r);
  }
  fiber_frame[3 * f] = (double4)(r.x, 0), fiber_frame[3 * f + 1] = (double4)(r.y, 0);
  fiber_frame[3 * f + 2] = (double4)(r.z, 0);
  // What a torque would turn the frame by. Exact where fibers have bent on, as if unbent where they have straightened:
  // the stiffness that is left stays positive.
  Matrix pivot = against_turning(times3(c, turned(r)));
  Matrix unbent = against_turning(times3(times3(r, at_rest), turned(r)));
  double slack = fmax(0.0, -least_eigenvalue(minus3(pivot, unbent)));
  pivot = size > 1e-12 ? inverse3(plus3(pivot, matrix_of(slack + 1e-6 * size))) : matrix_of(0.0);
  fiber_pivot[f] = (float8)((float)pivot.x.x, (float)pivot.y.y, (float)pivot.z.z, (float)pivot.x.y,
                            (float)pivot.x.z, (float)pivot.y.z, 0.0f, 0.0f);
}

// The tension of each segment as it is. What comes out of a round is the tension of its linear equations instead: that
// of the positions is off by what turning has stretched, which the next round takes back, but which would hold the fiber
// still in it. Source: Magisano, Leonetti & Garcea, Comput Methods Appl Mech Eng 313:759 (2017), tension as an unknown.
static inline void note_tensions(int4 span, __constant Network *term, __constant World *world,
                                 __global const int4 *node, __global const double *segment_rest,
                                 __global const uint *segment_area, __global float *segment_tension) {
  for (int i = span.x; i < span.y; ++i) {
    uint s = i - span.z;
    double length = sqrt(square(exact_separation(node[i + 1], node[i], world->quantum)));
    segment_tension[s] = (float)(term->stretch_modulus * area_of(segment_area[s]) * (length / segment_rest[s] - 1.0));
  }
}

// Forces on the nodes of a fiber, and whether it wakes.
void strain_fibers(uint f, __constant World *world, __global Status *status, __constant Network *term,
                   __global const int4 *node_position, __global const double4 *segment_course,
                   __global const uint2 *node_force, __global const int4 *fiber_span,
                   __global const uint *node_held, __global const double *segment_rest,
                   __global const uint *segment_area, __global const uint *hold_start,
                   __global const int2 *hold_nodes, __global const float2 *hold_at, __global const uint *hold_fiber,
                   __global const double4 *hold_rest, __global const double4 *hold_turn,
                   __global const double4 *fiber_frame, __global const uint *fiber_check,
                   __global const float4 *node_shift, __global uint *fiber_awake, __global uint *awake_place,
                   __global float *segment_tension, __global float4 *node_residual, __global float4 *fiber_turn,
                   __global double2 *fiber_loads) {
  fiber_turn[f] = 0.0f;
  if (!fiber_check[f]) return;
  uint first = fiber_span[f].x, last = fiber_span[f].y, chain = fiber_span[f].z;
  bool awake = fiber_awake[f];
  double left = 0, largest = 0, rest_before = 1, soft_before = 1;
  double3 before = 0, here = 0, next = 0, t_before = 0, t_rest_before = 0;
  Matrix frame = load_frame(fiber_frame, f);
  for (uint i = first; i <= last + 1; ++i) {
    double rest = 1, soft = 1;
    double3 t = 0, t_rest = 0;
    if (i < last) {
      uint s = i - chain;
      rest = segment_rest[s], soft = bend_compliance(rest, segment_area[s]);
      double3 e = exact_separation(node_position[i + 1], node_position[i], world->quantum), pull;
      t = e / rest, t_rest = segment_course[s].xyz;
      double tension = term->stretch_modulus * area_of(segment_area[s]) * (sqrt(square(e)) / rest - 1.0);
      pull = tension * unit(e);
      for (uint h = hold_start[s]; h < hold_start[s + 1]; ++h) {
        int2 other = hold_nodes[h];
        double4 h_rest = hold_rest[h];
        double at = (double)hold_at[h].x - h_rest.x;
        double3 e_other = exact_separation(node_position[other.y], node_position[other.x], world->quantum);
        double3 gap = exact_separation(node_position[i], node_position[other.x], world->quantum);
        gap = gap_of(gap, e, e_other, hold_at[h], h_rest);
        double3 grip = term->crosslink_stiffness * slack_of(gap, h_rest.w) * gap;
        double3 turn = 2.0 * t - matrix_times(frame, hold_turn[3 * h].xyz)
                     - matrix_times(load_frame(fiber_frame, hold_fiber[h]), hold_turn[3 * h + 2].xyz);
        pull += term->crosslink_rigidity / rest * turn - h_rest.z * cross(e_other, grip);
        here -= (1.0 - at) * grip;
        next -= at * grip;
      }
      here += pull;
      next -= pull;
      if (i > first) {
        double3 bend = 2.0 * term->bend_modulus / (soft + soft_before)
                     * (t - t_before - matrix_times(frame, t_rest - t_rest_before));
        before -= bend / rest_before;
        here += bend / rest_before + bend / rest;
        next -= bend / rest;
      }
    }
    if (i > first) {  // all that acts on the node before is known
      uint n = i - 1;
      double lengths = (n > first ? segment_rest[n - 1 - chain] : 0.0) + (n < last ? segment_rest[n - chain] : 0.0);
      double3 outside = force_from_outside(node_force, n, world->nodes);
      double3 sum = node_held[n] ? (double3)(0.0) : before + outside;
      sum -= 0.5 * term->drag * lengths / world->step * convert_double3(node_shift[n].xyz);
      node_residual[n] = (float4)(convert_float3(sum), 0.0f);
      left += square(sum);
      largest = fmax(largest, square(sum));
    }
    before = here, here = next, next = 0;
    t_before = t, t_rest_before = t_rest, rest_before = rest, soft_before = soft;
  }
  bool pulled = sweeping(status, term) || largest > (double)term->wake_force * term->wake_force;
  if (!awake && pulled) {
    fiber_awake[f] = 2;
    awake = true;
    note_tensions(fiber_span[f], term, world, node_position, segment_rest, segment_area, segment_tension);
  }
  awake_place[f] = awake ? 1 : 0;
  double least = term->least_force;
  fiber_loads[f] = (double2)((last - first) * least * least, left);
}

void list_awake(uint f, __constant World *world, __global Status *status, __constant Network *term,
                __global const uint *fiber_awake, __global const uint *awake_place, __global uint *awake_fiber) {
  if (fiber_awake[f]) awake_fiber[awake_place[f]] = f;
}

void count_awake(uint i, __constant World *world, __global Status *status, __constant Network *term,
                 __global const uint *awake_place) {
  status->awake = status->fibers ? awake_place[status->fibers] : 0;
  status->error = 0;
}

// Conjugate gradients

static inline float3 times8(float8 s, float3 v) {
  return (float3)(s.s0 * v.x + s.s3 * v.y + s.s4 * v.z, s.s3 * v.x + s.s1 * v.y + s.s5 * v.z,
                  s.s4 * v.x + s.s5 * v.y + s.s2 * v.z);
}

void load_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                 __global const uint *awake_fiber, __global const int4 *fiber_span,
                 __global const uint *fiber_awake, __global const double2 *fiber_loads,
                 __global const float4 *node_velocity, __global double2 *fiber_sums, __global float4 *node_solution,
                 __global float4 *node_direction) {
  uint f = awake_fiber[k];
  fiber_sums[k] = fiber_loads[f];
  float guess = status->round || fiber_awake[f] == 2 ? 0.0f : 1.0f;  // what glides has moved already
  for (int i = fiber_span[f].x; i <= fiber_span[f].y; ++i) {
    node_solution[i] = 0.0f;
    node_direction[i] = guess * node_velocity[i];
  }
}

// Stiffness of segments, and what turns the frames. A small turn w takes R s0 to R s0 + w x R s0, and the best one leaves
// least of sum k |ds - w x R s0|^2: w = pivot sum k R s0 x ds. Without it fibers would resist turning as they do bending.
void stiffen_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                    __global const uint *awake_fiber, __global const int4 *fiber_span,
                    __global const int4 *node_position, __global const double4 *segment_course,
                    __global const double *segment_rest, __global const uint *segment_area,
                    __global const float *segment_tension, __global const uint *hold_start,
                    __global const int2 *hold_nodes, __global const float2 *hold_at,
                    __global const uint *hold_segment, __global const uint *hold_fiber,
                    __global const double4 *hold_rest, __global const double4 *hold_turn,
                    __global const double4 *fiber_frame, __global float4 *segment_block,
                    __global float4 *segment_axis, __global float4 *hold_block, __global float4 *hold_axes, __global float4 *hold_skew) {
  int4 span = fiber_span[awake_fiber[k]];
  uint f = awake_fiber[k], first = span.x, last = span.y, chain = span.z;
  Matrix frame = load_frame(fiber_frame, f);
  for (uint i = first; i < last; ++i) {
    uint s = i - chain;
    double rest = segment_rest[s], stiffness = term->stretch_modulus * area_of(segment_area[s]) / rest;
    double3 e = exact_separation(node_position[i + 1], node_position[i], world->quantum);
    double3 t_rest = segment_course[s].xyz;
    double across = fmin((double)segment_tension[s] / fmax(sqrt(square(e)), 0.1 * rest), 0.9 * stiffness);
    if (status->convex) across = fmax(across, 0.0);
    double held = 2.0 * (hold_start[s + 1] - hold_start[s]) * term->crosslink_rigidity / (rest * rest);
    segment_block[s] = (float4)(convert_float3(sqrt(stiffness - across) * unit(e)), (float)(across + held));
    float compliance = (float)bend_compliance(rest, segment_area[s]);
    segment_axis[s] = (float4)(convert_float3(matrix_times(frame, t_rest)), compliance);
    for (uint h = hold_start[s]; h < hold_start[s + 1]; ++h) {
      int2 other = hold_nodes[h];
      double4 h_rest = hold_rest[h];
      double3 e_other = exact_separation(node_position[other.y], node_position[other.x], world->quantum);
      double3 gap = exact_separation(node_position[i], node_position[other.x], world->quantum);
      gap = gap_of(gap, e, e_other, hold_at[h], h_rest);
      double slack = fmax(slack_of(gap, h_rest.w), 0.0);
      hold_block[h] = (float4)(convert_float3(sqrt(term->crosslink_stiffness * (1.0 - slack)) * unit(gap)),
                               (float)(term->crosslink_stiffness * slack));
      hold_skew[2 * h] = (float4)(convert_float3(h_rest.z * e), 0.0f);
      hold_skew[2 * h + 1] = (float4)(convert_float3(h_rest.z * e_other), 0.0f);
      hold_axes[3 * h] = (float4)(convert_float3(matrix_times(frame, hold_turn[3 * h].xyz)), 0.0f);
      hold_axes[3 * h + 1] = (float4)(convert_float3(matrix_times(frame, hold_turn[3 * h + 1].xyz)), 0.0f);
      double3 seen = matrix_times(load_frame(fiber_frame, hold_fiber[h]), hold_turn[3 * h + 2].xyz);
      hold_axes[3 * h + 2] = (float4)(convert_float3(seen), 0.0f);
    }
  }
}

// The part of Z + dt K that couples the nodes of one fiber, factored; nodes that are held have no rows in it.
void factor_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                   __global const uint *awake_fiber, __global const int4 *fiber_span, __global const uint *node_held,
                   __global const float *segment_inverse, __global const double *segment_rest,
                   __global const float4 *segment_block, __global const float4 *segment_axis,
                   __global const uint *hold_start, __global const float2 *hold_at, __global const float4 *hold_block,
                   __global const float4 *hold_skew, __global const uint *tether_start,
                   __global const uint *tether_list, __global const float8 *tether_block, __global float8 *factor) {
  int4 span = fiber_span[awake_fiber[k]];
  uint f = awake_fiber[k], first = span.x, last = span.y, chain = span.z;
  double dt = world->step;
  // D, D^-1 and the near block of L of the last two nodes; what a node leaves to the next one and to the one after it.
  Matrix none = matrix_of(0.0), d1 = none, d2 = none, over1 = none, over2 = none, near_before = none;
  Matrix diagonal1 = none, near1 = none, far1 = none, diagonal2 = none, near2 = none, far2 = none;
  for (uint i = first; i <= last; ++i) {
    Matrix diagonal = diagonal1, near = near1, far = far1;
    diagonal1 = diagonal2, near1 = near2, far1 = far2;
    diagonal2 = near2 = far2 = none;
    double lengths = i > first ? segment_rest[i - 1 - chain] : 0.0;
    if (i < last) {
      uint s = i - chain;
      lengths += segment_rest[s];
      Matrix stretch = positive_block(segment_block[s], dt);
      diagonal = plus3(diagonal, stretch);
      diagonal1 = plus3(diagonal1, stretch);
      near1 = minus3(near1, stretch);
      for (uint h = hold_start[s]; h < hold_start[s + 1]; ++h) {
        double at = hold_at[h].x;  // of the gap's slope by the two nodes
        Matrix block = positive_block(hold_block[h], dt), skew = crossing(convert_double3(hold_skew[2 * h + 1].xyz));
        Matrix one = minus3(matrix_of(1.0 - at), skew), two = plus3(matrix_of(at), skew);
        diagonal = plus3(diagonal, times3(turned(one), times3(block, one)));
        diagonal1 = plus3(diagonal1, times3(turned(two), times3(block, two)));
        near1 = plus3(near1, times3(turned(two), times3(block, one)));
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
      double a = segment_inverse[i - chain], b = segment_inverse[i + 1 - chain];
      double bend = 2.0 * dt * term->bend_modulus / ((double)segment_axis[i - chain].w + segment_axis[i + 1 - chain].w);
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
                         __global const uint *awake_fiber, __global const int4 *fiber_span,
                         __global const float8 *factor, __global const float4 *node_residual,
                         __global float4 *node_preconditioned, __global double2 *fiber_sums) {
  uint f = awake_fiber[k];
  fiber_sums[k] = precondition(fiber_span[f].x, fiber_span[f].y, factor, node_residual, node_preconditioned);
}

void redirect_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                     __global const uint *awake_fiber, __global const int4 *fiber_span,
                     __global const float4 *node_preconditioned, __global const double *krylov,
                     __global float4 *node_direction) {
  uint f = awake_fiber[k];
  float turn = (float)krylov[TURN], fresh = (float)krylov[FRESH];
  for (int i = fiber_span[f].x; i <= fiber_span[f].y; ++i)
    node_direction[i] = fresh * node_preconditioned[i] + turn * node_direction[i];
}

// How frames turn with the direction; those of fibers that sleep do not.
void swing_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                  __global const uint *awake_fiber, __global const int4 *fiber_span,
                  __global const float *segment_inverse, __global const float4 *segment_axis,
                  __global const uint *hold_start, __global const int2 *hold_nodes,
                  __global const uint *hold_segment, __global const float4 *hold_axes,
                  __global const float8 *fiber_pivot, __global const float4 *node_direction,
                  __global float4 *fiber_turn) {
  int4 span = fiber_span[awake_fiber[k]];
  uint f = awake_fiber[k], first = span.x, last = span.y, chain = span.z;
  float3 sum = 0.0f, d = node_direction[first].xyz, t_before = 0.0f, axis_before = 0.0f;
  float soft_before = 0.0f;
  for (uint i = first; i < last; ++i) {
    uint s = i - chain;
    float over = segment_inverse[s], soft = segment_axis[s].w;
    float3 d_next = node_direction[i + 1].xyz, t = over * (d_next - d), axis = segment_axis[s].xyz;
    if (i > first) {
      float stiffness = 2.0f * term->bend_modulus / (soft + soft_before);
      sum += stiffness * cross(axis - axis_before, t - t_before);
    }
    for (uint h = hold_start[s]; h < hold_start[s + 1]; ++h) {
      int2 other = hold_nodes[h];
      float3 there = segment_inverse[hold_segment[h]] * (node_direction[other.y].xyz - node_direction[other.x].xyz);
      sum += term->crosslink_rigidity * (cross(hold_axes[3 * h].xyz, t) + cross(hold_axes[3 * h + 1].xyz, there));
    }
    d = d_next, t_before = t, axis_before = axis, soft_before = soft;
  }
  float8 pivot = fiber_pivot[f];
  fiber_turn[f] = (float4)(times8(pivot, sum), 0.0f);
}

void multiply_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                     __global const uint *awake_fiber, __global const int4 *fiber_span,
                     __global const uint *node_held, __global const float *segment_inverse,
                     __global const float4 *segment_block, __global const float4 *segment_axis,
                     __global const float4 *fiber_turn, __global const uint *hold_start,
                     __global const int2 *hold_nodes, __global const float2 *hold_at,
                     __global const float4 *hold_block, __global const uint *hold_fiber,
                     __global const float4 *hold_axes, __global const float4 *hold_skew,
                     __global const uint *tether_start, __global const uint *tether_list,
                     __global const float8 *tether_block, __global const float4 *direction,
                     __global const float4 *node_direction, __global const float4 *node_residual,
                     __global float4 *node_product, __global double2 *fiber_sums) {
  int4 span = fiber_span[awake_fiber[k]];
  uint f = awake_fiber[k], first = span.x, last = span.y, chain = span.z;
  float dt = world->step, drag = 0.5f * term->drag, over_before = 0.0f, soft_before = 0.0f;
  float stiff_bend = 2.0f * dt * term->bend_modulus;
  float stiff_turn = dt * term->crosslink_rigidity;
  float3 before = 0.0f, here = 0.0f, next = 0.0f, e_before = 0.0f, d = node_direction[first].xyz, d_before = d;
  float3 turn = fiber_turn[f].xyz, axis_before = 0.0f;
  double2 sum = 0;
  for (uint i = first; i <= last + 1; ++i) {
    float3 e = 0.0f, d_next = d, axis = 0.0f;
    float over = 0.0f, soft = 0.0f;
    if (i < last) {
      uint s = i - chain;
      d_next = node_direction[i + 1].xyz;
      e = d_next - d;
      over = segment_inverse[s];
      axis = segment_axis[s].xyz, soft = segment_axis[s].w;
      float3 pull = dt * stiff(segment_block[s], e);
      for (uint h = hold_start[s]; h < hold_start[s + 1]; ++h) {
        int2 other = hold_nodes[h];
        float2 at = hold_at[h];
        float3 there = node_direction[other.x].xyz, e_other = node_direction[other.y].xyz - there;
        float3 skew = hold_skew[2 * h + 1].xyz;
        float3 parts = d + at.x * e - there - at.y * e_other + cross(skew, e) - cross(hold_skew[2 * h].xyz, e_other);
        float3 grip = dt * stiff(hold_block[h], parts);
        here += (1.0f - at.x) * grip;
        next += at.x * grip;
        pull -= cross(skew, grip);
        pull -= stiff_turn * over
              * (cross(turn, hold_axes[3 * h].xyz) + cross(fiber_turn[hold_fiber[h]].xyz, hold_axes[3 * h + 2].xyz));
      }
      here += drag / over * d - pull;
      next += drag / over * d_next + pull;
      for (uint t = tether_start[s]; t < tether_start[s + 1]; ++t) {
        uint tether = tether_list[t];
        float8 block = tether_block[tether];
        float3 grip = dt * times8(block, d + block.s6 * e - direction[tether % world->stride].xyz);
        here += (1.0f - block.s6) * grip;
        next += block.s6 * grip;
      }
      if (i > first) {
        float3 bend = over * e - over_before * e_before - cross(turn, axis - axis_before);
        bend *= stiff_bend / (soft + soft_before);
        before += over_before * bend;
        here -= (over_before + over) * bend;
        next += over * bend;
      }
    }
    if (i > first) {  // all that acts on the node before is known
      uint n = i - 1;
      float3 product = node_held[n] ? (float3)(0.0f) : before;
      node_product[n] = (float4)(product, 0.0f);
      sum += (double2)(dot(d_before, product), dot(node_residual[n].xyz, d_before));
    }
    before = here, here = next, next = 0.0f;
    e_before = e, over_before = over, soft_before = soft, axis_before = axis, d_before = d, d = d_next;
  }
  fiber_sums[k] = sum;
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
                    __global const uint *awake_fiber, __global const int4 *fiber_span, __global const float8 *factor,
                    __global const float4 *node_direction, __global const float4 *node_product,
                    __global const double *krylov, __global float4 *node_solution, __global float4 *node_residual,
                    __global float4 *node_preconditioned, __global double2 *fiber_sums) {
  int4 span = fiber_span[awake_fiber[k]];
  uint f = awake_fiber[k], first = span.x, last = span.y, chain = span.z;
  float length = (float)krylov[LENGTH];
  for (uint i = first; i <= last; ++i) {
    node_solution[i] += length * node_direction[i];
    node_residual[i] -= length * node_product[i];
  }
  fiber_sums[k] = precondition(first, last, factor, node_residual, node_preconditioned);
}

// The step

// Fibers that sleep glide to where they will be at the end of the step.
void begin_fibers(uint f, __constant World *world, __global Status *status, __constant Network *term,
                  __global const int4 *fiber_span, __global const uint *fiber_awake, __global const float4 *node_glide,
                  __global const int4 *node_listed, __global const double *segment_rest,
                  __global const uint *segment_area, __global int4 *node_position, __global int4 *node_start,
                  __global float4 *node_shift, __global float *segment_tension) {
  uint first = fiber_span[f].x, last = fiber_span[f].y, chain = fiber_span[f].z;
  float gone = 0.0f;
  for (uint i = first; i <= last; ++i) {
    float3 shift = fiber_awake[f] ? (float3)(0.0f) : world->step * node_glide[i].xyz;
    node_start[i] = node_position[i];
    node_shift[i] = (float4)(shift, 0.0f);
    if (fiber_awake[f]) continue;
    node_position[i] = moved(node_start[i], shift, world->quantum);
    float3 left = separation(node_position[i], node_listed[i], world->quantum);
    gone = fmax(gone, dot(left, left));
  }
  if (4.0f * gone > world->skin * world->skin) atomic_or(&status->moved, 1u);
  if (fiber_awake[f]) note_tensions(fiber_span[f], term, world, node_position, segment_rest, segment_area, segment_tension);
}

// At most 3 um in a round. The free end of a fiber is soft; if it is taken to be softer than it is, rounds swing it to and
// fro: a fiber that goes back by more than a quarter of its last move takes half of the way, and so on. Until the step is
// accepted `node_velocity` holds the last move. `error` is what conjugate gradients have left, in um.
void move_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                 __global const uint *awake_fiber, __global const int4 *fiber_span,
                 __global const float4 *node_solution, __global const float4 *node_preconditioned,
                 __global const int4 *node_start, __global const double *segment_rest,
                 __global const uint *segment_area, __global float4 *node_shift, __global int4 *node_position,
                 __global float *segment_tension, __global float4 *node_velocity) {
  int4 span = fiber_span[awake_fiber[k]];
  uint f = awake_fiber[k], first = span.x, last = span.y, chain = span.z;
  float missing = 0.0f, curved = 0.0f, farthest = 0.0f, part = 1.0f, ahead = 0.0f, size = 0.0f;
  float3 move_before = 0.0f;
  int4 before = node_position[first];
  for (uint i = first; i <= last; ++i) {
    int4 here = node_position[i];
    float3 move = world->step * node_solution[i].xyz;
    float3 last_move = world->step * node_velocity[i].xyz;
    farthest = fmax(farthest, length(move));
    ahead += dot(move, last_move), size += dot(last_move, last_move);
    missing = fmax(missing, world->step * length(node_preconditioned[i].xyz));
    if (i > first) {
      double3 e = exact_separation(here, before, world->quantum), n = unit(e);
      double3 turn = convert_double3(move - move_before);
      uint s = i - 1 - chain;
      double along = dot(n, turn), length = sqrt(square(e)) + along;
      curved = fmax(curved, 0.5f * (float)((square(turn) - along * along) / segment_rest[s]));
      segment_tension[s] =
          (float)(term->stretch_modulus * area_of(segment_area[s]) * (length / segment_rest[s] - 1.0));
    }
    before = here, move_before = move;
  }
  if (status->round && node_velocity[first].w > 0.0f) part = node_velocity[first].w;
  part = status->round && ahead < -0.25f * size ? fmax(0.5f * part, 0.0625f) : fmin(2.0f * part, 1.0f);
  float taken = curved > term->accuracy ? fmin(part, 3.0f / fmax(farthest, 3.0f)) : 1.0f;
  if (farthest > 3.0f) curved = INFINITY;
  for (uint i = first; i <= last; ++i) {
    node_velocity[i] = (float4)(node_solution[i].xyz, part);
    node_shift[i].xyz += taken * world->step * node_solution[i].xyz;
    node_position[i] = moved(node_start[i], node_shift[i].xyz, world->quantum);
  }
  atomic_max(&status->error, as_uint(missing));
  atomic_max(&status->curved, as_uint(curved));
}

// Turning a segment by u across it stretches it by u^2/2l, which no linear equations know. A round in which that is less
// than `accuracy` is the last one.
void judge_fibers(uint i, __constant World *world, __global Status *status, __constant Network *term) {
  if (!status->convex && as_float(status->curved) <= term->accuracy) status->unsolved = 0;
}

// The step is accepted. A fiber in balance that hardly moves falls asleep. What a fiber missed while it glided has come in
// this step, but has gathered since the last sweep.
void settle_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                   __global const uint *awake_fiber, __global const int4 *fiber_span,
                   __global const int4 *node_listed, __global const int4 *node_position,
                   __global const float4 *node_residual, __global const uint *node_held, __global const float4 *node_shift,
                   __global float4 *node_velocity, __global float4 *node_glide, __global float4 *node_direction,
                   __global uint *fiber_awake) {
  uint f = awake_fiber[k];
  float fastest = 0.0f, largest = 0.0f, gone = 0.0f, missed = 0.0f, step = world->step;
  float steps = fiber_awake[f] == 2 ? (float)max(status->step - status->swept, 1u) : 1.0f;
  for (int i = fiber_span[f].x; i <= fiber_span[f].y; ++i) {
    float3 left = separation(node_position[i], node_listed[i], world->quantum);
    float4 velocity = (float4)(node_shift[i].xyz / step, 0.0f), glide = node_glide[i], change = velocity - glide;
    node_velocity[i] = velocity;
    node_glide[i] = glide += change / steps;
    fastest = fmax(fastest, dot(glide, glide));
    missed = fmax(missed, dot(change, change));
    if (!node_held[i]) largest = fmax(largest, dot(node_residual[i].xyz, node_residual[i].xyz));
    gone = fmax(gone, dot(left, left));
  }
  if (!isfinite(fastest)) atomic_or(&status->moved, NOT_FINITE);
  if (4.0f * gone > world->skin * world->skin) atomic_or(&status->moved, 1u);
  float least = term->still_distance / step, half_force = 0.5f * term->wake_force;
  bool asleep = term->wake_force > 0.0f && fastest <= least * least && largest <= half_force * half_force;
  if (asleep && fiber_awake[f] == 2 && missed > least * least) atomic_inc(&status->astray);
  fiber_awake[f] = asleep ? 0 : 1;
  for (int i = fiber_span[f].x; asleep && i <= fiber_span[f].y; ++i) node_direction[i] = 0.0f;
}

// Sweeps come more often where one fiber in fifty was found to have glided astray, and less often where not.
void plan_sweep(uint i, __constant World *world, __global Status *status, __constant Network *term) {
  if (term->wake_force > 0.0f && sweeping(status, term)) {
    bool many = status->astray > status->fibers / 50;
    status->next_sweep = many ? max(status->next_sweep / 2, 1u) : clamp(2 * status->next_sweep, 1u, (uint)term->sweep);
    status->swept = status->step;
    status->astray = 0;
  }
}

// A step that is taken in parts: back to the beginning of the part, or on to the next.
void rewind_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                   __global const uint *awake_fiber, __global const int4 *fiber_span,
                   __global const int4 *node_start, __global const double *segment_rest,
                   __global const uint *segment_area, __global int4 *node_position, __global float4 *node_shift,
                   __global float *segment_tension) {
  uint f = awake_fiber[k];
  for (int i = fiber_span[f].x; i <= fiber_span[f].y; ++i) {
    node_position[i] = node_start[i];
    node_shift[i] = 0.0f;
  }
  note_tensions(fiber_span[f], term, world, node_start, segment_rest, segment_area, segment_tension);
}

void commit_fibers(uint k, __constant World *world, __global Status *status, __constant Network *term,
                   __global const uint *awake_fiber, __global const int4 *fiber_span,
                   __global const int4 *node_position, __global int4 *node_start, __global float4 *node_shift) {
  uint f = awake_fiber[k];
  for (int i = fiber_span[f].x; i <= fiber_span[f].y; ++i) {
    node_start[i] = node_position[i];
    node_shift[i] = 0.0f;
  }
}

// Tethers by segment, anew in each step: the list is that of the links and contacts that there are now.
void begin_tethers(uint i, __constant World *world, __global Status *status, __constant Network *term,
                   __global uint *tethering) {
  tethering[0] = 1;
  tethering[1] = (world->link_slots + world->touch_rows) * world->stride;
}

void end_tethers(uint i, __constant World *world, __global Status *status, __constant Network *term,
                 __global uint *tethering) {
  tethering[0] = tethering[1] = 0;
}
