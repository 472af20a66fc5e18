// A recurrent layer over T steps of B rows, forward and backward.
//
// Equations: sum = W x + U h' + b, then those of the cell (cells.h). Backward, with the gradients d of the sums: dh' = Uᵀd, dx = Wᵀd; over all
// steps and rows, dW = Σ d xᵀ, dU = Σ d h'ᵀ, db = Σ d. This is backpropagation through time (Werbos 1990). A gru's candidate differs in U h':
// see cells.h, step_backward and panel_gradients.
//
// The rows of the batch are divided among crews of threads. A crew runs all steps of its rows without waiting for others. With enough rows for
// all, a crew is one thread. With more threads, those of a crew divide the hidden units too, and wait for each other in each step (Part). Each
// number is computed by one thread in the same order, so its bits do not depend on the division. Weight gradients are divided by panels,
// never by rows.
//
// In bfloat16, both sides of each product are rounded (bfloat16.h): the weights once per call, the rows x, h', d in each step. States, gates and
// all sums stay float32. The bias and the look-up of tokens are no products.
//
// Memory (src/engine/sizes.ts), with H and D padded to multiples of 16, and D = 0 for tokens:
//   tape     T·B·G·H + T·B·K·H + T·B·D floats: the gates; K arrays of states before each step; the input after dropout
//   scratch  G·H + G·H·H + G·H·D + 3·B·H floats: the sums of both biases; the recurrent and the input weights, transposed; three gradients
//            of states
//   scratch in bfloat16, additionally: B·D + B·H + ½·B·G·H + 8·B + P·D floats, with P = ⌈T·B/2⌉: rows of the input, of h' and of the gradients; the
//            input for the weight gradients, if it is not on the tape. Matrices on the tape are packed in place, when their floats are not
//            needed any more.
#pragma once
#include "bfloat16-blocks.h"
#include "bfloat16.h"
#include "call.h"
#include "cells.h"
#include "dropout.h"
#include "int8.h"

struct RecurrentNumbers {
  double cell, resetAfter, tokens;
  double T, B, D, H;
  // Offsets of the layer's tensors in the weights and in their gradient, in floats.
  double inputWeights, inputBias, hiddenWeights, hiddenBias;
  double dropThreshold, dropKey, dropScale, dropPerSequence, firstStep;
  // Steps that the tape can hold. If no backward pass follows, 2 are enough, used alternately.
  double slots;
  double element;  // of the products: enum Element
  double rowScales;  // whether a dense input has a scale for each row, in int8
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
  // What the forward products multiply with: the weights or, in bfloat16, the packed ones, in the place of Uᵀ and Wᵀ. Int8 weights are in the
  // form of int8.h.
  const float *inputFactors, *hiddenFactors;
  // In bfloat16, also in the scratch memory: packed rows x and h' [·][B][8] and d [G·⌈H/16⌉][B][8], or blocks of them; pairs of rows of x
  // [⌈D/16⌉][P][16].
  float *packedX, *packedH, *packedD, *inputPairs;
  // In int8, packed rows x and h' [·][B][4] in the same places, and after x the scales of its rows [B]; null for hidden states.
  float* xScales;
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
  l.packedX = at += rows;
  l.packedH = at += l.tokens ? 0 : l.B * l.dPanels * LANES;
  l.packedD = at += rows;
  l.inputPairs = at + (index_t)l.gates * rows / 2 + l.B * LANES / 2;
  l.xScales = n.rowScales != 0 ? l.packedX + l.B * l.dPanels * ROW_WORDS : 0;
  l.inputFactors = is_bfloat16(n.element) ? l.inputTransposed : l.inputWeights;
  l.hiddenFactors = is_bfloat16(n.element) ? l.hiddenTransposed : l.hiddenWeights;
  l.dropout = {(u32)n.dropThreshold, (u32)n.dropKey, (float)n.dropScale, (int)n.dropPerSequence, (int)n.firstStep};
  return l;
}

namespace {
// What one thread computes in each step: rows `from` … `to` − 1 and, of each gate, the hidden units in panels `first` … `end` − 1.
struct Part {
  index_t from, to;
  int first, end;
  // The number of threads with the same rows, the index of this one, and where they wait for each other.
  int threads, index;
  Barrier* at;
  const Team* team;
  // Receives the time of each wait, in milliseconds, in addition; or null.
  double* waited;

  int count() const { return end - first; }
  // The same rows, and this thread's share of so many panels.
  Part over(int panels) const {
    const Share units = share_in(panels, threads, index);
    return {from, to, (int)units.from, (int)units.to, threads, index, at, team, waited};
  }
  // Waits until the threads with the same rows have called this, before one reads what the others wrote.
  void wait() const {
    if (threads == 1) return;
    const double begin = waited ? team->now() : 0;
    wait_at(at, threads, team->yield);
    if (waited) *waited += team->now() - begin;
  }
  // This thread's share of what is prepared for all threads with the same rows.
  Share prepared() const {
    const Share own = share_in(to - from, threads, index);
    return {from + own.from, from + own.to};
  }
};
}  // namespace

// A thread's part of `rows` rows, if they are divided among crews of `size` threads: no panels yet (over). Threads that are left over have no
// rows.
static Part rows_of_crew(const Team* team, int thread, int size, index_t rows) {
  const int crews = team->threads / size, crew = thread / size;
  if (crew >= crews) return {0, 0, 0, 0, 1, 0, 0, team, 0};
  const Share own = share_in(rows, crews, crew);
  return {own.from, own.to, 0, 0, size, thread % size, size > 1 ? team->barriers + 1 + crew : 0, team, 0};
}

// The multiply-adds of a step. In double, because they may not fit into the 32 bits of a long in WebAssembly.
static double work_of(const Layer& l) { return (double)l.B * l.gates * l.H * (l.H + (l.tokens ? 0 : l.D)); }

// Products with fewer rows than ROWS_OF_CREW take longer for each row, because each row reads all weights. A wait takes about as long as some
// thousand multiply-adds.
static Part part_of(const Layer& l, const Team* team, int thread) {
  const index_t crewsWanted = l.B < ROWS_OF_CREW ? 1 : l.B / ROWS_OF_CREW;
  index_t size = team->threads / crewsWanted;
  if (size > l.hPanels) size = l.hPanels;
  if (size < 1 || team->threads / size > MAX_CREWS || work_of(l) / team->threads < LEAST_WORK) size = 1;
  return rows_of_crew(team, thread, (int)size, l.B).over(l.hPanels);
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

// Computes what all rows need in a forward pass: the sums of the biases, the packed weights. Ends with a barrier.
template <class Element>
static void prepare_forward(const Layer& l, Team* team, int thread) {
  const Share share = share_of(team, thread, l.gates * l.hPanels);
  const index_t hRows = (index_t)l.hPanels * LANES, dRows = (index_t)l.dPanels * LANES;
  sum_biases(l, (int)share.from, (int)share.to);
  for (index_t p = share.from; Element::PACKS_WEIGHTS && p < share.to; p++) {
    pack_row_pairs(hRows, l.hiddenWeights + p * hRows * LANES, l.hiddenTransposed + p * hRows / 2 * LANES);
    if (!l.tokens) pack_row_pairs(dRows, l.inputWeights + p * dRows * LANES, l.inputTransposed + p * dRows / 2 * LANES);
  }
  barrier(team);
}

// Transposes the weights for a backward pass. Ends with a barrier.
template <class Element>
static void prepare_backward(const Layer& l, bool wantsInput, Team* team, int thread) {
  const int HP = l.hPanels, all = l.gates * HP;
  const index_t KH = (index_t)HP * LANES * LANES, KD = (index_t)l.dPanels * LANES * LANES;
  const Share own = share_of(team, thread, all);
  for (int p = (int)own.from; p < own.to; p++) {
    const index_t row = (index_t)p * Element::STEPS * LANES;
    Element::transpose(l.hiddenWeights + p * KH, (index_t)all * LANES, HP, l.hiddenTransposed + row);
    if (wantsInput) Element::transpose(l.inputWeights + p * KD, (index_t)all * LANES, l.dPanels, l.inputTransposed + row);
  }
  barrier(team);
}

// Copies the rows and panels of a part. Rows with `reset` become zero instead.
static void carry_rows(const Part& part, const float* from, index_t fromNext, float* to, index_t toNext, const unsigned char* reset) {
  for (int p = part.first; p < part.end; p++)
    for (index_t row = part.from; row < part.to; row++) {
      float* into = to + p * toNext + row * LANES;
      if (reset && reset[row]) clear(into, LANES);
      else copy_floats(into, from + p * fromNext + row * LANES, LANES);
    }
}

// Sets the gates in panels firstPanel, firstPanel + panelStep, … to the bias plus the token's row of the input weights.
template <class Element>
static void look_up(const Layer& l, int firstPanel, int panelStep, int count, const int* token, index_t from, index_t to, float* gates) {
  const index_t V = l.D;
  for (int i = 0; i < count; i++) {
    const index_t p = firstPanel + (index_t)i * panelStep;
    float* into = gates + p * l.tapeNext;
    for (index_t row = from; row < to; row++)
      for (int v = 0; v < LANES; v += VW)
        store(into + row * LANES + v, load(l.bias + p * LANES + v) + Element::token_weights(l.inputWeights, p, V, token[row], v));
  }
}

// Computes a step's sums in panels firstPanel, firstPanel + panelStep, …: bias, then input, then hidden state, unless `hidden.at` is null.
template <class Element>
static void step_products(const Layer& l, int firstPanel, int panelStep, int count, const int* token, Panels x, Panels hidden, index_t from,
                          index_t to, float* gates) {
  const index_t KH = Element::panel_floats(l.hPanels), KD = Element::panel_floats(l.dPanels);
  const Panels into = {gates + firstPanel * l.tapeNext + from * LANES, panelStep * l.tapeNext};
  Term terms[2];
  int termCount = 0;
  if (token) look_up<Element>(l, firstPanel, panelStep, count, token, from, to, gates);
  else
    terms[termCount++] = term<Element>(rows_from<Element>(x, from), l.dPanels, {(float*)l.inputFactors + firstPanel * KD, panelStep * KD},
                                       l.xScales ? l.xScales + from : 0);
  if (hidden.at)
    terms[termCount++] =
        term<Element>(rows_from<Element>(hidden, from), l.hPanels, {(float*)l.hiddenFactors + firstPanel * KH, panelStep * KH});
  const Panels bias = {l.bias + firstPanel * LANES, (index_t)panelStep * LANES};
  // With a panelStep, the next call computes the next panel of each gate: prefetch that.
  for (int i = 0; panelStep > 1 && i < termCount; i++) terms[i].following = terms[i].b.next / panelStep;
  if (termCount) multiply<Element>(to - from, count, terms, termCount, token ? start_at(into) : bias_of(bias), into);
}

// Computes a step's sums in the panels of a part, of gates `gate` … `gate + count − 1`.
template <class Element>
static void gate_products(const Layer& l, const Part& part, int gate, int count, const int* token, Panels x, Panels hidden, float* gates) {
  const int HP = l.hPanels, end = gate + count;
  if (part.threads == 1) return step_products<Element>(l, gate * HP, 1, count * HP, token, x, hidden, part.from, part.to, gates);
  for (; gate < end; gate++)
    step_products<Element>(l, gate * HP + part.first, 1, part.count(), token, x, hidden, part.from, part.to, gates);
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

// The rows of `panels`, prepared for products. Packed ones are packed together by the threads of the part, which wait for each other.
template <class Element>
static Panels prepared_rows(const Part& part, Panels from, int count, Panels room, float* scales = 0) {
  const Share own = part.prepared();
  const Panels rows = Element::rows(from, count, own.from, own.to, room, scales);
  if (Element::IS_PACKED) part.wait();
  return rows;
}

template <class Element>
static void forward_step(const Layer& l, const StepPlace& at, const Part& part) {
  const int HP = l.hPanels, first = part.first, end = part.end;
  const index_t next = l.tapeNext, gateNext = HP * next, from = part.from, to = part.to;
  const Panels none = {0, 0}, hRoom = {l.packedH, l.B * row_floats<Element>()};
  const Panels x = at.token ? none : prepared_rows<Element>(part, at.x, l.dPanels, {l.packedX, l.B * row_floats<Element>()}, l.xScales);
  const Panels h = prepared_rows<Element>(part, {at.before, next}, HP, hRoom);
  if (l.cell == CELL_LSTM) {
    // With one row, all products come first: then the gates of several panels can be under way at the same time.
    const bool isOneRow = to - from == 1;
    if (isOneRow) gate_products<Element>(l, part, 0, 4, at.token, x, h, at.gates);
    for (int p = first; p < end; p++) {
      if (!isOneRow) step_products<Element>(l, p, HP, 4, at.token, x, h, from, to, at.gates);
      lstm_forward(from, to, at.gates + p * next, gateNext, at.cellBefore + p * next, at.cell.at + p * at.cell.next,
                   at.out.at + p * at.out.next, at.next.at + p * at.next.next);
    }
    return;
  }
  if (l.cell == CELL_RNN) {
    gate_products<Element>(l, part, 0, 1, at.token, x, h, at.gates);
    for (int p = first; p < end; p++) rnn_forward(from, to, at.gates + p * next, at.out.at + p * at.out.next, at.next.at + p * at.next.next);
    return;
  }
  const index_t KH = Element::panel_floats(HP);
  const Panels u = {(float*)l.hiddenFactors + (2 * HP + first) * KH, KH};
  gate_products<Element>(l, part, 0, 2, at.token, x, h, at.gates);
  for (int p = first; p < end; p++)
    gru_gates(from, to, at.gates + p * next, gateNext, at.before + p * next, at.candidate + p * next, l.after);
  gate_products<Element>(l, part, 2, 1, at.token, x, none, at.gates);
  if (l.after) {
    const Panels bias = {(float*)l.hiddenBias + (2 * HP + first) * LANES, LANES};
    const Panels candidate = {at.candidate + first * next + from * LANES, next};
    multiply<Element>(to - from, part.count(), HP, rows_from<Element>(h, from), u, bias_of(bias), candidate);
  } else {
    const Panels sums = {at.gates + 2 * gateNext + first * next + from * LANES, next};
    part.wait();
    const Panels reset = prepared_rows<Element>(part, {at.candidate, next}, HP, hRoom);
    multiply<Element>(to - from, part.count(), HP, rows_from<Element>(reset, from), u, start_at(sums), sums);
  }
  for (int p = first; p < end; p++)
    gru_output(from, to, at.gates + p * next, gateNext, at.before + p * next, at.candidate + p * next, at.out.at + p * at.out.next,
               at.next.at + p * at.next.next, l.after);
}

template <class Element>
static void recurrent_forward(const Call* call, Team* team, int thread) {
  const RecurrentBuffers& b = *(const RecurrentBuffers*)call->buffers;
  const Layer l = layer_of(call);
  prepare_forward<Element>(l, team, thread);
  const Part part = part_of(l, team, thread);
  if (part.from == part.to) return;
  const index_t step = l.B * LANES, hPart = H_PART[l.cell] * step;

  carry_rows(part, b.initial + hPart, l.stateNext, l.before, l.tapeNext, b.resets);
  if (l.hasC) carry_rows(part, b.initial, l.stateNext, l.cellBefore, l.tapeNext, b.resets);

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
      const Share own = part.prepared();
      drop_rows(l.dropout, (int)t, own.from, own.to, l.D, at.x, dropped);
      at.x = dropped;
    }
    // All units of h before the step, and all units of the input, are ready.
    part.wait();
    forward_step<Element>(l, at, part);
    if (l.hasC && b.cells) carry_rows(part, at.cell.at, at.cell.next, b.cells + t * step, l.outNext, 0);
    if (last) {
      if (l.hasC) carry_rows(part, l.spare, step, b.last, l.stateNext, 0);
    } else if (b.resets) {
      const unsigned char* reset = b.resets + (t + 1) * l.B;
      carry_rows(part, at.next.at, at.next.next, at.next.at, at.next.next, reset);
      if (l.hasC) carry_rows(part, at.cell.at, at.cell.next, at.cell.at, at.cell.next, reset);
    }
  }
}

// Computes, for the rows of a part, the gradients of one step's sums and, in dhBefore and dc, those of the state before the step. Returns the
// gradients of the sums of all units, as the left side of another product.
template <class Element>
static Panels step_backward(const Layer& l, index_t t, const float* dh, const Part& part) {
  const int HP = l.hPanels, first = part.first, end = part.end;
  const index_t from = part.from, to = part.to, rows = to - from;
  const index_t step = l.B * LANES, slot = t * step, gateNext = HP * l.tapeNext;
  float *gates = l.gate + slot, *before = l.before + slot;
  // Uᵀ [HP panels][gates·HP·16][16]: the rows of gate q begin at q·HP·16.
  const index_t uGate = (index_t)HP * Element::STEPS * LANES, uNext = l.gates * uGate;
  const Panels carried = {l.dhBefore + first * step + from * LANES, step};
  const Panels uAll = {l.hiddenTransposed + first * uNext, uNext};
  const index_t packedNext = l.B * row_floats<Element>();
  const Panels room = {l.packedD, packedNext}, sums = {gates, l.tapeNext};
  if (l.cell != CELL_GRU) {
    if (l.cell == CELL_LSTM)
      for (int p = first; p < end; p++)
        lstm_backward(from, to, gates + p * l.tapeNext, gateNext, l.cellBefore + slot + p * l.tapeNext, dh + p * l.outNext,
                      l.dhBefore + p * step, l.dc + p * step, step);
    else
      for (int p = first; p < end; p++) rnn_backward(from, to, gates + p * l.tapeNext, dh + p * l.outNext, l.dhBefore + p * step);
    part.wait();
    const Panels d = prepared_rows<Element>(part, sums, l.gates * HP, room);
    multiply<Element>(rows, part.count(), l.gates * HP, rows_from<Element>(d, from), uAll, ZERO, carried);
    return d;
  }
  // gru: dh' = d·(1 − z) + Uzᵀ dz + Urᵀ dr, and of the candidate Unᵀ (dn·r) with the reset after the product, r·(Unᵀ dn) before it.
  float* candidate = l.candidate + slot;
  for (int p = first; p < end; p++)
    gru_backward_output(from, to, gates + p * l.tapeNext, gateNext, before + p * l.tapeNext, dh + p * l.outNext, l.dhBefore + p * step,
                        candidate + p * l.tapeNext, l.after);
  part.wait();
  const Panels u = {uAll.at + 2 * uGate, uNext};
  if (l.after) {
    const Panels dHidden = prepared_rows<Element>(part, {candidate, l.tapeNext}, HP, {l.packedH, packedNext});
    multiply<Element>(rows, part.count(), HP, rows_from<Element>(dHidden, from), u, start_at(carried), carried);
  } else {
    const Panels dProduct = {l.spare + first * step + from * LANES, step};
    const Panels dn = prepared_rows<Element>(part, {gates + 2 * gateNext, l.tapeNext}, HP, {l.packedH, packedNext});
    multiply<Element>(rows, part.count(), HP, rows_from<Element>(dn, from), u, ZERO, dProduct);
    for (int p = first; p < end; p++)
      gru_backward_reset(from, to, gates + p * l.tapeNext, gateNext, before + p * l.tapeNext, l.spare + p * step, l.dhBefore + p * step);
    part.wait();
  }
  const Panels d = prepared_rows<Element>(part, sums, 3 * HP, room);
  multiply<Element>(rows, part.count(), 2 * HP, rows_from<Element>(d, from), uAll, start_at(carried), carried);
  return d;
}

// The input of all steps, as the left side of a weight gradient.
template <class Element>
static Panels inputs_of(const Layer& l, const RecurrentBuffers& b) {
  if (l.dropout.threshold) return {l.dropped, l.tapeNext};
  if (Element::IS_PACKED) return {l.inputPairs, (l.T * l.B + 1) / 2 * LANES};
  return {(float*)b.input, l.outNext};
}

template <void PACK(index_t R, const float* from, float* into)>
static void pack_in_place(index_t rows, int count, Panels panels) {
  for (int p = 0; p < count; p++) PACK(rows, panels.at + p * panels.next, panels.at + p * panels.next);
}

// In bfloat16: packs the left sides of all weight gradients, h' and the input of all steps. Ends with a barrier.
template <class Element>
static void pack_left_sides(const Layer& l, const RecurrentBuffers& b, Team* team, int thread) {
  const index_t rows = l.T * l.B;
  const Share hidden = share_of(team, thread, l.hPanels), input = share_of(team, thread, l.tokens ? 0 : l.dPanels);
  const int hCount = (int)(hidden.to - hidden.from);
  pack_in_place<Element::pack_left>(rows, hCount, {l.before + hidden.from * l.tapeNext, l.tapeNext});
  if (l.cell == CELL_GRU && !l.after) pack_in_place<Element::pack_left>(rows, hCount, {l.candidate + hidden.from * l.tapeNext, l.tapeNext});
  const Panels x = inputs_of<Element>(l, b);
  for (index_t p = input.from; p < input.to; p++)
    Element::pack_left(rows, l.dropout.threshold ? x.at + p * x.next : b.input + p * l.outNext, x.at + p * x.next);
  barrier(team);
}

// The panels of inputs in one part of a task, if tasks are divided.
static const int PART_PANELS = 4;
INLINE int parts_of(int kPanels) { return (kPanels + PART_PANELS - 1) / PART_PANELS; }

// As weight_gradient, for one part of the inputs; for all of them if `part` is negative.
template <class Element>
static void part_gradient(index_t steps, int kPanels, Panels x, int count, Panels dY, Panels dW, int part) {
  const int first = part < 0 ? 0 : part * PART_PANELS, rest = kPanels - first;
  const Panels from = {x.at + first * x.next, x.next}, into = {dW.at + (index_t)first * LANES * LANES, dW.next};
  weight_gradient<Element>(steps, part < 0 || rest < PART_PANELS ? rest : PART_PANELS, from, count, dY, into);
}

// Computes the gradients of the weights of `count` panels of one gate, from `first` on: all if `part` is negative, else a part of them, those of
// the hidden weights first; part 0 includes the biases and the look-up. The candidate of a gru has its own: with the reset after the product
// dUn = Σ (dn·r) h'ᵀ, before it dUn = Σ dn (r·h')ᵀ.
template <class Element>
static void panel_gradients(const Layer& l, const Call* call, int gate, int first, int count, int part) {
  const RecurrentNumbers& n = *(const RecurrentNumbers*)call->numbers;
  const RecurrentBuffers& b = *(const RecurrentBuffers*)call->buffers;
  const int HP = l.hPanels, panel = gate * HP + first, hParts = parts_of(HP);
  const index_t rows = l.T * l.B, KH = (index_t)HP * LANES * LANES, KD = (index_t)l.dPanels * LANES * LANES;
  const Panels d = {l.gate + panel * l.tapeNext, l.tapeNext};
  const bool isCandidate = l.cell == CELL_GRU && gate == 2;
  // What the hidden weights are multiplied by, and the gradient of that product.
  const Panels h = {isCandidate && !l.after ? l.candidate : l.before, l.tapeNext};
  const Panels dHidden = {isCandidate && l.after ? l.candidate + first * l.tapeNext : d.at, l.tapeNext};
  const index_t V = l.D;
  if (part <= 0) {
    float *inputBias = b.gradient + (index_t)n.inputBias + panel * LANES, *hiddenBias = b.gradient + (index_t)n.hiddenBias + panel * LANES;
    column_sums(rows, count, d, inputBias);
    if (dHidden.at == d.at) copy_floats(hiddenBias, inputBias, count * LANES);
    else column_sums(rows, count, dHidden, hiddenBias);
    if (l.tokens) sum_by_token(rows, count, (const int*)b.input, V, d, {b.gradient + (index_t)n.inputWeights + panel * V * LANES, V * LANES});
  }
  if (Element::IS_PACKED) {
    pack_in_place<pack_row_pairs>(rows, count, d);
    if (dHidden.at != d.at) pack_in_place<pack_row_pairs>(rows, count, dHidden);
  }
  const index_t steps = Element::steps_of_rows(rows);
  if (part < hParts) part_gradient<Element>(steps, HP, h, count, dHidden, {b.gradient + (index_t)n.hiddenWeights + panel * KH, KH}, part);
  if (l.tokens || (part >= 0 && part < hParts)) return;
  part_gradient<Element>(steps, l.dPanels, inputs_of<Element>(l, b), count, d, {b.gradient + (index_t)n.inputWeights + panel * KD, KD},
                         part < 0 ? part : part - hParts);
}

template <class Element>
static void recurrent_backward(const Call* call, Team* team, int thread) {
  const RecurrentBuffers& b = *(const RecurrentBuffers*)call->buffers;
  const Layer l = layer_of(call);
  const int HP = l.hPanels, all = l.gates * HP;
  const bool wantsInput = !l.tokens && b.inputGradient;
  prepare_backward<Element>(l, wantsInput, team, thread);

  const Part part = part_of(l, team, thread);
  const index_t from = part.from, to = part.to, step = l.B * LANES, hPart = H_PART[l.cell] * step;
  const index_t wNext = (index_t)all * Element::STEPS * LANES;
  for (int p = part.first; p < part.end && from < to; p++) {
    const index_t at = p * step + from * LANES, count = (to - from) * LANES;
    const float* final_ = b.finalGradient ? b.finalGradient + p * l.stateNext + from * LANES : 0;
    if (final_) copy_floats(l.dhBefore + at, final_ + hPart, count);
    else clear(l.dhBefore + at, count);
    if (final_ && l.hasC) copy_floats(l.dc + at, final_, count);
    else clear(l.dc + at, count);
  }
  const Share inputs = share_in(l.dPanels, part.threads, part.index);
  for (index_t t = l.T - 1; t >= 0 && from < to; t--) {
    const Panels d = step_backward<Element>(l, t, b.outputGradient + t * step, part);
    if (wantsInput) {
      const Panels into = {b.inputGradient + t * step + inputs.from * l.outNext, l.outNext};
      const Panels w = {l.inputTransposed + inputs.from * wNext, wNext};
      multiply<Element>(to - from, (int)(inputs.to - inputs.from), all, rows_from<Element>(d, from), w, ZERO, {into.at + from * LANES, into.next});
      if (l.dropout.threshold) drop_panels(l.dropout, (int)t, from, to, inputs, into, into);
    }
    if (!b.resets) continue;
    const unsigned char* reset = b.resets + t * l.B;
    carry_rows(part, l.dhBefore, step, l.dhBefore, step, reset);
    carry_rows(part, l.dc, step, l.dc, step, reset);
  }
  if (b.initialGradient && from < to) {
    carry_rows(part, l.dhBefore, step, b.initialGradient + hPart, l.stateNext, 0);
    if (l.hasC) carry_rows(part, l.dc, step, b.initialGradient, l.stateNext, 0);
  }
  barrier(team);
  if constexpr (Element::IS_PACKED) pack_left_sides<Element>(l, b, team, thread);

  // A task is four panels of one gate. With many threads it is a part of that, so that all have work; with few, it is not, because each part
  // reads the gradients of the sums once more. In bfloat16, a task packs these gradients in place, so it has no parts.
  enum { GROUP = 4, TASKS_PER_THREAD = 4 };
  const int groups = (HP + GROUP - 1) / GROUP, whole = l.gates * groups;
  const bool divides = !Element::IS_PACKED && whole < TASKS_PER_THREAD * team->threads;
  const int parts = divides ? parts_of(HP) + (l.tokens ? 0 : parts_of(l.dPanels)) : 1;
  for (int task = next_task(team, 0); task < whole * parts; task = next_task(team, 0)) {
    const int gate = task % whole / groups, first = task % whole % groups * GROUP;
    panel_gradients<Element>(l, call, gate, first, HP - first < GROUP ? HP - first : GROUP, divides ? task / whole : -1);
  }
}
