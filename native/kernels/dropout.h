// Inverted dropout (Srivastava et al. 2014), on units and on weights (DropConnect, Wan et al. 2013).
//
// Equation: out = in / (1 − p) if hash(key, row, step, unit) ≥ threshold = p·2³², else 0. For weights, the output takes the place of the row,
// the input that of the unit, and the step is 0. If whole inputs are dropped, the row is 0 too.
//
// src/engine/dropout-mask.ts defines the hash. The recurrent layers call drop_rows for their input (recurrent.h); `dropout` and drop_weights
// are operations of the engine.
//
// Buffers: `in` and `into` of drop_rows are panels [⌈columns/16⌉][rows][16], and may be the same. The matrix of drop_weights is a part of a
// packed vector, [gates·⌈N/16⌉][K][16].
//
// Memory: none, because masks are computed when they are needed.
#pragma once
#include "call.h"
#include "matrix.h"

INLINE u32 mix32(u32 x) {
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  return x ^ (x >> 16);
}

struct Dropout {
  u32 threshold;  // units with a hash below this are dropped; 0: no dropout
  u32 key;        // dropoutKey in src/engine/dropout-mask.ts: seed, batch and site
  float scale;      // 1 / (1 − p)
  int perSequence;  // 1: one mask for all steps of a row; 0: a mask for each step
  int firstStep;    // number of the call's first step in its sequence
};

INLINE vu mix_all(vu x) {
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  return x ^ (x >> 16);
}

// Applies dropout to rows `from` … `to` − 1 of a step, in some panels of its columns. `in` and `into` point to row 0 of the first of them.
static void drop_panels(const Dropout& dropout, int step, index_t from, index_t to, Share columns, Panels in, Panels into) {
  for (index_t row = from; row < to; row++) {
    const u32 position = mix32(mix32(dropout.key ^ (u32)row) + (dropout.perSequence ? 0 : (u32)(dropout.firstStep + step)));
    for (index_t p = 0; p < columns.to - columns.from; p++)
      for (int v = 0; v < PARTS; v++) {
        vu x;
        for (int i = 0; i < VW; i++) x[i] = position + (u32)((columns.from + p) * LANES + v * VW + i);
        const vi kept = (vi)(mix_all(x) >= dropout.threshold);
        const index_t at = row * LANES + v * VW;
        const vf value = load(in.at + p * in.next + at) * splat(dropout.scale);
        store(into.at + p * into.next + at, (vf)((vi)value & kept));
      }
  }
}

// Applies dropout to whole rows.
static void drop_rows(const Dropout& dropout, int step, index_t from, index_t to, int columns, Panels in, Panels into) {
  drop_panels(dropout, step, from, to, {0, panels(columns)}, in, into);
}

struct DropoutNumbers {
  double steps, rows, columns, threshold, key, scale, perSequence, firstStep;
};
struct DropoutBuffers {
  const float* input;  // [⌈columns/16⌉][steps·rows][16]
  float* output;       // [⌈columns/16⌉][steps·rows][16]; may be the input
};

// Applies dropout to a whole tensor. The threads divide its rows.
static void dropout(const Call* call, Team* team, int thread) {
  const DropoutNumbers& n = *(const DropoutNumbers*)call->numbers;
  const DropoutBuffers& b = *(const DropoutBuffers*)call->buffers;
  const Dropout mask = {(u32)n.threshold, (u32)n.key, (float)n.scale, (int)n.perSequence, (int)n.firstStep};
  const index_t B = (index_t)n.rows, next = (index_t)n.steps * B * LANES;
  const Share share = share_of(team, thread, B);
  for (index_t t = 0; t < (index_t)n.steps; t++)
    drop_rows(mask, (int)t, share.from, share.to, (int)n.columns, {(float*)b.input + t * B * LANES, next}, {b.output + t * B * LANES, next});
}

struct WeightDropoutNumbers {
  // The matrix: N outputs for each gate, K inputs, and its offset in the vector, in floats.
  double gates, N, K, at;
  // Whether whole inputs are dropped.
  double inputs;
  double threshold, key, scale;
};

// Drops weights of a matrix, or all weights of some of its inputs, in buffers[0], the packed vector.
static void drop_weights(const Call* call, Team* team, int thread) {
  const WeightDropoutNumbers& n = *(const WeightDropoutNumbers*)call->numbers;
  const int unitPanels = panels((int)n.N);
  const index_t K = (index_t)n.K;
  const u32 threshold = (u32)n.threshold;
  const vf scale = splat((float)n.scale);
  const Share share = share_of(team, thread, (index_t)n.gates * unitPanels);
  for (index_t p = share.from; p < share.to; p++) {
    const index_t firstOutput = p / unitPanels * (index_t)n.N + p % unitPanels * LANES;
    vu position[PARTS];
    for (int v = 0; v < PARTS; v++)
      for (int i = 0; i < VW; i++) position[v][i] = mix32(mix32((u32)n.key ^ (n.inputs != 0 ? 0 : (u32)(firstOutput + v * VW + i))));
    float* weights = call->buffers[0] + (index_t)n.at + p * K * LANES;
    for (index_t k = 0; k < K; k++)
      for (int v = 0; v < PARTS; v++) {
        const vi kept = (vi)(mix_all(position[v] + (u32)k) >= threshold);
        float* at = weights + k * LANES + v * VW;
        store(at, (vf)((vi)(load(at) * scale) & kept));
      }
  }
}
