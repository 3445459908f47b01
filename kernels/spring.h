// Vectors of segments in fp64, from integer positions, so that a network at rest bears no force.
static inline double3 exact_separation(int4 a, int4 b, const __constant float *quantum) {
  int3 d = as_int3(as_uint3(a.xyz) - as_uint3(b.xyz));
  return convert_double3(d) * (double3)(quantum[0], quantum[1], quantum[2]);
}

static inline double square(double3 v) { return v.x * v.x + v.y * v.y + v.z * v.z; }

// At v = 0 a segment has no direction.
static inline double3 unit(double3 v) {
  double length = sqrt(square(v));
  return length > 0.0 ? v / length : (double3)(0.0);
}

// m m' + w of a block (m, w).
static inline float3 stiff(float4 block, float3 v) { return dot(block.xyz, v) * block.xyz + block.w * v; }

// Of a segment that has been thinned to a part a of its area: l/a^2, to which the stiffness of bends at its ends is inverse
// (a fiber stretches as a, bends as a^2).
static inline double bend_compliance(double rest, uint area) { return rest / (area_of(area) * area_of(area)); }
