// Neighbour lists are interleaved by eight cells: entry k of cell i.
static inline uint list_entry(uint i, uint k, uint rows) { return ((i / 8) * rows + k) * 8 + i % 8; }

// How much of a contact two cells have at distance d: 1 below `near`, 0 beyond `far`, smooth between.
static inline float contact_weight(float d, float near, float far) {
  float u = clamp((d - near) / (far - near), 0.0f, 1.0f);
  return 1.0f - u * u * (3.0f - 2.0f * u);
}

static inline void add_pair(__global half *pairs, uint entry, float along, float across) {
  float2 sum = vload_half2(entry, pairs) + (float2)(along, across);
  vstore_half2(sum, entry, pairs);
}
