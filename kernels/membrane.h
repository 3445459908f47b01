// Energy of a triangle with corners at 0, p and q: gamma A + mu A_0 (I_1/J - 2)/2 + k A_0 (J - 1 - ln J), J = A/A_0 and
// I_1 the trace of the metric by that at rest. A_0 I_1 sums squares of sides, each times half the cotangent of the
// angle across from it at rest. Stiffness: of tension the Laplacian with cotangents, which is never less; of I_1/J what is
// convex, |x|^2/A being so in x and A together.
typedef struct { float3 area[3], shear[3]; float each[3], shape, size, pull, firm; } Triangle;

static inline Triangle triangle_of(float3 p, float3 q, float3 rest_p, float3 rest_q, float tension, float modulus,
                                   float dilation) {
  Triangle t;
  float3 c = cross(p, q), n, side[3] = {q - p, -q, p}, rest[3] = {rest_q - rest_p, -rest_q, rest_p};
  float twice = fmax(length(c), 1e-6f), twice_rest = length(cross(rest_p, rest_q)), angle[3], stiff[3];
  t.size = 0.5f * twice, t.shape = 0.0f, n = c / twice;
  for (int a = 0; a < 3; ++a) {
    int b = (a + 1) % 3, d = (a + 2) % 3;
    t.area[a] = 0.5f * cross(n, side[a]);
    angle[a] = -dot(side[b], side[d]) / twice;
    stiff[a] = 0.25f * modulus * -dot(rest[b], rest[d]);  // mu A_0/2 times the cotangent at rest
    t.shape += 0.5f * stiff[a] * dot(side[a], side[a]);
  }
  float shrunk = 0.5f * twice_rest / t.size;
  t.pull = tension + dilation * (1.0f - shrunk) - t.shape / (t.size * t.size);
  t.firm = dilation * shrunk / t.size + 2.0f * t.shape / (t.size * t.size * t.size);
  for (int a = 0; a < 3; ++a) {
    int b = (a + 1) % 3, d = (a + 2) % 3;
    t.shear[a] = stiff[b] * side[b] - stiff[d] * side[d];
    t.each[a] = stiff[a] / t.size + 0.5f * fmax(t.pull, 0.0f) * angle[a];
  }
  return t;
}

// Adds to three rows the stiffness between corner 0 and another: `flat` in all directions alike, and the rest.
static inline void couple(float3 *rows, Triangle t, int other, float flat, float step) {
  float over = 1.0f / t.size, square = over * over;
  float3 with_area = step * (t.firm * t.area[other] - square * t.shear[other]);
  float3 with_shear = -step * square * t.area[other];
  rows[0] += t.area[0].x * with_area + t.shear[0].x * with_shear + (float3)(step * flat, 0, 0);
  rows[1] += t.area[0].y * with_area + t.shear[0].y * with_shear + (float3)(0, step * flat, 0);
  rows[2] += t.area[0].z * with_area + t.shear[0].z * with_shear + (float3)(0, 0, step * flat);
}

static inline void add_block(__global float8 *block, float3 n, float along, float across) {
  Symmetric s = bond_block(n, along, across);
  *block += (float8)(s.xx, s.yy, s.zz, s.xy, s.xz, s.yz, 0, 0);
}
