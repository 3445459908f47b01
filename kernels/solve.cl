// One implicit step: (Z + dt K) v = F over all unknowns, by conjugate gradients preconditioned with the 3x3 diagonal blocks.
// Kernels per cell know where force and stiffness of a cell are; those per unknown or chunk are plain algebra. Where fibers move, a
// step is several rounds of Newton's method, and cells are where the rounds have led them until the step is accepted.

void open_step(uint i, __constant World *world, __global Status *status, __constant Solve *term) {
  status->round = status->shifting = status->solving = status->convex = 0;
  status->unsolved = 1;
}

void rest_cells(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                __global float4 *shift) {
  shift[i] = 0.0f;
}

void lift_cells(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                __global const int4 *position, __global int4 *start_position, __global int4 *base_position) {
  start_position[i] = base_position[i] = position[i];
}

// The diagonal block of each cell takes up what its pairs put there.
void assemble(uint i, __constant World *world, __global Status *status, __constant Solve *term,
              __global const int4 *position, __global const uint *neighbor, __global const uint *neighbor_count,
              __global const half *pair_resistance, __global float *resistance) {
  Symmetric total = load_symmetric(resistance, i, world->stride);
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint entry = list_entry(i, k, world->neighbor_rows);
    float3 n = normalize(separation(position[i], position[neighbor[entry]], world->quantum));
    float2 pair = vload_half2(entry, pair_resistance);
    total = plus(total, bond_block(n, pair.x, pair.y));
  }
  store_symmetric(resistance, i, world->stride, total);
}

// Rows without an unknown (cells that left, room for cells to come) stay zero throughout.
void start_solve(uint u, __constant World *world, __global Status *status, __constant Solve *term,
                 __global float4 *solution, __global float4 *residual, __global float4 *preconditioned,
                 __global float4 *direction, __global float4 *product) {
  solution[u] = residual[u] = preconditioned[u] = direction[u] = product[u] = 0.0f;
}

void load_cells(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                __global const float4 *force, __global float4 *residual) {
  residual[i] = (float4)(force[i].xyz, 0.0f);
}

void precondition_cells(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                        __global const float *resistance, __global const float4 *residual,
                        __global float4 *preconditioned) {
  Symmetric block = load_symmetric(resistance, i, world->stride);
  preconditioned[i] = (float4)(solve3(block, residual[i].xyz), 0.0f);
}

// Per chunk of cells, then per chunk of moving fibers: two sums, of the cells' vectors or of the fibers' own sums.
static inline double2 sum_fibers(uint first, __global Status *status, __global const double2 *fiber_sums) {
  double2 sum = 0;
  for (uint k = first; k < min(first + CHUNK, status->awake); ++k) sum += fiber_sums[k];
  return sum;
}

static inline void store_sums(uint chunk, double2 sum, __global double *partial) {
  partial[2 * chunk] = sum.x;
  partial[2 * chunk + 1] = sum.y;
}

static inline double2 total_of(__global const double *partial, __constant World *world, __global Status *status) {
  double2 sum = 0;
  uint chunks = world->unknowns / CHUNK + (status->awake + CHUNK - 1) / CHUNK;
  for (uint c = 0; c < chunks; ++c) sum += (double2)(partial[2 * c], partial[2 * c + 1]);
  return sum;
}

// What the target is made of, and r.r.
void sum_loads(uint chunk, __constant World *world, __global Status *status, __constant Solve *term,
               __global const float4 *residual, __global const double2 *fiber_sums, __global double *partial) {
  uint first = chunk * CHUNK;
  if (first >= world->unknowns) {
    store_sums(chunk, sum_fibers(first - world->unknowns, status, fiber_sums), partial);
    return;
  }
  double rr = 0;
  for (uint u = first; u < first + CHUNK; ++u) rr += (double)dot(residual[u].xyz, residual[u].xyz);
  double tolerance = world->moving ? 0.0 : (double)world->tolerance;
  store_sums(chunk, (double2)(tolerance * tolerance * rr, rr), partial);
}

// The first round sets the target; a later one finds the balance good enough, or goes on.
void decide(uint i, __constant World *world, __global Status *status, __constant Solve *term,
            __global const double *partial, __global double *krylov) {
  double2 sum = total_of(partial, world, status);
  if (!isfinite(sum.y)) {
    status->halt = 4;
    return;
  }
  if (status->round == 0) {
    krylov[TARGET] = sum.x;
    krylov[ENERGY] = status->iterations = status->deepest = 0;
  }
  krylov[BEFORE] = status->iterations;
  status->residual = as_uint((float)sqrt(krylov[TARGET] > 0 ? sum.y / krylov[TARGET] : 0.0));
  status->unsolved = !status->round || sum.y > 9.0 * krylov[TARGET];
  status->solving = status->unsolved && sum.y > 0.0;
  status->shifting = status->solving;
}

// r.z and r.r.
void sum_residual(uint chunk, __constant World *world, __global Status *status, __constant Solve *term,
                  __global const float4 *residual, __global const float4 *preconditioned,
                  __global const double2 *fiber_sums, __global double *partial) {
  uint first = chunk * CHUNK;
  if (first >= world->unknowns) {
    store_sums(chunk, sum_fibers(first - world->unknowns, status, fiber_sums), partial);
    return;
  }
  double2 sum = 0;
  for (uint u = first; u < first + CHUNK; ++u) {
    sum.x += (double)dot(residual[u].xyz, preconditioned[u].xyz);
    sum.y += (double)dot(residual[u].xyz, residual[u].xyz);
  }
  store_sums(chunk, sum, partial);
}

void set_start(uint i, __constant World *world, __global Status *status, __constant Solve *term,
               __global const double *partial, __global double *krylov) {
  bool warm = world->moving && !status->round;  // the first direction is that of the last step
  krylov[RZ] = total_of(partial, world, status).x;
  krylov[LENGTH] = 0;
  krylov[TURN] = warm;
  krylov[FRESH] = !warm;
  status->convex = status->curved = 0;
}

void redirect(uint u, __constant World *world, __global Status *status, __constant Solve *term,
              __global const float4 *preconditioned, __global const double *krylov, __global float4 *direction) {
  direction[u] = (float)krylov[FRESH] * preconditioned[u] + (float)krylov[TURN] * direction[u];
}

void multiply_cells(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                    __global const int4 *position, __global const uint *neighbor, __global const uint *neighbor_count,
                    __global const half *pair_resistance, __global const float *resistance,
                    __global const float4 *direction, __global float4 *product) {
  float3 sum = times(load_symmetric(resistance, i, world->stride), direction[i].xyz);
  for (uint k = 0; k < neighbor_count[i]; ++k) {
    uint entry = list_entry(i, k, world->neighbor_rows), j = neighbor[entry];
    float2 pair = vload_half2(entry, pair_resistance);
    if (pair.x == 0.0f && pair.y == 0.0f) continue;
    float3 n = normalize(separation(position[i], position[j], world->quantum)), v = direction[j].xyz;
    sum -= pair.y * v + (pair.x - pair.y) * dot(n, v) * n;
  }
  product[i] = (float4)(sum, 0.0f);
}

// d.(Z + dt K) d and r.d, from which the best length follows, rounding or not: energies do rise with r.z in its place.
void sum_product(uint chunk, __constant World *world, __global Status *status, __constant Solve *term,
                 __global const float4 *direction, __global const float4 *product, __global const float4 *residual,
                 __global const double2 *fiber_sums, __global double *partial) {
  uint first = chunk * CHUNK;
  double2 sum = 0;
  if (first >= world->unknowns) sum = sum_fibers(first - world->unknowns, status, fiber_sums);
  else for (uint u = first; u < first + CHUNK; ++u) {
    sum.x += (double)dot(direction[u].xyz, product[u].xyz);
    sum.y += (double)dot(residual[u].xyz, direction[u].xyz);
  }
  store_sums(chunk, sum, partial);
}

void set_length(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                __global const double *partial, __global double *krylov) {
  double2 sum = total_of(partial, world, status);
  krylov[LENGTH] = sum.x > 0 ? sum.y / sum.x : 0;
  krylov[GAIN] = krylov[LENGTH] * sum.y;
  if (sum.x > 0 || !krylov[FRESH]) return;
  status->solving = 0;  // the forces do not grow along this direction, as where a fiber buckles: not a minimum there
  status->convex = 1;
}

void descend(uint u, __constant World *world, __global Status *status, __constant Solve *term,
             __global const float4 *direction, __global const float4 *product, __global const double *krylov,
             __global float4 *solution, __global float4 *residual) {
  float length = (float)krylov[LENGTH];
  solution[u] += length * direction[u];
  residual[u] -= length * product[u];
}

void set_turn(uint i, __constant World *world, __global Status *status, __constant Solve *term,
              __global const double *partial, __global double *krylov) {
  double2 sum = total_of(partial, world, status);
  double late = 0;
  bool guessed = krylov[FRESH] == 0.0;  // the first direction, which may have been none at all
  uint done = status->iterations - (uint)krylov[BEFORE];
  krylov[TURN] = !guessed && krylov[RZ] > 0 ? sum.x / krylov[RZ] : 0;
  krylov[RZ] = sum.x;
  krylov[FRESH] = 1;
  krylov[ENERGY] += krylov[GAIN];
  krylov[LATEST + done % LATE] = krylov[GAIN];
  for (uint k = 0; k < LATE; ++k) late += krylov[LATEST + k];
  status->iterations += 1;
  double tolerance = world->tolerance;
  bool settled = world->moving && done >= LATE && late <= tolerance * tolerance * krylov[ENERGY];
  if (settled || (!guessed && sum.y <= krylov[TARGET])) status->solving = 0;
}

// Still solving after all the iterations that the host has enqueued: freeze, and let it enqueue more.
void check_solve(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                 __global const double *krylov) {
  if (status->solving) status->halt = 2;
  else status->deepest = max(status->deepest, status->iterations - (uint)krylov[BEFORE]);
}

void add_solution(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                  __global const float4 *solution, __global float4 *shift) {
  shift[i] += world->step * solution[i];
}

void move_cells(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                __global const int4 *base_position, __global const float4 *shift, __global int4 *position) {
  position[i] = moved(base_position[i], shift[i].xyz, world->quantum);
}

// Without fibers that move, the one linearised round is the step.
void end_round(uint i, __constant World *world, __global Status *status, __constant Solve *term) {
  status->round += 1;
  status->shifting = 0;
  if (!world->moving) status->unsolved = 0;
}

// Not solved after all the rounds that the host has enqueued: freeze, and let it enqueue more.
void accept(uint i, __constant World *world, __global Status *status, __constant Solve *term) {
  if (status->unsolved) {
    status->halt = 7;
    return;
  }
  status->total_iterations += status->iterations;
  status->most_iterations = max(status->most_iterations, status->iterations);
  status->total_rounds += status->round;
  status->most_rounds = max(status->most_rounds, status->round);
}

void return_cells(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                  __global const int4 *start_position, __global int4 *position) {
  position[i] = start_position[i];
}

void take_shift(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                __global const float4 *shift, __global float4 *displacement) {
  displacement[i] += shift[i];
}

// A step that does not converge is taken in parts: back to the beginning of the part, or on to the next.
void rewind_cells(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                  __global const int4 *base_position, __global int4 *position, __global float4 *shift) {
  position[i] = base_position[i];
  shift[i] = 0.0f;
}

void commit_cells(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                  __global const int4 *position, __global float4 *displacement, __global int4 *base_position,
                  __global float4 *shift) {
  displacement[i] += shift[i];
  base_position[i] = position[i];
  shift[i] = 0.0f;
}
