// Blood in the lumen of vessels: velocity, and distance from the wall, between voxels. Voxels are kept in blocks of
// 4 x 4 x 4; `blocks` has the number of each block or -1. Each voxel is a float4: the velocity on its low face along x,
// y and z (um/s), and the signed distance of its middle from the wall (um, below 0 inside).
typedef struct { float origin[3]; float h; int blocks[3]; float far; } Lumen;

static inline int lumen_row(int x, int y, int z, Lumen lumen, __global const int *blocks) {
  int i = x >> 2, j = y >> 2, k = z >> 2;
  if (i < 0 || j < 0 || k < 0 || i >= lumen.blocks[0] || j >= lumen.blocks[1] || k >= lumen.blocks[2]) return -1;
  int block = blocks[(i * lumen.blocks[1] + j) * lumen.blocks[2] + k];
  return block < 0 ? -1 : 64 * block + 16 * (x & 3) + 4 * (y & 3) + (z & 3);
}

// Row of the voxel in which a point lies, or -1. Points are in um from the origin.
static inline int lumen_row_at(float3 point, Lumen lumen, __global const int *blocks) {
  float3 at = point / lumen.h;
  return lumen_row(convert_int_sat_rtn(at.x), convert_int_sat_rtn(at.y), convert_int_sat_rtn(at.z), lumen, blocks);
}

// Component `of` of the eight voxels around a place (in voxels, from their lattice), `rest` where none is kept; the
// slope along each axis, in units of the component per voxel, goes with the value: (d/dx, d/dy, d/dz, value).
static inline float4 lumen_between(float3 place, int of, float rest, Lumen lumen,
                                   __global const int *blocks, __global const float4 *voxels) {
  __global const float *values = (__global const float *)voxels;
  int x = convert_int_sat_rtn(place.x), y = convert_int_sat_rtn(place.y), z = convert_int_sat_rtn(place.z);
  float3 share = place - (float3)((float)x, (float)y, (float)z);
  float corner[8];
  int first = lumen_row(x, y, z, lumen, blocks);
  bool together = first >= 0 && max(max(x & 3, y & 3), z & 3) < 3;  // in one block
  for (int c = 0; c < 8; ++c) {
    int row = together ? first + 16 * (c >> 2) + 4 * (c >> 1 & 1) + (c & 1)
                       : lumen_row(x + (c >> 2), y + (c >> 1 & 1), z + (c & 1), lumen, blocks);
    corner[c] = row < 0 ? rest : values[4 * row + of];
  }
  float along_z[4], slope_z[4], along_y[2], slope_y[2], up_z[2];
  for (int c = 0; c < 4; ++c) {
    slope_z[c] = corner[2 * c + 1] - corner[2 * c];
    along_z[c] = corner[2 * c] + share.z * slope_z[c];
  }
  for (int c = 0; c < 2; ++c) {
    slope_y[c] = along_z[2 * c + 1] - along_z[2 * c];
    along_y[c] = along_z[2 * c] + share.y * slope_y[c];
    up_z[c] = slope_z[2 * c] + share.y * (slope_z[2 * c + 1] - slope_z[2 * c]);
  }
  float slope_x = along_y[1] - along_y[0];
  return (float4)(slope_x, slope_y[0] + share.x * (slope_y[1] - slope_y[0]), up_z[0] + share.x * (up_z[1] - up_z[0]),
                  along_y[0] + share.x * slope_x);
}

// Signed distance of a point from the wall in um (w), below 0 inside, and its gradient (x, y, z), about a unit vector.
static inline float4 lumen_distance(float3 point, Lumen lumen, __global const int *blocks,
                                    __global const float4 *voxels) {
  float4 found = lumen_between(point / lumen.h - 0.5f, 3, lumen.far, lumen, blocks, voxels);
  return (float4)(found.xyz / lumen.h, found.w);
}

// Velocity of blood (um/s) at a point at this signed distance from the wall (um): each component between the faces on which
// it lies, and all of it brought to 0 over the last quarter of a voxel before the wall, which bends no streamline.
static inline float3 lumen_velocity_at(float3 point, float distance, Lumen lumen, __global const int *blocks,
                                       __global const float4 *voxels) {
  float3 at = point / lumen.h;
  float3 found = (float3)(lumen_between(at - (float3)(0.0f, 0.5f, 0.5f), 0, 0.0f, lumen, blocks, voxels).w,
                          lumen_between(at - (float3)(0.5f, 0.0f, 0.5f), 1, 0.0f, lumen, blocks, voxels).w,
                          lumen_between(at - (float3)(0.5f, 0.5f, 0.0f), 2, 0.0f, lumen, blocks, voxels).w);
  return found * clamp(-4.0f * distance / lumen.h, 0.0f, 1.0f);
}

static inline float3 lumen_velocity(float3 point, Lumen lumen, __global const int *blocks,
                                    __global const float4 *voxels) {
  float distance = lumen_between(point / lumen.h - 0.5f, 3, lumen.far, lumen, blocks, voxels).w;
  return lumen_velocity_at(point, distance, lumen, blocks, voxels);
}
