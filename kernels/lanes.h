// Strips of cells: eight per work-item on a CPU (one vector register), one on a GPU. Same source, same bits.
#if LANES == 8
typedef float8 strip;
typedef int8 strip_int;
typedef struct { int4 a, b, c, d, e, f, g, h; } strip_rows;
#define STRIP_ROWS(array, index) \
  {(array)[(index)[0]], (array)[(index)[1]], (array)[(index)[2]], (array)[(index)[3]], \
   (array)[(index)[4]], (array)[(index)[5]], (array)[(index)[6]], (array)[(index)[7]]}
#define STRIP_COLUMN(rows, column) \
  (int8)(rows.a.column, rows.b.column, rows.c.column, rows.d.column, rows.e.column, rows.f.column, rows.g.column, rows.h.column)
#define STRIP_GATHER(array, index) \
  (float8)((array)[(index)[0]], (array)[(index)[1]], (array)[(index)[2]], (array)[(index)[3]], \
           (array)[(index)[4]], (array)[(index)[5]], (array)[(index)[6]], (array)[(index)[7]])
#define strip_float(x) convert_float8(x)
#define strip_difference(a, b) as_int8(as_uint8(a) - as_uint8(b))
#else
typedef float strip;
typedef int strip_int;
typedef struct { int4 a; } strip_rows;
#define STRIP_ROWS(array, index) {(array)[(index)[0]]}
#define STRIP_COLUMN(rows, column) rows.a.column
#define STRIP_GATHER(array, index) (array)[(index)[0]]
#define strip_float(x) convert_float(x)
#define strip_difference(a, b) as_int(as_uint(a) - as_uint(b))
#endif

// Asks for memory that is needed soon: CPUs foresee plain streams by themselves, but not lists with gaps between them.
#if LANES == 8 && defined(__has_builtin) && !defined(NO_FETCH_AHEAD)
#if __has_builtin(__builtin_prefetch)
#define FETCH_AHEAD(address) __builtin_prefetch((__global const char *)(address))
#endif
#endif
#ifndef FETCH_AHEAD
#define FETCH_AHEAD(address)
#endif
