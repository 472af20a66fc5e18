// Products of int8 weights with 7-bit activations: the sums of integers are exact. src/engine/int8.ts has the equations.
//
// The levels of four consecutive steps of k share one float of memory, so the products are those of matrix.h with a quarter of the steps:
//
//   rows of A      [⌈K/16⌉][M][4 words]: levels + 64, from 1 to 127 (quantize_rows)
//   panels of B    [⌈N/16⌉]: levels [⌈K⌉/4][16 words]; then for each of the 16 columns its scale, and 64 · Σ levels as an int
//   look-up table  [⌈N/16⌉]: levels [V][4 words]; then the scale of each of the 16 columns
//   embedding      [⌈D/16⌉][V][4 words]: levels; then the scales of the tokens [⌈V⌉]
//
// Equation: c = start, then for each term c = fma(Σ (a + 64)·b − 64·Σ b, scale of a · scale of b, c). The levels of A are at least 0, because
// instructions multiply unsigned by signed bytes, and at most 127, so that the sum of two products fits into 16 bits: 2·127·127 < 2^15. The
// sums of up to 2^17 products fit into 32 bits.
//
// Memory: none besides the matrices; one float per row for the scales of A, if it has any.
#pragma once
#include "matrix.h"

typedef unsigned char vb __attribute__((vector_size(VW), aligned(1), may_alias));
typedef signed char vsb __attribute__((vector_size(VW), aligned(1), may_alias));

enum { LEVELS_PER_WORD = 4, ROW_WORDS = LANES / LEVELS_PER_WORD, COLUMN_FACTS = 2 };
static const float ACTIVATION_LEVELS = 63, HIDDEN_SCALE = 1.f / 63;
// Rows whose largest number is below this count as zero.
static const float SMALLEST_ROW = 0x1p-100f;

#if VW == 16 && defined(__x86_64__)
// VPDPBUSD, which not every processor with AVX-512 has.
#define MAY_HAVE_VNNI
static bool has_vnni() { return __builtin_cpu_supports("avx512vnni"); }
#endif

// sum + the four products of each word: unsigned activations, signed weights. VNNI: whether the instruction for it may be used.
template <bool VNNI>
INLINE vi add_dot(vi sum, vu activations, vu weights) {
#if VW == 16
  if (VNNI) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(activations), "v"(weights));
    return sum;
  }
  const __m512i pairs = _mm512_maddubs_epi16((__m512i)activations, (__m512i)weights);
  return (vi)_mm512_add_epi32((__m512i)sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#elif VW == 8
  const __m256i pairs = _mm256_maddubs_epi16((__m256i)activations, (__m256i)weights);
  return (vi)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#elif defined(__wasm__) && !defined(NO_FMA)
  // Not i32x4.relaxed_dot_i8x16_i7x16_add: V8 11.3 (Node 20) doubles its sums until it optimizes the function.
  const v128_t pairs = wasm_i16x8_relaxed_dot_i8x16_i7x16((v128_t)weights, (v128_t)activations);
  return (vi)wasm_i32x4_add((v128_t)sum, wasm_i32x4_extadd_pairwise_i16x8(pairs));
#elif defined(__wasm__)
  const v128_t a = (v128_t)activations, w = (v128_t)weights;
  const v128_t low = wasm_i16x8_extmul_low_i8x16(w, a), high = wasm_i16x8_extmul_high_i8x16(w, a);
  const v128_t pairs = wasm_i16x8_add(wasm_i16x8_shuffle(low, high, 0, 2, 4, 6, 8, 10, 12, 14), wasm_i16x8_shuffle(low, high, 1, 3, 5, 7, 9, 11, 13, 15));
  return (vi)wasm_i32x4_add((v128_t)sum, wasm_i32x4_extadd_pairwise_i16x8(pairs));
#elif defined(__ARM_FEATURE_DOTPROD)
  return (vi)vdotq_s32((int32x4_t)sum, (int8x16_t)activations, (int8x16_t)weights);
#elif defined(__aarch64__)
  const int8x16_t a = (int8x16_t)activations, w = (int8x16_t)weights;
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(w)), high = vmull_high_s8(a, w);
  return (vi)vpadalq_s16((int32x4_t)sum, vpaddq_s16(low, high));
#else
  for (int i = 0; i < VW; i++)
    for (int byte = 0; byte < 32; byte += 8) sum[i] += (int)(activations[i] >> byte & 0xff) * (signed char)(weights[i] >> byte);
  return sum;
#endif
}

INLINE vi to_int(const float* at) { return *(const vi*)at; }
INLINE vf to_float(vi x) { return __builtin_convertvector(x, vf); }
INLINE vu splat_word(const float* at) {
  u32 word;
  __builtin_memcpy(&word, at, 4);
  return word + (vu){};
}

// As `tile` in matrix.h.
template <bool VNNI, int M, int NP>
NOINLINE void int8_tile(const Term* terms, int count, index_t row, index_t panel, const Start& start, float* c, index_t cNext) {
  vf total[M][NP * PARTS];
#pragma GCC unroll 16
  for (int m = 0; m < M; m++)
#pragma GCC unroll 16
    for (int v = 0; v < NP * PARTS; v++) total[m][v] = start_of(start, m, v);
  for (const Term* term = terms; term < terms + count; term++) {
    const float* stretch = term->a.at + row * ROW_WORDS;
    const index_t bNext = term->b.next;
    const float* b = term->b.at + panel * bNext;
    const float* ahead = term->ahead;
    vi sum[M][NP * PARTS] = {};
    for (int i = 0; i < term->count; i++, stretch += term->a.next) {
      const float* a = stretch;
#pragma GCC unroll 4
      for (int k = 0; k < ROW_WORDS; k++, a++, b += LANES, ahead += LANES) {
        if (M > 1) fetch(ahead);
        vu weights[NP * PARTS];
#pragma GCC unroll 16
        for (int v = 0; v < NP * PARTS; v++) weights[v] = (vu)load(b + (v / PARTS) * bNext + (v % PARTS) * VW);
#pragma GCC unroll 16
        for (int m = 0; m < M; m++) {
          const vu levels = splat_word(a + m * ROW_WORDS);
#pragma GCC unroll 16
          for (int v = 0; v < NP * PARTS; v++) sum[m][v] = add_dot<VNNI>(sum[m][v], levels, weights[v]);
        }
      }
    }
    const float* scales = term->scales ? term->scales + row : 0;
#pragma GCC unroll 16
    for (int v = 0; v < NP * PARTS; v++) {
      const float* facts = b + (v / PARTS) * bNext + (v % PARTS) * VW;
      const vf scale = load(facts);
      const vi offset = to_int(facts + LANES);
#pragma GCC unroll 16
      for (int m = 0; m < M; m++)
        total[m][v] = fma_(to_float(sum[m][v] - offset), scale * splat(scales ? scales[m] : HIDDEN_SCALE), total[m][v]);
    }
  }
  store_sums<M, NP>(total, c, cNext);
}

template <int M, int NP, int AM, int AK>
static void plain_tile(const Term* terms, int count, index_t row, index_t panel, const Start& start, float* c, index_t cNext) {
  int8_tile<false, M, NP>(terms, count, row, panel, start, c, cNext);
}
#if VW > 4
#define INT8_TILE_TABLE(TILE) ROW_TILE_TABLE(TILE, ROW_WORDS, 1)
static int int8_panels(index_t rows) { return panels_of_tile(rows); }
#else
#define INT8_TILE_TABLE(TILE) TILE_TABLE(TILE, ROW_WORDS, 1)
static int int8_panels(index_t) { return TILE_PANELS; }
#endif
static const TileFunction PLAIN_INT8_TILES[][7] = INT8_TILE_TABLE(plain_tile);
#ifdef MAY_HAVE_VNNI
template <int M, int NP, int AM, int AK>
static void vnni_tile(const Term* terms, int count, index_t row, index_t panel, const Start& start, float* c, index_t cNext) {
  int8_tile<true, M, NP>(terms, count, row, panel, start, c, cNext);
}
static const TileFunction VNNI_TILES[][7] = INT8_TILE_TABLE(vnni_tile);
#endif

// The level of each number, plus 64. Adding 1.5 · 2^23 rounds to an integer, to nearest even; it appears in the lower bits.
INLINE vb levels_of(vf scaled) {
  const vf rounded = at_least(at_most(scaled, ACTIVATION_LEVELS), -ACTIVATION_LEVELS) + splat(12582912.f + 64);
#if VW == 16
  return (vb)_mm512_cvtepi32_epi8(_mm512_and_si512((__m512i)rounded, _mm512_set1_epi32(0x7f)));
#else
  return __builtin_convertvector((vu)rounded & 0x7f, vb);
#endif
}

// The scale of each row: max |x| / 63, rounded up to 16 significant bits.
INLINE float scale_of_row(const float* row, int count, index_t next) {
  float largest = 0;
  for (int p = 0; p < count; p++)
    for (int i = 0; i < LANES; i++) {
      const float size = __builtin_fabsf(row[p * next + i]);
      largest = size > largest ? size : largest;
    }
  if (largest < SMALLEST_ROW) return 1;
  const float scale = largest / ACTIVATION_LEVELS;
  u32 bits;
  __builtin_memcpy(&bits, &scale, 4);
  bits = (bits + 0xff) & ~0xffu;
  float rounded;
  __builtin_memcpy(&rounded, &bits, 4);
  return rounded;
}

// Quantizes rows `from` … `to` − 1 of a matrix in `count` panels into `room`. `scales` receives their scales; null for hidden states.
static void quantize_rows(Panels x, int count, index_t from, index_t to, Panels room, float* scales) {
  for (index_t row = from; scales && row < to; row++) scales[row] = scale_of_row(x.at + row * LANES, count, x.next);
  for (int p = 0; p < count; p++)
    for (index_t row = from; row < to; row++)
      for (int v = 0; v < LANES; v += VW) {
        const vf values = load(x.at + p * x.next + row * LANES + v);
        const vf scaled = scales ? values / splat(scales[row]) : values * splat(ACTIVATION_LEVELS);
        *(vb*)((unsigned char*)(room.at + p * room.next + row * ROW_WORDS) + v) = levels_of(scaled);
      }
}

// VW levels as floats.
INLINE vf float_levels(const float* at, int v) {
  const signed char* levels = (const signed char*)at + v;
  // From `__builtin_convertvector`, GCC 12 makes instructions that convert one level at a time.
#if VW == 16
  return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)levels)));
#elif VW == 8
  return (vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)levels)));
#else
  return __builtin_convertvector(*(const vsb*)levels, vf);
#endif
}

namespace {
// What the products need to know about int8: see Float32.
template <bool VNNI>
struct Int8 {
  enum { STEPS = ROW_WORDS, BLOCK = 1, IS_PACKED = 1, PACKS_WEIGHTS = 0, MAX_TERM_BLOCKS = 1 << 20, MAX_ROWS = TILE_ROWS };
  static void row_tile(int width, int rows, const Term* terms, int count, index_t row, index_t panel, const Start& start, Panels c) {
#ifdef MAY_HAVE_VNNI
    if (VNNI) return VNNI_TILES[width - 1][rows](terms, count, row, panel, start, c.at, c.next);
#endif
    PLAIN_INT8_TILES[width - 1][rows](terms, count, row, panel, start, c.at, c.next);
  }
  static int most_panels(index_t rows) { return int8_panels(rows); }
  static Panels rows(Panels a, int count, index_t from, index_t to, Panels room, float* scales = 0) {
    quantize_rows(a, count, from, to, room, scales);
    return room;
  }
  static index_t panel_floats(int kPanels) { return (index_t)kPanels * STEPS * LANES + COLUMN_FACTS * LANES; }
  // The weights of a token in one panel, from lane v on: level · scale, which is exact.
  static vf token_weights(const float* table, index_t panel, index_t V, int token, int v) {
    const float* at = table + panel * (V * ROW_WORDS + LANES);
    return float_levels(at + token * ROW_WORDS, v) * load(at + V * ROW_WORDS + v);
  }
  static void embed(const float* table, int count, index_t V, int token, float* into, index_t next) {
    const float scale = table[count * V * ROW_WORDS + token];
    for (int p = 0; p < count; p++)
      for (int v = 0; v < LANES; v += VW)
        store(into + p * next + v, float_levels(table + (p * V + token) * ROW_WORDS, v) * splat(scale));
  }
};
}  // namespace
