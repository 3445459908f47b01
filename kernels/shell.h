// The shells of a cell as linear equations for the velocities of their vertices, and conjugate gradients on these.
// Columns: what is out of balance while the centre rests, then a velocity of the centre along x, y, z.
#define ROUNDS 100  // at most

// Displacement of a vertex in a step in which the centre moves by `shift`.
static inline float3 taken(Columns u, float step, float3 shift) {
  float4 part = (float4)(step, shift.x, shift.y, shift.z);
  return (float3)(dot(u.x, part), dot(u.y, part), dot(u.z, part));
}

// One of the shells: its vertices; pressure, nN/um^2, and how it grows with volume; spring from their mean to the
// centre, over their count.
typedef struct { uint first, count; float pressure, swelling, holding; } Layer;

static inline Layer layer_of(uint first, uint count, float modulus, float holding, float size,
                             __global const float4 *shell_out) {
  float rest = 4.18879020f * size * size * size, volume = 0;
  for (uint k = first; k < first + count; ++k) volume += shell_out[k].w;
  Layer l = {first, count, modulus * (1.0f - volume / rest), modulus / rest, holding / (float)count};
  return l;
}

// One layer: blocks, volume, middle, edges.
static inline void multiply_layer(Layer l, float step, __global const uint *mesh_ring,
                                  __global const float8 *shell_block, __global const float4 *shell_out,
                                  __global const float4 *shell_edge, __global const float4 *u,
                                  __global float4 *product) {
  Columns total = {0, 0, 0};
  float4 swell = 0.0f;
  for (uint k = 0; k < l.count; ++k) {
    Columns own = columns(u, l.first + k);
    float4 g = shell_out[l.first + k];
    total = sum_of(total, own, 1.0f);
    swell += g.x * own.x + g.y * own.y + g.z * own.z;
  }
  swell *= step * l.swelling;
  for (uint k = 0; k < l.count; ++k) {
    Columns sum = block_times(shell_block[l.first + k], columns(u, l.first + k));
    float4 g = shell_out[l.first + k];
    Columns out = {g.x * swell, g.y * swell, g.z * swell};
    sum = sum_of(sum_of(sum, out, 1.0f), total, step * l.holding / (float)l.count);
    for (uint m = 0; m < 6 && mesh_ring[6 * k + m] != k; ++m) {
      __global const float4 *e = shell_edge + 18 * (l.first + k) + 3 * m;
      Columns other = columns(u, l.first + mesh_ring[6 * k + m]);
      sum.x += e[0].x * other.x + e[0].y * other.y + e[0].z * other.z;
      sum.y += e[1].x * other.x + e[1].y * other.y + e[1].z * other.z;
      sum.z += e[2].x * other.x + e[2].y * other.y + e[2].z * other.z;
    }
    store(product, l.first + k, sum);
  }
}

// Where the layers meet: m m' between a vertex of the nucleus and the corners of a triangle, but for what is in their
// own blocks.
static inline void multiply_meets(Layer inner, uint outer, __global const uint *mesh_ring,
                                  __global const float8 *shell_meet, __global const float4 *u,
                                  __global float4 *product) {
  for (uint k = inner.first; k < inner.first + inner.count; ++k) {
    float8 meet = shell_meet[k];
    uint found = as_uint(meet.s3);
    if (!found--) continue;
    uint j = found / 6, sides = mesh_ring[6 * j + 5] == j ? 5 : 6;
    uint corners[3] = {outer + j, outer + mesh_ring[found], outer + mesh_ring[6 * j + (found % 6 + 1) % sides]};
    float shares[3] = {meet.s4, meet.s5, meet.s6};
    Columns m = {meet.s0, meet.s1, meet.s2};
    float4 own = dots(m, columns(u, k)), all = 0.0f, each[3];
    for (uint a = 0; a < 3; ++a) all += each[a] = shares[a] * dots(m, columns(u, corners[a]));
    store(product, k, sum_of(columns(product, k), m, -all));
    for (uint a = 0; a < 3; ++a)
      store(product, corners[a], sum_of(columns(product, corners[a]), m, shares[a] * (all - each[a] - own)));
  }
}

// Inverse of the diagonal block of a vertex, its share of the volume included.
static inline float8 inverse_of(float8 b, float3 g, float swelling) {
  Symmetric s = {b.s0 + swelling * g.x * g.x, b.s1 + swelling * g.y * g.y, b.s2 + swelling * g.z * g.z,
                 b.s3 + swelling * g.x * g.y, b.s4 + swelling * g.x * g.z, b.s5 + swelling * g.y * g.z};
  float3 x = solve3(s, (float3)(1, 0, 0)), y = solve3(s, (float3)(0, 1, 0)), z = solve3(s, (float3)(0, 0, 1));
  return (float8)(x.x, y.y, z.z, x.y, x.z, y.z, 0, 0);
}

// From zero, until of each right-hand side no more than the tolerance is left, in the norm of the inverse blocks.
static void relax(const Layer *layers, float step, float tolerance, __global const uint *mesh_ring,
                  __global const float8 *shell_block, __global const float8 *shell_inverse,
                  __global const float4 *shell_out, __global const float4 *shell_edge,
                  __global const float8 *shell_meet, __global float4 *solution, __global float4 *residual,
                  __global float4 *direction, __global float4 *product) {
  float4 rz = 0.0f, target = 0.0f;
  uint first = layers[0].first, end = first + 2 * layers[0].count;
  for (uint round = 0; round <= ROUNDS; ++round) {
    double4 left = 0.0, lost = 0.0;
    for (uint k = first; k < end; ++k) {
      Columns r = columns(residual, k);
      left += convert_double4(dots(r, block_times(shell_inverse[k], r)));
    }
    float4 now = convert_float4(left);
    if (round == 0) target = tolerance * tolerance * now;
    if (round == ROUNDS || all(now <= target)) return;
    float4 turn = now / fmax(rz, (float4)(FLT_MIN));
    rz = now;
    for (uint k = first; k < end; ++k) {
      Columns z = block_times(shell_inverse[k], columns(residual, k));
      store(direction, k, round ? sum_of(z, columns(direction, k), turn) : z);
    }
    for (uint outer = 0; outer < 2; ++outer)
      multiply_layer(layers[outer], step, mesh_ring, shell_block, shell_out, shell_edge, direction, product);
    multiply_meets(layers[0], layers[1].first, mesh_ring, shell_meet, direction, product);
    for (uint k = first; k < end; ++k)
      lost += convert_double4(dots(columns(direction, k), columns(product, k)));
    float4 resisted = convert_float4(lost), length = resisted > 0.0f ? rz / resisted : (float4)(0.0f);
    for (uint k = first; k < end; ++k) {
      store(solution, k, sum_of(columns(solution, k), columns(direction, k), length));
      store(residual, k, sum_of(columns(residual, k), columns(product, k), -length));
    }
  }
}
