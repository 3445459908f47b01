// F = -zeta v against the laboratory frame: a regulariser, kept small (its share is reported).

void drag(uint i, __constant World *world, __global Status *status, __constant LaboratoryDrag *term,
          __global const float4 *shift, __global float4 *force, __global float *resistance) {
  force[i].xyz -= term->coefficient / world->step * shift[i].xyz;
  for (uint axis = 0; axis < 3; ++axis) resistance[axis * world->stride + i] += term->coefficient;
}
