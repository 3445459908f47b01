// A soft nucleus pressed in by fibers: U = E V (h/2 + B h^2/2), h = mean_k (S_k + s)^(1/4) - s^(1/4), S_k^(1/8) the
// logarithmic compression along direction k. The innermost fiber in a cone about it counts:
// S_k = sum_i w_i (x_ik g_i)^8 / (l0 r_i).

#define DIRECTIONS 42
#define CONE 0.7660444431f     // cos 40 degrees: fibers further aside do not count
#define ARC 0.5589362f         // l0: one fiber right across a cone counts as what it is
#define PANEL 0.7f             // um; two Gauss points each
#define YIELDS 0.01f           // s: a nucleus hardly resists what presses in by less than a third of its radius
#define SOFTENED 0.1f          // distances from the centre, below this share of the radius, count as more

// Vertices and edge midpoints of an icosahedron, one of each opposite pair.
__constant float nucleus_axes[DIRECTIONS / 2][3] = {
    {1, 0, 0}, {0, 1, 0}, {0, 0, 1},
    {0, 0.52573111f, 0.85065081f}, {0, 0.52573111f, -0.85065081f}, {0.85065081f, 0, 0.52573111f},
    {-0.85065081f, 0, 0.52573111f}, {0.52573111f, 0.85065081f, 0}, {0.52573111f, -0.85065081f, 0},
    {0.5f, 0.30901699f, 0.80901699f}, {-0.5f, 0.30901699f, 0.80901699f}, {0.5f, -0.30901699f, 0.80901699f},
    {0.5f, 0.30901699f, -0.80901699f}, {0.80901699f, 0.5f, 0.30901699f}, {-0.80901699f, 0.5f, 0.30901699f},
    {0.80901699f, -0.5f, 0.30901699f}, {0.80901699f, 0.5f, -0.30901699f}, {0.30901699f, 0.80901699f, 0.5f},
    {-0.30901699f, 0.80901699f, 0.5f}, {0.30901699f, -0.80901699f, 0.5f}, {0.30901699f, 0.80901699f, -0.5f}};

// A piece of fiber inside the nucleus: where it is from the centre, how long, how far it presses in.
typedef struct { float3 n; float distance, squared, weight, g; } Dent;

static inline Dent dent_of(float3 r, float weight, float radius) {
  float soft = SOFTENED * radius, distance = fmax(length(r), 1e-6f), squared = distance * distance + soft * soft;
  Dent dent = {r / distance, distance, squared, weight / (ARC * sqrt(squared)),
               fmax(0.5f * log((radius * radius + soft * soft) / squared), 0.0f)};
  return dent;
}

static inline float cubed(float x) { return x * x * x; }

static inline float3 axis_of(uint k) { return (float3)(nucleus_axes[k][0], nucleus_axes[k][1], nucleus_axes[k][2]); }

// Where the Gauss points of a segment are: `count` panels on the part inside the nucleus, two points on each.
typedef struct { float3 a, e; float begin, length; uint count; } Panels;

static inline Panels panels_of(int4 centre, float radius, int4 first, int4 second, __constant World *world) {
  Panels p = {separation(first, centre, world->quantum), separation(second, first, world->quantum), 0, 0, 0};
  float2 part = inside_sphere(p.a, p.e, radius);
  if (part.x >= part.y) return p;
  p.begin = part.x, p.length = part.y - part.x;
  p.count = 2 * (uint)ceil(p.length * length(p.e) / PANEL);
  return p;
}

static inline float place_of(Panels p, uint g) {
  return p.begin + p.length * ((float)(g / 2) + (g % 2 ? 0.7886751346f : 0.2113248654f)) / (float)(p.count / 2);
}

static inline Dent dent_at(Panels p, float t, float radius) {
  return dent_of(p.a + t * p.e, p.length * length(p.e) / (float)p.count, radius);
}

// The share of a segment, or of a wire that is `part` of a fiber, in the sums S_k.
static inline void press_in(Panels p, float part, float radius, float *sums) {
  for (uint g = 0; g < p.count; ++g) {
    Dent dent = dent_at(p, place_of(p, g), radius);
    float g2 = dent.g * dent.g, press = part * dent.weight * (g2 * g2) * (g2 * g2);
    for (uint k = 0; k < DIRECTIONS / 2; ++k) {
      float c = dot(dent.n, axis_of(k)), x = fmax(fabs(c) - CONE, 0.0f) / (1.0f - CONE);
      sums[c > 0.0f ? k : DIRECTIONS / 2 + k] += press * (x * x) * (x * x);
    }
  }
}

// dU/dS_k for each direction, from sums over all fibers and obstacles near.
void compress(uint i, __constant World *world, __global Status *status, __constant Nucleus *term,
              __global const int4 *position, __global const float *nucleus_radius,
              __global const int4 *node_position, __global const uint *listed_node,
              __global const uint *segment_list, __global const uint *segment_bin_start,
              __global const uint *segment_area, __global const int4 *wire_begin, __global const int4 *wire_end,
              __global const float *wire_weight, __global const uint *wire_bin_start,
              __global float *nucleus_yield) {
  __constant Grid *grid = &world->segment_grid;
  float radius = nucleus_radius[i], sums[DIRECTIONS];
  for (uint k = 0; k < DIRECTIONS; ++k) sums[k] = 0.0f;
  int4 home = bin_of_position(position[i], grid);
  Span near = bins_around(home, radius + SEGMENT_REACH, world->segment_bins_per_um, grid);
  EACH_NEAR(m, home, near, grid, segment_bin_start) {
    uint n = listed_node[m];
    Panels p = panels_of(position[i], radius, node_position[n], node_position[n + 1], world);
    if (!p.count || !segment_area[segment_list[m]]) continue;
    press_in(p, 1.0f, radius, sums);
  }
  near = bins_around(home, WIRE_REACH(radius), world->segment_bins_per_um, grid);
  EACH_NEAR(w, home, near, grid, wire_bin_start) {
    press_in(panels_of(position[i], radius, wire_begin[w], wire_end[w], world), wire_weight[w], radius, sums);
  }
  float h = 0.0f;
  for (uint k = 0; k < DIRECTIONS; ++k) h += (sqrt(sqrt(sums[k] + YIELDS)) - sqrt(sqrt(YIELDS))) / DIRECTIONS;
  float scale = term->modulus * (4.18879020f * cubed(radius)) * (0.5f + term->bulk * h) / (4.0f * DIRECTIONS);
  for (uint k = 0; k < DIRECTIONS; ++k)
    nucleus_yield[k * world->stride + i] = scale / cubed(sqrt(sqrt(sums[k] + YIELDS)));
}

typedef struct { float3 on_first, on_second; Symmetric stiffness; float weight, at; } Push;

// What a nucleus does to one segment: forces on its nodes, stiffness along the line from the centre, where it acts.
static inline Push push_of(uint i, Panels p, float radius, uint stride, __global const float *nucleus_yield) {
  Push push = {(float3)(0.0f), (float3)(0.0f), {0, 0, 0, 0, 0, 0}, 0, 0};
  for (uint g = 0; g < p.count; ++g) {
    float t = place_of(p, g), along = 0.0f;
    Dent dent = dent_at(p, t, radius);
    float3 aside = 0.0f;
    for (uint k = 0; k < DIRECTIONS / 2; ++k) {
      float3 d = axis_of(k);
      float c = dot(dent.n, d), x = fmax(fabs(c) - CONE, 0.0f) / (1.0f - CONE);
      if (x <= 0.0f) continue;
      float yield = nucleus_yield[(c > 0.0f ? k : DIRECTIONS / 2 + k) * stride + i];
      along += yield * (x * x) * (x * x);
      aside += 4.0f * yield * cubed(x) / (1.0f - CONE) * (copysign(1.0f, c) * d - fabs(c) * dent.n);
    }
    float steep = dent.distance / dent.squared, g3 = cubed(dent.g), g6 = g3 * g3, g7 = g6 * dent.g;
    float3 f = dent.weight * (along * (8.0f + dent.g) * g7 * steep * dent.n
                              - g7 * dent.g / dent.distance * aside);
    // of H^2, as if no other fiber were near
    float bend = steep * steep + dent.g * (2.0f * steep * steep - 1.0f / dent.squared);
    float stiff = 8.0f * dent.weight * along * g6 * fmax(bend, 0.0f);
    push.on_first += (1.0f - t) * f;
    push.on_second += t * f;
    push.stiffness = plus(push.stiffness, bond_block(dent.n, stiff, 0.0f));
    push.weight += stiff;
    push.at += stiff * t;
  }
  return push;
}

void nucleus(uint i, __constant World *world, __global Status *status, __constant Nucleus *term,
             __global const int4 *position, __global const float *nucleus_radius,
             __global const int4 *node_position, __global const uint *listed_node,
             __global const uint *segment_list, __global const uint *segment_bin_start,
             __global const uint *segment_area, __global const int4 *wire_begin, __global const int4 *wire_end,
             __global const float *wire_weight, __global const uint *wire_obstacle,
             __global const uint *wire_bin_start, __global const float *nucleus_yield, __global float4 *force,
             __global float *resistance, __global uint2 *node_force, __global uint2 *obstacle_force) {
  __constant Grid *grid = &world->segment_grid;
  float radius = nucleus_radius[i];
  float3 sum = 0.0f;
  Symmetric stiff = {0, 0, 0, 0, 0, 0};
  int4 home = bin_of_position(position[i], grid);
  Span near = bins_around(home, radius + SEGMENT_REACH, world->segment_bins_per_um, grid);
  EACH_NEAR(m, home, near, grid, segment_bin_start) {
    uint n = listed_node[m];
    Panels p = panels_of(position[i], radius, node_position[n], node_position[n + 1], world);
    if (!p.count || !segment_area[segment_list[m]]) continue;
    Push push = push_of(i, p, radius, world->stride, nucleus_yield);
    sum -= push.on_first + push.on_second;
    stiff = plus(stiff, push.stiffness);
    add_force(node_force, n, world->nodes, push.on_first);
    add_force(node_force, n + 1, world->nodes, push.on_second);
  }
  near = bins_around(home, WIRE_REACH(radius), world->segment_bins_per_um, grid);
  EACH_NEAR(w, home, near, grid, wire_bin_start) {
    Panels p = panels_of(position[i], radius, wire_begin[w], wire_end[w], world);
    if (!p.count) continue;
    Push push = push_of(i, p, radius, world->stride, nucleus_yield);
    float3 all = wire_weight[w] * (push.on_first + push.on_second);
    sum -= all;
    stiff = plus(stiff, scaled(push.stiffness, wire_weight[w]));
    add_force(obstacle_force, wire_obstacle[w], world->obstacles, all);
  }
  force[i].xyz += sum;
  store_symmetric(resistance, i, world->stride,
                  plus(load_symmetric(resistance, i, world->stride), scaled(stiff, world->step)));
}

// Where fibers move, their nodes share the stiffness: one block and one place for each segment, the cytoplasm's too.
void block_nucleus(uint i, __constant World *world, __global Status *status, __constant Nucleus *term,
                   __global const int4 *position, __global const float *nucleus_radius,
                   __global const int4 *node_position, __global const int2 *segment_nodes,
                   __global const uint *segment_area, __global const uint *touch_segment,
                   __global const uint *touch_count, __global const float *nucleus_yield,
                   __global float8 *tether_block) {
  for (uint k = 0; k < touch_count[i]; ++k) {
    uint here = (world->link_slots + k) * world->stride + i, s = touch_segment[k * world->stride + i] - 1;
    int2 nodes = segment_nodes[s];
    Panels p = panels_of(position[i], nucleus_radius[i], node_position[nodes.x], node_position[nodes.y], world);
    if (!p.count || !segment_area[s]) continue;
    Push push = push_of(i, p, nucleus_radius[i], world->stride, nucleus_yield);
    float8 block = tether_block[here];
    Symmetric b = push.stiffness;
    float both = block.s7 + push.weight, at = both > 0.0f ? (block.s7 * block.s6 + push.at) / both : 0.5f;
    tether_block[here] = (float8)(block.s0 + b.xx, block.s1 + b.yy, block.s2 + b.zz, block.s3 + b.xy, block.s4 + b.xz,
                                  block.s5 + b.yz, at, both);
  }
}
