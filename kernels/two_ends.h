// The two ends of a cell at once, for the preconditioner: L L' is their 6 x 6 block of the resistance, rear first. Of L, by rows,
// 21 numbers, those on the diagonal inverted, in three float8 at the row of the front.
#define BLOCK_AT(r, c) ((r) * ((r) + 1) / 2 + (c))

static inline void lay_block(Symmetric s, uint first, float *m) {
  m[BLOCK_AT(first, first)] = s.xx, m[BLOCK_AT(first + 1, first + 1)] = s.yy, m[BLOCK_AT(first + 2, first + 2)] = s.zz;
  m[BLOCK_AT(first + 1, first)] = s.xy, m[BLOCK_AT(first + 2, first)] = s.xz, m[BLOCK_AT(first + 2, first + 1)] = s.yz;
}

// In place. A pivot that rounding has eaten up is a millionth of the diagonal: what is solved for is then another, but positive.
static inline void factor6(float *m) {
  for (uint c = 0; c < 6; ++c) {
    float pivot = m[BLOCK_AT(c, c)], least = 1e-6f * pivot;
    for (uint k = 0; k < c; ++k) pivot -= m[BLOCK_AT(c, k)] * m[BLOCK_AT(c, k)];
    float inverse = m[BLOCK_AT(c, c)] = 1.0f / sqrt(fmax(pivot, least));
    for (uint r = c + 1; r < 6; ++r) {
      float sum = m[BLOCK_AT(r, c)];
      for (uint k = 0; k < c; ++k) sum -= m[BLOCK_AT(r, k)] * m[BLOCK_AT(c, k)];
      m[BLOCK_AT(r, c)] = sum * inverse;
    }
  }
}

static inline void store_factor(uint front, uint stride, const float *m, __global float8 *body_factor) {
  float all[24] = {0};
  for (uint k = 0; k < 21; ++k) all[k] = m[k];
  for (uint k = 0; k < 3; ++k) body_factor[k * stride + front] = vload8(k, all);
}

// Solution for what acts on rear and front.
static inline void solve6(uint front, uint stride, __global const float8 *body_factor, float3 *rear_part, float3 *front_part) {
  float l[24], x[6] = {rear_part->x, rear_part->y, rear_part->z, front_part->x, front_part->y, front_part->z};
  for (uint k = 0; k < 3; ++k) vstore8(body_factor[k * stride + front], k, l);
  for (uint r = 0; r < 6; ++r) {
    for (uint k = 0; k < r; ++k) x[r] -= l[BLOCK_AT(r, k)] * x[k];
    x[r] *= l[BLOCK_AT(r, r)];
  }
  for (int r = 5; r >= 0; --r) {
    for (uint k = r + 1; k < 6; ++k) x[r] -= l[BLOCK_AT(k, r)] * x[k];
    x[r] *= l[BLOCK_AT(r, r)];
  }
  *rear_part = (float3)(x[0], x[1], x[2]);
  *front_part = (float3)(x[3], x[4], x[5]);
}
