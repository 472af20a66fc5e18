// Softmax and cross entropy, one position at a time.
//
// Equations: loss = log Σ exp(z) − z[target]; log p = z − log Σ exp(z); dz = weight·scale·(p − one-hot(target)).
//
// Scratch memory: one double per position.
#pragma once
#include "call.h"
#include "elementary.h"
#include "matrix.h"

// log Σ exp(z) of a row of V logits in panels, which are `next` floats apart. Sets `maximum` to the largest logit.
static double log_sum_exp(const float* row, index_t next, int V, float* maximum) {
  const int whole = V / LANES, rest = V % LANES;
  vf tops[PARTS];
  for (int v = 0; v < PARTS; v++) tops[v] = splat(row[0]);
  for (int p = 0; p < whole; p++)
    for (int v = 0; v < PARTS; v++) tops[v] = larger(load(row + p * next + v * VW), tops[v]);
  float top = max_of_lanes(tops);
  for (int j = 0; j < rest; j++) top = row[whole * next + j] > top ? row[whole * next + j] : top;
  *maximum = top;
  // A NaN is never the maximum, but it makes the sum NaN.
  vf sums[PARTS] = {};
  for (int p = 0; p < whole; p++)
    for (int v = 0; v < PARTS; v++) sums[v] += exp_(load(row + p * next + v * VW) - splat(top));
  if (rest) {
    for (int v = 0; v < PARTS; v++) sums[v] += first_lanes(exp_(load(row + whole * next + v * VW) - splat(top)), rest - v * VW);
  }
  return top + log_(sum_of_lanes(sums));
}

struct CrossEntropyNumbers {
  double positions, V, gradientScale;
  double perPosition;  // whether `loss` also receives the loss of each position
};
struct CrossEntropyBuffers {
  const float* logits;           // [⌈V/16⌉][positions][16]
  const int* targets;            // [positions]
  const float* positionWeights;  // [positions], or null
  float* loss;                   // [1]: the weighted sum; with perPosition [1 + positions]: then the unweighted loss of each position
  float* logProbabilities;       // [⌈V/16⌉][positions][16], or null
  float* gradient;               // [⌈V/16⌉][positions][16], or null; may be the logits
  double* scratch;               // [positions]: the weighted losses
};

static void cross_entropy(const Call* call, Team* team, int thread) {
  const CrossEntropyNumbers& n = *(const CrossEntropyNumbers*)call->numbers;
  const CrossEntropyBuffers& b = *(const CrossEntropyBuffers*)call->buffers;
  const index_t R = (index_t)n.positions, next = R * LANES;
  const int V = (int)n.V, VP = panels(V);
  const Share share = share_of(team, thread, R);
  for (index_t r = share.from; r < share.to; r++) {
    const float* row = b.logits + r * LANES;
    const int y = b.targets[r];
    float top;
    const double sum = log_sum_exp(row, next, V, &top);
    const double loss = sum - row[(y / LANES) * next + y % LANES];
    const float weight = b.positionWeights ? b.positionWeights[r] : 1;
    b.scratch[r] = weight == 0 ? 0 : loss * weight;
    if (n.perPosition != 0) b.loss[1 + r] = (float)loss;
    const vf shift = splat((float)sum), scale = splat(weight * (float)n.gradientScale);
    for (int p = 0; p < VP && (b.logProbabilities || b.gradient); p++)
      for (int v = 0; v < LANES; v += VW) {
        const index_t at = p * next + r * LANES + v;
        const int rest = V - p * LANES - v;
        const vf log = first_lanes(load(b.logits + at) - shift, rest);
        if (b.logProbabilities) store(b.logProbabilities + at, log);
        if (b.gradient) store(b.gradient + at, first_lanes(exp_(log) * scale, rest));
      }
    if (b.gradient) b.gradient[(y / LANES) * next + r * LANES + y % LANES] -= weight * (float)n.gradientScale;
  }
  barrier(team);
  if (thread != 0) return;
  double total = 0;
  for (index_t r = 0; r < R; r++) total += b.scratch[r];
  b.loss[0] = (float)total;
}
