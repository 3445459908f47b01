// The point at `at` (0..1) of a segment, seen from a cell's centre.
static inline float3 point_on_segment(int4 centre, int4 a, int4 b, float at, const __constant float *quantum) {
  return separation(a, centre, quantum) + at * separation(b, a, quantum);
}

// A force on that point, shared between the two nodes as a rigid segment would.
static inline void add_to_nodes(__global uint2 *node_force, int2 nodes, uint stride, float at, float3 force) {
  add_force(node_force, (uint)nodes.x, stride, (1.0f - at) * force);
  add_force(node_force, (uint)nodes.y, stride, at * force);
}

// Bins on each side of a cell that a reach of so many um can touch.
static inline int4 bins_around(float reach, const __constant float *bins_per_um, const __constant Grid *grid) {
  int4 n;
  n.x = min((int)ceil(reach * bins_per_um[0]), grid->periodic[0] ? (grid->count[0] - 1) / 2 : grid->count[0]);
  n.y = min((int)ceil(reach * bins_per_um[1]), grid->periodic[1] ? (grid->count[1] - 1) / 2 : grid->count[1]);
  n.z = min((int)ceil(reach * bins_per_um[2]), grid->periodic[2] ? (grid->count[2] - 1) / 2 : grid->count[2]);
  return n;
}
