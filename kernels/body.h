// The body of a cell between two ends: volumes and elastic energy of its ends and sections, rear end first.
#define PLACES 10

// Gauss-Legendre on 0..1.
__constant float SECTION_AT[PLACES] = {0.0f, 0.0198550718f, 0.1016667613f, 0.2372337950f, 0.4082826788f, 0.5917173212f,
                                       0.7627662050f, 0.8983332387f, 0.9801449282f, 1.0f};
__constant float SECTION_WEIGHT[PLACES] = {0.0f, 0.0506142681f, 0.1111905172f, 0.1568533229f, 0.1813418917f, 0.1813418917f,
                                           0.1568533229f, 0.1111905172f, 0.0506142681f, 0.0f};

static inline float sphere_volume(float r) { return 4.18879020f * r * r * r; }

// Volume that belongs to a place where the cell has radius a, and its slope by a. Ends are half spheres.
static inline float2 share_of_volume(uint k, float a, float length) {
  if (k == 0 || k == PLACES - 1) return (float2)(0.5f * sphere_volume(a), 6.28318531f * a * a);
  float w = 3.14159265f * SECTION_WEIGHT[k] * length;
  return (float2)(w * a * a, 2.0f * w * a);
}

// How much of a section is nucleus, by the share of the volume behind it: 1 in the middle, the mean is (R_n/R)^3.
static inline float2 nuclear_share(float behind, float nucleus) {
  float u = (0.5f * nucleus + 0.1f - fabs(behind - 0.5f)) / 0.2f;
  if (u <= 0.0f || u >= 1.0f) return (float2)(u >= 1.0f, 0.0f);
  return (float2)(u * u * (3.0f - 2.0f * u), (behind > 0.5f ? -1.0f : 1.0f) * 30.0f * u * (1.0f - u));
}

// Energy per volume where the cell has radius a (x), its slope by a (y), curvature (z), and what of x is nucleus, per share (w).
static inline float4 energy_at(float a, float share, float rest, float nucleus, float e, float nucleus_modulus) {
  float strain = 2.0f * log(rest / a), inner = fmax(2.0f * log(nucleus / a), 0.0f);
  float n = inner > 0.0f ? nucleus_modulus : 0.0f, of_nucleus = 0.5f * n * inner * inner;
  return (float4)(0.5f * e * strain * strain + share * of_nucleus, -2.0f / a * (e * strain + share * n * inner),
                  2.0f / (a * a) * (e * (strain + 2.0f) + share * n * (inner + 2.0f)), of_nucleus);
}
