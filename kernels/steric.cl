// A cell pressed against fibers: a line load p(depth) along the fiber, away from the centre, on the part of each segment
// inside the cytoplasm; three Gauss points on that part, reaction on the segment's nodes.

// nN/um and its slope: the cytoplasm yields at twice its cortical tension.
static inline float2 cytoplasm_load(float depth, __constant Steric *term) {
  float c = 0.707f / 0.75f * term->cytoplasm_modulus, soft = 1.0f + depth * c / (2.0f * term->cortical_tension);
  return (float2)(c * depth / soft, c / (soft * soft));
}

typedef struct { float3 on_first, on_second; Symmetric stiffness; float weight, at; } Load;

// Load of one segment on a cell: forces on the segment's nodes, stiffness and where on the segment it acts.
static inline Load load_of(int4 centre, float radius, int4 first, int4 second, __constant World *world,
                           __constant Steric *term) {
  const float points[3] = {0.1127016654f, 0.5f, 0.8872983346f}, weights[3] = {5.0f / 18, 8.0f / 18, 5.0f / 18};
  Load load = {(float3)(0.0f), (float3)(0.0f), {0, 0, 0, 0, 0, 0}, 0, 0};
  float3 a = separation(first, centre, world->quantum), e = separation(second, first, world->quantum);
  float2 part = inside_sphere(a, e, radius);
  if (part.x >= part.y) return load;
  for (int g = 0; g < 3; ++g) {
    float t = part.x + points[g] * (part.y - part.x), weight = weights[g] * (part.y - part.x) * length(e);
    float3 r = a + t * e;
    float distance = fmax(length(r), 1e-6f), depth = radius - distance;
    if (depth <= 0.0f) continue;
    float2 p = cytoplasm_load(depth, term);
    float3 n = r / distance, f = weight * p.x * n;
    load.on_first += (1.0f - t) * f;
    load.on_second += t * f;
    load.stiffness = plus(load.stiffness, bond_block(n, weight * p.y, 0.0f));
    load.weight += weight * p.y;
    load.at += weight * p.y * t;
  }
  return load;
}

void steric(uint i, __constant World *world, __global Status *status, __constant Steric *term,
            __global const int4 *position, __global const float *radius, __global const int4 *node_position,
            __global const uint *listed_node, __global const uint *segment_list,
            __global const uint *segment_bin_start, __global const uint *segment_area,
            __global const int4 *wire_begin, __global const int4 *wire_end, __global const float *wire_weight,
            __global const uint *wire_obstacle, __global const uint *wire_bin_start, __global float4 *force,
            __global float *resistance, __global uint2 *node_force, __global uint2 *obstacle_force) {
  __constant Grid *grid = &world->segment_grid;
  int4 home = bin_of_position(position[i], grid);
  Span near = bins_around(home, radius[i] + SEGMENT_REACH, world->segment_bins_per_um, grid);
  float3 sum = 0.0f;
  Symmetric stiff = {0, 0, 0, 0, 0, 0};
  EACH_NEAR(k, home, near, grid, segment_bin_start) {
    uint n = listed_node[k];
    Load load = load_of(position[i], radius[i], node_position[n], node_position[n + 1], world, term);
    if (load.weight <= 0.0f || !segment_area[segment_list[k]]) continue;
    sum -= load.on_first + load.on_second;
    stiff = plus(stiff, load.stiffness);
    add_force(node_force, n, world->nodes, load.on_first);
    add_force(node_force, n + 1, world->nodes, load.on_second);
  }
  near = bins_around(home, WIRE_REACH(radius[i]), world->segment_bins_per_um, grid);
  EACH_NEAR(w, home, near, grid, wire_bin_start) {
    Load load = load_of(position[i], radius[i], wire_begin[w], wire_end[w], world, term);
    if (load.weight <= 0.0f) continue;
    float3 push = wire_weight[w] * (load.on_first + load.on_second);
    sum -= push;
    stiff = plus(stiff, scaled(load.stiffness, wire_weight[w]));
    add_force(obstacle_force, wire_obstacle[w], world->obstacles, push);
  }
  force[i].xyz += sum;
  store_symmetric(resistance, i, world->stride,
                  plus(load_symmetric(resistance, i, world->stride), scaled(stiff, world->step)));
}

// Where fibers move, their nodes share the stiffness of the contact, which acts at one point of the segment.
void key_touches(uint i, __constant World *world, __global Status *status, __constant Steric *term,
                 __global const uint *touch_segment, __global const uint *touch_count, __global uint *tether_key) {
  for (uint k = 0; k < touch_count[i]; ++k)
    tether_key[(world->link_slots + k) * world->stride + i] = touch_segment[k * world->stride + i] - 1;
}

void block_touches(uint i, __constant World *world, __global Status *status, __constant Steric *term,
                   __global const int4 *position, __global const float *radius, __global const int4 *node_position,
                   __global const int2 *segment_nodes, __global const uint *segment_area,
                   __global const uint *touch_segment, __global const uint *touch_count,
                   __global float8 *tether_block) {
  for (uint k = 0; k < touch_count[i]; ++k) {
    uint s = touch_segment[k * world->stride + i] - 1;
    int2 nodes = segment_nodes[s];
    float inside = segment_area[s] ? 1.0f : 0.0f;  // what is cut is no obstacle
    Load load = load_of(position[i], inside * radius[i], node_position[nodes.x], node_position[nodes.y], world, term);
    Symmetric b = load.stiffness;
    float at = load.weight > 0.0f ? load.at / load.weight : 0.5f;
    tether_block[(world->link_slots + k) * world->stride + i] = (float8)(b.xx, b.yy, b.zz, b.xy, b.xz, b.yz, at,
                                                                      load.weight);
  }
}
