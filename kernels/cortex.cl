// A cell as two closed shells of vertices, its nucleus (first) and its cortex: membranes that enclose volumes and touch
// things. Vertex k of cell i is at shell[k * stride + i], seen from the centre; what else belongs to the vertices of a
// cell lies together, from i * world->shell on.

// Force on each vertex from fibers and obstacles, its slope along itself, and how much of the vertex touches. Obstacles
// act on vertices, middles of edges and middles of triangles, which share what they bear among their corners.
void press_shell(uint i, __constant World *world, __global Status *status, __constant Cortex *term,
                 __global const int4 *position, __global const float *radius, __global const float4 *shell,
                 __global const uint *mesh_ring, __global const int4 *node_position, __global const uint *listed_node,
                 __global const uint *segment_list, __global const uint *segment_bin_start,
                 __global const uint *segment_area, __global const int4 *obstacle_middle,
                 __global const float8 *obstacle_form, __global float4 *shell_force, __global float8 *shell_block,
                 __global uint2 *node_force, __global uint2 *obstacle_force) {
  __constant Grid *grid = &world->segment_grid;
  uint cell = i / world->shell, k = i % world->shell;
  int4 at = moved(position[cell], shell[k * world->stride + cell].xyz, world->quantum), home;
  float3 sum = 0.0f;
  Symmetric stiff = {0, 0, 0, 0, 0, 0}, fibers = stiff;
  float depth = 0.0f;
  Span near = bins_within(at, term->patch + SEGMENT_REACH, world->quantum, world->segment_bins_per_um, grid, &home);
  EACH_NEAR(m, home, near, grid, segment_bin_start) {
    uint n = listed_node[m];
    float3 a = separation(node_position[n], at, world->quantum);
    float3 e = separation(node_position[n + 1], node_position[n], world->quantum);
    Push push = push_of(a, e, term->patch, term->fiber_modulus);
    if (push.depth <= 0.0f || !segment_area[segment_list[m]]) continue;
    float3 f = push.on_first + push.on_second, n_own = f / fmax(length(f), 1e-12f);
    sum -= f;
    fibers = plus(fibers, bond_block(n_own, fmax(dot(n_own, times(push.stiffness, n_own)), 0.0f), 0.0f));
    depth = fmax(depth, fmin(10.0f * push.depth, 1.0f));
    add_force(node_force, n, world->nodes, push.on_first);
    add_force(node_force, n + 1, world->nodes, push.on_second);
  }
  float reach = term->thickness * (2 * k < world->shell ? 2.0f : 1.0f);  // the nucleus is inside the cortex
  float firm = term->wall_modulus * 8.0f * M_PI_F * radius[cell] * radius[cell] / (float)world->shell;
  uint base = k - k % (world->shell / 2), v = k - base, count = mesh_ring[6 * v + 5] == v ? 5 : 6;
  float3 own = shell[k * world->stride + cell].xyz;
  for (uint s = 0; s < 2 * count + 1 && world->obstacles; ++s) {  // the vertex, middles of edges, middles of triangles
    uint one = mesh_ring[6 * v + s / 2 % count], two = mesh_ring[6 * v + (s / 2 + 1) % count];
    float3 to_one = shell[(base + one) * world->stride + cell].xyz - own;
    float3 to_two = shell[(base + two) * world->stride + cell].xyz - own;
    bool edge = s % 2;
    float share = s == 2 * count ? 1.0f : edge ? 1.0f / 2.0f : 1.0f / 3.0f;
    float part = s == 2 * count ? firm / 3.0f : edge ? firm / 9.0f : firm / 6.0f;
    float3 off = s == 2 * count ? (float3)(0.0f) : edge ? 0.5f * to_one : (to_one + to_two) / 3.0f;
    for (uint o = 0; o < world->obstacles; ++o) {
      float4 clear = clearance(separation(at, obstacle_middle[o], world->quantum) + off, obstacle_form[2 * o],
                               obstacle_form[2 * o + 1]);
      float into = reach - clear.w;
      if (!(into > 0.0f)) continue;
      float3 f = share * part * into * clear.xyz;
      sum += f;
      stiff = plus(stiff, bond_block(clear.xyz, share * part, 0.0f));
      depth += share * part / firm * fmin(into / (0.1f * reach), 1.0f);
      add_force(obstacle_force, o, world->obstacles, -f);
    }
  }
  float3 n = dot(sum, sum) > 0.0f ? normalize(sum) : (float3)(0.0f);
  Symmetric b = scaled(plus(fibers, bond_block(n, dot(n, times(stiff, n)), 0.0f)), world->step);
  shell_force[i] = (float4)(sum, fmin(depth, 1.0f));
  shell_block[i] = (float8)(b.xx, b.yy, b.zz, b.xy, b.xz, b.yz, 0, 0);
}

// A contractile network draws the cortex to the centre: the pull over r of h R^2 (sqrt(1 + r^2/R^2) - 1), per vertex.
static inline float draw_of(float3 x, float radius, __constant World *world, __constant Cortex *term) {
  return 2.0f * term->contraction / (float)world->shell / sqrt(1.0f + dot(x, x) / (radius * radius));
}

// Adds membranes, drag and friction to each vertex; slope of the volume by it; its resistance to each neighbour.
void stretch_shell(uint i, __constant World *world, __global Status *status, __constant Cortex *term,
                   __global const float *radius, __global const float *nucleus_radius,
                   __global const float4 *shell, __global const uint *mesh_ring, __global const float4 *mesh_unit,
                   __global float4 *shell_out, __global float4 *shell_edge, __global float4 *shell_force,
                   __global float8 *shell_block) {
  uint cell = i / world->shell, k = i % world->shell, half_of = world->shell / 2, outer = k >= half_of;
  uint v = k - outer * half_of, count = mesh_ring[6 * v + 5] == v ? 5 : 6;
  float tension = outer ? term->tension : term->nucleus_tension, modulus = outer ? term->shear : term->nucleus_shear;
  float dilation = outer ? term->dilation : term->nucleus_dilation;
  float size = outer ? radius[cell] - term->thickness : nucleus_radius[cell], area = 0.0f;
  __global const float4 *layer = shell + outer * half_of * world->stride + cell;
  float3 x = layer[v * world->stride].xyz, sum = 0.0f, out = 0.0f, ring[6], rest[6], rows[7][3];
  for (uint m = 0; m < count; ++m) {
    ring[m] = layer[mesh_ring[6 * v + m] * world->stride].xyz - x;
    rest[m] = size * (mesh_unit[mesh_ring[6 * v + m]].xyz - mesh_unit[v].xyz);
  }
  for (uint m = 0; m < 7; ++m) rows[m][0] = rows[m][1] = rows[m][2] = 0.0f;
  for (uint m = 0; m < count; ++m) {
    uint next = (m + 1) % count;
    Triangle t = triangle_of(ring[m], ring[next], rest[m], rest[next], tension, modulus, dilation);
    sum -= t.shear[0] / t.size + t.pull * t.area[0];
    couple(rows[6], t, 0, t.each[1] + t.each[2], world->step);
    couple(rows[m], t, 1, -t.each[2], world->step);
    couple(rows[next], t, 2, -t.each[1], world->step);
    out += cross(x + ring[m], x + ring[next]) / 6.0f;
    area += t.size / 3.0f;
  }
  float4 pressed = shell_force[i];
  float3 n = dot(pressed.xyz, pressed.xyz) > 0.0f ? normalize(pressed.xyz) : (float3)(0.0f);
  float drag = term->drag / (float)half_of, hold = outer ? draw_of(x, size, world, term) : 0.0f;
  add_block(shell_block + i, (float3)(0.0f), 0.0f, drag + world->step * hold);
  add_block(shell_block + i, n, 0.0f, term->friction * area * pressed.w);
  for (uint m = 0; m < count; ++m) {
    float3 along = normalize(ring[m]), damped = term->viscosity * along;
    add_block(shell_block + i, along, term->viscosity, 0.0f);
    shell_edge[18 * i + 3 * m] = (float4)(rows[m][0] - damped.x * along, 0.0f);
    shell_edge[18 * i + 3 * m + 1] = (float4)(rows[m][1] - damped.y * along, 0.0f);
    shell_edge[18 * i + 3 * m + 2] = (float4)(rows[m][2] - damped.z * along, 0.0f);
  }
  float3 *own = rows[6];
  shell_block[i] += (float8)(own[0].x, own[1].y, own[2].z, own[0].y, own[0].z, own[1].z, 0, 0);
  shell_force[i] = (float4)(pressed.xyz + sum - hold * x, 0.0f);
  shell_out[i] = (float4)(out, dot(out, x) / 3.0f);
}

// Each vertex of the nucleus keeps `thickness` inside the cortex: from the nearest point of the triangles around the
// nearest vertex; the corners of that triangle share the reaction.
void meet_shells(uint i, __constant World *world, __global Status *status, __constant Cortex *term,
                 __global const float *nucleus_radius, __global const float4 *shell, __global const uint *mesh_ring,
                 __global const float4 *shell_out, __global float8 *shell_meet, __global float4 *shell_force,
                 __global float8 *shell_block) {
  uint count = world->shell / 2, base = i * world->shell, stride = world->stride;
  float firm = term->wall_modulus * 4.0f * M_PI_F * nucleus_radius[i] * nucleus_radius[i] / (float)count;
  __global const float4 *inner = shell + i, *outer = shell + count * stride + i;
  for (uint k = 0; k < count; ++k) {
    float3 y = inner[k * stride].xyz, share = 0.0f, gap = 0.0f;
    float least = INFINITY, size = INFINITY;
    uint j = 0, found = 0;
    for (uint v = 0; v < count; ++v) {
      float3 r = outer[v * stride].xyz - y;
      float square = dot(r, r);
      if (square < least) least = square, j = v;
    }
    float3 x = outer[j * stride].xyz - y, side = 0.0f;
    uint sides = mesh_ring[6 * j + 5] == j ? 5 : 6;
    for (uint m = 0; m < sides; ++m) {
      float3 b = outer[mesh_ring[6 * j + m] * stride].xyz - y;
      float3 c = outer[mesh_ring[6 * j + (m + 1) % sides] * stride].xyz - y;
      float3 shares = nearest_in_triangle(x, b, c), to = shares.x * x + shares.y * b + shares.z * c;
      if (dot(to, to) >= size) continue;
      size = dot(to, to), share = shares, gap = to, side = cross(b - x, c - x), found = 6 * j + m;
    }
    float inside = dot(gap, side) >= 0.0f ? sqrt(size) : -sqrt(size);
    shell_meet[base + k] = (float8)(0.0f);
    if (!(inside < term->thickness)) continue;
    float3 n = size > 1e-8f ? gap / inside : normalize(side), f = firm * (term->thickness - inside) * n;
    uint corners[3] = {j, mesh_ring[found], mesh_ring[6 * j + (found % 6 + 1) % sides]};
    float shares[3] = {share.x, share.y, share.z};
    shell_force[base + k].xyz -= f;
    add_block(shell_block + base + k, n, world->step * firm, 0.0f);
    for (uint a = 0; a < 3; ++a) {
      shell_force[base + count + corners[a]].xyz += shares[a] * f;
      add_block(shell_block + base + count + corners[a], n, shares[a] * shares[a] * world->step * firm, 0.0f);
    }
    float3 m = sqrt(world->step * firm) * n;
    shell_meet[base + k] = (float8)(m.x, m.y, m.z, as_float(found + 1), share.x, share.y, share.z, 0);
  }
}

// Both layers of a cell: what vertices do while the centre rests, and for a velocity of it. What they leave of the
// balance of the centre when they are eliminated: force, and symmetric positive resistance.
void condense_shell(uint i, __constant World *world, __global Status *status, __constant Cortex *term,
                    __global const float *radius, __global const float *nucleus_radius, __global const float4 *shell,
                    __global const uint *mesh_ring, __global const float4 *shell_force,
                    __global const float8 *shell_block, __global const float4 *shell_out,
                    __global const float4 *shell_edge, __global const float8 *shell_meet,
                    __global float8 *shell_inverse, __global float4 *shell_solution, __global float4 *shell_residual,
                    __global float4 *shell_direction, __global float4 *shell_product, __global float4 *force,
                    __global float *resistance) {
  float step = world->step, modulus = term->volume_modulus, size = radius[i] - term->thickness, all = 0.0f;
  uint count = world->shell / 2, first = i * world->shell;
  Layer layers[2] = {layer_of(first, count, modulus, term->nucleus_holding, nucleus_radius[i], shell_out),
                     layer_of(first + count, count, modulus, 0.0f, size, shell_out)};
  Columns none = {0, 0, 0}, sum = none;
  float3 middle = 0.0f, back = 0.0f;
  for (uint k = 0; k < count; ++k) middle += shell[k * world->stride + i].xyz / (float)count;
  for (uint k = 0; k < world->shell; ++k) {
    bool outer = k >= count;
    Layer l = layers[outer];
    float3 x = shell[k * world->stride + i].xyz, g = shell_out[first + k].xyz;
    float3 f = shell_force[first + k].xyz + l.pressure * g - l.holding * middle;
    float hold = step * (outer ? draw_of(x, size, world, term) : l.holding);
    all += hold, back += hold / step * (outer ? x : middle);
    Columns b = {(float4)(f.x, hold, 0, 0), (float4)(f.y, 0, hold, 0), (float4)(f.z, 0, 0, hold)};
    shell_inverse[first + k] = inverse_of(shell_block[first + k], g, step * l.swelling);
    store(shell_residual, first + k, b);
    store(shell_solution, first + k, none);
  }
  relax(layers, step, term->tolerance, mesh_ring, shell_block, shell_inverse, shell_out, shell_edge, shell_meet,
        shell_solution, shell_residual, shell_direction, shell_product);
  for (uint k = 0; k < world->shell; ++k) {
    float3 x = shell[k * world->stride + i].xyz;
    float hold = k >= count ? draw_of(x, size, world, term) : layers[0].holding;
    sum = sum_of(sum, columns(shell_solution, first + k), step * hold);
  }
  Symmetric s = {all - sum.x.y, all - sum.y.z, all - sum.z.w, -0.5f * (sum.x.z + sum.y.y),
                 -0.5f * (sum.x.w + sum.z.y), -0.5f * (sum.y.w + sum.z.z)};
  force[i].xyz += back + (float3)(sum.x.x, sum.y.x, sum.z.x);
  store_symmetric(resistance, i, world->stride, plus(load_symmetric(resistance, i, world->stride), s));
}

#define LARGEST_MOVE 1.0f  // um
// Vertices go where the step of the centre leads them, but no further than that (counted).
void take_shell(uint i, __constant World *world, __global Status *status, __constant Cortex *term,
                __global const float4 *shift, __global const float4 *shell_solution, __global float4 *shell) {
  uint cell = i / world->shell, at = (i % world->shell) * world->stride + cell;
  float3 move = taken(columns(shell_solution, i), world->step, shift[cell].xyz);
  float size = length(move);
  if (!(size <= LARGEST_MOVE)) {
    move = isfinite(size) ? LARGEST_MOVE / size * move : shift[cell].xyz;
    atomic_inc(&status->limited);
  }
  shell[at].xyz += move - shift[cell].xyz;
}

// Volumes end as they would if they were linear in the positions: what a step of finite length adds is taken back.
void keep_volumes(uint i, __constant World *world, __global Status *status, __constant Cortex *term,
                  __global const float4 *shift, __global const float4 *shell_solution, __global const uint *mesh_ring,
                  __global float4 *shell_out, __global float4 *shell) {
  uint count = world->shell / 2, stride = world->stride;
  for (uint outer = 0; outer < 2; ++outer) {
    __global float4 *layer = shell + outer * count * stride + i;
    float excess = 0.0f, squares = 0.0f;
    for (uint k = 0; k < count; ++k) {
      uint here = i * world->shell + outer * count + k, sides = mesh_ring[6 * k + 5] == k ? 5 : 6;
      float4 before = shell_out[here];
      float3 out = 0.0f, last = layer[mesh_ring[6 * k + sides - 1] * stride].xyz;
      for (uint m = 0; m < sides; ++m) {
        float3 next = layer[mesh_ring[6 * k + m] * stride].xyz;
        out += cross(last, next) / 6.0f;
        last = next;
      }
      excess += dot(out, layer[k * stride].xyz) / 3.0f - before.w
              - dot(before.xyz, taken(columns(shell_solution, here), world->step, shift[i].xyz));
      squares += dot(out, out);
      shell_out[here].xyz = out;
    }
    for (uint k = 0; k < count; ++k)
      layer[k * stride].xyz -= excess / squares * shell_out[i * world->shell + outer * count + k].xyz;
  }
}
