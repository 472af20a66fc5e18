// N independent sequences through a whole network, a step at a time; and tokens drawn from what it predicts.
//
// Each thread takes some sequences through all steps by itself.
#pragma once
#include "draw.h"
#include "loss.h"
#include "recurrent.h"

enum ModuleKind { MODULE_EMBEDDING, MODULE_RECURRENT, MODULE_LINEAR };

struct StreamNumbers {
  double N, steps, V, modules;
  // Whether tokens are drawn before each step; else they are given.
  double draws;
};
struct StreamBuffers {
  const float* weights;
  // MODULE_FIELDS numbers for each module: ModuleNumbers.
  const double* program;
  const int* slots;        // [N]
  int* tokens;             // [steps, N] given, −1 where a sequence has not begun; or, where they are drawn, [N] of scratch
  const double* uniforms;  // [steps, N]
  int* drawn;              // [steps, N]
  float* output;           // [N, V], row-major
  double* scratch;
  double* controls;             // [N] of RowControls, and what they point to
  float* states[MAX_MODULES];  // of each module, null where it has none
};

// How a row draws: src/engine/engine.ts, DrawControls. Places count doubles from the start of the buffer; −1: none.
struct RowControls {
  double temperature, topK, topP, minP, repetition, presence, frequency;
  double shiftAt;    // [V]
  double countsAt;   // [V], of the penalty window; changed
  double leavingAt;  // [min(steps, window)]: the tokens that leave the window, −1 for none
  double window;     // its length; 0: the whole text
};

struct ModuleNumbers {
  double kind, cell, resetAfter, tokens, D, H;
  double inputWeights, inputBias, hiddenWeights, hiddenBias;
  double slots;  // rows of a state part
  double unused;
};

// Places in the scratch, the same for all modules: each has room for the widest.
struct StreamRoom {
  float *x, *y;  // inputs and outputs of modules in turn
  float *gates, *before, *cellBefore, *cell;
  float* bias;   // sums of biases of the recurrent modules, one after the other
};

static index_t widest(const StreamNumbers& n, const ModuleNumbers* modules, bool gates) {
  index_t most = 0;
  for (int i = 0; i < (int)n.modules; i++) {
    const ModuleNumbers& m = modules[i];
    const int factor = gates && m.kind == MODULE_RECURRENT ? GATE_COUNT[(int)m.cell] : 1;
    const index_t width = (index_t)panels((index_t)m.H) * factor;
    if (width > most) most = width;
  }
  return most;
}

static StreamRoom room_of(const StreamNumbers& n, const StreamBuffers& b) {
  const ModuleNumbers* modules = (const ModuleNumbers*)b.program;
  const index_t rows = (index_t)n.N * LANES, unit = widest(n, modules, false) * rows;
  StreamRoom room;
  float* at = (float*)b.scratch;
  room.x = at;
  room.y = at += unit;
  room.before = at += unit;
  room.cellBefore = at += unit;
  room.cell = at += unit;
  room.gates = at += unit;
  room.bias = at + widest(n, modules, true) * rows;
  return room;
}

static Layer stream_layer(const ModuleNumbers& m, const StreamBuffers& b, index_t N, float* bias) {
  Layer l = {};
  l.cell = (int)m.cell;
  l.gates = GATE_COUNT[l.cell];
  l.hasC = STATE_PARTS[l.cell] > 1;
  l.after = m.resetAfter != 0;
  l.tokens = m.tokens != 0;
  l.T = l.slots = 1;
  l.B = N;
  l.D = (int)m.D;
  l.H = (int)m.H;
  l.hPanels = panels(l.H);
  l.dPanels = panels(l.D);
  l.tapeNext = l.outNext = N * LANES;
  l.inputWeights = b.weights + (index_t)m.inputWeights;
  l.inputBias = b.weights + (index_t)m.inputBias;
  l.hiddenWeights = b.weights + (index_t)m.hiddenWeights;
  l.hiddenBias = b.weights + (index_t)m.hiddenBias;
  l.bias = bias;
  return l;
}

// Rows of a state, by slot, to rows 0 … N − 1, or back.
static void exchange_rows(int count, float* state, index_t stateNext, index_t part, const int* slots, float* rows, index_t rowsNext,
                          index_t from, index_t to, bool back) {
  for (int p = 0; p < count; p++)
    for (index_t row = from; row < to; row++) {
      float* there = state + p * stateNext + (part + slots[row]) * LANES;
      float* here = rows + p * rowsNext + row * LANES;
      copy_floats(back ? there : here, back ? here : there, LANES);
    }
}

// One recurrent module, one step.
static void stream_recurrent(const Layer& l, const StreamRoom& room, float* state, index_t stateRows, const StreamBuffers& b,
                             const int* tokens, index_t from, index_t to) {
  const index_t next = l.B * LANES, hPart = H_PART[l.cell] * stateRows;
  const index_t stateNext = STATE_PARTS[l.cell] * stateRows * LANES;
  exchange_rows(l.hPanels, state, stateNext, hPart, b.slots, room.before, next, from, to, false);
  if (l.hasC) exchange_rows(l.hPanels, state, stateNext, 0, b.slots, room.cellBefore, next, from, to, false);
  const StepPlace at = {l.tokens ? tokens : 0, {room.x, next}, room.gates, room.before, room.cellBefore, room.cellBefore,
                        {room.cell, next}, {room.y, next}, {room.y, next}};
  forward_step(l, at, from, to);
  exchange_rows(l.hPanels, state, stateNext, hPart, b.slots, room.y, next, from, to, true);
  if (l.hasC) exchange_rows(l.hPanels, state, stateNext, 0, b.slots, room.cell, next, from, to, true);
}

// @param predicts Whether the output is computed, or the states alone.
static void stream_step(const StreamNumbers& n, const StreamBuffers& b, const StreamRoom& whole, const int* tokens, bool predicts,
                        index_t from, index_t to) {
  const ModuleNumbers* modules = (const ModuleNumbers*)b.program;
  const index_t N = (index_t)n.N, next = N * LANES;
  StreamRoom room = whole;
  float* bias = room.bias;
  for (int i = 0; i < (int)n.modules - (predicts ? 0 : 1); i++) {
    const ModuleNumbers& m = modules[i];
    const int width = panels((index_t)m.H);
    if (m.kind == MODULE_RECURRENT) {
      const Layer l = stream_layer(m, b, N, bias);
      stream_recurrent(l, room, b.states[i], (index_t)m.slots, b, tokens, from, to);
      bias += (index_t)l.gates * l.hPanels * LANES;
    } else if (m.kind == MODULE_EMBEDDING) {
      for (int p = 0; p < width; p++)
        for (index_t row = from; row < to; row++)
          copy_floats(room.y + p * next + row * LANES, b.weights + (index_t)m.inputWeights + (p * (index_t)m.D + tokens[row]) * LANES, LANES);
    } else {
      const int dPanels = panels((index_t)m.D);
      multiply(to - from, width, dPanels, {room.x + from * LANES, next}, {(float*)b.weights + (index_t)m.inputWeights, (index_t)dPanels * LANES * LANES},
               bias_of({(float*)b.weights + (index_t)m.inputBias, LANES}), {room.y + from * LANES, next});
    }
    float* swap = room.x;
    room.x = room.y;
    room.y = swap;
  }
  if (!predicts) return;
  const int V = (int)n.V;
  for (index_t row = from; row < to; row++) {
    float top;
    const float shift = (float)log_sum_exp(room.x + row * LANES, next, V, &top);
    for (int v = 0; v < V; v++) b.output[row * V + v] = room.x[(v / LANES) * next + row * LANES + v % LANES] - shift;
  }
}

// Draws by the row's controls; its counts go on to what they are after the draw.
static int draw_row(const StreamNumbers& n, const StreamBuffers& b, index_t k, index_t row, const DrawRoom& room) {
  const index_t N = (index_t)n.N, at = k * N + row;
  const RowControls& r = ((const RowControls*)b.controls)[row];
  const float* log = b.output + row * (index_t)n.V;
  const bool plain = r.topK == 0 && r.topP >= 1 && r.minP <= 0 && r.shiftAt < 0 && r.countsAt < 0;
  if (plain) return draw(log, (int)n.V, b.uniforms[at], r.temperature, room);
  const double* shift = r.shiftAt < 0 ? 0 : b.controls + (index_t)r.shiftAt;
  double* counts = r.countsAt < 0 ? 0 : b.controls + (index_t)r.countsAt;
  const DrawControls controls = {r.temperature, r.topK, r.topP, r.minP, r.repetition, r.presence, r.frequency, shift};
  const int token = draw_controlled(log, (int)n.V, b.uniforms[at], controls, counts, room);
  if (!counts) return token;
  const index_t window = (index_t)r.window;
  const int gone = window == 0 ? -1 : k < window ? (int)b.controls[(index_t)r.leavingAt + k] : b.drawn[at - window * N];
  if (gone >= 0) counts[gone]--;
  counts[token]++;
  return token;
}

static void generate(const Call* call, Team* team, int thread) {
  const StreamNumbers& n = *(const StreamNumbers*)call->numbers;
  const StreamBuffers& b = *(const StreamBuffers*)call->buffers;
  const index_t N = (index_t)n.N;
  const StreamRoom room = room_of(n, b);
  const ModuleNumbers* modules = (const ModuleNumbers*)b.program;
  float* bias = room.bias;
  for (int i = 0; i < (int)n.modules; i++) {
    if (modules[i].kind != MODULE_RECURRENT) continue;
    const Layer l = stream_layer(modules[i], b, N, bias);
    const Share share = share_of(team, thread, (long)l.gates * l.hPanels);
    sum_biases(l, (int)share.from, (int)share.to);
    bias += (index_t)l.gates * l.hPanels * LANES;
  }
  meet(team);
  const Share share = share_of(team, thread, N);
  if (share.from == share.to) return;
  // Behind the biases: room for the draws of each thread.
  double* drawRoom = (double*)(((__UINTPTR_TYPE__)bias + 63) & ~(__UINTPTR_TYPE__)63) + (index_t)thread * DRAW_ROOMS * (((index_t)n.V + 16 + 7) & ~7L);
  const DrawRoom draws = draw_room(drawRoom, (int)n.V);
  for (index_t k = 0; k < (index_t)n.steps; k++) {
    if (n.draws != 0) {
      for (index_t row = share.from; row < share.to; row++) b.drawn[k * N + row] = b.tokens[row] = draw_row(n, b, k, row, draws);
      stream_step(n, b, room, b.tokens, true, share.from, share.to);
      continue;
    }
    const int* tokens = b.tokens + k * N;
    const bool predicts = k + 1 == (index_t)n.steps;
    // Rows that have begun, in stretches.
    for (index_t from = share.from, to; from < share.to; from = to) {
      for (to = from; to < share.to && tokens[to] >= 0;) to++;
      if (to > from) stream_step(n, b, room, tokens, predicts, from, to);
      else to++;
    }
  }
}

struct SlotNumbers {
  double parts, H, fromRows, toRows, count;
};
struct SlotBuffers {
  const float* from;
  float* to;
  const int* fromSlots;
  const int* toSlots;
  float* scratch;  // [⌈H/16⌉][parts][count][16]
};

// All slots are read before any is written, so that `from` may be `to`.
static void copy_slots(const Call* call, Team*, int thread) {
  if (thread != 0) return;
  const SlotNumbers& n = *(const SlotNumbers*)call->numbers;
  const SlotBuffers& b = *(const SlotBuffers*)call->buffers;
  const index_t parts = (index_t)n.parts, count = (index_t)n.count;
  for (int writing = 0; writing < 2; writing++) {
    float* at = b.scratch;
    for (int p = 0; p < panels((index_t)n.H); p++)
      for (index_t part = 0; part < parts; part++)
        for (index_t i = 0; i < count; i++, at += LANES) {
          if (writing) copy_floats(b.to + ((p * parts + part) * (index_t)n.toRows + b.toSlots[i]) * LANES, at, LANES);
          else copy_floats(at, b.from + ((p * parts + part) * (index_t)n.fromRows + b.fromSlots[i]) * LANES, LANES);
        }
  }
}
