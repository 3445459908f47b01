// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC11), keyed by seed, counted by
// (entity, slot, step, purpose), so that a draw depends on nothing else.
enum { FOR_NOISE = 1, FOR_POLARITY, FOR_LINK_RELEASE, FOR_LINK_BINDING, FOR_TURNOVER, FOR_SHEDDING,
       FOR_SYNTHESIS, FOR_DECAY, FOR_REPAIR, FOR_DEPOSITION };

static inline uint4 philox(uint4 counter, uint2 key) {
  for (int round = 0; round < 10; ++round) {
    uint high0 = mul_hi(0xD2511F53u, counter.x), low0 = 0xD2511F53u * counter.x;
    uint high1 = mul_hi(0xCD9E8D57u, counter.z), low1 = 0xCD9E8D57u * counter.z;
    counter = (uint4)(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
    key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
  }
  return counter;
}

// Four numbers in (0, 1], never 0.
static inline float4 uniforms(uint entity, uint slot, uint step, uint purpose, const __constant uint *seed) {
  uint4 bits = philox((uint4)(entity, slot, step, purpose), (uint2)(seed[0], seed[1]));
  return (convert_float4(bits >> 8) + 1.0f) * (1.0f / 16777216.0f);
}

// Three independent standard normal numbers (Box-Muller).
static inline float3 normals(uint entity, uint slot, uint step, uint purpose, const __constant uint *seed) {
  float4 u = uniforms(entity, slot, step, purpose, seed);
  float r = sqrt(-2.0f * log(u.x)), s = sqrt(-2.0f * log(u.z));
  return (float3)(r * cospi(2.0f * u.y), r * sinpi(2.0f * u.y), s * cospi(2.0f * u.w));
}

// A direction about p, from two of `uniforms`: von Mises-Fisher, all directions alike at focus 0.
static inline float3 direction_about(float3 p, float focus, float u, float v) {
  float w = focus > 1e-3f ? 1.0f + log(u + (1.0f - u) * exp(-2.0f * focus)) / focus : 2.0f * u - 1.0f;
  float3 e = across(p), f = cross(p, e);
  float s = sqrt(fmax(1.0f - w * w, 0.0f));
  return w * p + s * (cospi(2.0f * v) * e + sinpi(2.0f * v) * f);
}
