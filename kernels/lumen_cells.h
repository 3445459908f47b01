// The lumen where cells are: what kernels/lumen.h knows, out of the arrays of the state and for fixed-point positions.
static inline Lumen lumen_of(__global const float8 *lumen_grid) {
  float8 g = lumen_grid[0];
  Lumen lumen = {{g.s0, g.s1, g.s2}, g.s3, {(int)g.s4, (int)g.s5, (int)g.s6}, g.s7};
  return lumen;
}

static inline float3 from_corner(int4 position, const __constant float *quantum, Lumen lumen) {
  return separation(position, (int4)(0), quantum) - (float3)(lumen.origin[0], lumen.origin[1], lumen.origin[2]);
}
