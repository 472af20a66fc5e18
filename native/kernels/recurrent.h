// A recurrent layer over T steps of B rows, forward and backward.
//
// Equations: sum = W x + U h' + b, then those of the cell (cells.h). Backward, with the gradients d of the sums: dh' = Uᵀd, dx = Wᵀd; over all
// steps and rows, dW = Σ d xᵀ, dU = Σ d h'ᵀ, db = Σ d. This is backpropagation through time (Werbos 1990). A gru's candidate differs in U h':
// see cells.h, step_backward and panel_gradients.
//
// The rows of the batch are divided among the threads. Each thread runs all steps of its rows by itself, without waiting for others. Weight
// gradients are divided by panels, never by rows, so that their bits do not depend on the number of threads.
//
// Memory (src/engine/sizes.ts), with H and D padded to multiples of 16, and D = 0 for tokens:
//   tape     T·B·G·H + T·B·K·H + T·B·D floats: the gates; K arrays of states before each step; the input after dropout
//   scratch  G·H + G·H·H + G·H·D + 3·B·H floats: the sums of both biases; the recurrent and the input weights, transposed; three gradients
//            of states
#pragma once
#include "call.h"
#include "cells.h"
#include "dropout.h"

struct RecurrentNumbers {
  double cell, resetAfter, tokens;
  double T, B, D, H;
  // Offsets of the layer's tensors in the weights and in their gradient, in floats.
  double inputWeights, inputBias, hiddenWeights, hiddenBias;
  double dropThreshold, dropKey, dropScale, dropPerSequence, firstStep;
  // Steps that the tape can hold. If no backward pass follows, 2 are enough, used alternately.
  double slots;
};

struct RecurrentBuffers {
  const float* weights;         // packed vector: W [G·⌈H/16⌉][⌈D⌉ or, for tokens, D][16], U [G·⌈H/16⌉][⌈H⌉][16], two biases [G·⌈H⌉]
  const float* input;           // [⌈D/16⌉][T·B][16], or int [T·B] of tokens
  const unsigned char* resets;  // [T, B]: 1 resets the state before the step; or null
  const float* initial;         // [⌈H/16⌉][S][B][16]: the state before the first step; forward only
  float* last;                  // [⌈H/16⌉][S][B][16]: receives the state after the last step; may be `initial`; forward only
  float* output;                // [⌈H/16⌉][T·B][16]: receives h; forward only
  float* cells;                 // [⌈H/16⌉][T·B][16]: receives c; or null; forward only
  float* tape;                  // [·][slots·B][16], panels as listed under Layer
  float* scratch;               // as in the memory formula above
  const float* outputGradient;  // [⌈H/16⌉][T·B][16]; this and all below: backward only
  const float* finalGradient;   // [⌈H/16⌉][S][B][16], or null for zero
  float* gradient;              // packed vector, as the weights
  float* inputGradient;         // [⌈D/16⌉][T·B][16], or null
  float* initialGradient;       // [⌈H/16⌉][S][B][16], or null
};

// The sizes and pointers of a call. Each thread computes its own copy.
struct Layer {
  int cell, gates, D, H;
  // Whether a state has c besides h.
  bool hasC;
  // `after`: a gru's reset acts after the product. `tokens`: the input is tokens.
  bool after, tokens;
  index_t T, B, slots;
  int hPanels, dPanels;
  index_t stateNext;  // floats from panel to panel of a state, of the tape, and of [T, B, ·] tensors
  index_t tapeNext;
  index_t outNext;
  const float *inputWeights, *inputBias, *hiddenWeights, *hiddenBias;
  // On the tape: the gates [G·⌈H/16⌉][slots·B][16]; h, c and the candidate before each step [⌈H/16⌉][slots·B][16] (c and the candidate
  // share a pointer, because no cell has both); the input after dropout [⌈D/16⌉][slots·B][16].
  float *gate, *before, *cellBefore, *candidate, *dropped;
  // In the scratch memory: bias [G·⌈H⌉]; Uᵀ, G·⌈H⌉·⌈H⌉ floats; Wᵀ, G·⌈H⌉·⌈D⌉ floats; the rest [⌈H/16⌉][B][16].
  float *bias, *hiddenTransposed, *inputTransposed, *dhBefore, *dc, *spare;
  Dropout dropout;
};

static Layer layer_of(const Call* call) {
  const RecurrentNumbers& n = *(const RecurrentNumbers*)call->numbers;
  const RecurrentBuffers& b = *(const RecurrentBuffers*)call->buffers;
  Layer l;
  l.cell = (int)n.cell;
  l.gates = GATE_COUNT[l.cell];
  l.after = n.resetAfter != 0;
  l.tokens = n.tokens != 0;
  l.T = (index_t)n.T;
  l.B = (index_t)n.B;
  l.D = (int)n.D;
  l.H = (int)n.H;
  l.slots = (index_t)n.slots;
  l.hPanels = panels(l.H);
  l.dPanels = panels(l.D);
  l.hasC = STATE_PARTS[l.cell] > 1;
  l.stateNext = STATE_PARTS[l.cell] * l.B * LANES;
  l.tapeNext = l.slots * l.B * LANES;
  l.outNext = l.T * l.B * LANES;
  l.inputWeights = b.weights + (index_t)n.inputWeights;
  l.inputBias = b.weights + (index_t)n.inputBias;
  l.hiddenWeights = b.weights + (index_t)n.hiddenWeights;
  l.hiddenBias = b.weights + (index_t)n.hiddenBias;
  float* at = b.tape;
  const index_t unit = l.hPanels * l.tapeNext;
  l.gate = at;
  l.before = at += l.gates * unit;
  l.cellBefore = l.candidate = at += unit;
  if (KEPT_COUNT[l.cell] > 1) at += unit;
  l.dropped = at;
  at = b.scratch;
  const index_t hidden = (index_t)l.gates * l.hPanels * l.hPanels * LANES * LANES;
  l.bias = at;
  l.hiddenTransposed = at += (index_t)l.gates * l.hPanels * LANES;
  l.inputTransposed = at += hidden;
  if (!l.tokens) at += (index_t)l.gates * l.hPanels * l.dPanels * LANES * LANES;
  const index_t rows = l.hPanels * l.B * LANES;
  l.dhBefore = at;
  l.dc = at += rows;
  l.spare = at += rows;
  l.dropout = {(u32)n.dropThreshold, (u32)n.dropKey, (float)n.dropScale, (int)n.dropPerSequence, (int)n.firstStep};
  return l;
}

// Adds up both biases for panels `from` … `to` − 1. With the reset after the product, the candidate's hidden bias is left out: it is part of
// r·(U h' + b).
static void sum_biases(const Layer& l, int from, int to) {
  for (int p = from; p < to; p++)
    for (int i = 0; i < LANES; i++) {
      const bool apart = l.after && p >= 2 * l.hPanels;
      l.bias[p * LANES + i] = l.inputBias[p * LANES + i] + (apart ? 0 : l.hiddenBias[p * LANES + i]);
    }
}

// Computes what all rows need: the sums of the biases. Ends with a barrier.
static void prepare_layer(const Layer& l, Team* team, int thread) {
  const Share share = share_of(team, thread, l.gates * l.hPanels);
  sum_biases(l, (int)share.from, (int)share.to);
  barrier(team);
}

// Copies rows `rowFrom` … `rowTo` − 1 of `count` panels. Rows with `reset` become zero instead.
static void carry_rows(int count, const float* from, index_t fromNext, float* to, index_t toNext, const unsigned char* reset,
                       index_t rowFrom, index_t rowTo) {
  for (int p = 0; p < count; p++)
    for (index_t row = rowFrom; row < rowTo; row++) {
      float* into = to + p * toNext + row * LANES;
      if (reset && reset[row]) clear(into, LANES);
      else copy_floats(into, from + p * fromNext + row * LANES, LANES);
    }
}

// Sets the gates in panels firstPanel, firstPanel + panelStep, … to the bias plus the token's row of the input weights.
static void look_up(const Layer& l, int firstPanel, int panelStep, int count, const int* token, index_t from, index_t to, float* gates) {
  const index_t V = l.D;
  for (int i = 0; i < count; i++) {
    const index_t p = firstPanel + (index_t)i * panelStep;
    float* into = gates + p * l.tapeNext;
    for (index_t row = from; row < to; row++)
      for (int v = 0; v < LANES; v += VW)
        store(into + row * LANES + v, load(l.bias + p * LANES + v) + load(l.inputWeights + (p * V + token[row]) * LANES + v));
  }
}

// Computes a step's sums in panels firstPanel, firstPanel + panelStep, …: bias, then input, then hidden state, unless `hidden` is null.
static void step_products(const Layer& l, int firstPanel, int panelStep, int count, const int* token, Panels x, const float* hidden,
                          index_t from, index_t to, float* gates) {
  const index_t KH = (index_t)l.hPanels * LANES * LANES, KD = (index_t)l.dPanels * LANES * LANES;
  const Panels into = {gates + firstPanel * l.tapeNext + from * LANES, panelStep * l.tapeNext};
  Term terms[2];
  int termCount = 0;
  if (token) look_up(l, firstPanel, panelStep, count, token, from, to, gates);
  else terms[termCount++] = term({x.at + from * LANES, x.next}, l.dPanels, {(float*)l.inputWeights + firstPanel * KD, panelStep * KD});
  if (hidden)
    terms[termCount++] = term({(float*)hidden + from * LANES, l.tapeNext}, l.hPanels, {(float*)l.hiddenWeights + firstPanel * KH, panelStep * KH});
  const Panels bias = {l.bias + firstPanel * LANES, (index_t)panelStep * LANES};
  // With a panelStep, the next call computes the next panel of each gate: prefetch that.
  for (int i = 0; panelStep > 1 && i < termCount; i++) terms[i].following = terms[i].b.next / panelStep;
  if (termCount) multiply(to - from, count, terms, termCount, token ? start_at(into) : bias_of(bias), into);
}

// What one forward step reads and writes. Pointers are to the step's row 0. Panels of `gates`, `before`, `cellBefore` and `candidate` are
// l.tapeNext floats apart.
struct StepPlace {
  const int* token;  // [B], or null: then x is the input
  Panels x;
  float *gates, *before, *cellBefore, *candidate;
  Panels cell;  // receives c
  Panels out;   // receives h
  Panels next;  // receives h for the next step
};

static void forward_step(const Layer& l, const StepPlace& at, index_t from, index_t to) {
  const int HP = l.hPanels;
  const index_t next = l.tapeNext, gateNext = HP * next;
  if (l.cell == CELL_LSTM) {
    for (int p = 0; p < HP; p++) {
      step_products(l, p, HP, 4, at.token, at.x, at.before, from, to, at.gates);
      lstm_forward(from, to, at.gates + p * next, gateNext, at.cellBefore + p * next, at.cell.at + p * at.cell.next,
                   at.out.at + p * at.out.next, at.next.at + p * at.next.next);
    }
    return;
  }
  if (l.cell == CELL_RNN) {
    step_products(l, 0, 1, HP, at.token, at.x, at.before, from, to, at.gates);
    for (int p = 0; p < HP; p++) rnn_forward(from, to, at.gates + p * next, at.out.at + p * at.out.next, at.next.at + p * at.next.next);
    return;
  }
  const index_t KH = (index_t)HP * LANES * LANES;
  const Panels u = {(float*)l.hiddenWeights + 2 * HP * KH, KH};
  const Panels candidate = {at.candidate + from * LANES, next};
  step_products(l, 0, 1, 2 * HP, at.token, at.x, at.before, from, to, at.gates);
  for (int p = 0; p < HP; p++)
    gru_gates(from, to, at.gates + p * next, gateNext, at.before + p * next, at.candidate + p * next, l.after);
  step_products(l, 2 * HP, 1, HP, at.token, at.x, 0, from, to, at.gates);
  if (l.after) {
    const Panels bias = {(float*)l.hiddenBias + 2 * HP * LANES, LANES};
    multiply(to - from, HP, HP, {at.before + from * LANES, next}, u, bias_of(bias), candidate);
  } else {
    const Panels sums = {at.gates + 2 * gateNext + from * LANES, next};
    multiply(to - from, HP, HP, candidate, u, start_at(sums), sums);
  }
  for (int p = 0; p < HP; p++)
    gru_output(from, to, at.gates + p * next, gateNext, at.before + p * next, at.candidate + p * next, at.out.at + p * at.out.next,
               at.next.at + p * at.next.next, l.after);
}

static void recurrent_forward(const Call* call, Team* team, int thread) {
  const RecurrentBuffers& b = *(const RecurrentBuffers*)call->buffers;
  const Layer l = layer_of(call);
  prepare_layer(l, team, thread);
  const Share share = share_of(team, thread, l.B);
  const index_t from = share.from, to = share.to;
  if (from == to) return;
  const int HP = l.hPanels;
  const index_t step = l.B * LANES, hPart = H_PART[l.cell] * step;

  carry_rows(HP, b.initial + hPart, l.stateNext, l.before, l.tapeNext, b.resets, from, to);
  if (l.hasC) carry_rows(HP, b.initial, l.stateNext, l.cellBefore, l.tapeNext, b.resets, from, to);

  for (index_t t = 0; t < l.T; t++) {
    const bool last = t + 1 == l.T;
    const index_t slot = (t % l.slots) * step, next = ((t + 1) % l.slots) * step;
    const Panels spare = {l.spare, step};
    StepPlace at = {
        l.tokens ? (const int*)b.input + t * l.B : 0,
        {(float*)b.input + t * step, l.outNext},
        l.gate + slot,
        l.before + slot,
        l.cellBefore + slot,
        l.candidate + slot,
        last ? spare : Panels{l.cellBefore + next, l.tapeNext},
        {b.output + t * step, l.outNext},
        last ? Panels{b.last + hPart, l.stateNext} : Panels{l.before + next, l.tapeNext},
    };
    if (!l.tokens && l.dropout.threshold) {
      const Panels dropped = {l.dropped + slot, l.tapeNext};
      drop_rows(l.dropout, (int)t, from, to, l.D, at.x, dropped);
      at.x = dropped;
    }
    forward_step(l, at, from, to);
    if (l.hasC && b.cells) carry_rows(HP, at.cell.at, at.cell.next, b.cells + t * step, l.outNext, 0, from, to);
    if (last) {
      if (l.hasC) carry_rows(HP, l.spare, step, b.last, l.stateNext, 0, from, to);
    } else if (b.resets) {
      const unsigned char* reset = b.resets + (t + 1) * l.B;
      carry_rows(HP, at.next.at, at.next.next, at.next.at, at.next.next, reset, from, to);
      if (l.hasC) carry_rows(HP, at.cell.at, at.cell.next, at.cell.at, at.cell.next, reset, from, to);
    }
  }
}

// Computes, for some rows, the gradients of one step's sums and, in dhBefore and dc, those of the state before the step.
static void step_backward(const Layer& l, index_t t, const float* dh, index_t from, index_t to) {
  const int HP = l.hPanels;
  const index_t step = l.B * LANES, slot = t * step, gateNext = HP * l.tapeNext;
  float *gates = l.gate + slot, *before = l.before + slot;
  // Uᵀ [HP panels][gates·HP·16][16]: the rows of gate q begin at q·HP·16.
  const index_t uNext = (index_t)l.gates * HP * LANES * LANES, uGate = (index_t)HP * LANES * LANES;
  const Panels carried = {l.dhBefore + from * LANES, step};
  if (l.cell == CELL_LSTM) {
    for (int p = 0; p < HP; p++)
      lstm_backward(from, to, gates + p * l.tapeNext, gateNext, l.cellBefore + slot + p * l.tapeNext, dh + p * l.outNext,
                    l.dhBefore + p * step, l.dc + p * step, step);
    multiply(to - from, HP, 4 * HP, {gates + from * LANES, l.tapeNext}, {l.hiddenTransposed, uNext}, ZERO, carried);
    return;
  }
  if (l.cell == CELL_RNN) {
    for (int p = 0; p < HP; p++) rnn_backward(from, to, gates + p * l.tapeNext, dh + p * l.outNext, l.dhBefore + p * step);
    multiply(to - from, HP, HP, {gates + from * LANES, l.tapeNext}, {l.hiddenTransposed, uNext}, ZERO, carried);
    return;
  }
  // gru: dh' = d·(1 − z) + Uzᵀ dz + Urᵀ dr, and of the candidate Unᵀ (dn·r) with the reset after the product, r·(Unᵀ dn) before it.
  float* candidate = l.candidate + slot;
  for (int p = 0; p < HP; p++)
    gru_backward_output(from, to, gates + p * l.tapeNext, gateNext, before + p * l.tapeNext, dh + p * l.outNext, l.dhBefore + p * step,
                        candidate + p * l.tapeNext, l.after);
  const Panels u = {l.hiddenTransposed + 2 * uGate, uNext};
  if (l.after) {
    multiply(to - from, HP, HP, {candidate + from * LANES, l.tapeNext}, u, start_at(carried), carried);
  } else {
    const Panels dProduct = {l.spare + from * LANES, step};
    multiply(to - from, HP, HP, {gates + 2 * gateNext + from * LANES, l.tapeNext}, u, ZERO, dProduct);
    for (int p = 0; p < HP; p++)
      gru_backward_reset(from, to, gates + p * l.tapeNext, gateNext, before + p * l.tapeNext, l.spare + p * step, l.dhBefore + p * step);
  }
  multiply(to - from, HP, 2 * HP, {gates + from * LANES, l.tapeNext}, {l.hiddenTransposed, uNext}, start_at(carried), carried);
}

// Computes the gradients of the weights of `count` panels of one gate, from `first` on. The candidate of a gru has its own: with the reset after
// the product dUn = Σ (dn·r) h'ᵀ, before it dUn = Σ dn (r·h')ᵀ.
static void panel_gradients(const Layer& l, const Call* call, int gate, int first, int count) {
  const RecurrentNumbers& n = *(const RecurrentNumbers*)call->numbers;
  const RecurrentBuffers& b = *(const RecurrentBuffers*)call->buffers;
  const int HP = l.hPanels, panel = gate * HP + first;
  const index_t rows = l.T * l.B, KH = (index_t)HP * LANES * LANES, KD = (index_t)l.dPanels * LANES * LANES;
  const Panels d = {l.gate + panel * l.tapeNext, l.tapeNext};
  const bool isCandidate = l.cell == CELL_GRU && gate == 2;
  // What the hidden weights are multiplied by, and the gradient of that product.
  const Panels h = {isCandidate && !l.after ? l.candidate : l.before, l.tapeNext};
  const Panels dHidden = {isCandidate && l.after ? l.candidate + first * l.tapeNext : d.at, l.tapeNext};
  float* hiddenInto = b.gradient + (index_t)n.hiddenWeights + panel * KH;
  float *inputBias = b.gradient + (index_t)n.inputBias + panel * LANES, *hiddenBias = b.gradient + (index_t)n.hiddenBias + panel * LANES;
  column_sums(rows, count, d, inputBias);
  if (dHidden.at == d.at) copy_floats(hiddenBias, inputBias, count * LANES);
  else column_sums(rows, count, dHidden, hiddenBias);
  weight_gradient(rows, HP, h, count, dHidden, {hiddenInto, KH});
  if (!l.tokens) {
    const Panels x = {l.dropout.threshold ? l.dropped : (float*)b.input, l.dropout.threshold ? l.tapeNext : l.outNext};
    weight_gradient(rows, l.dPanels, x, count, d, {b.gradient + (index_t)n.inputWeights + panel * KD, KD});
    return;
  }
  const index_t V = l.D;
  sum_by_token(rows, count, (const int*)b.input, V, d, {b.gradient + (index_t)n.inputWeights + panel * V * LANES, V * LANES});
}

static void recurrent_backward(const Call* call, Team* team, int thread) {
  const RecurrentBuffers& b = *(const RecurrentBuffers*)call->buffers;
  const Layer l = layer_of(call);
  prepare_layer(l, team, thread);
  const int HP = l.hPanels, all = l.gates * HP;
  const index_t KH = (index_t)HP * LANES * LANES, KD = (index_t)l.dPanels * LANES * LANES;
  const bool wantsInput = !l.tokens && b.inputGradient;
  const Share own = share_of(team, thread, all);
  for (int p = (int)own.from; p < own.to; p++) {
    transpose_panel(l.hiddenWeights + p * KH, (index_t)all * LANES, HP, l.hiddenTransposed + (index_t)p * LANES * LANES);
    if (wantsInput) transpose_panel(l.inputWeights + p * KD, (index_t)all * LANES, l.dPanels, l.inputTransposed + (index_t)p * LANES * LANES);
  }
  barrier(team);

  const Share share = share_of(team, thread, l.B);
  const index_t from = share.from, to = share.to, step = l.B * LANES, hPart = H_PART[l.cell] * step;
  const index_t wNext = (index_t)all * LANES * LANES;
  for (int p = 0; p < HP && from < to; p++) {
    const index_t at = p * step + from * LANES, count = (to - from) * LANES;
    const float* final_ = b.finalGradient ? b.finalGradient + p * l.stateNext + from * LANES : 0;
    if (final_) copy_floats(l.dhBefore + at, final_ + hPart, count);
    else clear(l.dhBefore + at, count);
    if (final_ && l.hasC) copy_floats(l.dc + at, final_, count);
    else clear(l.dc + at, count);
  }
  for (index_t t = l.T - 1; t >= 0 && from < to; t--) {
    step_backward(l, t, b.outputGradient + t * step, from, to);
    if (wantsInput) {
      const Panels d = {l.gate + t * step + from * LANES, l.tapeNext};
      const Panels into = {b.inputGradient + t * step, l.outNext};
      multiply(to - from, l.dPanels, all, d, {l.inputTransposed, wNext}, ZERO, {into.at + from * LANES, into.next});
      if (l.dropout.threshold) drop_rows(l.dropout, (int)t, from, to, l.D, into, into);
    }
    if (!b.resets) continue;
    const unsigned char* reset = b.resets + t * l.B;
    carry_rows(HP, l.dhBefore, step, l.dhBefore, step, reset, from, to);
    carry_rows(HP, l.dc, step, l.dc, step, reset, from, to);
  }
  if (b.initialGradient && from < to) {
    carry_rows(HP, l.dhBefore, step, b.initialGradient + hPart, l.stateNext, 0, from, to);
    if (l.hasC) carry_rows(HP, l.dc, step, b.initialGradient, l.stateNext, 0, from, to);
  }
  barrier(team);

  // A task is four panels of one gate.
  enum { GROUP = 4 };
  const int groups = (HP + GROUP - 1) / GROUP, tasks = l.gates * groups;
  for (int task = next_task(team, 0); task < tasks; task = next_task(team, 0)) {
    const int gate = task / groups, first = (task % groups) * GROUP;
    panel_gradients(l, call, gate, first, HP - first < GROUP ? HP - first : GROUP);
  }
}
