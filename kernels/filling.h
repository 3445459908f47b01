// What cells together fill of the section of a vessel.

// A cell along the centerline of the branch of its front: ways of its ends from the first point, um, and the squares of
// their radii.
typedef struct { float low, high, low_square, high_square; uint branch; } Stretch;

static inline float way_of(uint row, uint point, Lumen lumen, __constant World *world, __global const int4 *position,
                           __global const float8 *vessel_point, __global const float8 *vessel_place) {
  float3 from = from_corner(position[row], world->quantum, lumen) - vessel_place[point].s012;
  return vessel_place[point].s3 + dot(from, vessel_point[point].s012);
}

static inline Stretch stretch_of(uint front, Lumen lumen, __constant World *world, __global const int4 *position,
                                 __global const float *radius, __global const uint *end_of, __global const uint *end_row,
                                 __global const float *end_radius, __global const float8 *vessel_point,
                                 __global const float8 *vessel_place, __global const uint *vessel_at,
                                 __global const uint *branch_of) {
  uint rear = rear_of(front, end_of, end_row), beside = branch_of[rear] == branch_of[front] ? rear : front;
  float a = width_of(rear, end_of, radius, end_radius), b = width_of(front, end_of, radius, end_radius);
  float there = way_of(rear, vessel_at[beside], lumen, world, position, vessel_point, vessel_place);
  float here = way_of(front, vessel_at[front], lumen, world, position, vessel_point, vessel_place);
  bool turned = here < there;
  Stretch s = {turned ? here : there, turned ? there : here, turned ? b * b : a * a, turned ? a * a : b * b,
               branch_of[front]};
  return s;
}

// Section of a cell at a way along the centerline, um^2: of half spheres at its ends, and of a cone between them.
static inline float section_at(Stretch s, float way) {
  float past = fmax(fmax(s.low - way, way - s.high), 0.0f);
  float share = s.high > s.low ? clamp((way - s.low) / (s.high - s.low), 0.0f, 1.0f) : way > s.low;
  return M_PI_F * fmax(mix(s.low_square, s.high_square, share) - past * past, 0.0f);
}
