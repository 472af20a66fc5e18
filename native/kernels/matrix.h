// Products of matrices in panels: C = start + Σ A·B, and dW = Xᵀ·dY.
//
// A matrix of R rows and N columns is stored as ⌈N/16⌉ panels, each [R][16]. The last panel is padded with zero columns. So the result of
// one product can be the left side of the next product and the right side of a weight gradient, without copies. Each element sums over k
// in ascending order with one accumulator, so its bits do not depend on the shape of the tile.
//
// Memory: a matrix [R, N] takes R·⌈N⌉ floats. The products need no other memory.
#pragma once
#include "vector.h"

typedef long index_t;

INLINE bool is_bfloat16(double element) { return element == ELEMENT_BFLOAT16 || element == ELEMENT_BFLOAT16_BLOCKS; }
INLINE int panels(index_t columns) { return (int)((columns + LANES - 1) / LANES); }

// Rows and panels of a tile, whose accumulators are kept in registers.
#if VW == 16
enum { TILE_ROWS = 6, TILE_PANELS = 4 };
#elif VW == 8
enum { TILE_ROWS = 6, TILE_PANELS = 1 };
#elif defined(__wasm__)
// V8 has 15 registers: two rows of four accumulators.
enum { TILE_ROWS = 2, TILE_PANELS = 1 };
#else
enum { TILE_ROWS = 5, TILE_PANELS = 1 };
#endif

// The panels of a matrix. The first begins at `at`, each other one `next` floats after the previous one.
struct Panels {
  float* at;
  index_t next;
};

// One product A·B in a sum of products. The summation index k runs over `count` blocks of A, `length` steps in each: columns or, of bfloat16
// numbers (bfloat16.h), pairs of columns. A block is a panel, or several of them, if Element::BLOCK is larger than 1.
struct Term {
  Panels a;
  int count;
  int length;
  // Panels of [count·length][16].
  Panels b;
  // For prefetching: the distance, in floats, from the panels of B in use to those that are used next.
  index_t following;
  // The memory to prefetch, one cache line per step of k.
  const float* ahead;
  // Of int8 (int8.h): the scales of the rows of A, or null if they are hidden states.
  const float* scales;
  // Of blocks of several panels (bfloat16-blocks.h): the steps in the last block, and floats from one row of A to the next.
  int last, rowFloats;
};

// The initial values of the sums: zero if `at` is null. Else those of row m begin at at + m·row, and panels are `next` floats apart. With
// row = 0, all rows have the same initial values: a bias.
struct Start {
  const float* at;
  index_t row, next;
};
static const Start ZERO = {0, 0, 0};
INLINE Start start_at(Panels c) { return {c.at, LANES, c.next}; }
INLINE Start bias_of(Panels bias) { return {bias.at, 0, bias.next}; }

// The initial values of part v of row m, counted in vectors over all panels.
INLINE vf start_of(const Start& start, int m, int v) {
  return start.at ? load(start.at + (v / PARTS) * start.next + m * start.row + (v % PARTS) * VW) : (vf){};
}
template <int M, int NP>
INLINE void store_sums(const vf (&sum)[M][NP * PARTS], float* c, index_t cNext) {
#pragma GCC unroll 16
  for (int m = 0; m < M; m++)
#pragma GCC unroll 16
    for (int v = 0; v < NP * PARTS; v++) store(c + (v / PARTS) * cNext + m * LANES + (v % PARTS) * VW, sum[m][v]);
}

// C[M][NP panels] = start + Σ A·B, for the rows of A from `row` on and the panels of B from `panel` on. A's element of row m and step k is
// a[m·AM + k·AK]; B's row of step k is b[k·16] in each panel.
template <int M, int NP, int AM, int AK>
NOINLINE void tile(const Term* terms, int count, index_t row, index_t panel, const Start& start, float* c, index_t cNext) {
  vf sum[M][NP * PARTS];
#pragma GCC unroll 16
  for (int m = 0; m < M; m++)
#pragma GCC unroll 16
    for (int v = 0; v < NP * PARTS; v++) sum[m][v] = start_of(start, m, v);
  for (const Term* term = terms; term < terms + count; term++) {
    const float* stretch = term->a.at + row * AM;
    const index_t bNext = term->b.next;
    const float* b = term->b.at + panel * bNext;
    const float* ahead = term->ahead;
    for (int i = 0; i < term->count; i++, stretch += term->a.next) {
      const float* a = stretch;
      for (const float* end = b + term->length * LANES; b < end; a += AK, b += LANES, ahead += LANES) {
        // With one row, the product is as fast as B can be read: prefetching would only take time.
        if (M > 1) fetch(ahead);
        vf right[NP * PARTS];
#pragma GCC unroll 16
        for (int v = 0; v < NP * PARTS; v++) {
          right[v] = load(b + (v / PARTS) * bNext + (v % PARTS) * VW);
          if (M > 1) keep(right[v]);
        }
#pragma GCC unroll 16
        for (int m = 0; m < M; m++) {
          const vf factor = splat(a[m * AM]);
#pragma GCC unroll 16
          for (int v = 0; v < NP * PARTS; v++) sum[m][v] = fma_(factor, right[v], sum[m][v]);
        }
      }
    }
  }
  store_sums<M, NP>(sum, c, cNext);
}

typedef void (*TileFunction)(const Term*, int, index_t, index_t, const Start&, float*, index_t);

// One entry for each number of rows, from 0 to 6, of the template TILE.
#define TILES(TILE, NP, AM, AK)                                                                    \
  {                                                                                                \
    0, TILE<1, NP, AM, AK>, TILE<2, NP, AM, AK>,                                                   \
        TILE_ROWS < 3 ? 0 : TILE<TILE_ROWS < 3 ? 1 : 3, NP, AM, AK>,                               \
        TILE_ROWS < 4 ? 0 : TILE<TILE_ROWS < 4 ? 1 : 4, NP, AM, AK>,                               \
        TILE_ROWS < 5 ? 0 : TILE<TILE_ROWS < 5 ? 1 : 5, NP, AM, AK>,                               \
        TILE_ROWS < 6 ? 0 : TILE<TILE_ROWS < 6 ? 1 : 6, NP, AM, AK>                                \
  }
#if VW == 16
#define TILE_TABLE(TILE, AM, AK) {TILES(TILE, 1, AM, AK), TILES(TILE, 2, AM, AK), TILES(TILE, 3, AM, AK), TILES(TILE, 4, AM, AK)}
#else
#define TILE_TABLE(TILE, AM, AK) {TILES(TILE, 1, AM, AK)}
#endif
// Tiles of few rows have more panels: eight sums hide the latency of a multiply-add, two or four do not.
#if VW == 16
#define ONE_ROW(TILE, NP, AM, AK) {0, TILE<1, NP, AM, AK>}
#define ROW_TILE_TABLE(TILE, AM, AK)                                                                   \
  {TILES(TILE, 1, AM, AK),   TILES(TILE, 2, AM, AK),   TILES(TILE, 3, AM, AK),   TILES(TILE, 4, AM, AK), \
   ONE_ROW(TILE, 5, AM, AK), ONE_ROW(TILE, 6, AM, AK), ONE_ROW(TILE, 7, AM, AK), ONE_ROW(TILE, 8, AM, AK)}
static const TileFunction ROW_TILES[][7] = ROW_TILE_TABLE(tile, LANES, 1);
static int panels_of_tile(index_t rows) { return rows == 1 ? 8 : TILE_PANELS; }
#elif VW == 8
#define ROW_TILE_TABLE(TILE, AM, AK) \
  {TILES(TILE, 1, AM, AK), {0, TILE<1, 2, AM, AK>, TILE<2, 2, AM, AK>}, {0, TILE<1, 3, AM, AK>}, {0, TILE<1, 4, AM, AK>}}
static const TileFunction ROW_TILES[][7] = ROW_TILE_TABLE(tile, LANES, 1);
static int panels_of_tile(index_t rows) { return rows == 1 ? 4 : rows == 2 ? 2 : TILE_PANELS; }
#else
static const TileFunction ROW_TILES[][7] = {TILES(tile, 1, LANES, 1), {0, tile<1, 2, LANES, 1>}};
static int panels_of_tile(index_t rows) { return rows == 1 ? 2 : TILE_PANELS; }
#endif
static const TileFunction COLUMN_TILES[TILE_PANELS][7] = TILE_TABLE(tile, 1, LANES);

// C = Aᵀ·B, or C += Aᵀ·B if `adds`, for one panel A [rows][16]: 16 rows of C in `count` panels, with B in as many. The rows of Aᵀ are the columns
// of the panel, and k runs over its rows. Prefetches the rows that follow in A and in panel `fetched` of B.
static void multiply_columns(const TileFunction (*tiles)[7], index_t rows, int count, const float* a, Panels b, Panels c, bool adds, int fetched) {
  enum { TILES_IN_PANEL = (LANES + TILE_ROWS - 1) / TILE_ROWS };
  const float* next[TILES_IN_PANEL] = {a + rows * LANES};
  if (TILES_IN_PANEL > 1) next[1] = b.at + fetched * b.next + rows * LANES;
  for (int i = 2; i < TILES_IN_PANEL; i++) next[i] = b.at;
  Term all = {{(float*)a, 0}, 1, (int)rows, b, 0, 0, 0, (int)rows, 1};
  for (int p = 0; p < count; p += TILE_PANELS) {
    const int width = count - p < TILE_PANELS ? count - p : TILE_PANELS;
    int column = 0;
    for (int i = 0; i < TILES_IN_PANEL; i++) {
      const int height = LANES / TILES_IN_PANEL + (i < LANES % TILES_IN_PANEL);
      const Panels into = {c.at + p * c.next + column * LANES, c.next};
      all.ahead = next[i];
      tiles[width - 1][height](&all, 1, column, p, adds ? start_at(into) : ZERO, into.at, into.next);
      column += height;
    }
  }
}

// Transposes one panel of W, [16·kPanels][16], into 16 rows of each panel of Wᵀ, [kPanels][N][16].
static void transpose_panel(const float* w, index_t N, int kPanels, float* into) {
  for (int kp = 0; kp < kPanels; kp++)
    for (int lane = 0; lane < LANES; lane++) {
      float* row = into + (kp * N + lane) * LANES;
      const float* from = w + (index_t)kp * LANES * LANES + lane;
      for (int k = 0; k < LANES; k++) row[k] = from[k * LANES];
    }
}

namespace {
// What the products below need to know about the elements of A and B. bfloat16.h has another one.
struct Float32 {
  // STEPS: steps of k in a panel of A; the panels of B have STEPS rows for each of them. BLOCK: panels of A whose columns are next to each
  // other in memory, so that floats from one of their rows to the next are STEPS · BLOCK.
  // IS_PACKED: whether A and B differ from the float32 matrices that they are made of. PACKS_WEIGHTS: whether a call packs B.
  // MAX_TERM_BLOCKS: at most this many blocks of A are summed per pass over the rows, so that their part of B, 512 rows, stays in the
  // second-level cache. MAX_ROWS: rows of a tile.
  enum { STEPS = LANES, BLOCK = 1, IS_PACKED = 0, PACKS_WEIGHTS = 0, MAX_TERM_BLOCKS = 32, MAX_ROWS = TILE_ROWS };
  // Computes a tile. The rows of A are the rows of a panel, and k runs over its columns.
  static void row_tile(int width, int rows, const Term* terms, int count, index_t row, index_t panel, const Start& start, Panels c) {
    ROW_TILES[width - 1][rows](terms, count, row, panel, start, c.at, c.next);
  }
  // Panels of a tile, if the product has so many rows.
  static int most_panels(index_t rows) { return panels_of_tile(rows); }
  // Aᵀ·B: see multiply_columns.
  static void column_product(index_t rows, int count, const float* a, Panels b, Panels c, bool adds, int fetched) {
    multiply_columns(COLUMN_TILES, rows, count, a, b, c, adds, fetched);
  }
  // Rows `from` … `to` − 1 of a matrix in `count` panels, as the left side of a product. If they are packed, `room` receives them. The last
  // argument is for int8.
  static Panels rows(Panels a, int, index_t, index_t, Panels, float* = 0) { return a; }
  // Floats of a panel of B, if A has kPanels panels.
  static index_t panel_floats(int kPanels) { return (index_t)kPanels * LANES * LANES; }
  // The weights of a token in one panel of a look-up table [⌈N/16⌉][V][16], from lane v on.
  static vf token_weights(const float* table, index_t panel, index_t V, int token, int v) {
    return load(table + (panel * V + token) * LANES + v);
  }
  // Copies the vector of a token from an embedding [count][V][16] to panels.
  static void embed(const float* table, int count, index_t V, int token, float* into, index_t next) {
    for (int p = 0; p < count; p++)
      for (int i = 0; i < LANES; i++) into[p * next + i] = table[(p * V + token) * LANES + i];
  }
  // Steps of k of a weight gradient over some rows.
  static index_t steps_of_rows(index_t rows) { return rows; }
  // Transposes a panel of weights, as the right side of a product: see transpose_panel.
  static void transpose(const float* w, index_t N, int kPanels, float* into) { transpose_panel(w, N, kPanels, into); }
};
}  // namespace

// Floats from one row of A to the next.
template <class Element>
constexpr index_t row_floats() { return (index_t)Element::STEPS * Element::BLOCK; }
// A from one of its rows on.
template <class Element>
INLINE Panels rows_from(Panels a, index_t row) { return {a.at + row * row_floats<Element>(), a.next}; }

// The term A·B with A in kPanels panels.
template <class Element = Float32>
INLINE Term term(Panels a, int kPanels, Panels b, const float* scales = 0) {
  const int blocks = (kPanels + Element::BLOCK - 1) / Element::BLOCK, length = Element::STEPS * Element::BLOCK;
  const int last = Element::STEPS * kPanels - (blocks - 1) * length;
  return {a, blocks, length, b, TILE_PANELS * b.next, b.at, scales, last, length};
}

// Computes all rows of `width` panels of C, from panel `p` on, in tiles of nearly equal height.
//
// Each of the first tiles prefetches one of the next panels of weights, so that these move from the third-level to the second-level cache
// during the computation.
template <class Element>
static void multiply_rows(index_t M, int width, int p, Term* terms, int termCount, Start start, Panels c) {
  const int tiles = (int)((M + Element::MAX_ROWS - 1) / Element::MAX_ROWS), height = (int)M / tiles, higher = (int)M % tiles;
  if (start.at) start.at += p * start.next;
  Panels into = {c.at + p * c.next, c.next};
  index_t row = 0;
  for (int i = 0; i < tiles; i++) {
    const int rows = height + (i < higher);
    for (Term* t = terms; t < terms + termCount; t++) t->ahead = t->b.at + (i < width ? (p + i) * t->b.next + t->following : p * t->b.next);
    Element::row_tile(width, rows, terms, termCount, row, p, start, into);
    row += rows;
    into.at += rows * LANES;
    if (start.at) start.at += rows * start.row;
  }
}

// C[M rows][count panels] = start + the sum of the terms, each B [count][K][16].
template <class Element = Float32>
static void multiply(index_t M, int count, Term* terms, int termCount, Start start, Panels c) {
  const int MAX_TERM_BLOCKS = Element::MAX_TERM_BLOCKS;
  const int most = Element::most_panels(M);
  int blocks = 0;
  for (int i = 0; i < termCount; i++) blocks += terms[i].count;
  for (int p = 0; p < count; p += most) {
    const int width = count - p < most ? count - p : most;
    if (blocks <= MAX_TERM_BLOCKS) {
      multiply_rows<Element>(M, width, p, terms, termCount, start, c);
      continue;
    }
    Start from = start;
    for (const Term* term = terms; term < terms + termCount; term++) {
      const int parts = (term->count + MAX_TERM_BLOCKS - 1) / MAX_TERM_BLOCKS;
      for (int i = 0, s = 0; i < parts; i++) {
        Term part = *term;
        part.count = (term->count - s + parts - i - 1) / (parts - i);
        part.a.at += s * part.a.next;
        part.b.at += (index_t)s * part.length * LANES;
        s += part.count;
        if (s < term->count) {
          part.following = (index_t)part.count * part.length * LANES;
          part.last = part.length;
        } else {
          part.following -= (index_t)(s - part.count) * part.length * LANES;
        }
        multiply_rows<Element>(M, width, p, &part, 1, from, c);
        from = start_at(c);
      }
    }
  }
}
// C[M rows][count panels] = start + A·B, with A in kPanels panels.
template <class Element = Float32>
static void multiply(index_t M, int count, int kPanels, Panels a, Panels b, Start start, Panels c) {
  Term only = term<Element>(a, kPanels, b);
  multiply<Element>(M, count, &only, 1, start, c);
}

// dW [count panels][K][16] = Xᵀ·dY over R rows: X in kPanels panels, dY in count panels.
//
// The rows are processed in blocks that stay in the second-level cache, and in chunks that stay in the first-level cache while four panels
// of X are multiplied with them.
template <class Element = Float32>
static void weight_gradient(index_t R, int kPanels, Panels x, int count, Panels dY, Panels dW) {
  const index_t BLOCK = 384, CHUNK = 96;
  const int GROUP = 4;
  for (index_t block = 0; block < R; block += BLOCK) {
    const index_t blockEnd = block + BLOCK < R ? block + BLOCK : R;
    for (int group = 0; group < kPanels; group += GROUP) {
      const int groupEnd = group + GROUP < kPanels ? group + GROUP : kPanels;
      for (index_t chunk = block; chunk < blockEnd; chunk += CHUNK) {
        const index_t rows = chunk + CHUNK < blockEnd ? CHUNK : blockEnd - chunk;
        const Panels right = {dY.at + chunk * LANES, dY.next};
        for (int p = group; p < groupEnd; p++) {
          const Panels into = {dW.at + p * LANES * LANES, dW.next};
          Element::column_product(rows, count, x.at + p * x.next + chunk * LANES, right, into, chunk > 0, p - group < count ? p - group : 0);
        }
      }
    }
  }
}

INLINE void clear(float* at, index_t count) {
  for (index_t i = 0; i < count; i++) at[i] = 0;
}
INLINE void copy_floats(float* to, const float* from, index_t count) {
  for (index_t i = 0; i < count; i++) to[i] = from[i];
}

// into [count panels · 16] = the sums of the columns over R rows. Several panels at a time, because each addition to a column has to wait for
// the previous one.
static void column_sums(index_t R, int count, Panels panels, float* into) {
  enum { AT_ONCE = 4 };
  for (int first = 0; first < count; first += AT_ONCE) {
    const float* at[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) at[i] = panels.at + (first + i < count ? first + i : first) * panels.next;
    vf sums[AT_ONCE][PARTS] = {};
    for (index_t r = 0; r < R; r++)
      for (int i = 0; i < AT_ONCE; i++)
        for (int v = 0; v < PARTS; v++) sums[i][v] += load(at[i] + r * LANES + v * VW);
    for (int i = 0; i < AT_ONCE && first + i < count; i++)
      for (int v = 0; v < PARTS; v++) store(into + (first + i) * LANES + v * VW, sums[i][v]);
  }
}

// The gradient of a look-up: row v of `into` [count panels][V][16] is the sum of the rows of `from` [count panels][R][16] whose token is v.
static void sum_by_token(index_t R, int count, const int* token, index_t V, Panels from, Panels into) {
  for (int p = 0; p < count; p++) clear(into.at + p * into.next, V * LANES);
  for (index_t r = 0; r < R; r++)
    for (int p = 0; p < count; p++)
      for (int v = 0; v < LANES; v += VW) {
        float* sum = into.at + p * into.next + (index_t)token[r] * LANES + v;
        store(sum, load(sum) + load(from.at + p * from.next + r * LANES + v));
      }
}
