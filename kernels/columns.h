// The three components of four right-hand sides of one operator, solved at once.
typedef struct { float4 x, y, z; } Columns;

static inline Columns columns(__global const float4 *from, uint k) {
  Columns c = {from[3 * k], from[3 * k + 1], from[3 * k + 2]};
  return c;
}

static inline void store(__global float4 *to, uint k, Columns c) {
  to[3 * k] = c.x, to[3 * k + 1] = c.y, to[3 * k + 2] = c.z;
}

static inline Columns sum_of(Columns a, Columns b, float4 share) {
  Columns c = {a.x + share * b.x, a.y + share * b.y, a.z + share * b.z};
  return c;
}

static inline Columns block_times(float8 s, Columns v) {
  Columns c = {s.s0 * v.x + s.s3 * v.y + s.s4 * v.z, s.s3 * v.x + s.s1 * v.y + s.s5 * v.z,
               s.s4 * v.x + s.s5 * v.y + s.s2 * v.z};
  return c;
}

static inline float4 dots(Columns a, Columns b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
