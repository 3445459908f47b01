// The way of a link from the centre of a cell to its place on a fiber or an obstacle: straight, or bent where it went past
// an obstacle. What a link holds is 1 + a segment, or, past the segments, 1 + a wire.

static inline bool holds_wire(uint held, __constant World *world) { return held > world->segments; }

// From a cell's centre straight to the place.
static inline float3 line_to(int4 centre, uint held, float at, __constant World *world,
                             __global const int4 *node_position, __global const int2 *segment_nodes,
                             __global const int4 *wire_begin, __global const int4 *wire_end) {
  if (holds_wire(held, world)) {
    uint w = held - 1 - world->segments;
    return point_on_segment(centre, wire_begin[w], wire_end[w], at, world->quantum);
  }
  int2 nodes = segment_nodes[held - 1];
  return point_on_segment(centre, node_position[nodes.x], node_position[nodes.y], at, world->quantum);
}

typedef struct { float3 leaves, arrives; float length, first; } Path;  // unit vectors; um, of the first part too

static inline bool is_bent(uint here, __constant World *world, __global const int4 *link_bend) {
  return world->wires && link_bend[here].w;
}

static inline Path path_of(uint i, uint here, float3 line, __constant World *world, __global const int4 *position,
                           __global const int4 *link_bend) {
  bool bent = is_bent(here, world, link_bend);
  float3 bend = bent ? separation(link_bend[here], position[i], world->quantum) : line;
  float first = fmax(length(bend), 1e-6f), second = bent ? fmax(length(line - bend), 1e-6f) : 0.0f;
  Path path = {bend / first, bent ? (line - bend) / second : bend / first, first + second, first};
  return path;
}
