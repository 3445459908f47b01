// Bending of a segment against its two neighbours on the fiber, with unit tangents p, n, q (n its own). The bends are
// a = g (p - u n) and b = h (q - v n) across n, of sizes 2 sin(angle/2), seen from n; u = p.n, v = q.n. Their rest
// shape may turn about n as it likes best, since the segment is free to twist:
// E = 1/4 min_phi [k_a |a - R a0|^2 + k_b |b - R b0|^2] = 1/4 [k_a (A + A0) + k_b (B + B0) - 2 sqrt(W)],
// W = k_a^2 A0 A + k_b^2 B0 B + 2 k_a k_b (D0 D + T0 T); A = a.a, B = b.b, D = a.b, T = n.(a x b). W is rounded off near 0.
typedef struct { double a, b, d, t; } Bend;
typedef struct { double energy; double3 p, n, q, twist_a, twist_b; } Moment;

#define BEND_ROUNDING 0.1
#define TWIST 0.9

static inline double folded(double cosine) { return sqrt(2.0 / fmax(1.0 + cosine, 1e-3)); }

static inline Bend bend_of(double3 p, double3 n, double3 q) {
  double u = dot(p, n), v = dot(q, n), gh = folded(u) * folded(v);
  Bend bend = {2.0 * (1.0 - u), 2.0 * (1.0 - v), gh * (dot(p, q) - u * v), gh * dot(n, cross(p, q))};
  return bend;
}

// Energy and its gradient with respect to the three tangents; a stiffness of 0 where there is no neighbour. For the
// stiffness: ds = change of the difference of tangents at an end, E'' = 1/2 [k_a |P ds_a|^2 + k_b |P ds_b|^2
// - (twist_a.ds_a + twist_b.ds_b)^2], P across n: the segment's twist follows.
static inline Moment moment_of(double3 p, double3 n, double3 q, double ka, double kb, Bend rest) {
  double u = dot(p, n), v = dot(q, n), g = folded(u), h = folded(v), gh = g * h;
  double g_over = u > -0.999 ? -0.5 / (1.0 + u) : 0.0, h_over = v > -0.999 ? -0.5 / (1.0 + v) : 0.0;
  Bend bend = bend_of(p, n, q);
  double rest_root = ka * rest.a + kb * rest.b, soft = BEND_ROUNDING * rest_root;
  double w = ka * ka * rest.a * bend.a + kb * kb * rest.b * bend.b + 2.0 * ka * kb * (rest.d * bend.d + rest.t * bend.t);
  double root = sqrt(fmax(w, 0.0) + soft * soft), scale = sqrt(1.0 + BEND_ROUNDING * BEND_ROUNDING);
  double over = rest_root > 0.0 ? scale / root : 0.0;
  double for_a = ka - over * ka * ka * rest.a, for_b = kb - over * kb * kb * rest.b;
  double for_d = -2.0 * over * ka * kb * rest.d, for_t = -2.0 * over * ka * kb * rest.t;
  double3 pq = cross(p, q);
  double along = for_d * bend.d + for_t * bend.t;
  Moment m;
  double weight = root > 0.0 ? TWIST / (root * sqrt(fmax(root, rest_root))) : 0.0;
  double3 a = g * (p - u * n), b = h * (q - v * n);
  m.twist_a = -ka * weight * cross(n, ka * rest.a * a + kb * (rest.d * b - rest.t * cross(n, b)));
  m.twist_b = kb * weight * cross(n, kb * rest.b * b + ka * (rest.d * a + rest.t * cross(n, a)));
  m.energy = 0.25 * (ka * (bend.a + rest.a) + kb * (bend.b + rest.b) - 2.0 * scale * root);
  m.p = 0.25 * ((along * g_over - 2.0 * for_a) * n + gh * (for_d * (q - v * n) + for_t * cross(q, n)));
  m.q = 0.25 * ((along * h_over - 2.0 * for_b) * n + gh * (for_d * (p - u * n) + for_t * cross(n, p)));
  m.n = 0.25 * (along * (g_over * p + h_over * q) - 2.0 * (for_a * p + for_b * q) - gh * for_d * (v * p + u * q) + gh * for_t * pq);
  return m;
}

// Gradient with respect to a vector whose unit vector is n, from that with respect to n.
static inline double3 across_unit(double3 gradient, double3 n, double length) {
  return (gradient - dot(gradient, n) * n) / length;
}
