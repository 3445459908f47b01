// v_i = sum_j (x_i - x_j)/d [ 10 (1 - d/R)^2 below R - 0.4 (1 - d/S)^2 below S ] um/min, second-order Adams-Bashforth.

void physicell(uint i, __constant World *world, __global Status *status, __constant PhysiCell *term,
               __global const int4 *position, __global const float *radius, __global const uint *neighbor,
               __global const uint *neighbor_count, __global float4 *drift_previous, __global float4 *displacement) {
  uint first = i * LANES, rows = world->neighbor_rows, longest = 0;
  for (uint lane = 0; lane < LANES; ++lane) longest = max(longest, neighbor_count[first + lane]);
  uint soon = min(first + 32u, world->stride - 32u), later = min(first + 2048u, world->stride - 32u);
  for (uint k = 0; k < longest; k += 2) FETCH_AHEAD(neighbor + list_entry(soon, k, rows));
  for (uint lane = 0; lane < LANES; lane += 4) {
    FETCH_AHEAD(drift_previous + soon + lane);
    FETCH_AHEAD(displacement + soon + lane);
    FETCH_AHEAD(position + later + lane);
  }
  strip_rows own = STRIP_ROWS(position + first, ((uint[]){0, 1, 2, 3, 4, 5, 6, 7}));
  strip_int x = STRIP_COLUMN(own, x), y = STRIP_COLUMN(own, y), z = STRIP_COLUMN(own, z);
  strip r = STRIP_GATHER(radius + first, ((uint[]){0, 1, 2, 3, 4, 5, 6, 7}));
  strip vx = 0.0f, vy = 0.0f, vz = 0.0f;
  for (uint k = 0; k < longest; ++k) {
    __global const uint *list = neighbor + list_entry(first, k, rows);
    strip_rows other = STRIP_ROWS(position, list);
    strip dx = strip_float(strip_difference(x, STRIP_COLUMN(other, x))) * world->quantum[0];
    strip dy = strip_float(strip_difference(y, STRIP_COLUMN(other, y))) * world->quantum[1];
    strip dz = strip_float(strip_difference(z, STRIP_COLUMN(other, z))) * world->quantum[2];
    strip touch = r + STRIP_GATHER(radius, list);
    strip square = max(dx * dx + dy * dy + dz * dz, (strip)1e-12f);
    strip inverse = 1.0f / sqrt(square), d = square * inverse;
    strip near = max(1.0f - d / touch, (strip)0.0f), far = max(1.0f - d / (term->range * touch), (strip)0.0f);
    strip speed = (term->repulsion * near * near - term->adhesion * far * far) * inverse;
    vx += speed * dx;
    vy += speed * dy;
    vz += speed * dz;
  }
  uint lanes = min((uint)LANES, status->cells - first);
  for (uint lane = 0; lane < lanes; ++lane) {
    float4 v = (float4)(((float *)&vx)[lane], ((float *)&vy)[lane], ((float *)&vz)[lane], 0.0f);
    displacement[first + lane] = world->step * (1.5f * v - 0.5f * drift_previous[first + lane]);
    drift_previous[first + lane] = v;
  }
}
