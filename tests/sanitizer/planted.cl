// Kernels with one fault each, and one without, on arrays of 8 elements: they test the sanitizer.

__kernel void planted_clean(__global const uint *given, __global uint *unwritten, __global uint *out) {
  uint i = get_global_id(0);
  unwritten[i] = given[i];
  out[i] = unwritten[i];
}

__kernel void planted_read(__global const uint *given, __global uint *unwritten, __global uint *out) {
  uint i = get_global_id(0);
  out[i] = given[i + 1];
}

__kernel void planted_write(__global const uint *given, __global uint *unwritten, __global uint *out) {
  uint i = get_global_id(0);
  out[i + 1] = given[i];
}

// Work-item 0 and 4, of different groups, write the same element.
__kernel void planted_race(__global const uint *given, __global uint *unwritten, __global uint *out) {
  uint i = get_global_id(0);
  out[i % 4] = given[i];
}

// Reads what its neighbour in another group writes.
__kernel void planted_order(__global const uint *given, __global uint *unwritten, __global uint *out) {
  uint i = get_global_id(0);
  unwritten[i] = given[i];
  out[i] = i == 3 ? unwritten[4] : 0;
}

__kernel void planted_same_value(__global const uint *given, __global uint *unwritten, __global uint *out) {
  out[0] = 1;
}

__kernel void planted_value(__global const uint *given, __global uint *unwritten, __global uint *out) {
  uint i = get_global_id(0);
  out[i] = given[i] + unwritten[i];
}

__kernel void planted_branch(__global const uint *given, __global uint *unwritten, __global uint *out) {
  uint i = get_global_id(0);
  if (unwritten[i]) out[i] = given[i];
}

__kernel void planted_index(__global const uint *given, __global uint *unwritten, __global uint *out) {
  uint i = get_global_id(0);
  out[i] = given[unwritten[i] % 8];
}

__kernel void sentinel(__global uint *out) { out[1] = 0; }
