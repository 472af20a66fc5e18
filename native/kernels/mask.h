// Inverted dropout (Srivastava et al. 2014).
//
// Equation: out = in / (1 − p) if hash(key, row, step, unit) ≥ threshold = p·2³², else 0.
//
// src/engine/dropout-mask.ts defines the hash. `in` and `into` are panels [⌈columns/16⌉][rows][16], and may be the same.
//
// Memory: none, because masks are computed when they are needed.
#pragma once
#include "matrix.h"

INLINE u32 mix32(u32 x) {
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  return x ^ (x >> 16);
}

struct Dropout {
  u32 threshold;  // units with a hash below this are dropped; 0: no dropout
  u32 key;
  float scale;      // 1 / (1 − p)
  int perSequence;  // 1: one mask for all steps of a row; 0: a mask for each step
  int firstStep;    // number of the call's first step in its sequence
};

// Applies dropout to rows `from` to `to` of a step. `in` and `into` point to the step's row 0.
static void drop_rows(const Dropout& dropout, int step, index_t from, index_t to, int columns, Panels in, Panels into) {
  for (index_t row = from; row < to; row++) {
    const u32 position = mix32(mix32(dropout.key ^ (u32)row) + (dropout.perSequence ? 0 : (u32)(dropout.firstStep + step)));
    for (int p = 0; p < panels(columns); p++)
      for (int v = 0; v < PARTS; v++) {
        vu x;
        for (int i = 0; i < VW; i++) x[i] = position + (u32)(p * LANES + v * VW + i);
        x = (x ^ (x >> 16)) * 0x7feb352dU;
        x = (x ^ (x >> 15)) * 0x846ca68bU;
        x = x ^ (x >> 16);
        const vi kept = (vi)(x >= dropout.threshold);
        const index_t at = row * LANES + v * VW;
        const vf value = load(in.at + p * in.next + at) * splat(dropout.scale);
        store(into.at + p * into.next + at, (vf)((vi)value & kept));
      }
  }
}
