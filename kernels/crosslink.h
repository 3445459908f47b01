// A crosslink at rest: its gap, from the place on the other segment to the site on its own, is a e1 + b e2 + c e1 x e2 of
// the two segments (a, b, c, 0), so that it turns with them. Where these are parallel within sin = 0.2 their cross product
// turns faster than they do; there the gap keeps its length w: (0, 0, 0, w).
static inline double4 gap_at_rest(double3 gap, double3 e1, double3 e2) {
  double3 n = cross(e1, e2);
  double aa = square(e1), bb = square(e2), ab = dot(e1, e2), nn = square(n);  // nn = aa bb - ab ab
  if (nn < 0.04 * aa * bb) return (double4)(0.0, 0.0, 0.0, sqrt(square(gap)));
  double ga = dot(gap, e1), gb = dot(gap, e2);
  return (double4)((ga * bb - gb * ab) / nn, (gb * aa - ga * ab) / nn, dot(gap, n) / nn, 0.0);
}

// Between the places that a crosslink joins, less what is its own; and 1 - w/|gap| where it rests at a length w.
static inline double3 gap_of(double3 apart, double3 e, double3 e_other, float2 at, double4 rest) {
  return apart + ((double)at.x - rest.x) * e - ((double)at.y + rest.y) * e_other - rest.z * cross(e, e_other);
}

static inline double slack_of(double3 gap, double rest) {
  return rest > 0.0 ? 1.0 - rest / fmax(sqrt(square(gap)), 1e-6 * rest) : 1.0;
}
