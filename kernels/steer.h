// The unit vector p (x, y, z, 0) turned by a cue: p + (I - p p) turn, then |p| = 1. Its length does not change, so that
// no cue gives speed. A cue that is exactly 0 leaves the bits of p as they are.
static inline float4 steered(float4 p, float3 turn) {
  if (turn.x == 0.0f && turn.y == 0.0f && turn.z == 0.0f) return p;
  return (float4)(normalize(p.xyz + turn - dot(turn, p.xyz) * p.xyz), 0.0f);
}
