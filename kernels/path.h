// The way of a link from the centre of a cell to its place on a fiber: straight, or bent where it went past an obstacle.

typedef struct { float3 leaves, arrives; float length, first; } Path;  // unit vectors; um, of the first part too

static inline bool is_bent(uint here, __constant World *world, __global const int4 *link_bend) {
  return world->wires && link_bend[here].w;
}

// `line` from the centre straight to the place.
static inline Path path_of(uint i, uint here, float3 line, __constant World *world, __global const int4 *position,
                           __global const int4 *link_bend) {
  bool bent = is_bent(here, world, link_bend);
  float3 bend = bent ? separation(link_bend[here], position[i], world->quantum) : line;
  float first = fmax(length(bend), 1e-6f), second = bent ? fmax(length(line - bend), 1e-6f) : 0.0f;
  Path path = {bend / first, bent ? (line - bend) / second : bend / first, first + second, first};
  return path;
}
