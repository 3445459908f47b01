// Device primitives without local memory, so that their results do not depend on the work-group size: each work-item
// takes a chunk of CHUNK elements in order, the chunk totals are scanned or summed the same way. when[0] switches a
// primitive, when[1] is the number of rows, of which there can be at most `count`. Each replica, the second dimension of
// a launch, has its own slice of every array; `slices` has their lengths, in 32-bit words, in the order of the arguments.

#define NO_BIN 0xFFFFFFFFu  // of rows that stay out of a sort

#define SLICE(array, k) (array) += get_global_id(1) * slices.s##k / (sizeof(*(array)) / 4)
#define SKIP_UNLESS(flag) if ((flag)[0] == 0u) return
#define ROWS min(count, when[1])
#define ITEMS(count) for (uint i = get_global_id(0); i < (count); i += get_global_size(0))

__kernel void fill_zero(uint8 slices, __global const uint *when, __global uint *data, uint count) {
  SLICE(when, 0); SLICE(data, 1);
  SKIP_UNLESS(when);
  ITEMS(count) data[i] = 0u;
}

__kernel void chunk_totals(uint8 slices, __global const uint *when, __global const uint *data, __global uint *totals,
                           uint count) {
  SLICE(when, 0); SLICE(data, 1); SLICE(totals, 2);
  SKIP_UNLESS(when);
  ITEMS((count + CHUNK - 1) / CHUNK) {
    uint total = 0, end = min((i + 1) * CHUNK, count);
    for (uint k = i * CHUNK; k < end; ++k) total += data[k];
    totals[i] = total;
  }
}

// In place: each element becomes the sum of all before it.
__kernel void chunk_scan(uint8 slices, __global const uint *when, __global uint *data, __global const uint *offsets,
                         uint count) {
  SLICE(when, 0); SLICE(data, 1); SLICE(offsets, 2);
  SKIP_UNLESS(when);
  ITEMS((count + CHUNK - 1) / CHUNK) {
    uint total = offsets[i], end = min((i + 1) * CHUNK, count);
    for (uint k = i * CHUNK; k < end; ++k) {
      uint value = data[k];
      data[k] = total;
      total += value;
    }
  }
}

__kernel void count_bins(uint8 slices, __global const uint *when, __global const uint *bins, __global uint *counts,
                         uint count) {
  SLICE(when, 0); SLICE(bins, 1); SLICE(counts, 2);
  SKIP_UNLESS(when);
  ITEMS(ROWS) if (bins[i] != NO_BIN) atomic_inc(counts + bins[i]);
}

// Places come in any order here; order_bins then sorts each bin, so the result is the same on every schedule.
__kernel void place_in_bins(uint8 slices, __global const uint *when, __global const uint *bins,
                            __global const uint *starts, __global uint *filled, __global uint *order, uint count) {
  SLICE(when, 0); SLICE(bins, 1); SLICE(starts, 2); SLICE(filled, 3); SLICE(order, 4);
  SKIP_UNLESS(when);
  ITEMS(ROWS) if (bins[i] != NO_BIN) order[starts[bins[i]] + atomic_inc(filled + bins[i])] = i;
}

__kernel void order_bins(uint8 slices, __global const uint *when, __global const uint *ids, __global const uint *starts,
                         __global uint *order, uint bin_count) {
  SLICE(when, 0); SLICE(ids, 1); SLICE(starts, 2); SLICE(order, 3);
  SKIP_UNLESS(when);
  ITEMS(bin_count) {
    for (uint k = starts[i] + 1; k < starts[i + 1]; ++k) {
      uint row = order[k], id = ids[row], hole = k;
      for (; hole > starts[i] && ids[order[hole - 1]] > id; --hole) order[hole] = order[hole - 1];
      order[hole] = row;
    }
  }
}

// As order_bins, by the number of the row itself.
__kernel void order_rows(uint8 slices, __global const uint *when, __global const uint *starts, __global uint *order,
                         uint bin_count) {
  SLICE(when, 0); SLICE(starts, 1); SLICE(order, 2);
  SKIP_UNLESS(when);
  ITEMS(bin_count) {
    for (uint k = starts[i] + 1; k < starts[i + 1]; ++k) {
      uint row = order[k], hole = k;
      for (; hole > starts[i] && order[hole - 1] > row; --hole) order[hole] = order[hole - 1];
      order[hole] = row;
    }
  }
}

// Every plane of a component-major array, rows of `words` 32-bit words, in the new order.
__kernel void gather_rows(uint8 slices, __global const uint *when, __global const uint *order,
                          __global const uint *from, __global uint *to, uint words, uint planes, uint stride,
                          uint count) {
  SLICE(when, 0); SLICE(order, 1); SLICE(from, 2); SLICE(to, 3);
  SKIP_UNLESS(when);
  uint rows = ROWS;
  ITEMS(rows * words * planes) {
    uint word = i % words, row = i / words % rows, plane = i / words / rows;
    to[i] = from[(plane * stride + order[row]) * words + word];
  }
}

__kernel void return_rows(uint8 slices, __global const uint *when, __global const uint *from, __global uint *to,
                          uint words, uint planes, uint stride, uint count) {
  SLICE(when, 0); SLICE(from, 1); SLICE(to, 2);
  SKIP_UNLESS(when);
  uint rows = ROWS;
  ITEMS(rows * words * planes) {
    uint within = i % (words * rows), plane = i / (words * rows);
    to[plane * stride * words + within] = from[i];
  }
}

// Rows that are marked get a copy behind the last row (zeros if `blank`), at the places that the scan of the marks gives.
__kernel void append_rows(uint8 slices, __global const uint *when, __global const uint *marks,
                          __global const uint *places, __global uint *data, uint blank, uint words, uint planes,
                          uint stride, uint count) {
  SLICE(when, 0); SLICE(marks, 1); SLICE(places, 2); SLICE(data, 3);
  SKIP_UNLESS(when);
  uint rows = ROWS;
  ITEMS(rows * words * planes) {
    uint word = i % words, row = i / words % rows, plane = i / words / rows;
    uint from = (plane * stride + row) * words + word, to = (plane * stride + rows + places[row]) * words + word;
    if (marks[row]) data[to] = blank ? 0u : data[from];
  }
}

// The flags and a 0 behind them, so that their scan ends with how many are kept.
__kernel void copy_flags(uint8 slices, __global const uint *when, __global const uint *from, __global uint *to,
                         uint count) {
  SLICE(when, 0); SLICE(from, 1); SLICE(to, 2);
  SKIP_UNLESS(when);
  ITEMS(count + 1) to[i] = i < count ? from[i] : 0u;
}

// Kept elements move to the places that the scan of the flags gives them.
__kernel void compact(uint8 slices, __global const uint *when, __global const uint *keep, __global const uint *places,
                      __global const uint *from, __global uint *to, uint count) {
  SLICE(when, 0); SLICE(keep, 1); SLICE(places, 2); SLICE(from, 3); SLICE(to, 4);
  SKIP_UNLESS(when);
  ITEMS(count) if (keep[i]) to[places[i]] = from[i];
}

__kernel void segment_sums(uint8 slices, __global const uint *when, __global const uint *starts,
                           __global const float *data, __global double *sums, uint segments) {
  SLICE(when, 0); SLICE(starts, 1); SLICE(data, 2); SLICE(sums, 3);
  SKIP_UNLESS(when);
  ITEMS(segments) {
    double sum = 0;
    for (uint k = starts[i]; k < starts[i + 1]; ++k) sum += (double)data[k];
    sums[i] = sum;
  }
}

__kernel void chunk_sums(uint8 slices, __global const uint *when, __global const double *data, __global double *sums,
                         uint count) {
  SLICE(when, 0); SLICE(data, 1); SLICE(sums, 2);
  SKIP_UNLESS(when);
  ITEMS((count + CHUNK - 1) / CHUNK) {
    double sum = 0;
    uint end = min((i + 1) * CHUNK, count);
    for (uint k = i * CHUNK; k < end; ++k) sum += data[k];
    sums[i] = sum;
  }
}

__kernel void philox_blocks(__global const uint4 *counters, __global const uint2 *keys, __global uint4 *out, uint count) {
  ITEMS(count) out[i] = philox(counters[i], keys[i]);
}
