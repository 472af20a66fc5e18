// Products of matrices that are rounded to bfloat16, with sums in float32.
//
// A bfloat16 is the upper half of a float. Two consecutive steps of k share one float of memory, a pair: the even step in the lower half, the
// odd step in the upper half. So the products are those of matrix.h, with half as many steps:
//
//   rows of A      [⌈K/16⌉][M][8]   pairs of columns  (pack_rows)
//   panels of B    [⌈N/16⌉][K/2][16] pairs of rows    (pack_row_pairs); both sides of a weight gradient too
//
// Equation of a step, that of the instruction VDPBF16PS of AVX512_BF16: sum = fma(aₒ, bₒ, sum), then sum = fma(aₑ, bₑ, sum), with the odd and
// the even halves. Each multiply-add is rounded once, to nearest even. Denormals count as zero, in the halves and in the sum, and a result
// that is smaller than 2⁻¹²⁶ after rounding becomes zero. docs/decisions/bfloat16.md shows how this was found. Without the instruction, the
// same steps are computed by other ones, with the same bits.
//
// Memory: none besides the packed matrices.
#pragma once
#include "matrix.h"

#if VW == 16 && defined(__AVX512BF16__) && !defined(__AMX_BF16__)
// Processors with AMX multiply faster without this instruction: docs/decisions/bfloat16.md.
#define HAS_PAIR_PRODUCTS
#endif
#if defined(__x86_64__)
// The processor treats denormals as the instruction does, if it is told to.
#define CAN_FLUSH
#endif

typedef unsigned short vs __attribute__((vector_size(VW * 2), aligned(2), may_alias));

static const u32 UPPER_HALF = 0xffff0000u, SIGN = 0x80000000u, MAGNITUDE = 0x7fffffffu, INFINITE = 0x7f800000u, SMALLEST_NORMAL = 0x00800000u;

// x as a bfloat16 in the upper half of each lane: rounded to nearest even, denormals to zero. A NaN stays a NaN.
INLINE vu rounded(vf x) {
  const vu bits = (vu)x, magnitude = bits & MAGNITUDE;
  const vu nearest = bits + 0x7fff + ((bits >> 16) & 1);
  const vu known = magnitude > INFINITE ? bits | 0x00400000u : nearest;
  return (magnitude < SMALLEST_NORMAL ? bits & SIGN : known) & UPPER_HALF;
}

// Packs `rows` rows of a panel [·][16] into [·][8].
INLINE void pack_rows(index_t rows, const float* from, float* into) {
  for (index_t at = 0; at < rows * LANES; at += VW) {
#if VW == 16 && defined(__AVX512BF16__)
    *(__m256i_u*)((unsigned short*)into + at) = (__m256i)_mm512_cvtneps_pbh((__m512)load(from + at));
#else
    *(vs*)((unsigned short*)into + at) = __builtin_convertvector(rounded(load(from + at)) >> 16, vs);
#endif
  }
}

// Packs a panel of R rows, [R][16], into [⌈R/2⌉][16]. `into` may be `from`. If R is odd, the last row is paired with zeros.
INLINE void pack_row_pairs(index_t R, const float* from, float* into) {
  for (index_t r = 0; r < R; r += 2)
    for (int v = 0; v < LANES; v += VW) {
      const vu even = rounded(load(from + r * LANES + v)) >> 16;
      const vu odd = r + 1 < R ? rounded(load(from + (r + 1) * LANES + v)) : (vu){};
      store(into + r / 2 * LANES + v, (vf)(even | odd));
    }
}

// Packs one panel of W, [16·kPanels][16], transposed: into 8 rows of each panel of Wᵀ, [kPanels][N/2][16].
static void pack_transposed_panel(const float* w, index_t N, int kPanels, float* into) {
  enum { PAIRS = LANES / 2 };
  for (int kp = 0; kp < kPanels; kp++)
    for (int k = 0; k < LANES; k++) {
      u32 pairs[PAIRS];
      pack_rows(1, w + (index_t)(kp * LANES + k) * LANES, (float*)pairs);
      for (int i = 0; i < PAIRS; i++) __builtin_memcpy(into + (kp * N / 2 + i) * LANES + k, pairs + i, 4);
    }
}

INLINE vf odd_half(vf pairs) { return (vf)((vu)pairs & UPPER_HALF); }
INLINE vf even_half(vf pairs) { return (vf)((vu)pairs << 16); }
// One pair in all lanes. It must not pass through float arithmetic, which changes some NaNs.
INLINE vf splat_pair(const float* at) {
  u32 pair;
  __builtin_memcpy(&pair, at, 4);
  return (vf)(pair + (vu){});
}

#ifdef CAN_FLUSH
template <bool EXACT>
INLINE vf begin_sum(vf start, vu&) {
  return start;
}
template <bool EXACT>
INLINE vf add_product(vf a, vf b, vf sum, vu&) {
  return fma_(a, b, sum);
}
#else
// Without a processor that treats denormals so: a fast form, which only notes in `small` whether a sum came near the range of denormals, and
// an exact form for the tiles where that happens.
INLINE vu is_small(vf x) { return (vu)(((vu)x & MAGNITUDE) - 1 < SMALLEST_NORMAL); }
template <bool EXACT>
INLINE vf begin_sum(vf start, vu& small) {
  if (EXACT) return ((vu)start & MAGNITUDE) < SMALLEST_NORMAL ? (vf)((vu)start & SIGN) : start;
  small |= is_small(start);
  return start;
}
template <bool EXACT>
INLINE vf add_product(vf a, vf b, vf sum, vu& small) {
  const vf result = fma_(a, b, sum);
  if (!EXACT) {
    small |= is_small(result);
    return result;
  }
  // 2⁻¹²⁶ may be the result of rounding up a denormal. The same sum times 2⁶⁴ shows whether it is.
  const vu magnitude = (vu)result & MAGNITUDE;
  const vf larger = fma_(a * splat(0x1p32f), b * splat(0x1p32f), sum * splat(0x1p64f));
  const vf size = (vf)((vu)larger & MAGNITUDE);
  const vu isRoundedUp = (vu)(magnitude == SMALLEST_NORMAL) & (vu)(size < splat(0x1p-62f));
  return (vu)(magnitude < SMALLEST_NORMAL) | isRoundedUp ? (vf)((vu)result & SIGN) : result;
}
#endif

// As TileFunction. Returns false, and stores nothing, if a sum needs the exact form.
typedef bool (*PairSum)(const Term*, int, index_t, index_t, const Start&, float*, index_t);

// Computes a tile with denormals as zeros: by the fast form and, where the processor has no such mode, by the exact one if that returns false.
template <PairSum FAST, PairSum EXACT>
static void flushing_tile(const Term* terms, int count, index_t row, index_t panel, const Start& start, float* c, index_t cNext) {
#ifdef CAN_FLUSH
  // Denormals are zero (0x40), and so are results that would be denormal (0x8000).
  const unsigned control = _mm_getcsr();
  _mm_setcsr(control | 0x8040);
  FAST(terms, count, row, panel, start, c, cNext);
  _mm_setcsr(control);
#else
  if (!FAST(terms, count, row, panel, start, c, cNext)) EXACT(terms, count, row, panel, start, c, cNext);
#endif
}

// Whether no sum needs the exact form.
INLINE bool is_exact(vu small) {
#ifndef CAN_FLUSH
  for (int i = 0; i < VW; i++)
    if (small[i]) return false;
#else
  (void)small;
#endif
  return true;
}

// As `tile` in matrix.h, for pairs.
template <int M, int NP, int AM, int AK, bool EXACT>
NOINLINE bool sum_pairs(const Term* terms, int count, index_t row, index_t panel, const Start& start, float* c, index_t cNext) {
  vu small = {};
  vf sum[M][NP * PARTS];
#pragma GCC unroll 16
  for (int m = 0; m < M; m++)
#pragma GCC unroll 16
    for (int v = 0; v < NP * PARTS; v++) sum[m][v] = begin_sum<EXACT>(start_of(start, m, v), small);
  for (const Term* term = terms; term < terms + count; term++) {
    const float* stretch = term->a.at + row * AM;
    const index_t bNext = term->b.next;
    const float* b = term->b.at + panel * bNext;
    const float* ahead = term->ahead;
    for (int i = 0; i < term->count; i++, stretch += term->a.next) {
      const float* a = stretch;
      for (const float* end = b + term->length * LANES; b < end; a += AK, b += LANES, ahead += LANES) {
        fetch(ahead);
#ifdef HAS_PAIR_PRODUCTS
        vf right[NP * PARTS];
#pragma GCC unroll 16
        for (int v = 0; v < NP * PARTS; v++) right[v] = load(b + (v / PARTS) * bNext + (v % PARTS) * VW);
#pragma GCC unroll 16
        for (int m = 0; m < M; m++) {
          const vf factor = splat_pair(a + m * AM);
#pragma GCC unroll 16
          for (int v = 0; v < NP * PARTS; v++)
            sum[m][v] = (vf)_mm512_dpbf16_ps((__m512)sum[m][v], (__m512bh)factor, (__m512bh)right[v]);
        }
#else
        // All odd halves, then all even ones, so that fewer registers are needed.
#pragma GCC unroll 2
        for (int half = 1; half >= 0; half--) {
          vf right[NP * PARTS];
#pragma GCC unroll 16
          for (int v = 0; v < NP * PARTS; v++) {
            const vf pairs = load(b + (v / PARTS) * bNext + (v % PARTS) * VW);
            right[v] = half ? odd_half(pairs) : even_half(pairs);
          }
#pragma GCC unroll 16
          for (int m = 0; m < M; m++) {
            const vf pair = splat_pair(a + m * AM), factor = half ? odd_half(pair) : even_half(pair);
#pragma GCC unroll 16
            for (int v = 0; v < NP * PARTS; v++) sum[m][v] = add_product<EXACT>(factor, right[v], sum[m][v], small);
          }
        }
#endif
      }
    }
  }
  if (!EXACT && !is_exact(small)) return false;
  store_sums<M, NP>(sum, c, cNext);
  return true;
}

template <int M, int NP, int AM, int AK>
static void pair_tile(const Term* terms, int count, index_t row, index_t panel, const Start& start, float* c, index_t cNext) {
#ifdef HAS_PAIR_PRODUCTS
  sum_pairs<M, NP, AM, AK, false>(terms, count, row, panel, start, c, cNext);
#else
  flushing_tile<sum_pairs<M, NP, AM, AK, false>, sum_pairs<M, NP, AM, AK, true>>(terms, count, row, panel, start, c, cNext);
#endif
}

static const TileFunction PAIR_ROW_TILES[TILE_PANELS][7] = TILE_TABLE(pair_tile, LANES / 2, 1);
static const TileFunction PAIR_COLUMN_TILES[TILE_PANELS][7] = TILE_TABLE(pair_tile, 1, LANES);

namespace {
// What all products in bfloat16 share: see Float32.
struct PackedPairs {
  enum { STEPS = LANES / 2, IS_PACKED = 1, PACKS_WEIGHTS = 1 };
  static index_t panel_floats(int kPanels) { return (index_t)kPanels * STEPS * LANES; }
  static vf token_weights(const float* table, index_t panel, index_t V, int token, int v) {
    return Float32::token_weights(table, panel, V, token, v);
  }
  static index_t steps_of_rows(index_t rows) { return (rows + 1) / 2; }
  static void transpose(const float* w, index_t N, int kPanels, float* into) { pack_transposed_panel(w, N, kPanels, into); }
};

// The products above, in the order of VDPBF16PS.
struct Bfloat16 : PackedPairs {
  enum { BLOCK = 1, MAX_TERM_BLOCKS = 64, MAX_ROWS = TILE_ROWS };
  static void row_tile(int width, int rows, const Term* terms, int count, index_t row, index_t panel, const Start& start, Panels c) {
    PAIR_ROW_TILES[width - 1][rows](terms, count, row, panel, start, c.at, c.next);
  }
  static int most_panels(index_t) { return TILE_PANELS; }
  static void column_product(index_t rows, int count, const float* a, Panels b, Panels c, bool adds, int fetched) {
    multiply_columns(PAIR_COLUMN_TILES, rows, count, a, b, c, adds, fetched);
  }
  static Panels rows(Panels a, int count, index_t from, index_t to, Panels room, float* = 0) {
    for (int p = 0; p < count; p++) pack_rows(to - from, a.at + p * a.next + from * LANES, room.at + p * room.next + from * STEPS);
    return room;
  }
  // Packs one panel [R][16] of the left side of a weight gradient. `into` may be `from`.
  static void pack_left(index_t R, const float* from, float* into) { pack_row_pairs(R, from, into); }
};
}  // namespace
