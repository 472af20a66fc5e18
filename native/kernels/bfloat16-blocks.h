// Products of matrices that are rounded to bfloat16, in the order of the instruction TDPBF16PS of AMX.
//
// Pairs of numbers share one float, as in bfloat16.h. The sums run over blocks of 16 pairs; the last block of a product may have fewer:
//
//   rows of A       [⌈K/32⌉][M][16]         pairs of columns: two panels are one block  (pack_block_rows)
//   panels of B     [⌈N/16⌉][K/2][16]       pairs of rows  (pack_row_pairs)
//   weight gradient, left side: one panel [R][16] as [⌈R/32⌉][16][16]: for each block of pairs of rows, the pairs of the first column, then
//   those of the second one …; of a last block with q pairs, [16][q]  (pack_columns)
//
// Equation of a block: even and odd start from zero; for each pair even = fma(aₑ, bₑ, even) and odd = fma(aₒ, bₒ, odd); then
// sum = sum + (even + odd). Each operation is rounded once, to nearest even, and treats denormals as in bfloat16.h. docs/decisions/bfloat16.md
// shows how this was found. Without AMX, the same operations are computed by other instructions, with the same bits.
//
// Memory: none besides the packed matrices.
#pragma once
#include "bfloat16.h"

#if defined(__AMX_BF16__)
#define HAS_BLOCK_PRODUCTS
#endif

enum { BLOCK_PAIRS = 16 };

// Packs rows `from` … `to` − 1 of a matrix in `count` panels [·][16] into blocks of two panels. The second half of an odd last block stays
// undefined.
static void pack_block_rows(Panels a, int count, index_t from, index_t to, Panels room) {
  for (int p = 0; p < count; p++)
    for (index_t row = from; row < to; row++)
      pack_rows(1, a.at + p * a.next + row * LANES, room.at + p / 2 * room.next + row * BLOCK_PAIRS + p % 2 * PackedPairs::STEPS);
}

// Packs one panel [R][16] as the left side of a weight gradient. `into` may be `from`. If R is odd, the last row is paired with zeros.
static void pack_columns(index_t R, const float* from, float* into) {
  for (index_t r = 0; r < R; r += 2 * BLOCK_PAIRS, into += BLOCK_PAIRS * LANES) {
    const index_t rows = R - r < 2 * BLOCK_PAIRS ? R - r : 2 * BLOCK_PAIRS, pairs = (rows + 1) / 2;
    float packed[BLOCK_PAIRS * LANES];
    pack_row_pairs(rows, from + r * LANES, packed);
    // As integers: float arithmetic would change some NaNs.
    const u32* pair = (const u32*)packed;
    u32* column = (u32*)into;
    for (int i = 0; i < LANES; i++)
      for (index_t k = 0; k < pairs; k++) *column++ = pair[k * LANES + i];
  }
}

#ifdef HAS_BLOCK_PRODUCTS
// AMX has eight tiles, each of up to 16 rows of 64 bytes. Here, 0 … 3 hold sums, 4 and 5 rows of A, 6 and 7 panels of B.
//
// Setting the shapes of the tiles takes as long as some 40 products, so each thread keeps them from one product to the next, until
// `release_tiles` at the end of a call.
struct TileShapes {
  int upper, lower, pairs;  // rows of A in tile 4 and in tile 5; pairs in each of them
};
static thread_local TileShapes tileShapes;

static void shape_tiles(int upper, int lower, int pairs) {
  if (tileShapes.upper == upper && tileShapes.lower == lower && tileShapes.pairs == pairs) return;
  struct {
    unsigned char palette, startRow, reserved[14];
    unsigned short rowBytes[16];
    unsigned char rows[16];
  } shapes = {1, 0, {}, {}, {}};
  const int rows[] = {upper, upper, lower, lower, upper, lower, pairs, pairs};
  for (int i = 0; i < 8; i++) {
    shapes.rows[i] = (unsigned char)rows[i];
    shapes.rowBytes[i] = (unsigned short)(i == 4 || i == 5 ? 4 * pairs : 4 * LANES);
  }
  __asm__ volatile("ldtilecfg %0" ::"m"(shapes));
  tileShapes = {upper, lower, pairs};
}

static void release_tiles() {
  if (tileShapes.pairs) __asm__ volatile("tilerelease");
  tileShapes = {0, 0, 0};
}

// Tile TILE = rows that are `next` floats apart.
template <int TILE>
INLINE void load_tile(const float* at, index_t next) {
  __asm__ volatile("tileloadd (%0,%1,4),%%tmm%c2" ::"r"(at), "r"(next), "i"(TILE) : "memory");
}
template <int TILE>
INLINE void store_tile(float* at) {
  __asm__ volatile("tilestored %%tmm%c2,(%0,%1,4)" ::"r"(at), "r"((index_t)LANES), "i"(TILE) : "memory");
}
template <int TILE>
INLINE void clear_tile() {
  __asm__ volatile("tilezero %%tmm%c0" ::"i"(TILE));
}
// Tile SUM += tile A · tile B.
template <int SUM, int A, int B>
INLINE void add_tiles() {
  __asm__ volatile("tdpbf16ps %%tmm%c2,%%tmm%c1,%%tmm%c0" ::"i"(SUM), "i"(A), "i"(B));
}

// The sums of UPPER rows of A and, if SIDES is 2, of LOWER more, in NP panels: NP · SIDES ≤ 4. The sum of side s and panel p is in tile
// s · 2 + p or, with one side, p.
template <int SIDES, int NP, int S, int P>
INLINE void begin_sum_tile(const Start& start, int upper) {
  if (start.at) load_tile<S * 2 + P>(start.at + P * start.next + S * upper * start.row, start.row);
  else clear_tile<S * 2 + P>();
}
template <int SIDES, int NP>
INLINE void begin_tiles(const Start& start, int upper) {
  begin_sum_tile<SIDES, NP, 0, 0>(start, upper);
  if (NP > 1) begin_sum_tile<SIDES, NP, 0, 1>(start, upper);
  if (NP > 2) begin_sum_tile<SIDES, NP, 0, 2>(start, upper);
  if (NP > 3) begin_sum_tile<SIDES, NP, 0, 3>(start, upper);
  if (SIDES > 1) begin_sum_tile<SIDES, NP, 1, 0>(start, upper);
  if (SIDES > 1 && NP > 1) begin_sum_tile<SIDES, NP, 1, 1>(start, upper);
}
template <int SIDES, int NP>
INLINE void end_tiles(float* c, index_t cNext, int upper) {
  store_tile<0>(c);
  if (NP > 1) store_tile<1>(c + cNext);
  if (NP > 2) store_tile<2>(c + 2 * cNext);
  if (NP > 3) store_tile<3>(c + 3 * cNext);
  if (SIDES > 1) store_tile<2>(c + upper * LANES);
  if (SIDES > 1 && NP > 1) store_tile<3>(c + cNext + upper * LANES);
}
template <int SIDES, int NP>
INLINE void add_block(const float* a, index_t rowFloats, const float* lower, const float* b, index_t bNext) {
  load_tile<4>(a, rowFloats);
  load_tile<6>(b, LANES);
  if (SIDES > 1) load_tile<5>(lower, rowFloats);
  if (NP > 1) load_tile<7>(b + bNext, LANES);
  add_tiles<0, 4, 6>();
  if (SIDES > 1) add_tiles<2, 5, 6>();
  if (NP > 1) add_tiles<1, 4, 7>();
  if (SIDES > 1 && NP > 1) add_tiles<3, 5, 7>();
  if (NP > 2) {
    load_tile<6>(b + 2 * bNext, LANES);
    add_tiles<2, 4, 6>();
  }
  if (NP > 3) {
    load_tile<7>(b + 3 * bNext, LANES);
    add_tiles<3, 4, 7>();
  }
}

// As `tile` in matrix.h, with UPPER + LOWER rows. LOWER is 0 if SIDES is 1.
template <int SIDES, int NP>
static void sum_blocks(const Term* terms, int count, int upper, int lower, index_t row, index_t panel, Start start, float* c, index_t cNext) {
  // The tiles keep the sums while the shapes are the same.
  bool holdsSums = false;
  for (const Term* term = terms; term < terms + count; term++) {
    const index_t bNext = term->b.next, rowFloats = term->rowFloats;
    const float *a = term->a.at + row * rowFloats, *b = term->b.at + panel * bNext;
    for (int i = 0; i < term->count; i++, a += term->a.next, b += term->length * LANES) {
      const int pairs = i + 1 < term->count ? term->length : term->last;
      if (!holdsSums || pairs != tileShapes.pairs) {
        if (holdsSums) {
          end_tiles<SIDES, NP>(c, cNext, upper);
          start = start_at({c, cNext});
        }
        shape_tiles(upper, SIDES > 1 ? lower : upper, pairs);
        begin_tiles<SIDES, NP>(start, upper);
        holdsSums = true;
      }
      add_block<SIDES, NP>(a, rowFloats, a + upper * rowFloats, b, bNext);
    }
  }
  end_tiles<SIDES, NP>(c, cNext, upper);
}

enum { BLOCK_ROWS = 32 };
static int panels_of_block_tile(index_t rows) {
  const index_t tiles = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
  return (rows + tiles - 1) / tiles > 16 ? 2 : 4;
}
static void block_tile(int width, int rows, const Term* terms, int count, index_t row, index_t panel, const Start& start, Panels c) {
  if (rows > 16) {
    const auto sum = width > 1 ? sum_blocks<2, 2> : sum_blocks<2, 1>;
    return sum(terms, count, (rows + 1) / 2, rows / 2, row, panel, start, c.at, c.next);
  }
  static const decltype(&sum_blocks<1, 1>) sums[] = {sum_blocks<1, 1>, sum_blocks<1, 2>, sum_blocks<1, 3>, sum_blocks<1, 4>};
  sums[width - 1](terms, count, rows, 0, row, panel, start, c.at, c.next);
}
#else
// Three sums for each number of C are under way, so tiles are smaller than those of matrix.h.
#if VW == 16
enum { BLOCK_ROWS = 4, BLOCK_TILE_PANELS = 2 };
#else
enum { BLOCK_ROWS = 2, BLOCK_TILE_PANELS = 1 };
#endif
static int panels_of_block_tile(index_t) { return BLOCK_TILE_PANELS; }
static void release_tiles() {}

// a + b, rounded once, by the rule for denormals.
template <bool EXACT>
INLINE vf add_sums(vf a, vf b, vu& small) {
  const vf sum = a + b;
#ifdef CAN_FLUSH
  (void)small;
#else
  if (EXACT) return ((vu)sum & MAGNITUDE) < SMALLEST_NORMAL ? (vf)((vu)sum & SIGN) : sum;
  small |= is_small(sum);
#endif
  return sum;
}

// As `tile` in matrix.h.
template <int M, int NP, bool EXACT>
NOINLINE bool sum_blocks(const Term* terms, int count, index_t row, index_t panel, const Start& start, float* c, index_t cNext) {
  vu small = {};
  vf sum[M][NP * PARTS];
#pragma GCC unroll 16
  for (int m = 0; m < M; m++)
#pragma GCC unroll 16
    for (int v = 0; v < NP * PARTS; v++) sum[m][v] = begin_sum<EXACT>(start_of(start, m, v), small);
  for (const Term* term = terms; term < terms + count; term++) {
    const index_t bNext = term->b.next, rowFloats = term->rowFloats;
    const float *block = term->a.at + row * rowFloats, *b = term->b.at + panel * bNext;
    for (int i = 0; i < term->count; i++, block += term->a.next) {
      vf even[M][NP * PARTS] = {}, odd[M][NP * PARTS] = {};
      const float* a = block;
      for (const float* end = b + (i + 1 < term->count ? term->length : term->last) * LANES; b < end; a++, b += LANES) {
        vf right[NP * PARTS];
#pragma GCC unroll 16
        for (int v = 0; v < NP * PARTS; v++) right[v] = load(b + (v / PARTS) * bNext + (v % PARTS) * VW);
#pragma GCC unroll 16
        for (int m = 0; m < M; m++) {
          const vf pair = splat_pair(a + m * rowFloats);
#pragma GCC unroll 16
          for (int v = 0; v < NP * PARTS; v++) {
            even[m][v] = add_product<EXACT>(even_half(pair), even_half(right[v]), even[m][v], small);
            odd[m][v] = add_product<EXACT>(odd_half(pair), odd_half(right[v]), odd[m][v], small);
          }
        }
      }
#pragma GCC unroll 16
      for (int m = 0; m < M; m++)
#pragma GCC unroll 16
        for (int v = 0; v < NP * PARTS; v++)
          sum[m][v] = add_sums<EXACT>(sum[m][v], add_sums<EXACT>(even[m][v], odd[m][v], small), small);
    }
  }
  if (!EXACT && !is_exact(small)) return false;
  store_sums<M, NP>(sum, c, cNext);
  return true;
}

template <int M, int NP>
static void block_tile(const Term* terms, int count, index_t row, index_t panel, const Start& start, float* c, index_t cNext) {
  flushing_tile<sum_blocks<M, NP, false>, sum_blocks<M, NP, true>>(terms, count, row, panel, start, c, cNext);
}
static void block_tile(int width, int rows, const Term* terms, int count, index_t row, index_t panel, const Start& start, Panels c) {
#if VW == 16
  static const TileFunction tiles[][BLOCK_ROWS] = {{block_tile<1, 1>, block_tile<2, 1>, block_tile<3, 1>, block_tile<4, 1>},
                                                   {block_tile<1, 2>, block_tile<2, 2>, block_tile<3, 2>, block_tile<4, 2>}};
#else
  static const TileFunction tiles[][BLOCK_ROWS] = {{block_tile<1, 1>, block_tile<2, 1>}};
#endif
  tiles[width - 1][rows - 1](terms, count, row, panel, start, c.at, c.next);
}
#endif

namespace {
// Products in blocks: see Float32.
struct Bfloat16Blocks : PackedPairs {
  enum { BLOCK = 2, MAX_TERM_BLOCKS = 32, MAX_ROWS = BLOCK_ROWS };
  static void row_tile(int width, int rows, const Term* terms, int count, index_t row, index_t panel, const Start& start, Panels c) {
    block_tile(width, rows, terms, count, row, panel, start, c);
  }
  static int most_panels(index_t rows) { return panels_of_block_tile(rows); }
  // `rows` counts pairs. All but the last call of a sum have a multiple of 16.
  static void column_product(index_t rows, int count, const float* a, Panels b, Panels c, bool adds, int) {
    const int whole = (int)(rows / BLOCK_PAIRS), rest = (int)(rows % BLOCK_PAIRS);
    const index_t done = (index_t)whole * BLOCK_PAIRS * LANES;
    const Term blocks = {{(float*)a, BLOCK_PAIRS * LANES}, whole, BLOCK_PAIRS, b, 0, 0, 0, BLOCK_PAIRS, BLOCK_PAIRS};
    const Term last = {{(float*)a + done, 0}, 1, rest, {b.at + done, b.next}, 0, 0, 0, rest, rest};
    const Term terms[] = {whole ? blocks : last, last};
    const int termCount = (whole > 0) + (rest > 0), most = most_panels(LANES), height = MAX_ROWS < (int)LANES ? (int)MAX_ROWS : (int)LANES;
    for (int p = 0; p < count; p += most) {
      const int width = count - p < most ? count - p : most;
      for (int m = 0; m < LANES; m += height) {
        const Panels into = {c.at + p * c.next + m * LANES, c.next};
        block_tile(width, height, terms, termCount, m, p, adds ? start_at(into) : ZERO, into);
      }
    }
  }
  static Panels rows(Panels a, int count, index_t from, index_t to, Panels room, float* = 0) {
    pack_block_rows(a, count, from, to, room);
    return room;
  }
  // Packs one panel [R][16] of the left side of a weight gradient. `into` may be `from`.
  static void pack_left(index_t R, const float* from, float* into) { pack_columns(R, from, into); }
  // Ends a call. Other programs on the core are faster if no tiles are in use.
  static void finish() { release_tiles(); }
};
}  // namespace
