// Bins over the box: along an axis the 32-bit position range is cut into `scale` bins, of which `count` from `first` on
// cover the box. Periodic axes wrap, others clamp.
typedef struct { int count[4]; uint scale[4]; int first[4]; int periodic[4]; } Grid;

static inline int bin_along(int x, const __constant Grid *grid, int axis) {
  int bin = (int)mul_hi((uint)x ^ 0x80000000u, grid->scale[axis]) - grid->first[axis];
  return clamp(bin, 0, grid->count[axis] - 1);
}

static inline int4 bin_of_position(int4 p, const __constant Grid *grid) {
  return (int4)(bin_along(p.x, grid, 0), bin_along(p.y, grid, 1), bin_along(p.z, grid, 2), 0);
}

static inline uint bin_index(int x, int y, int z, const __constant Grid *grid) {
  return (uint)((z * grid->count[1] + y) * grid->count[0] + x);
}

// Wrapped bin, or -1 outside the box along an axis that does not wrap.
static inline int neighbor_bin(int bin, const __constant Grid *grid, int axis) {
  int count = grid->count[axis];
  if (bin >= 0 && bin < count) return bin;
  if (!grid->periodic[axis]) return -1;
  return bin < 0 ? bin + count : bin - count;
}
