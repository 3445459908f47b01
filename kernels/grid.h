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

static inline int blocks_along(const __constant Grid *grid, int axis) { return (grid->count[axis] + 3) / 4; }

// Bins are numbered block by block, 4 x 4 x 4 bins each: a curve that keeps cells near in space near in memory.
static inline uint bin_index(int x, int y, int z, const __constant Grid *grid) {
  int block = ((z / 4) * blocks_along(grid, 1) + y / 4) * blocks_along(grid, 0) + x / 4;
  return (uint)(block * 64 + (z % 4) * 16 + (y % 4) * 4 + x % 4);
}

static inline uint bin_total(const __constant Grid *grid) {
  return (uint)(blocks_along(grid, 0) * blocks_along(grid, 1) * blocks_along(grid, 2) * 64);
}

// Wrapped bin, or -1 outside the box along an axis that does not wrap.
static inline int neighbor_bin(int bin, const __constant Grid *grid, int axis) {
  int count = grid->count[axis];
  if (bin >= 0 && bin < count) return bin;
  if (!grid->periodic[axis]) return -1;
  return bin < 0 ? bin + count : bin - count;
}
