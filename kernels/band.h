// 3x3 matrices in fp64 by rows, and the factor L D L' of a block-pentadiagonal matrix: per node D^-1 and the two blocks
// of L to its left, stored in fp32.
typedef struct { double3 x, y, z; } Matrix;

static inline Matrix matrix_of(double diagonal) {
  Matrix m = {(double3)(diagonal, 0, 0), (double3)(0, diagonal, 0), (double3)(0, 0, diagonal)};
  return m;
}

static inline Matrix plus3(Matrix a, Matrix b) {
  Matrix m = {a.x + b.x, a.y + b.y, a.z + b.z};
  return m;
}

static inline Matrix minus3(Matrix a, Matrix b) {
  Matrix m = {a.x - b.x, a.y - b.y, a.z - b.z};
  return m;
}

static inline double3 row_times(double3 row, Matrix b) { return row.x * b.x + row.y * b.y + row.z * b.z; }

static inline Matrix times3(Matrix a, Matrix b) {
  Matrix m = {row_times(a.x, b), row_times(a.y, b), row_times(a.z, b)};
  return m;
}

static inline Matrix turned(Matrix a) {
  Matrix m = {(double3)(a.x.x, a.y.x, a.z.x), (double3)(a.x.y, a.y.y, a.z.y), (double3)(a.x.z, a.y.z, a.z.z)};
  return m;
}

static inline Matrix crossing(double3 v) {
  Matrix m = {(double3)(0, -v.z, v.y), (double3)(v.z, 0, -v.x), (double3)(-v.y, v.x, 0)};
  return m;
}

// factor x (m m' + w) of a stored block, or, where w is negative, what of it is positive.
static inline Matrix positive_block(float4 block, double factor) {
  double3 m = convert_double3(block.xyz);
  double w = block.w;
  double3 s = w < 0 ? factor * (1.0 + w / square(m)) * m : factor * m;
  w = factor * fmax(w, 0.0);
  Matrix result = {s.x * m + (double3)(w, 0, 0), s.y * m + (double3)(0, w, 0), s.z * m + (double3)(0, 0, w)};
  return result;
}

static inline Matrix symmetric_matrix(float8 s, double factor) {
  Matrix m = {factor * (double3)(s.s0, s.s3, s.s4), factor * (double3)(s.s3, s.s1, s.s5),
              factor * (double3)(s.s4, s.s5, s.s2)};
  return m;
}

static inline Matrix inverse3(Matrix a) {
  double3 p = cross(a.y, a.z), q = cross(a.z, a.x), r = cross(a.x, a.y);
  double over = 1.0 / (a.x.x * p.x + a.x.y * p.y + a.x.z * p.z);
  Matrix m = {over * (double3)(p.x, q.x, r.x), over * (double3)(p.y, q.y, r.y), over * (double3)(p.z, q.z, r.z)};
  return m;
}

// D^-1 (xx yy zz xy xz yz), then L to the last node and to the last but one, by rows: 24 numbers.
static inline void store_factor(__global float8 *factor, uint i, Matrix d, Matrix near, Matrix far) {
  factor[3 * i] = (float8)((float)d.x.x, (float)d.y.y, (float)d.z.z, (float)d.x.y, (float)d.x.z, (float)d.y.z,
                           (float)near.x.x, (float)near.x.y);
  factor[3 * i + 1] = (float8)((float)near.x.z, (float)near.y.x, (float)near.y.y, (float)near.y.z,
                               (float)near.z.x, (float)near.z.y, (float)near.z.z, (float)far.x.x);
  factor[3 * i + 2] = (float8)((float)far.x.y, (float)far.x.z, (float)far.y.x, (float)far.y.y,
                               (float)far.y.z, (float)far.z.x, (float)far.z.y, (float)far.z.z);
}

typedef struct { float8 a, b, c; } Factor;

static inline float3 over_diagonal(Factor f, float3 v) {
  return (float3)(f.a.s0 * v.x + f.a.s3 * v.y + f.a.s4 * v.z, f.a.s3 * v.x + f.a.s1 * v.y + f.a.s5 * v.z,
                  f.a.s4 * v.x + f.a.s5 * v.y + f.a.s2 * v.z);
}

static inline float3 near_times(Factor f, float3 v) {
  return (float3)(f.a.s6 * v.x + f.a.s7 * v.y + f.b.s0 * v.z, f.b.s1 * v.x + f.b.s2 * v.y + f.b.s3 * v.z,
                  f.b.s4 * v.x + f.b.s5 * v.y + f.b.s6 * v.z);
}

static inline float3 far_times(Factor f, float3 v) {
  return (float3)(f.b.s7 * v.x + f.c.s0 * v.y + f.c.s1 * v.z, f.c.s2 * v.x + f.c.s3 * v.y + f.c.s4 * v.z,
                  f.c.s5 * v.x + f.c.s6 * v.y + f.c.s7 * v.z);
}

static inline float3 near_turned(Factor f, float3 v) {
  return (float3)(f.a.s6 * v.x + f.b.s1 * v.y + f.b.s4 * v.z, f.a.s7 * v.x + f.b.s2 * v.y + f.b.s5 * v.z,
                  f.b.s0 * v.x + f.b.s3 * v.y + f.b.s6 * v.z);
}

static inline float3 far_turned(Factor f, float3 v) {
  return (float3)(f.b.s7 * v.x + f.c.s2 * v.y + f.c.s5 * v.z, f.c.s0 * v.x + f.c.s3 * v.y + f.c.s6 * v.z,
                  f.c.s1 * v.x + f.c.s4 * v.y + f.c.s7 * v.z);
}
