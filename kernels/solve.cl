// One implicit step: (drag + dt K) v = F over all unknowns, by conjugate gradients with 3x3 block diagonal
// preconditioner. Scalars stay on the device: krylov = {r.z, alpha, beta, target of r.r}.

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

void start_solve(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                 __global const float4 *force, __global const float *resistance, __global float4 *solution,
                 __global float4 *residual, __global float4 *preconditioned, __global float4 *direction) {
  Symmetric block = load_symmetric(resistance, i, world->stride);
  solution[i] = 0.0f;
  residual[i] = force[i];
  preconditioned[i] = direction[i] = (float4)(solve3(block, force[i].xyz), 0.0f);
}

// Per chunk of cells: r.z and r.r.
void sum_residual(uint chunk, __constant World *world, __global Status *status, __constant Solve *term,
                  __global const float4 *residual, __global const float4 *preconditioned, __global double *partial) {
  double rz = 0, rr = 0;
  uint end = min((chunk + 1) * CHUNK, status->cells);
  for (uint i = chunk * CHUNK; i < end; ++i) {
    rz += (double)dot(residual[i].xyz, preconditioned[i].xyz);
    rr += (double)dot(residual[i].xyz, residual[i].xyz);
  }
  partial[2 * chunk] = rz;
  partial[2 * chunk + 1] = rr;
}

void set_target(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                __global const double *partial, __global double *krylov) {
  double rz = 0, rr = 0;
  for (uint c = 0; c < (status->cells + CHUNK - 1) / CHUNK; ++c) rz += partial[2 * c], rr += partial[2 * c + 1];
  krylov[0] = rz;
  krylov[3] = (double)term->tolerance * (double)term->tolerance * rr;
  status->solving = rr > 0;
  if (!isfinite(rr)) status->halt = 4;
  status->iterations = 0;
}

void multiply(uint i, __constant World *world, __global Status *status, __constant Solve *term,
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
  uint end = min((chunk + 1) * CHUNK, status->cells);
  for (uint i = chunk * CHUNK; i < end; ++i) sum += (double)dot(direction[i].xyz, product[i].xyz);
  partial[2 * chunk] = sum;
}

void set_length(uint i, __constant World *world, __global Status *status, __constant Solve *term,
                __global const double *partial, __global double *krylov) {
  double sum = 0;
  for (uint c = 0; c < (status->cells + CHUNK - 1) / CHUNK; ++c) sum += partial[2 * c];
  krylov[1] = sum > 0 ? krylov[0] / sum : 0;
}

void descend(uint i, __constant World *world, __global Status *status, __constant Solve *term,
             __global const float *resistance, __global const float4 *direction, __global const float4 *product,
             __global const double *krylov, __global float4 *solution, __global float4 *residual,
             __global float4 *preconditioned) {
  float alpha = (float)krylov[1];
  solution[i] += alpha * direction[i];
  residual[i] -= alpha * product[i];
  Symmetric block = load_symmetric(resistance, i, world->stride);
  preconditioned[i] = (float4)(solve3(block, residual[i].xyz), 0.0f);
}

void set_turn(uint i, __constant World *world, __global Status *status, __constant Solve *term,
              __global const double *partial, __global double *krylov) {
  double rz = 0, rr = 0;
  for (uint c = 0; c < (status->cells + CHUNK - 1) / CHUNK; ++c) rz += partial[2 * c], rr += partial[2 * c + 1];
  krylov[2] = krylov[0] > 0 ? rz / krylov[0] : 0;
  krylov[0] = rz;
  status->iterations += 1;
  if (rr <= krylov[3]) status->solving = 0;
}

void redirect(uint i, __constant World *world, __global Status *status, __constant Solve *term,
              __global const float4 *preconditioned, __global const double *krylov, __global float4 *direction) {
  direction[i] = preconditioned[i] + (float)krylov[2] * direction[i];
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
