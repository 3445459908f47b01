// Where two cells in blood are nearest: places along their bodies, between rear and front, the gap and the normal there.

// A body: its rear end, from there to its front end (um), its radius at rest, and the row of its front.
typedef struct { float3 rear, along; float length, round; uint row; bool long_one; } Body;

static inline Body body_of(uint front, int4 origin, __constant World *world, __global const int4 *position,
                           __global const float *radius, __global const uint *end_of, __global const uint *end_row) {
  uint rear = rear_of(front, end_of, end_row);
  Body b;
  b.rear = separation(position[rear], origin, world->quantum);
  b.along = rear == front ? (float3)(0.0f) : separation(position[front], position[rear], world->quantum);
  b.length = rear == front ? 0.0f : length(b.along), b.round = radius[front], b.row = front;
  b.long_one = end_of[front] && b.length > 0.02f * b.round;
  return b;
}

// Radius of a body at s, between the places where it is known.
static inline float body_width(const Body *b, float s, __constant World *world, __global const uint *end_of,
                               __global const float *body_radius) {
  if (!end_of[b->row]) return b->round;
  uint k = 1;
  while (k < PLACES - 1 && SECTION_AT[k] < s) ++k;
  float share = clamp((s - SECTION_AT[k - 1]) / (SECTION_AT[k] - SECTION_AT[k - 1]), 0.0f, 1.0f);
  float before = body_radius[(k - 1) * world->stride + b->row], here = body_radius[k * world->stride + b->row];
  return before + share * (here - before);
}

static inline float3 body_point(const Body *b, float s) { return b->rear + s * b->along; }

// The place of a body nearest to the axis of which is a point.
static inline float beside(const Body *b, float3 point) {
  return b->long_one ? clamp(dot(point - b->rear, b->along) / (b->length * b->length), 0.0f, 1.0f) : 0.5f;
}

// at: places of the one and the other; apart: how far their axes are there where the cells rest; past: how much farther they
// are; gap: between surfaces; normal: from the other to the one.
typedef struct { float gap, past, apart, at[2]; float3 normal; } Touch;

// Of the places of both bodies and what lies opposite to each, those that are nearest to where they rest, overlapping by a
// share of their radii. Two that are round have one each.
static inline Touch touch_of(const Body *one, const Body *other, float overlap, __constant World *world,
                             __global const uint *end_of, __global const float *body_radius) {
  Touch best = {INFINITY, INFINITY, 1.0f, {0.5f, 0.5f}, (float3)(1.0f, 0.0f, 0.0f)};
  for (uint side = 0; side < (one->long_one || other->long_one ? 2 : 1); ++side) {
    const Body *from = side ? other : one, *to = side ? one : other;
    for (uint k = 0; k < (from->long_one ? PLACES : 1); ++k) {
      float s = from->long_one ? SECTION_AT[k] : 0.5f, t = beside(to, body_point(from, s));
      float3 r = body_point(from, s) - body_point(to, t);
      float d = length(r);
      float widths = body_width(from, s, world, end_of, body_radius) + body_width(to, t, world, end_of, body_radius);
      float apart = (1.0f - overlap) * widths;
      if (!(d - apart < best.past)) continue;
      best.gap = d - widths, best.past = d - apart, best.apart = apart, best.at[side] = s, best.at[1 - side] = t;
      best.normal = (side ? -1.0f : 1.0f) / fmax(d, 1e-6f) * r;
    }
  }
  return best;
}

// How much of a force at a place its front end bears: as it is nearer to it, and half where the cell is round, so that
// what pushes or pulls a sphere moves it and does not draw it out.
static inline float front_share(const Body *b, float at) {
  return 0.5f + (at - 0.5f) * b->length / (b->length + b->round);
}
