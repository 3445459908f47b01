// Words of status->moved: 1u, a cell has moved by half the skin, or left; and this, which halts the run.
#define NOT_FINITE 2u

// Order-free sums: forces as 64-bit fixed point (2^-32 nN), added by two 32-bit integer atomics with a carry.
// Integer addition commutes, so the sum has the same bits in whatever order the work-items arrive.
static inline void add_count(__global uint2 *sum, ulong bits) {
  uint low = (uint)bits, high = (uint)(bits >> 32);
  volatile __global uint *word = (volatile __global uint *)sum;
  uint before = atomic_add(word, low);
  high += (uint)(before + low) < low ? 1u : 0u;
  if (high) atomic_add(word + 1, high);
}

static inline void add_fixed(__global uint2 *sum, double value) {
  add_count(sum, as_ulong(convert_long_rte(value * 4294967296.0)));
}

// Adds a force to entry `item` of a component-major fixed-point array.
static inline void add_force(__global uint2 *array, uint item, uint stride, float3 force) {
  add_fixed(array + item, (double)force.x);
  add_fixed(array + stride + item, (double)force.y);
  add_fixed(array + 2 * stride + item, (double)force.z);
}

// Position after a displacement in um, rounded to the nearest quantum.
static inline int4 moved(int4 position, float3 displacement, const __constant float *quantum) {
  int3 d = convert_int3_sat_rte(displacement / (float3)(quantum[0], quantum[1], quantum[2]));
  int3 p = as_int3(as_uint3(position.xyz) + as_uint3(d));
  return (int4)(p, 0);
}
