// A linear map over all positions, and the embedding.
//
// Equations: output = input·Wᵀ + b; dX = dY·W, dW = dYᵀ·X, db = Σ dY over the positions. Embedding: output[i] = E[token[i]];
// dE[v] = Σ d output[i] over the positions i with token v.
//
// Scratch memory: ⌈H⌉·⌈V⌉ floats for the transposed weights, if dX is computed (linearScratch in src/engine/sizes.ts). In float32, the forward
// pass and the embedding need none. In bfloat16 (bfloat16.h), both passes need ⌈H⌉·⌈V⌉ + P·(⌈H⌉ + 2·⌈V⌉ + 16) floats, with P = ⌈positions/2⌉, for
// the packed weights, the rows of the left side, and the pairs of rows for dW.
#pragma once
#include "bfloat16-blocks.h"
#include "bfloat16.h"
#include "call.h"
#include "int8.h"

struct LinearNumbers {
  double positions, H, V;
  double weight, bias;  // offsets in the weights, in floats
  double element;  // of the products: enum Element
};
struct LinearBuffers {
  const float* weights;  // packed vector: at `weight` W [⌈V/16⌉][⌈H⌉][16], at `bias` b [⌈V⌉]
  const float* input;    // [⌈H/16⌉][positions][16]
  float* output;         // [⌈V/16⌉][positions][16]; backward: its gradient dY
  float* gradient;       // packed vector, as the weights; backward only
  float* inputGradient;  // dX [⌈H/16⌉][positions][16], or null; backward only
  float* scratch;        // as above; or null, if none is needed
};

// Positions per task.
static const index_t POSITIONS = 96;

// output = input·Wᵀ + b.
template <class Element>
static void linear_forward(const Call* call, Team* team, int thread) {
  const LinearNumbers& n = *(const LinearNumbers*)call->numbers;
  const LinearBuffers& b = *(const LinearBuffers*)call->buffers;
  const index_t R = (index_t)n.positions;
  const int HP = panels((int)n.H), VP = panels((int)n.V);
  const float *weight = b.weights + (index_t)n.weight, *bias = b.weights + (index_t)n.bias;
  const index_t K = (index_t)HP * LANES * LANES, factorNext = Element::panel_floats(HP);
  if (Element::PACKS_WEIGHTS) {
    const Share share = share_of(team, thread, VP);
    for (index_t p = share.from; p < share.to; p++) pack_row_pairs(HP * LANES, weight + p * K, b.scratch + p * factorNext);
    barrier(team);
  }
  const Panels factors = {Element::PACKS_WEIGHTS ? b.scratch : (float*)weight, factorNext};
  const Panels room = {b.scratch + VP * factorNext, R * row_floats<Element>()};
  for (index_t from = (index_t)next_task(team, 0) * POSITIONS; from < R; from = (index_t)next_task(team, 0) * POSITIONS) {
    const index_t rows = R - from < POSITIONS ? R - from : POSITIONS;
    const Panels input = Element::rows({(float*)b.input, R * LANES}, HP, from, from + rows, room);
    multiply<Element>(rows, VP, HP, rows_from<Element>(input, from), factors, bias_of({(float*)bias, LANES}),
                      {b.output + from * LANES, R * LANES});
  }
}

// dX = dY·W, dW = dYᵀ·X, db = Σ dY.
template <class Element>
static void linear_backward(const Call* call, Team* team, int thread) {
  const LinearNumbers& n = *(const LinearNumbers*)call->numbers;
  const LinearBuffers& b = *(const LinearBuffers*)call->buffers;
  const index_t R = (index_t)n.positions, steps = Element::steps_of_rows(R);
  const int HP = panels((int)n.H), VP = panels((int)n.V);
  const index_t K = (index_t)HP * LANES * LANES, dNext = R * LANES, pairsNext = steps * LANES;
  const float* weight = b.weights + (index_t)n.weight;
  // In bfloat16: pairs of rows of X and dY, then rows of dY.
  float* packed = b.scratch + (index_t)HP * VP * LANES * LANES;
  const Panels x = {Element::IS_PACKED ? packed : (float*)b.input, pairsNext};
  const Panels dY = {Element::IS_PACKED ? packed + HP * pairsNext : b.output, pairsNext};
  if constexpr (Element::IS_PACKED) {
    const Share share = share_of(team, thread, HP + VP);
    for (index_t p = share.from; p < share.to; p++)
      if (p < HP) Element::pack_left(R, b.input + p * dNext, packed + p * pairsNext);
      else pack_row_pairs(R, b.output + (p - HP) * dNext, packed + p * pairsNext);
  }
  if (b.inputGradient) {
    const Share share = share_of(team, thread, VP);
    for (int p = (int)share.from; p < share.to; p++)
      Element::transpose(weight + p * K, (index_t)VP * LANES, HP, b.scratch + (index_t)p * Element::STEPS * LANES);
  }
  if (Element::IS_PACKED || b.inputGradient) barrier(team);
  if (b.inputGradient) {
    const Panels room = {dY.at + VP * pairsNext, R * row_floats<Element>()};
    for (index_t from = (index_t)next_task(team, 0) * POSITIONS; from < R; from = (index_t)next_task(team, 0) * POSITIONS) {
      const index_t rows = R - from < POSITIONS ? R - from : POSITIONS;
      const Panels d = Element::rows({b.output, dNext}, VP, from, from + rows, room);
      multiply<Element>(rows, HP, VP, rows_from<Element>(d, from), {b.scratch, (index_t)VP * Element::STEPS * LANES}, ZERO,
                        {b.inputGradient + from * LANES, dNext});
    }
  }
  float* dW = b.gradient + (index_t)n.weight;
  // A task computes the weights between four panels of outputs and four panels of inputs, so that even a small vocabulary keeps many threads
  // busy.
  enum { GROUP = 4, SIDE = 4 };
  const int groups = (VP + GROUP - 1) / GROUP, sides = (HP + SIDE - 1) / SIDE;
  for (int task = next_task(team, 1); task < groups * sides; task = next_task(team, 1)) {
    const int p = (task / sides) * GROUP, first = (task % sides) * SIDE;
    const int count = VP - p < GROUP ? VP - p : GROUP, xCount = HP - first < SIDE ? HP - first : SIDE;
    weight_gradient<Element>(steps, xCount, {x.at + first * pairsNext, pairsNext}, count, {dY.at + p * pairsNext, pairsNext},
                             {dW + p * K + (index_t)first * LANES * LANES, K});
    if (first == 0) column_sums(R, count, {b.output + p * dNext, dNext}, b.gradient + (index_t)n.bias + p * LANES);
  }
}

struct EmbeddingNumbers {
  double positions, V, D, weight;
  double element;
};
struct EmbeddingBuffers {
  float* vector;      // packed vector of the weights or, backward, of their gradient: at `weight` E [⌈D/16⌉][V][16]
  const int* tokens;  // [positions]
  float* output;      // [⌈D/16⌉][positions][16]; backward: its gradient
};

template <class Element>
static void embedding_forward(const Call* call, Team* team, int thread) {
  const EmbeddingNumbers& n = *(const EmbeddingNumbers*)call->numbers;
  const EmbeddingBuffers& b = *(const EmbeddingBuffers*)call->buffers;
  const index_t R = (index_t)n.positions, V = (index_t)n.V;
  const Share share = share_of(team, thread, R);
  for (index_t row = share.from; row < share.to; row++)
    Element::embed(b.vector + (index_t)n.weight, panels((int)n.D), V, b.tokens[row], b.output + row * LANES, R * LANES);
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
