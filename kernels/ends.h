// Cells with two ends (term `elongation`): a row for each. end_of: 1 + number of the end, even for rear and odd for front
// numbers, 0 for a cell that is one sphere; end_row: the row of the end with a number.
#define TIGHTEST 0.985f  // a sphere in a lumen leaves a gap of 1.5 %, as walls are rough

static inline uint rear_of(uint i, __global const uint *end_of, __global const uint *end_row) {
  return end_of[i] ? end_row[(end_of[i] - 1) & ~1u] : i;
}

static inline uint front_of(uint i, __global const uint *end_of, __global const uint *end_row) {
  return end_of[i] ? end_row[(end_of[i] - 1) | 1u] : i;
}

// Whether row i does the work for its cell.
static inline bool leads(uint i, __global const uint *end_of) { return end_of[i] % 2 == 0; }

static inline float width_of(uint i, __global const uint *end_of, __global const float *radius,
                             __global const float *end_radius) {
  return end_of[i] ? end_radius[i] : radius[i];
}
