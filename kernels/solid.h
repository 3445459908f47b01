// What solid things do to a vertex: how far it is from an obstacle, and the load of a fiber.
// The form of an obstacle: 1 for a plate, 2 for the wall of a cylinder; axis; half of the thickness or length; radius,
// or half of the edges of a hole (2); 1 if it is round; pitch. Its lattice: first and last hole along both other axes.

// In the plane across the axis: how far outside of the nearest hole, below 0 inside of it.
static inline float3 from_hole(float2 p, float8 form, float8 lattice) {
  if (form.s3 <= 0.0f) return (float3)(0.0f, 0.0f, INFINITY);
  if (form.s6 > 0.0f) p -= form.s6 * clamp(rint(p / form.s6), lattice.s02, lattice.s13);
  if (form.s5 > 0.0f) {
    float r = fmax(length(p), 1e-6f);
    return (float3)(p.x / r, p.y / r, r - form.s3);
  }
  float2 side = (float2)(p.x < 0.0f ? -1.0f : 1.0f, p.y < 0.0f ? -1.0f : 1.0f), over = fabs(p) - form.s34;
  if (over.x > 0.0f && over.y > 0.0f) {
    float r = length(over);
    return (float3)(side.x * over.x / r, side.y * over.y / r, r);
  }
  return over.x > over.y ? (float3)(side.x, 0.0f, over.x) : (float3)(0.0f, side.y, over.y);
}

// Direction away from an obstacle, and the distance, below 0 inside of a plate. A cylinder is a wall without thickness.
static inline float4 clearance(float3 r, float8 form, float8 lattice) {
  if (form.s0 == 0.0f) return (float4)(0.0f, 0.0f, 0.0f, INFINITY);
  uint axis = (uint)form.s1;
  float3 turned = axis == 0 ? r : axis == 1 ? r.yzx : r.zxy;  // along the axis, and across
  float2 up = (float2)(turned.x < 0.0f ? -1.0f : 1.0f, fabs(turned.x) - form.s2);
  float3 n;
  float d;
  if (form.s0 == 1.0f) {
    float3 hole = from_hole(turned.yz, form, lattice);
    float over = fmax(up.y, 0.0f), aside = fmax(-hole.z, 0.0f);
    d = over > 0.0f || aside > 0.0f ? length((float2)(over, aside)) : fmax(up.y, -hole.z);
    bool face = up.y > -hole.z;
    if (d > 0.0f) n = (float3)(over * up.x, -aside * hole.x, -aside * hole.y) / d;
    else n = face ? (float3)(up.x, 0.0f, 0.0f) : (float3)(0.0f, -hole.x, -hole.y);
  } else {
    float rho = fmax(length(turned.yz), 1e-6f), over = fmax(up.y, 0.0f), aside = rho - form.s3;
    d = fmax(length((float2)(over, aside)), 1e-6f);
    n = (float3)(over * up.x, aside / rho * turned.y, aside / rho * turned.z) / d;
  }
  return (float4)(axis == 0 ? n : axis == 1 ? n.zxy : n.yzx, d);
}

// What a vertex at the origin does to a piece a + t e of fiber that comes nearer than `range`.
typedef struct { float3 on_first, on_second; Symmetric stiffness; float depth; } Push;

static inline Push push_of(float3 a, float3 e, float range, float modulus) {
  const float points[3] = {0.1127016654f, 0.5f, 0.8872983346f}, weights[3] = {5.0f / 18, 8.0f / 18, 5.0f / 18};
  Push push = {(float3)(0.0f), (float3)(0.0f), {0, 0, 0, 0, 0, 0}, 0};
  float2 part = inside_sphere(a, e, range);
  if (part.x >= part.y) return push;
  float nearest = clamp(-dot(a, e) / dot(e, e), part.x, part.y);  // a kink: three points on either side
  for (int g = 0; g < 6; ++g) {
    float2 side = g < 3 ? (float2)(part.x, nearest) : (float2)(nearest, part.y);
    float t = side.x + points[g % 3] * (side.y - side.x), weight = weights[g % 3] * (side.y - side.x) * length(e);
    float3 r = a + t * e;
    float distance = fmax(length(r), 1e-6f), depth = fmax(range - distance, 0.0f), load = weight * modulus * depth;
    push.on_first += load * (1.0f - t) / distance * r;
    push.on_second += load * t / distance * r;
    push.stiffness = plus(push.stiffness, bond_block(r / distance, weight * modulus, -load / distance));
    push.depth = fmax(push.depth, depth / range);
  }
  return push;
}
