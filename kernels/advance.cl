// x += dx, at most `largest_move` per step (counted); walls stop a centre (counted), open faces let it leave (counted).

static inline void meet_faces(uint i, int4 *there, __constant World *world, __global Status *status,
                              __global uint *departed) {
  int place[3] = {there->x, there->y, there->z};
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
  *there = (int4)(place[0], place[1], place[2], 0);
}

void advance(uint i, __constant World *world, __global Status *status, __constant Advance *term,
             __global const int4 *list_position, __global int4 *position, __global float4 *displacement,
             __global uint *departed) {
  float3 move = displacement[i].xyz;
  float square = dot(move, move), most = term->largest_move;
  if (!(square <= most * most)) {
    if (!isfinite(square)) {
      atomic_or(&status->moved, NOT_FINITE);
      return;
    }
    move *= most / sqrt(square);
    displacement[i] = (float4)(move, 0.0f);
    atomic_inc(&status->limited);
  }
  int4 there = moved(position[i], move, world->quantum);
  int3 low = vload3(0, world->face_low), high = vload3(0, world->face_high);
  if (any(there.xyz < low) || any(there.xyz > high)) meet_faces(i, &there, world, status, departed);
  position[i] = there;
  if (departed[i]) displacement[i] = 0.0f;
  float3 gone = separation(there, list_position[i], world->quantum);
  if (4.0f * dot(gone, gone) > world->skin * world->skin) atomic_or(&status->moved, 1u);
}

// The step of a displacement that is not finite is not completed; the other cells have moved, whatever their order.
void tick(uint i, __constant World *world, __global Status *status, __constant Advance *term) {
  if (status->moved & NOT_FINITE) {
    status->halt = 4;
    return;
  }
  status->step += 1;
  status->rebuilds += status->rebuild != 0;
  status->rebuild = status->moved;
  status->moved = 0;
}
