// A cell pressed against fibers: a line load p(depth) along the fiber, away from the centre, on the part of each segment
// inside the cytoplasm and again inside the nucleus; three Gauss points on that part, reaction on the segment's nodes.

// nN/um and its slope. The cytoplasm yields at twice its cortical tension; the nucleus stiffens towards depth_limit.
static inline float2 cytoplasm_load(float depth, __constant Steric *term) {
  float c = 0.707f / 0.75f * term->cytoplasm_modulus, soft = 1.0f + depth * c / (2.0f * term->cortical_tension);
  return (float2)(c * depth / soft, c / (soft * soft));
}

static inline float2 nucleus_load(float depth, float radius, __constant Steric *term) {
  float c = 0.707f / 0.75f * term->nucleus_modulus, limit = radius - term->compact_radius, knee = 0.97f * limit;
  float d = fmin(depth, knee), hard = 1.0f - d / limit, slope = c / (hard * hard);
  return (float2)(c * d / hard + slope * (depth - d), slope);
}

// The part [begin, end] of the segment a + t e, t in 0..1, inside a sphere about the origin; begin >= end if none.
static inline float2 inside_sphere(float3 a, float3 e, float radius) {
  float ee = dot(e, e), ae = dot(a, e), root = ae * ae - ee * (dot(a, a) - radius * radius);
  if (root <= 0.0f) return (float2)(1.0f, 0.0f);
  root = sqrt(root);
  return (float2)(fmax((-ae - root) / ee, 0.0f), fmin((-ae + root) / ee, 1.0f));
}

typedef struct { float3 force; Symmetric stiffness; } Load;

// Load of one segment on one body of the cell; what the segment's nodes feel is added to them.
static inline void press(float3 a, float3 e, float radius, bool nucleus, __constant Steric *term, int2 nodes, uint stride,
                  __global uint2 *node_force, Load *load) {
  const float points[3] = {0.1127016654f, 0.5f, 0.8872983346f}, weights[3] = {5.0f / 18, 8.0f / 18, 5.0f / 18};
  float2 part = inside_sphere(a, e, radius);
  if (part.x >= part.y) return;
  float3 on_first = 0.0f, on_second = 0.0f;
  for (int g = 0; g < 3; ++g) {
    float t = part.x + points[g] * (part.y - part.x), weight = weights[g] * (part.y - part.x) * length(e);
    float3 r = a + t * e;
    float distance = fmax(length(r), 1e-6f), depth = radius - distance;
    if (depth <= 0.0f) continue;
    float2 p = nucleus ? nucleus_load(depth, radius, term) : cytoplasm_load(depth, term);
    float3 n = r / distance, f = weight * p.x * n;
    on_first += (1.0f - t) * f;
    on_second += t * f;
    load->stiffness = plus(load->stiffness, bond_block(n, weight * p.y, 0.0f));
  }
  load->force -= on_first + on_second;
  add_force(node_force, (uint)nodes.x, stride, on_first);
  add_force(node_force, (uint)nodes.y, stride, on_second);
}

void steric(uint i, __constant World *world, __global Status *status, __constant Steric *term,
            __global const int4 *position, __global const float *radius, __global const float *nucleus_radius,
            __global const int4 *node_position, __global const int2 *segment_nodes,
            __global const uint *segment_bin_start, __global float4 *force, __global float *resistance,
            __global uint2 *node_force) {
  __constant Grid *grid = &world->segment_grid;
  int4 home = bin_of_position(position[i], grid);
  Span near = bins_around(home, radius[i] + world->longest_half_segment, world->segment_bins_per_um, grid);
  Load load = {(float3)(0.0f), {0, 0, 0, 0, 0, 0}};
  for (int dz = near.low.z; dz <= near.high.z; ++dz)
    for (int dy = near.low.y; dy <= near.high.y; ++dy)
      for (int dx = near.low.x; dx <= near.high.x; ++dx) {
        uint bin = bin_near(home, dx, dy, dz, grid);
        for (uint s = segment_bin_start[bin]; s < segment_bin_start[bin + 1]; ++s) {
          int2 nodes = segment_nodes[s];
          float3 a = separation(node_position[nodes.x], position[i], world->quantum);
          float3 e = separation(node_position[nodes.y], node_position[nodes.x], world->quantum);
          press(a, e, radius[i], false, term, nodes, world->nodes, node_force, &load);
          press(a, e, nucleus_radius[i], true, term, nodes, world->nodes, node_force, &load);
        }
      }
  force[i].xyz += load.force;
  Symmetric total = load_symmetric(resistance, i, world->stride);
  Symmetric stiff = load.stiffness;
  float dt = world->step;
  Symmetric scaled = {dt * stiff.xx, dt * stiff.yy, dt * stiff.zz, dt * stiff.xy, dt * stiff.xz, dt * stiff.yz};
  store_symmetric(resistance, i, world->stride, plus(total, scaled));
}
