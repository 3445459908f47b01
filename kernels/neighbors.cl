// Cells are re-sorted by (bin, id) when one of them has moved by half the skin, and neighbour lists built from the bins.

void begin_sorting(uint i, __constant World *world, __global Status *status, __constant Neighbors *term,
                   __global uint *sorting) {
  sorting[0] = status->rebuild;
  sorting[1] = status->rows;
}

// Cells that have left the box go to the bin behind the last.
void bin_cells(uint i, __constant World *world, __global Status *status, __constant Neighbors *term,
               __global const int4 *position, __global const uint *departed, __global uint *bin_of) {
  __constant Grid *grid = &world->cell_grid;
  int4 bin = bin_of_position(position[i], grid);
  bin_of[i] = departed[i] ? bin_total(grid) : bin_index(bin.x, bin.y, bin.z, grid);
}

void count_active(uint i, __constant World *world, __global Status *status, __constant Neighbors *term,
                  __global const uint *bin_start) {
  status->cells = bin_start[bin_total(&world->cell_grid)];
}

void list_neighbors(uint i, __constant World *world, __global Status *status, __constant Neighbors *term,
                    __global const int4 *position, __global const float *radius, __global const uint *bin_start,
                    __global uint *neighbor, __global uint *neighbor_count, __global int4 *list_position) {
  __constant Grid *grid = &world->cell_grid;
  int4 here = position[i], home = bin_of_position(here, grid);
  uint count = 0, rows = world->neighbor_rows;
  float own = radius[i];
  for (int dz = grid->count[2] == 1 ? 0 : -1; dz <= (grid->count[2] == 1 ? 0 : 1); ++dz) {
    int z = neighbor_bin(home.z + dz, grid, 2);
    for (int dy = grid->count[1] == 1 ? 0 : -1; dy <= (grid->count[1] == 1 ? 0 : 1); ++dy) {
      int y = neighbor_bin(home.y + dy, grid, 1);
      for (int dx = grid->count[0] == 1 ? 0 : -1; dx <= (grid->count[0] == 1 ? 0 : 1); ++dx) {
        int x = neighbor_bin(home.x + dx, grid, 0);
        if (x < 0 || y < 0 || z < 0) continue;
        uint bin = bin_index(x, y, z, grid);
        for (uint j = bin_start[bin]; j < bin_start[bin + 1]; ++j) {
          float3 d = separation(here, position[j], world->quantum);
          float cutoff = world->pair_range * (own + radius[j]) + world->skin;
          if (j == i || dot(d, d) >= cutoff * cutoff) continue;
          if (count < rows) neighbor[list_entry(i, count, rows)] = j;
          ++count;
        }
      }
    }
  }
  neighbor_count[i] = min(count, rows);
  list_position[i] = here;
  atomic_max(&status->rows_needed, count);
}

// Lists shorter than the longest of their eight are filled up with the cell itself, which exerts no force.
void pad_lists(uint octet, __constant World *world, __global Status *status, __constant Neighbors *term,
               __global uint *neighbor_count, __global uint *neighbor) {
  uint longest = 0, rows = world->neighbor_rows;
  for (uint i = octet * 8; i < octet * 8 + 8; ++i) {
    if (i >= status->cells) neighbor_count[i] = 0;
    longest = max(longest, neighbor_count[i]);
  }
  for (uint i = octet * 8; i < octet * 8 + 8; ++i)
    for (uint k = neighbor_count[i]; k < longest; ++k) neighbor[list_entry(i, k, rows)] = i;
}

// A list longer than its rows freezes the step before anything has used it; the host makes room and goes on.
void end_sorting(uint i, __constant World *world, __global Status *status, __constant Neighbors *term,
                 __global uint *sorting) {
  sorting[0] = 0;
  if (status->rows_needed > world->neighbor_rows) status->halt = 1;
}
