// F = -zeta v against the laboratory frame: a regulariser, kept small (its share is reported).

void drag(uint i, __constant World *world, __global Status *status, __constant LaboratoryDrag *term,
          __global float *resistance) {
  for (uint axis = 0; axis < 3; ++axis) resistance[axis * world->stride + i] += term->coefficient;
}
