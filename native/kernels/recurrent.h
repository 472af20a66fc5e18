// A recurrent layer over T steps of B rows, forward and backward.
//
// Threads take rows of the batch, and each runs all steps of its rows by itself: nobody waits within the sequence. Weight
// gradients are split by panels, never by rows, so that the number of threads does not touch their bits.
#pragma once
#include "call.h"
#include "cells.h"
#include "mask.h"

struct RecurrentNumbers {
  double cell, resetAfter, tokens;
  double T, B, D, H;
  // Where the module's parts stand in the weights and in their gradient, in floats.
  double inputWeights, inputBias, hiddenWeights, hiddenBias;
  double dropThreshold, dropKey, dropScale, dropPerSequence, firstStep;
  // Steps that the tape has room for; without a tape, two slots of the scratch are used in turn.
  double slots;
};

struct RecurrentBuffers {
  const float* weights;
  const float* input;
  const unsigned char* resets;
  const float* mask;
  const float* initial;
  float* last;
  float* output;
  float* cells;
  float* tape;
  // Sums of both biases, a weight matrix masked, weights transposed, gradients carried from step to step.
  float* scratch;
  const float* outputGradient;
  const float* finalGradient;
  float* gradient;
  float* inputGradient;
  float* initialGradient;
};

// Sizes and places of a call, derived once by each thread.
struct Layer {
  int cell, gates, D, H;
  // Whether a state has c beside h.
  bool hasC;
  bool after, tokens;
  index_t T, B, slots;
  int hPanels, dPanels;
  index_t state;      // one state part: panels of B rows lie `B·16` apart within S·B rows
  index_t stateNext;
  index_t tapeNext;   // from panel to panel of the tape
  index_t outNext;    // of [T, B, ·] tensors
  const float *inputWeights, *inputBias, *hiddenWeights, *hiddenBias;
  float *gate, *before, *cellBefore, *candidate, *dropped;  // on the tape
  float *bias, *masked, *hiddenTransposed, *inputTransposed, *dhBefore, *dc, *spare;  // in the scratch
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
  l.masked = at += (index_t)l.gates * l.hPanels * LANES;
  if (b.mask) at += hidden;
  l.hiddenTransposed = at;
  l.inputTransposed = at += hidden;
  if (!l.tokens) at += (index_t)l.gates * l.hPanels * l.dPanels * LANES * LANES;
  const index_t rows = l.hPanels * l.B * LANES;
  l.dhBefore = at;
  l.dc = at += rows;
  l.spare = at += rows;
  l.dropout = {(u32)n.dropThreshold, (u32)n.dropKey, (float)n.dropScale, (int)n.dropPerSequence, (int)n.firstStep};
  return l;
}

// Both biases of panels `from` to `to` as one. With the reset after the product the candidate's hidden bias stays within
// r·(U h' + b).
static void sum_biases(const Layer& l, int from, int to) {
  for (int p = from; p < to; p++)
    for (int i = 0; i < LANES; i++) {
      const bool apart = l.after && p >= 2 * l.hPanels;
      l.bias[p * LANES + i] = l.inputBias[p * LANES + i] + (apart ? 0 : l.hiddenBias[p * LANES + i]);
    }
}

// Sets up what all rows share: bias sums and, with a mask, the masked hidden weights. Ends with everybody met.
static void prepare_layer(Layer& l, const Call* call, Team* team, int thread) {
  const RecurrentBuffers& b = *(const RecurrentBuffers*)call->buffers;
  const int all = l.gates * l.hPanels;
  const Share share = share_of(team, thread, all);
  sum_biases(l, (int)share.from, (int)share.to);
  for (long p = share.from; b.mask && p < share.to; p++) {
    const index_t K = (index_t)l.hPanels * LANES;
    const int gate = (int)p / l.hPanels, first = ((int)p % l.hPanels) * LANES;
    for (index_t k = 0; k < K; k++)
      for (int i = 0; i < LANES; i++) {
        const index_t at = (p * K + k) * LANES + i;
        const bool inside = k < l.H && first + i < l.H;
        l.masked[at] = inside ? l.hiddenWeights[at] * b.mask[((index_t)gate * l.H + first + i) * l.H + k] : 0;
      }
  }
  meet(team);
  if (b.mask) l.hiddenWeights = l.masked;
}

// Puts `from` rows of `parts` panels, at row `fromRow`, to rows at `toRow`; a row that is reset becomes zero.
static void carry_rows(int count, const float* from, index_t fromNext, float* to, index_t toNext, const unsigned char* reset,
                       index_t rowFrom, index_t rowTo) {
  for (int p = 0; p < count; p++)
    for (index_t row = rowFrom; row < rowTo; row++) {
      float* into = to + p * toNext + row * LANES;
      if (reset && reset[row]) clear(into, LANES);
      else copy_floats(into, from + p * fromNext + row * LANES, LANES);
    }
}

// gates[rows of a step] of panels p, p + panelStep, … begin as bias + the look-up of the token.
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

// All of a step's sums into panels p, p + panelStep, …: bias, input, then (unless `hidden` is null) the hidden state.
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
  // The cell's gates take turns: panel after panel of each.
  for (int i = 0; panelStep > 1 && i < termCount; i++) terms[i].following = terms[i].b.next / panelStep;
  if (termCount) multiply(to - from, count, terms, termCount, token ? given(into) : bias_of(bias), into);
}

// Where one forward step reads and writes; pointers begin at the step's row 0. Panels of gates, `before`, `cellBefore` and
// `candidate` lie l.tapeNext apart.
struct StepPlace {
  const int* token;  // or null, and x
  Panels x;
  float *gates, *before, *cellBefore, *candidate;
  Panels cell;  // the new c
  Panels out;   // the new h,
  Panels next;  // and again
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
    multiply(to - from, HP, HP, candidate, u, given(sums), sums);
  }
  for (int p = 0; p < HP; p++)
    gru_output(from, to, at.gates + p * next, gateNext, at.before + p * next, at.candidate + p * next, at.out.at + p * at.out.next,
               at.next.at + p * at.next.next, l.after);
}

static void recurrent_forward(const Call* call, Team* team, int thread) {
  const RecurrentBuffers& b = *(const RecurrentBuffers*)call->buffers;
  Layer l = layer_of(call);
  prepare_layer(l, call, team, thread);
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

// The gradients of one step's sums, and that in the state before it (in dhBefore and dc), for some rows.
static void step_backward(const Layer& l, index_t t, const float* dh, index_t from, index_t to) {
  const int HP = l.hPanels;
  const index_t step = l.B * LANES, slot = t * step, gateNext = HP * l.tapeNext;
  float *gates = l.gate + slot, *before = l.before + slot;
  // Uᵀ [HP panels][gates·HP·16][16]: gate q's rows begin at q·HP·16.
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
  float* candidate = l.candidate + slot;
  for (int p = 0; p < HP; p++)
    gru_backward_output(from, to, gates + p * l.tapeNext, gateNext, before + p * l.tapeNext, dh + p * l.outNext, l.dhBefore + p * step,
                        candidate + p * l.tapeNext, l.after);
  const Panels u = {l.hiddenTransposed + 2 * uGate, uNext};
  if (l.after) {
    multiply(to - from, HP, HP, {candidate + from * LANES, l.tapeNext}, u, given(carried), carried);
  } else {
    const Panels dProduct = {l.spare + from * LANES, step};
    multiply(to - from, HP, HP, {gates + 2 * gateNext + from * LANES, l.tapeNext}, u, ZERO, dProduct);
    for (int p = 0; p < HP; p++)
      gru_backward_reset(from, to, gates + p * l.tapeNext, gateNext, before + p * l.tapeNext, l.spare + p * step, l.dhBefore + p * step);
  }
  multiply(to - from, HP, 2 * HP, {gates + from * LANES, l.tapeNext}, {l.hiddenTransposed, uNext}, given(carried), carried);
}

// Gradients of the weights that belong to `count` panels of one gate, from `first` on.
static void panel_gradients(const Layer& l, const Call* call, int gate, int first, int count) {
  const RecurrentNumbers& n = *(const RecurrentNumbers*)call->numbers;
  const RecurrentBuffers& b = *(const RecurrentBuffers*)call->buffers;
  const int HP = l.hPanels, panel = gate * HP + first;
  const index_t rows = l.T * l.B, KH = (index_t)HP * LANES * LANES, KD = (index_t)l.dPanels * LANES * LANES;
  const Panels d = {l.gate + panel * l.tapeNext, l.tapeNext};
  const bool isCandidate = l.cell == CELL_GRU && gate == 2;
  // What the hidden weights were multiplied with, and the gradient of that product.
  const Panels h = {isCandidate && !l.after ? l.candidate : l.before, l.tapeNext};
  const Panels dHidden = {isCandidate && l.after ? l.candidate + first * l.tapeNext : d.at, l.tapeNext};
  float* hiddenInto = b.gradient + (index_t)n.hiddenWeights + panel * KH;
  float *inputBias = b.gradient + (index_t)n.inputBias + panel * LANES, *hiddenBias = b.gradient + (index_t)n.hiddenBias + panel * LANES;
  column_sums(rows, count, d, inputBias);
  if (dHidden.at == d.at) copy_floats(hiddenBias, inputBias, count * LANES);
  else column_sums(rows, count, dHidden, hiddenBias);
  weight_gradient(rows, HP, h, count, dHidden, {hiddenInto, KH});
  if (b.mask) {
    for (int p = 0; p < count; p++)
      for (index_t k = 0; k < HP * LANES; k++)
        for (int i = 0; i < LANES; i++) {
          const index_t unit = (first + p) * LANES + i;
          const bool inside = k < l.H && unit < l.H;
          float* into = hiddenInto + p * KH + k * LANES + i;
          *into = inside ? *into * b.mask[((index_t)gate * l.H + unit) * l.H + k] : 0;
        }
  }
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
  Layer l = layer_of(call);
  prepare_layer(l, call, team, thread);
  const int HP = l.hPanels, all = l.gates * HP;
  const index_t KH = (index_t)HP * LANES * LANES, KD = (index_t)l.dPanels * LANES * LANES;
  const bool wantsInput = !l.tokens && b.inputGradient;
  const Share own = share_of(team, thread, all);
  for (int p = (int)own.from; p < own.to; p++) {
    transpose_panel(l.hiddenWeights + p * KH, (index_t)all * LANES, HP, l.hiddenTransposed + (index_t)p * LANES * LANES);
    if (wantsInput) transpose_panel(l.inputWeights + p * KD, (index_t)all * LANES, l.dPanels, l.inputTransposed + (index_t)p * LANES * LANES);
  }
  meet(team);

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
  meet(team);

  // Tasks: four panels of one gate each.
  enum { GROUP = 4 };
  const int groups = (HP + GROUP - 1) / GROUP, tasks = l.gates * groups;
  for (int task = take(team, 0); task < tasks; task = take(team, 0)) {
    const int gate = task / groups, first = (task % groups) * GROUP;
    panel_gradients(l, call, gate, first, HP - first < GROUP ? HP - first : GROUP);
  }
}
