// Every cell rests until a term moves it.

void rest(uint i, __constant World *world, __global Status *status, __constant Rest *term,
          __global float4 *displacement) {
  displacement[i] = 0.0f;
}
