// Small vector maths shared by all terms. Symmetric 3x3 matrices are stored as xx, yy, zz, xy, xz, yz.
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#pragma OPENCL FP_CONTRACT OFF

typedef struct { float xx, yy, zz, xy, xz, yz; } Symmetric;

// Vector from b to a in um; integer differences wrap along periodic axes, which fill the whole 32-bit range.
static inline float3 separation(int4 a, int4 b, const __constant float *quantum) {
  int3 d = as_int3(as_uint3(a.xyz) - as_uint3(b.xyz));
  return convert_float3(d) * (float3)(quantum[0], quantum[1], quantum[2]);
}

// (along - across) n n^T + across I: stiffness of a bond with unit vector n.
static inline Symmetric bond_block(float3 n, float along, float across) {
  float d = along - across;
  Symmetric s = {d * n.x * n.x + across, d * n.y * n.y + across, d * n.z * n.z + across,
                 d * n.x * n.y, d * n.x * n.z, d * n.y * n.z};
  return s;
}

static inline float3 times(Symmetric s, float3 v) {
  return (float3)(s.xx * v.x + s.xy * v.y + s.xz * v.z, s.xy * v.x + s.yy * v.y + s.yz * v.z,
                  s.xz * v.x + s.yz * v.y + s.zz * v.z);
}

static inline Symmetric plus(Symmetric a, Symmetric b) {
  Symmetric s = {a.xx + b.xx, a.yy + b.yy, a.zz + b.zz, a.xy + b.xy, a.xz + b.xz, a.yz + b.yz};
  return s;
}

static inline Symmetric scaled(Symmetric a, float f) {
  Symmetric s = {f * a.xx, f * a.yy, f * a.zz, f * a.xy, f * a.xz, f * a.yz};
  return s;
}

// Solution of s x = v for positive definite s.
static inline float3 solve3(Symmetric s, float3 v) {
  float a = s.yy * s.zz - s.yz * s.yz, b = s.xz * s.yz - s.xy * s.zz, c = s.xy * s.yz - s.xz * s.yy;
  float e = s.xx * s.zz - s.xz * s.xz, f = s.xy * s.xz - s.xx * s.yz, g = s.xx * s.yy - s.xy * s.xy;
  float inverse = 1.0f / (s.xx * a + s.xy * b + s.xz * c);
  return inverse * (float3)(a * v.x + b * v.y + c * v.z, b * v.x + e * v.y + f * v.z, c * v.x + f * v.y + g * v.z);
}

// Arrays of symmetric matrices are component-major: entry c of item i at c * stride + i.
static inline Symmetric load_symmetric(__global const float *a, uint i, uint stride) {
  Symmetric s = {a[i], a[stride + i], a[2 * stride + i], a[3 * stride + i], a[4 * stride + i], a[5 * stride + i]};
  return s;
}

static inline void store_symmetric(__global float *a, uint i, uint stride, Symmetric s) {
  a[i] = s.xx;
  a[stride + i] = s.yy;
  a[2 * stride + i] = s.zz;
  a[3 * stride + i] = s.xy;
  a[4 * stride + i] = s.xz;
  a[5 * stride + i] = s.yz;
}

// Any unit vector across n.
static inline float3 across(float3 n) {
  float3 other = fabs(n.x) < 0.6f ? (float3)(1, 0, 0) : (float3)(0, 1, 0);
  return normalize(cross(n, other));
}
