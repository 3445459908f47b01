// Tracers that blood carries along: dx/dt = u(x), by midpoints, in pieces of at most half a voxel; pushed off walls, out
// at ports. No randomness. Needs lumen.h.

#define INSIDE -1

// A point that is nearer to the wall than `margin`, or behind it, brought back along the gradient of the distance.
static inline float3 off_the_wall(float3 point, float margin, Lumen lumen, __global const int *blocks,
                                  __global const float4 *voxels) {
  float4 wall = lumen_distance(point, lumen, blocks, voxels);
  float slope = dot(wall.xyz, wall.xyz);
  return wall.w > -margin && slope > 0.0f ? point - (wall.w + margin) / slope * wall.xyz : point;
}

// Velocity and distance at points, for whoever wants to look at the field.
__kernel void sample_lumen(__constant Lumen *grid, __global const int *blocks, __global const float4 *voxels,
                           __global const float4 *points, __global float4 *velocity, uint count) {
  Lumen lumen = *grid;
  for (uint i = get_global_id(0); i < count; i += get_global_size(0)) {
    float3 point = points[i].xyz;
    float3 found = lumen_velocity(point, lumen, blocks, voxels);
    float4 wall = lumen_distance(point, lumen, blocks, voxels);
    velocity[i] = (float4)(found, wall.w);
  }
}

// tracers: x, y, z in um from the origin, and the time on the way in s; until: the time at which to stop. planes: for
// each port a point and the outward normal. `margin` (um) is the least distance from the wall.
__kernel void trace(__constant Lumen *grid, __global const int *blocks, __global const float4 *voxels,
                    __global const short *port_near, __global const float4 *planes, __global float4 *tracers,
                    __global int *left_by, float until, float margin, uint pieces, uint count) {
  Lumen lumen = *grid;
  for (uint i = get_global_id(0); i < count; i += get_global_size(0)) {
    if (left_by[i] != INSIDE) continue;
    float3 here = off_the_wall(tracers[i].xyz, margin, lumen, blocks, voxels);
    float time = tracers[i].w;
    int port = INSIDE;
    for (uint piece = 0; piece < pieces && time < until && port == INSIDE; ++piece) {
      float3 first = lumen_velocity(here, lumen, blocks, voxels);
      float speed = sqrt(dot(first, first));
      if (!(speed > 0.0f)) break;
      float longest = 0.5f * lumen.h, step = min(longest / speed, until - time);
      float3 before = here, second = lumen_velocity(here + 0.5f * step * first, lumen, blocks, voxels);
      speed = sqrt(dot(second, second));
      if (speed * step > longest) step = longest / speed;
      here = off_the_wall(here + step * second, margin, lumen, blocks, voxels);
      time += step;
      int row = lumen_row_at(here, lumen, blocks);
      int near = row < 0 ? INSIDE : port_near[row];
      if (near == INSIDE) continue;
      float3 outward = planes[2 * near + 1].xyz;
      float ahead = dot(here - planes[2 * near].xyz, outward), way = dot(here - before, outward);
      if (ahead <= 0.0f) continue;
      port = near;
      float past = way > ahead ? ahead / way : 1.0f;  // part of the step behind the plane
      here -= past * (here - before);
      time -= past * step;
    }
    tracers[i] = (float4)(here, time);
    left_by[i] = port;
  }
}
