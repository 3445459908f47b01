// One implicit step: (Z + dt K) v = F over all unknowns, by conjugate gradients preconditioned with the 3x3 diagonal blocks.
// Scalars stay on the device: krylov = {r.z, length of the next step, turn of the direction, target of r.r}.
// Kernels per cell know where force and stiffness of a cell are; those per unknown or chunk of unknowns are plain algebra.

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

void begin_solve(uint i, __constant World *world, __global Status *status, __constant Solve *term) {
  status->solving = 1;
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

// Per chunk of unknowns: r.z and r.r.
void sum_residual(uint chunk, __constant World *world, __global Status *status, __constant Solve *term,
                  __global const float4 *residual, __global const float4 *preconditioned, __global double *partial) {
  double rz = 0, rr = 0;
  for (uint u = chunk * CHUNK; u < (chunk + 1) * CHUNK; ++u) {
    rz += (double)dot(residual[u].xyz, preconditioned[u].xyz);
    rr += (double)dot(residual[u].xyz, residual[u].xyz);
  }
  partial[2 * chunk] = rz;
  partial[2 * chunk + 1] = rr;
}

static inline double2 total_of(__global const double *partial, __constant World *world) {
  double2 sum = 0;
  for (uint c = 0; c < world->unknowns / CHUNK; ++c) sum += (double2)(partial[2 * c], partial[2 * c + 1]);
  return sum;
}

void set_target(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                __global const double *partial, __global double *krylov) {
  double2 sum = total_of(partial, world);
  krylov[0] = sum.x;
  krylov[1] = krylov[2] = 0;
  krylov[3] = (double)term->tolerance * (double)term->tolerance * sum.y;
  status->solving = sum.y > 0;
  if (!isfinite(sum.y)) status->halt = 4;
  status->iterations = 0;
}

void redirect(uint u, __constant World *world, __global Status *status, __constant Solve *term,
              __global const float4 *preconditioned, __global const double *krylov, __global float4 *direction) {
  direction[u] = preconditioned[u] + (float)krylov[2] * direction[u];
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

void sum_product(uint chunk, __constant World *world, __global Status *status, __constant Solve *term,
                 __global const float4 *direction, __global const float4 *product, __global double *partial) {
  double sum = 0;
  for (uint u = chunk * CHUNK; u < (chunk + 1) * CHUNK; ++u) sum += (double)dot(direction[u].xyz, product[u].xyz);
  partial[2 * chunk] = sum;
}

void set_length(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                __global const double *partial, __global double *krylov) {
  double curvature = total_of(partial, world).x;
  krylov[1] = curvature > 0 ? krylov[0] / curvature : 0;
}

void descend(uint u, __constant World *world, __global Status *status, __constant Solve *term,
             __global const float4 *direction, __global const float4 *product, __global const double *krylov,
             __global float4 *solution, __global float4 *residual) {
  float length = (float)krylov[1];
  solution[u] += length * direction[u];
  residual[u] -= length * product[u];
}

void set_turn(uint i, __constant World *world, __global Status *status, __constant Solve *term,
              __global const double *partial, __global double *krylov) {
  double2 sum = total_of(partial, world);
  krylov[2] = krylov[0] > 0 ? sum.x / krylov[0] : 0;
  krylov[0] = sum.x;
  status->iterations += 1;
  if (sum.y <= krylov[3]) status->solving = 0;
}

// Still solving after all the iterations that the host has enqueued: freeze, and let it enqueue more.
void check_solve(uint i, __constant World *world, __global Status *status, __constant Solve *term) {
  if (status->solving) {
    status->halt = 2;
    return;
  }
  status->total_iterations += status->iterations;
  status->most_iterations = max(status->most_iterations, status->iterations);
}

void take_solution(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                   __global const float4 *solution, __global float4 *displacement) {
  displacement[i] += world->step * solution[i];
}
