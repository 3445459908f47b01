// Springs of rest length r on a vector v that is linear in the nodes: energy k/2 (|v| - r)^2. In fp64 from integer
// positions, so that a network at rest bears no force; stiffness k [n n' + max(0, 1 - r/|v|) (I - n n')] = m m' + w.
typedef struct { double3 pull; float4 block; } Spring;

static inline double3 exact_separation(int4 a, int4 b, const __constant float *quantum) {
  int3 d = as_int3(as_uint3(a.xyz) - as_uint3(b.xyz));
  return convert_double3(d) * (double3)(quantum[0], quantum[1], quantum[2]);
}

static inline double square(double3 v) { return v.x * v.x + v.y * v.y + v.z * v.z; }

// `pull` is the gradient of the energy with respect to v. At v = 0 a spring with a rest length has no direction.
static inline Spring spring(double3 v, double stiffness, double rest) {
  double length = sqrt(square(v)), ratio = length > 0.0 ? rest / length : rest > 0.0 ? 1.0 : 0.0;
  Spring result;
  result.pull = stiffness * (1.0 - ratio) * v;
  double3 m = length > 0.0 ? sqrt(stiffness * fmin(1.0, ratio)) / length * v : (double3)(0.0);
  result.block = (float4)(convert_float3(m), (float)(stiffness * fmax(0.0, 1.0 - ratio)));
  return result;
}

static inline float3 stiff(float4 block, float3 v) { return dot(block.xyz, v) * block.xyz + block.w * v; }
