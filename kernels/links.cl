// Integrin links (motor-clutch): tension F = k max(0, l - r); r shortens at v (1 - F/F_stall); release k0 exp(F/F_b);
// binding by a probe along the polarity. Slot s of cell i is at s * stride + i, and holds 1 + segment, 0 if free.

// Squared distance of the nearest points of a + s d and b + t e, s and t in 0..1.
static inline float squared_distance(float3 a, float3 d, float3 b, float3 e) {
  float3 r = a - b;
  float dd = dot(d, d), ee = dot(e, e), de = dot(d, e), dr = dot(d, r), er = dot(e, r), det = dd * ee - de * de;
  float s = det > 1e-6f * dd * ee ? clamp((de * er - ee * dr) / det, 0.0f, 1.0f) : 0.0f;
  float t = clamp((de * s + er) / ee, 0.0f, 1.0f);
  s = clamp((de * t - dr) / dd, 0.0f, 1.0f);
  float3 gap = r + s * d - t * e;
  return dot(gap, gap);
}

// 1 + the obstacle that a line from a cell crosses, 0 if none: a wire is so near to it that it must cross the surface of
// which the wire is a part.
static inline uint meets_obstacle(int4 from, float3 line, __constant World *world, __global const int4 *wire_begin,
                                  __global const int4 *wire_end, __global const uint *wire_obstacle,
                                  __global const uint *wire_bin_start) {
  __constant Grid *grid = &world->segment_grid;
  uint parts = (uint)ceil(length(line) / 2.0f);
  for (uint part = 0; part < parts; ++part) {
    int4 home = bin_of_position(moved(from, ((float)part + 0.5f) / (float)parts * line, world->quantum), grid);
    Span near = bins_around(home, WIRE_REACH(1.0f + world->wire_gap), world->segment_bins_per_um, grid);
    EACH_NEAR(w, home, near, grid, wire_bin_start) {
      float3 b = separation(wire_begin[w], from, world->quantum);
      float3 e = separation(wire_end[w], wire_begin[w], world->quantum);
      if (squared_distance((float3)(0.0f), line, b, e) < world->wire_gap * world->wire_gap)
        return 1 + wire_obstacle[w];
    }
  }
  return 0;
}

// A line to a wire meets it at the end: what comes before.
static inline float3 before_wire(float3 line, __constant World *world) {
  return line * fmax(0.0f, 1.0f - 3.0f * world->wire_gap / fmax(length(line), 1e-6f));
}

// Ligand on what a link holds. Integrins bound in it, and so its strength, are the cell's integrins times this.
static inline float ligand_on(uint held, __constant World *world, __constant Links *term,
                              __global const float *wire_ligand) {
  return holds_wire(held, world) ? wire_ligand[held - 1 - world->segments] : term->ligand;
}

void age_links(uint i, __constant World *world, __global Status *status, __constant Links *term,
               __global const uint *id, __global const int4 *position, __global const float *radius,
               __global const float *integrin, __global const int4 *node_position,
               __global const int2 *segment_nodes, __global const uint *segment_area,
               __global const float *link_at, __global const int4 *wire_begin, __global const int4 *wire_end,
               __global const uint *wire_obstacle, __global const float *wire_ligand,
               __global const uint *wire_bin_start, __global uint *link_segment, __global int4 *link_bend,
               __global float *link_rest, __global float *link_force) {
  for (uint slot = 0; slot < world->link_slots; ++slot) {
    uint here = slot * world->stride + i;
    uint held = link_segment[here];
    if (!held) continue;
    float3 line = line_to(position[i], held, link_at[here], world, node_position, segment_nodes, wire_begin, wire_end);
    float l = path_of(i, here, line, world, position, link_bend).length;
    if (is_bent(here, world, link_bend)
        && !meets_obstacle(position[i], holds_wire(held, world) ? before_wire(line, world) : line, world, wire_begin, wire_end, wire_obstacle, wire_bin_start)) {
      link_bend[here].w = 0;  // it comes free
      l = length(line);
    }
    float tension = link_force[here], rest = link_rest[here];
    float bound = integrin[i] * ligand_on(held, world, term, wire_ligand);
    float rate = term->release_rate * exp(tension / (term->release_force * bound));
    float4 u = uniforms(id[i], slot, status->step, FOR_LINK_RELEASE, world->seed);
    bool lost = (!holds_wire(held, world) && !segment_area[held - 1]) || l < term->shortest
             || l > radius[i] + term->reach + term->overreach;
    if (lost || u.x <= -expm1(-rate * world->step)) {
      link_segment[here] = 0;
      link_force[here] = 0.0f;
      atomic_inc(&status->links_released);
      continue;
    }
    rest -= world->step * fmax(term->contraction_speed * (1.0f - tension / term->stall_force), -term->contraction_speed);
    link_rest[here] = fmax(tension > 0.0f ? rest : fmin(rest, l), term->shortest_rest);
  }
}

// Nearest segment to a tip that the cell does not hold yet: (1 + segment, where on it), 0 if none is nearer than `best`.
static inline uint nearest_segment(int4 tip, uint i, __constant World *world, float longest,
                                   __global const int4 *node_position, __global const uint *listed_node,
                                   __global const uint *segment_list, __global const uint *segment_bin_start,
                                   __global const uint *segment_area, __global const uint *link_segment, float *best,
                                   float *at) {
  __constant Grid *grid = &world->segment_grid;
  int4 home = bin_of_position(tip, grid);
  Span near = bins_around(home, *best + longest, world->segment_bins_per_um, grid);
  uint found = 0;
  EACH_NEAR(k, home, near, grid, segment_bin_start) {
    uint n = listed_node[k];
    float3 a = separation(node_position[n], tip, world->quantum);
    float3 e = separation(node_position[n + 1], node_position[n], world->quantum);
    float t = clamp(-dot(a, e) / dot(e, e), 0.0f, 1.0f), d = length(a + t * e);
    if (d > *best) continue;
    uint s = segment_list[k];
    bool held = !segment_area[s] || (d == *best && found && s + 1 > found);
    for (uint slot = 0; slot < world->link_slots; ++slot) held |= link_segment[slot * world->stride + i] == s + 1;
    if (held) continue;
    *best = d;
    found = s + 1;
    *at = t;
  }
  return found;
}

// The same of wires that carry ligand: 1 + a wire, past the segments.
static inline uint nearest_wire(int4 tip, uint i, __constant World *world, __global const int4 *wire_begin,
                                __global const int4 *wire_end, __global const float *wire_ligand,
                                __global const uint *wire_bin_start, __global const uint *link_segment, float *best,
                                float *at) {
  __constant Grid *grid = &world->segment_grid;
  int4 home = bin_of_position(tip, grid);
  Span near = bins_around(home, WIRE_REACH(*best), world->segment_bins_per_um, grid);
  uint found = 0;
  EACH_NEAR(w, home, near, grid, wire_bin_start) {
    float3 a = separation(wire_begin[w], tip, world->quantum);
    float3 e = separation(wire_end[w], wire_begin[w], world->quantum);
    float t = clamp(-dot(a, e) / dot(e, e), 0.0f, 1.0f), d = length(a + t * e);
    bool held = d >= *best || wire_ligand[w] <= 0.0f;
    for (uint slot = 0; slot < world->link_slots; ++slot)
      held |= link_segment[slot * world->stride + i] == world->segments + w + 1;
    if (held) continue;
    *best = d;
    found = world->segments + w + 1;
    *at = t;
  }
  return found;
}

void bind_links(uint i, __constant World *world, __global Status *status, __constant Links *term,
                __global const uint *id, __global const int4 *position, __global const float *radius,
                __global const float *integrin, __global const float4 *polarity,
                __global const int4 *node_position, __global const int2 *segment_nodes,
                __global const uint *listed_node, __global const uint *segment_list,
                __global const uint *segment_bin_start, __global const uint *segment_area,
                __global const uint *segment_shed, __global const int4 *wire_begin, __global const int4 *wire_end,
                __global const uint *wire_obstacle, __global const float *wire_ligand, __global const uint *wire_bin_start,
                __global uint *link_segment, __global float *link_at, __global int4 *link_bend,
                __global float *link_rest, __global float *link_force) {
  float probes = term->binding_rate * integrin[i] * world->step, chance = -expm1(-probes * world->most_ligand);
  for (uint slot = 0; slot < world->link_slots; ++slot) {
    uint here = slot * world->stride + i;
    float4 u = uniforms(id[i], slot, status->step, FOR_LINK_BINDING, world->seed);
    float reach = radius[i] - term->probe_length * log(u.y);
    if (link_segment[here] || u.x > chance || reach > radius[i] + term->reach) continue;
    float3 direction = direction_about(polarity[i].xyz, term->focus, u.z, u.w);
    int4 tip = moved(position[i], reach * direction, world->quantum);
    float at = 0.0f, best = term->capture;
    uint found = nearest_segment(tip, i, world, SEGMENT_REACH, node_position, listed_node, segment_list,
                                 segment_bin_start, segment_area, link_segment, &best, &at);
    uint on_wire = nearest_wire(tip, i, world, wire_begin, wire_end, wire_ligand, wire_bin_start, link_segment, &best,
                                &at);
    found = on_wire ? on_wire : found;
    if (!found) continue;
    float ligand = ligand_on(found, world, term, wire_ligand);
    if (!on_wire) {
      float shed = segment_shed[found - 1];
      ligand *= (float)area_of(segment_area[found - 1]);
      ligand *= 1.0f + world->ligand_gain * (shed / (shed + world->ligand_half));
    }
    if (u.x > -expm1(-probes * ligand)) continue;
    float3 line = line_to(position[i], found, at, world, node_position, segment_nodes, wire_begin, wire_end);
    float3 bend = 0.0f;
    if (world->wires) {
      float3 way = on_wire ? before_wire(line, world) : line;
      uint met = meets_obstacle(position[i], way, world, wire_begin, wire_end, wire_obstacle, wire_bin_start);
      int4 front = moved(position[i], radius[i] * polarity[i].xyz, world->quantum);
      if (met) {  // from the front of the cell a protrusion may have a free way
        bend = radius[i] * polarity[i].xyz;
        if (meets_obstacle(position[i], bend, world, wire_begin, wire_end, wire_obstacle, wire_bin_start)
            || meets_obstacle(front, way - bend, world, wire_begin, wire_end, wire_obstacle, wire_bin_start))
          continue;
      }
      front.w = (int)met;
      link_bend[here] = front;
    }
    link_segment[here] = found;
    link_at[here] = at;
    link_force[here] = 0.0f;
    link_rest[here] = length(bend) + length(line - bend);
  }
}

void pull_links(uint i, __constant World *world, __global Status *status, __constant Links *term,
                __global const int4 *position, __global const int4 *node_position,
                __global const int2 *segment_nodes, __global const int4 *wire_begin, __global const int4 *wire_end,
                __global const uint *wire_obstacle, __global const uint *link_segment, __global const float *link_at,
                __global const int4 *link_bend, __global const float *link_rest,
                __global float *link_force, __global float4 *force, __global float *resistance,
                __global uint2 *node_force, __global uint2 *obstacle_force) {
  Symmetric total = load_symmetric(resistance, i, world->stride);
  float3 sum = 0.0f;
  for (uint slot = 0; slot < world->link_slots; ++slot) {
    uint here = slot * world->stride + i;
    if (!link_segment[here]) continue;
    float3 line = line_to(position[i], link_segment[here], link_at[here], world, node_position, segment_nodes,
                          wire_begin, wire_end);
    Path path = path_of(i, here, line, world, position, link_bend);
    float tension = term->stiffness * fmax(path.length - link_rest[here], 0.0f);
    link_force[here] = tension;
    if (tension <= 0.0f) continue;
    sum += tension * path.leaves;
    // a bent link counts as a straight one where its fiber moves too, so that both share one block
    float3 n = world->moving ? line / fmax(length(line), 1e-6f) : path.leaves;
    float across = tension / (world->moving ? fmax(length(line), 1e-6f) : path.first);
    total = plus(total, bond_block(n, world->step * term->stiffness, world->step * across));
    uint held = link_segment[here];
    if (holds_wire(held, world))
      add_force(obstacle_force, wire_obstacle[held - 1 - world->segments], world->obstacles, -tension * path.arrives);
    else
      add_to_nodes(node_force, segment_nodes[held - 1], world->nodes, link_at[here], -tension * path.arrives);
    if (is_bent(here, world, link_bend))
      add_force(obstacle_force, (uint)link_bend[here].w - 1, world->obstacles, tension * (path.arrives - path.leaves));
  }
  force[i].xyz += sum;
  store_symmetric(resistance, i, world->stride, total);
}

// Where fibers move, their nodes share the stiffness of the link.
void key_links(uint i, __constant World *world, __global Status *status, __constant Links *term,
               __global const uint *link_segment, __global uint *tether_key) {
  for (uint slot = 0; slot < world->link_slots; ++slot) {
    uint here = slot * world->stride + i;
    tether_key[here] = holds_wire(link_segment[here], world) ? 0xFFFFFFFFu : link_segment[here] - 1;
  }
}

void block_links(uint i, __constant World *world, __global Status *status, __constant Links *term,
                 __global const int4 *position, __global const int4 *node_position,
                 __global const int2 *segment_nodes, __global const int4 *wire_begin, __global const int4 *wire_end,
                 __global const uint *link_segment, __global const float *link_at, __global const float *link_force,
                 __global float8 *tether_block) {
  for (uint slot = 0; slot < world->link_slots; ++slot) {
    uint here = slot * world->stride + i;
    if (!link_segment[here]) continue;
    float3 line = line_to(position[i], link_segment[here], link_at[here], world, node_position, segment_nodes,
                          wire_begin, wire_end);
    float l = fmax(length(line), 1e-6f), tension = link_force[here];
    Symmetric b = tension > 0.0f ? bond_block(line / l, term->stiffness, tension / l) : bond_block(line, 0.0f, 0.0f);
    tether_block[here] = (float8)(b.xx, b.yy, b.zz, b.xy, b.xz, b.yz, link_at[here], 0.0f);
  }
}
