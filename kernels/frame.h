// Rotations of fibers: R is nearest to a sum C of (what is) (what was at rest)' when C R' is symmetric.
static inline double3 skew_part(Matrix b) { return (double3)(b.z.y - b.y.z, b.x.z - b.z.x, b.y.x - b.x.y); }

// tr(B) I - (B + B')/2: what a small rotation is divided by.
static inline Matrix against_turning(Matrix b) {
  double trace = b.x.x + b.y.y + b.z.z;
  Matrix t = turned(b), m = matrix_of(trace);
  m.x -= 0.5 * (b.x + t.x), m.y -= 0.5 * (b.y + t.y), m.z -= 0.5 * (b.z + t.z);
  return m;
}

// Of a symmetric matrix that need not be positive. Source: Smith, Commun ACM 4:168 (1961).
static inline double least_eigenvalue(Matrix a) {
  double mean = (a.x.x + a.y.y + a.z.z) / 3.0;
  a.x.x -= mean, a.y.y -= mean, a.z.z -= mean;
  double spread = sqrt((dot(a.x, a.x) + dot(a.y, a.y) + dot(a.z, a.z)) / 6.0);
  if (spread == 0.0) return mean;
  double half_determinant = 0.5 * dot(a.x, cross(a.y, a.z)) / (spread * spread * spread);
  return mean + 2.0 * spread * cos((acos(clamp(half_determinant, -1.0, 1.0)) + 2.0 * M_PI) / 3.0);
}

static inline double3 matrix_times(Matrix m, double3 v) { return (double3)(dot(m.x, v), dot(m.y, v), dot(m.z, v)); }

static inline Matrix outer(double3 a, double3 b) {
  Matrix m = {a.x * b, a.y * b, a.z * b};
  return m;
}

// exp([w]) R to second order and back onto a rotation: the Cayley transform.
static inline Matrix turn_by(double3 w, Matrix r) {
  double3 h = 0.5 * w;
  double scale = 2.0 / (1.0 + dot(h, h));
  Matrix t = turned(r), result;  // columns of R
  t.x += scale * (cross(h, t.x) + cross(h, cross(h, t.x)));
  t.y += scale * (cross(h, t.y) + cross(h, cross(h, t.y)));
  t.z += scale * (cross(h, t.z) + cross(h, cross(h, t.z)));
  result = turned(t);
  return result;
}

static inline Matrix load_frame(__global const double4 *frame, uint f) {
  Matrix r = {frame[3 * f].xyz, frame[3 * f + 1].xyz, frame[3 * f + 2].xyz};
  return r;
}
