// A daughter every `period` steps.

void bud_now(uint i, __constant World *world, __global Status *status, __constant Budding *term,
             __global const uint *id, __global const float4 *polarity, __global float4 *bud, __global uint *buds_made) {
  if ((status->step + id[i] + 1) % (uint)term->period) return;
  bud[i] = (float4)(term->distance * polarity[i].xyz, 1.0f);
  buds_made[i] += 1;
}
