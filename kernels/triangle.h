// Shares of the corners a, b, c of a triangle in its point nearest to the origin.
// Source: Ericson, Real-Time Collision Detection (2005), 5.1.5.
static inline float3 nearest_in_triangle(float3 a, float3 b, float3 c) {
  float3 ab = b - a, ac = c - a;
  float d1 = -dot(ab, a), d2 = -dot(ac, a), d3 = -dot(ab, b), d4 = -dot(ac, b), d5 = -dot(ab, c), d6 = -dot(ac, c);
  if (d1 <= 0.0f && d2 <= 0.0f) return (float3)(1, 0, 0);
  if (d3 >= 0.0f && d4 <= d3) return (float3)(0, 1, 0);
  if (d6 >= 0.0f && d5 <= d6) return (float3)(0, 0, 1);
  float vc = d1 * d4 - d3 * d2, vb = d5 * d2 - d1 * d6, va = d3 * d6 - d5 * d4;
  if (vc <= 0.0f && d1 >= 0.0f && d3 <= 0.0f) return (float3)(-d3, d1, 0) / (d1 - d3);
  if (vb <= 0.0f && d2 >= 0.0f && d6 <= 0.0f) return (float3)(-d6, 0, d2) / (d2 - d6);
  float e = d4 - d3, f = d5 - d6;
  if (va <= 0.0f && e >= 0.0f && f >= 0.0f) return (float3)(0, f, e) / (e + f);
  return (float3)(va, vb, vc) / (va + vb + vc);
}
