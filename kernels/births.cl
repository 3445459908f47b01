// A cell with a bud gets a daughter: a new row with what the mother has, an id of its own, empty slots, at its place.

// Rows without a cell bear nothing: their scan runs over all that there is room for.
void count_births(uint i, __constant World *world, __global Status *status, __constant Births *term,
                  __global const float4 *bud, __global const uint *departed, __global uint *bears,
                  __global uint *born_at) {
  bears[i] = born_at[i] = i < status->rows && !(bud[i].w <= 0.0f) && !departed[i];
  if (!bears[i]) return;
  atomic_inc(&status->births);
  if (!isfinite(dot(bud[i], bud[i]))) atomic_or(&status->moved, NOT_FINITE);
}

// More daughters than free rows freeze the step before anything has changed; the host makes room and the step starts anew.
void open_rows(uint i, __constant World *world, __global Status *status, __constant Births *term,
               __global uint *birthing) {
  birthing[0] = status->births;
  birthing[1] = status->rows;
  if (status->moved & NOT_FINITE) {
    birthing[0] = 0;
    status->halt = 4u;
    return;
  }
  bool ids = status->next_id < 0xFFFFFFFEu - status->births, rows = status->rows + status->births <= world->stride;
  if (ids && rows) return;
  birthing[0] = 0;
  status->halt = ids ? 5u : 6u;
}

void place_daughters(uint i, __constant World *world, __global Status *status, __constant Births *term,
                     __global const uint *bears, __global const uint *born_at, __global uint *id,
                     __global int4 *position, __global float4 *bud) {
  if (!bears[i]) return;
  uint daughter = status->rows + born_at[i];
  id[daughter] = status->next_id + born_at[i];
  position[daughter] = moved(position[i], bud[i].xyz, world->quantum);
  bud[i] = bud[daughter] = (float4)(0.0f);
}

void close_rows(uint i, __constant World *world, __global Status *status, __constant Births *term,
                __global uint *birthing) {
  if (status->births) status->rebuild = 1;
  status->rows += status->births;
  status->next_id += status->births;
  status->births = birthing[0] = 0;
}
