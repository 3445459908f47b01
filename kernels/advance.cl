// x += dx, at most `largest_move` per step (counted); walls stop a centre (counted), open faces let it leave (counted).

void advance(uint i, __constant World *world, __global Status *status, __constant Advance *term,
             __global const int4 *list_position, __global const float4 *displacement, __global int4 *position,
             __global float4 *velocity, __global uint *departed) {
  float3 move = displacement[i].xyz;
  float size = length(move);
  if (!isfinite(size)) {
    atomic_xchg(&status->halt, 4u);
    return;
  }
  if (size > term->largest_move) {
    move *= term->largest_move / size;
    atomic_inc(&status->limited);
  }
  int4 there = moved(position[i], move, world->quantum);
  int place[3] = {there.x, there.y, there.z};
  for (int axis = 0; axis < 3; ++axis) {
    int inside = clamp(place[axis], world->face_low[axis], world->face_high[axis]);
    if (world->boundary[axis] == 0 || inside == place[axis]) continue;
    if (world->boundary[axis] == 1) {
      place[axis] = inside;
      atomic_inc(&status->clamped);
    } else if (!departed[i]) {
      departed[i] = status->step + 1;
      atomic_inc(&status->departed);
      atomic_or(&status->moved, 1u);
    }
  }
  position[i] = (int4)(place[0], place[1], place[2], 0);
  velocity[i] = (float4)(move / world->step, 0.0f);
  float3 gone = separation(position[i], list_position[i], world->quantum);
  if (4.0f * dot(gone, gone) > world->skin * world->skin) atomic_or(&status->moved, 1u);
}

void tick(uint i, __constant World *world, __global Status *status, __constant Advance *term) {
  status->step += 1;
  status->rebuild = status->moved;
  status->moved = 0;
}
