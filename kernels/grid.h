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

static inline int blocks_along(const __constant Grid *grid, int axis) { return (grid->count[axis] + 15) / 16; }

// Bins are numbered by blocks of 16 x 16 x 16 bins, and within these by blocks of 4 x 4 x 4: a curve that keeps what is
// near in space near in memory.
static inline uint bin_index(int x, int y, int z, const __constant Grid *grid) {
  int outer = ((z / 16) * blocks_along(grid, 1) + y / 16) * blocks_along(grid, 0) + x / 16;
  int inner = ((z / 4 % 4) * 4 + y / 4 % 4) * 4 + x / 4 % 4;
  return (uint)((outer * 64 + inner) * 64 + (z % 4) * 16 + (y % 4) * 4 + x % 4);
}

static inline uint bin_total(const __constant Grid *grid) {
  return (uint)(blocks_along(grid, 0) * blocks_along(grid, 1) * blocks_along(grid, 2) * 4096);
}

// Wrapped bin, or -1 outside the box along an axis that does not wrap.
static inline int neighbor_bin(int bin, const __constant Grid *grid, int axis) {
  int count = grid->count[axis];
  if (bin >= 0 && bin < count) return bin;
  if (!grid->periodic[axis]) return -1;
  return bin < 0 ? bin + count : bin - count;
}
