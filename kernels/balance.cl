// Opens the balance of forces of a step: everything that terms add to starts from zero.

void open_balance(uint i, __constant World *world, __global Status *status, __constant Balance *term,
                  __global const uint *neighbor_count, __global float4 *force, __global float *resistance,
                  __global half *pair_resistance) {
  Symmetric none = {0, 0, 0, 0, 0, 0};
  force[i] = 0.0f;
  store_symmetric(resistance, i, world->stride, none);
  for (uint k = 0; k < neighbor_count[i]; ++k)
    vstore_half2((float2)(0.0f), list_entry(i, k, world->neighbor_rows), pair_resistance);
}
