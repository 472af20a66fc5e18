// A linear map over all positions, and look-ups.
#pragma once
#include "call.h"
#include "matrix.h"

struct LinearNumbers {
  double positions, H, V;
  double weight, bias;  // places in the weights, in floats
};
struct LinearBuffers {
  const float* weights;
  const float* input;
  float* output;  // backward: the gradient in it
  float* gradient;
  float* inputGradient;
  float* scratch;  // Wᵀ
};

// Positions that a thread takes at once.
static const index_t POSITIONS = 96;

// output = input·Wᵀ + b.
static void linear_forward(const Call* call, Team* team, int thread) {
  const LinearNumbers& n = *(const LinearNumbers*)call->numbers;
  const LinearBuffers& b = *(const LinearBuffers*)call->buffers;
  const index_t R = (index_t)n.positions;
  const int HP = panels((int)n.H), VP = panels((int)n.V);
  const float *weight = b.weights + (index_t)n.weight, *bias = b.weights + (index_t)n.bias;
  (void)thread;
  for (index_t from = (index_t)take(team, 0) * POSITIONS; from < R; from = (index_t)take(team, 0) * POSITIONS) {
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
    meet(team);
    for (index_t from = (index_t)take(team, 0) * POSITIONS; from < R; from = (index_t)take(team, 0) * POSITIONS) {
      const index_t rows = R - from < POSITIONS ? R - from : POSITIONS;
      multiply(rows, HP, VP, {b.output + from * LANES, dNext}, {b.scratch, (index_t)VP * LANES * LANES}, ZERO,
               {b.inputGradient + from * LANES, dNext});
    }
  }
  float* dW = b.gradient + (index_t)n.weight;
  // Tasks: four panels of W times some of the panels of X, so that a small vocabulary is work for many too.
  enum { GROUP = 4, SIDE = 4 };
  const int groups = (VP + GROUP - 1) / GROUP, sides = (HP + SIDE - 1) / SIDE;
  for (int task = take(team, 1); task < groups * sides; task = take(team, 1)) {
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
  float* vector;  // weights, or their gradient
  const int* tokens;
  float* output;  // or the gradient in it
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
