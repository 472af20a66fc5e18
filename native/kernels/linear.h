// A linear map over all positions, and the embedding.
//
// Equations: output = input·Wᵀ + b; dX = dY·W, dW = dYᵀ·X, db = Σ dY over the positions. Embedding: output[i] = E[token[i]];
// dE[v] = Σ d output[i] over the positions i with token v.
//
// Scratch memory: ⌈H⌉·⌈V⌉ floats for the transposed weights, if dX is computed (linearScratch in src/engine/sizes.ts). The forward pass and
// the embedding need none.
#pragma once
#include "call.h"
#include "matrix.h"

struct LinearNumbers {
  double positions, H, V;
  double weight, bias;  // offsets in the weights, in floats
};
struct LinearBuffers {
  const float* weights;  // packed vector: at `weight` W [⌈V/16⌉][⌈H⌉][16], at `bias` b [⌈V⌉]
  const float* input;    // [⌈H/16⌉][positions][16]
  float* output;         // [⌈V/16⌉][positions][16]; backward: its gradient dY
  float* gradient;       // packed vector, as the weights; backward only
  float* inputGradient;  // dX [⌈H/16⌉][positions][16], or null; backward only
  float* scratch;        // Wᵀ [⌈H/16⌉][⌈V⌉][16], if there is an inputGradient
};

// Positions per task.
static const index_t POSITIONS = 96;

// output = input·Wᵀ + b.
static void linear_forward(const Call* call, Team* team, int thread) {
  const LinearNumbers& n = *(const LinearNumbers*)call->numbers;
  const LinearBuffers& b = *(const LinearBuffers*)call->buffers;
  const index_t R = (index_t)n.positions;
  const int HP = panels((int)n.H), VP = panels((int)n.V);
  const float *weight = b.weights + (index_t)n.weight, *bias = b.weights + (index_t)n.bias;
  (void)thread;
  for (index_t from = (index_t)next_task(team, 0) * POSITIONS; from < R; from = (index_t)next_task(team, 0) * POSITIONS) {
    const index_t rows = R - from < POSITIONS ? R - from : POSITIONS;
    multiply(rows, VP, HP, {(float*)b.input + from * LANES, R * LANES}, {(float*)weight, (index_t)HP * LANES * LANES},
             bias_of({(float*)bias, LANES}), {b.output + from * LANES, R * LANES});
  }
}

// dX = dY·W, dW = dYᵀ·X, db = Σ dY.
static void linear_backward(const Call* call, Team* team, int thread) {
  const LinearNumbers& n = *(const LinearNumbers*)call->numbers;
  const LinearBuffers& b = *(const LinearBuffers*)call->buffers;
  const index_t R = (index_t)n.positions;
  const int HP = panels((int)n.H), VP = panels((int)n.V);
  const index_t K = (index_t)HP * LANES * LANES, dNext = R * LANES;
  const float* weight = b.weights + (index_t)n.weight;
  if (b.inputGradient) {
    const Share share = share_of(team, thread, VP);
    for (int p = (int)share.from; p < share.to; p++) transpose_panel(weight + p * K, (index_t)VP * LANES, HP, b.scratch + (index_t)p * LANES * LANES);
    barrier(team);
    for (index_t from = (index_t)next_task(team, 0) * POSITIONS; from < R; from = (index_t)next_task(team, 0) * POSITIONS) {
      const index_t rows = R - from < POSITIONS ? R - from : POSITIONS;
      multiply(rows, HP, VP, {b.output + from * LANES, dNext}, {b.scratch, (index_t)VP * LANES * LANES}, ZERO,
               {b.inputGradient + from * LANES, dNext});
    }
  }
  float* dW = b.gradient + (index_t)n.weight;
  // A task computes the weights between four panels of outputs and four panels of inputs, so that even a small vocabulary keeps many threads
  // busy.
  enum { GROUP = 4, SIDE = 4 };
  const int groups = (VP + GROUP - 1) / GROUP, sides = (HP + SIDE - 1) / SIDE;
  for (int task = next_task(team, 1); task < groups * sides; task = next_task(team, 1)) {
    const int p = (task / sides) * GROUP, x = (task % sides) * SIDE;
    const int count = VP - p < GROUP ? VP - p : GROUP, xCount = HP - x < SIDE ? HP - x : SIDE;
    const Panels d = {b.output + p * dNext, dNext};
    weight_gradient(R, xCount, {(float*)b.input + x * dNext, dNext}, count, d, {dW + p * K + (index_t)x * LANES * LANES, K});
    if (x == 0) column_sums(R, count, d, b.gradient + (index_t)n.bias + p * LANES);
  }
}

struct EmbeddingNumbers {
  double positions, V, D, weight;
};
struct EmbeddingBuffers {
  float* vector;      // packed vector of the weights or, backward, of their gradient: at `weight` E [⌈D/16⌉][V][16]
  const int* tokens;  // [positions]
  float* output;      // [⌈D/16⌉][positions][16]; backward: its gradient
};

static void embedding_forward(const Call* call, Team* team, int thread) {
  const EmbeddingNumbers& n = *(const EmbeddingNumbers*)call->numbers;
  const EmbeddingBuffers& b = *(const EmbeddingBuffers*)call->buffers;
  const index_t R = (index_t)n.positions, V = (index_t)n.V;
  const Share share = share_of(team, thread, R);
  for (int p = 0; p < panels((int)n.D); p++)
    for (index_t row = share.from; row < share.to; row++)
      copy_floats(b.output + (p * R + row) * LANES, b.vector + (index_t)n.weight + (p * V + b.tokens[row]) * LANES, LANES);
}

static void embedding_backward(const Call* call, Team* team, int thread) {
  const EmbeddingNumbers& n = *(const EmbeddingNumbers*)call->numbers;
  const EmbeddingBuffers& b = *(const EmbeddingBuffers*)call->buffers;
  const index_t R = (index_t)n.positions, V = (index_t)n.V;
  const Share share = share_of(team, thread, panels((int)n.D));
  const Panels from = {b.output + share.from * R * LANES, R * LANES};
  const Panels into = {b.vector + (index_t)n.weight + share.from * V * LANES, V * LANES};
  sum_by_token(R, (int)(share.to - share.from), b.tokens, V, from, into);
}
