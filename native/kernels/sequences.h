// Runs N independent sequences through a whole network, step by step. Each reads given tokens, or tokens drawn from the network's predictions.
//
// Each thread runs all steps of some sequences by itself. The equations are those of the modules (recurrent.h, linear.h) and of the draw
// (draw.h); the output is log softmax (loss.h).
//
// Scratch memory: 5½·W·N + X·N + N + Y floats (sequenceScratch in src/engine/sizes.ts), where W is the width of the widest module, X that of the
// widest gates and Y that of the biases of all recurrent modules together; then, aligned to 64 bytes, 4·⌈V + 16⌉₈ doubles for each thread's
// draws, where ⌈·⌉₈ rounds up to a multiple of 8.
#pragma once
#include "draw.h"
#include "loss.h"
#include "recurrent.h"

enum ModuleKind { MODULE_EMBEDDING, MODULE_RECURRENT, MODULE_LINEAR };

struct SequenceNumbers {
  double N, steps, V, modules;
  // Whether a token is drawn before each step. If not, the tokens are given.
  double draws;
  // Number of units to hold.
  double held;
  // Of the products: enum Element.
  double element;
};
struct SequenceBuffers {
  const float* weights;        // packed vector
  const double* program;       // [modules] of ModuleNumbers, MODULE_FIELDS numbers each
  const int* slots;            // [N]: the row of each sequence in the states
  int* tokens;                 // if given [steps, N], −1 before a sequence begins; if drawn [N], scratch memory
  const double* uniforms;      // [steps, N] in [0, 1); null if the tokens are given
  int* drawn;                  // [steps, N]: receives the drawn tokens; null if the tokens are given
  float* output;               // [N, V], row-major: log-probabilities of the next tokens
  double* scratch;             // as in the memory formula above
  double* controls;            // [N] of RowControls (ROW_CONTROLS in src/engine/cpu/calls.ts), then the arrays that they point to; null if the
                               // tokens are given
  const HeldUnit* hold;        // [held]: units to hold, those whose c is held first; null if there are none
  float* states[MAX_MODULES];  // for each recurrent module [⌈H/16⌉][S][slots][16]; null for other modules
};

struct ModuleNumbers {
  double kind, cell, resetAfter, tokens, D, H;
  double inputWeights, inputBias, hiddenWeights, hiddenBias;
  double slots;  // slots in the state
  double rowScales;  // whether a dense input has a scale for each row, in int8
};

// The arrays in the scratch memory. All modules use the same ones, so each is as wide as the widest module needs.
struct Workspace {
  float *x, *y;                        // [W/16][N][16]: input and output of a module; swapped after each
  float* gates;                        // [X/16][N][16]
  float *before, *cellBefore, *cell;   // [W/16][N][16] each: h and c before the step, c after it
  // In int8: the levels of the input and of h [W/16][N][4] each; scales of the input [N].
  float *packedX, *packedH, *scales;
  float* bias;                         // [Y]: for each recurrent module, the sum of its two biases
};

static index_t widest(const SequenceNumbers& n, const ModuleNumbers* modules, bool gates) {
  index_t most = 0;
  for (int i = 0; i < (int)n.modules; i++) {
    const ModuleNumbers& m = modules[i];
    const int factor = gates && m.kind == MODULE_RECURRENT ? GATE_COUNT[(int)m.cell] : 1;
    const index_t width = (index_t)panels((index_t)m.H) * factor;
    if (width > most) most = width;
  }
  return most;
}

static Workspace workspace_of(const SequenceNumbers& n, const SequenceBuffers& b) {
  const ModuleNumbers* modules = (const ModuleNumbers*)b.program;
  const index_t rows = (index_t)n.N * LANES, unit = widest(n, modules, false) * rows;
  Workspace workspace;
  float* at = (float*)b.scratch;
  workspace.x = at;
  workspace.y = at += unit;
  workspace.before = at += unit;
  workspace.cellBefore = at += unit;
  workspace.cell = at += unit;
  workspace.gates = at += unit;
  workspace.packedX = at += widest(n, modules, true) * rows;
  workspace.packedH = at += unit / 4;
  workspace.scales = at += unit / 4;
  workspace.bias = at + (index_t)n.N;
  return workspace;
}

static Layer sequence_layer(const ModuleNumbers& m, const SequenceBuffers& b, index_t N, const Workspace& workspace, float* bias) {
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
  l.inputFactors = l.inputWeights;
  l.hiddenFactors = l.hiddenWeights;
  l.packedX = workspace.packedX;
  l.packedH = workspace.packedH;
  l.xScales = m.rowScales != 0 ? workspace.scales : 0;
  l.bias = bias;
  return l;
}

// Copies the slots of sequences `from` … `to` − 1 to the rows of a working array, or back.
static void move_state_rows(int count, float* state, index_t stateNext, index_t part, const int* slots, float* rows, index_t rowsNext,
                          index_t from, index_t to, bool back) {
  for (int p = 0; p < count; p++)
    for (index_t row = from; row < to; row++) {
      float* there = state + p * stateNext + (part + slots[row]) * LANES;
      float* here = rows + p * rowsNext + row * LANES;
      copy_floats(back ? there : here, back ? here : there, LANES);
    }
}

// Sets the held units of a module after its step, before anything reads them. With c held, h = o·tanh(c).
static void hold_units(const Layer& l, const Workspace& workspace, const HeldUnit* hold, int held, int module, index_t from, index_t to) {
  const index_t next = l.B * LANES;
  for (int i = 0; i < held; i++) {
    const HeldUnit& u = hold[i];
    if (u.module != module) continue;
    const index_t panel = (index_t)u.unit / LANES, at = panel * next + (index_t)u.unit % LANES;
    const vf value = splat((float)u.value);
    float t[VW];
    store(t, u.isC != 0 ? tanh_(value) : value);
    for (index_t row = from; row < to; row++) {
      float* h = workspace.y + at + row * LANES;
      *h = t[0];
      if (u.isC == 0) continue;
      workspace.cell[at + row * LANES] = (float)u.value;
      // The gates of an lstm are i f o g.
      *h = workspace.gates[2 * l.hPanels * next + at + row * LANES] * t[0];
    }
  }
}

// One step of recurrent module number `module`.
template <class Element>
static void sequence_recurrent(const Layer& l, const Workspace& workspace, float* state, index_t stateRows, const SequenceBuffers& b, int held,
                             int module, const int* tokens, index_t from, index_t to) {
  const index_t next = l.B * LANES, hPart = H_PART[l.cell] * stateRows;
  const index_t stateNext = STATE_PARTS[l.cell] * stateRows * LANES;
  move_state_rows(l.hPanels, state, stateNext, hPart, b.slots, workspace.before, next, from, to, false);
  if (l.hasC) move_state_rows(l.hPanels, state, stateNext, 0, b.slots, workspace.cellBefore, next, from, to, false);
  const StepPlace at = {l.tokens ? tokens : 0, {workspace.x, next}, workspace.gates, workspace.before, workspace.cellBefore, workspace.cellBefore,
                        {workspace.cell, next}, {workspace.y, next}, {workspace.y, next}};
  forward_step<Element>(l, at, whole_rows(l, from, to));
  hold_units(l, workspace, b.hold, held, module, from, to);
  move_state_rows(l.hPanels, state, stateNext, hPart, b.slots, workspace.y, next, from, to, true);
  if (l.hasC) move_state_rows(l.hPanels, state, stateNext, 0, b.slots, workspace.cell, next, from, to, true);
}

// One step of the whole network. @param predicts Whether to compute the output in addition to the states.
template <class Element>
static void sequence_step(const SequenceNumbers& n, const SequenceBuffers& b, const Workspace& whole, const int* tokens, bool predicts,
                        index_t from, index_t to) {
  const ModuleNumbers* modules = (const ModuleNumbers*)b.program;
  const index_t N = (index_t)n.N, next = N * LANES;
  Workspace workspace = whole;
  float* bias = workspace.bias;
  for (int i = 0; i < (int)n.modules - (predicts ? 0 : 1); i++) {
    const ModuleNumbers& m = modules[i];
    const int width = panels((index_t)m.H);
    if (m.kind == MODULE_RECURRENT) {
      const Layer l = sequence_layer(m, b, N, workspace, bias);
      sequence_recurrent<Element>(l, workspace, b.states[i], (index_t)m.slots, b, (int)n.held, i, tokens, from, to);
      bias += (index_t)l.gates * l.hPanels * LANES;
    } else if (m.kind == MODULE_EMBEDDING) {
      for (index_t row = from; row < to; row++)
        Element::embed(b.weights + (index_t)m.inputWeights, width, (index_t)m.D, tokens[row], workspace.y + row * LANES, next);
    } else {
      const int dPanels = panels((index_t)m.D);
      const Panels x = Element::rows({workspace.x, next}, dPanels, from, to, {workspace.packedX, N * row_floats<Element>()});
      multiply<Element>(to - from, width, dPanels, rows_from<Element>(x, from), {(float*)b.weights + (index_t)m.inputWeights, Element::panel_floats(dPanels)},
                        bias_of({(float*)b.weights + (index_t)m.inputBias, LANES}), {workspace.y + from * LANES, next});
    }
    float* swap = workspace.x;
    workspace.x = workspace.y;
    workspace.y = swap;
  }
  if (!predicts) return;
  const int V = (int)n.V;
  for (index_t row = from; row < to; row++) {
    float top;
    const float shift = (float)log_sum_exp(workspace.x + row * LANES, next, V, &top);
    for (int v = 0; v < V; v++) b.output[row * V + v] = workspace.x[(v / LANES) * next + row * LANES + v % LANES] - shift;
  }
}

// Draws a token with the controls of its row, and updates the row's counts.
static int draw_row(const SequenceNumbers& n, const SequenceBuffers& b, index_t k, index_t row, const DrawWorkspace& workspace) {
  const index_t N = (index_t)n.N, at = k * N + row;
  const RowControls& r = ((const RowControls*)b.controls)[row];
  const float* log = b.output + row * (index_t)n.V;
  const bool plain = r.topK == 0 && r.topP >= 1 && r.minP <= 0 && r.logitBiasAt < 0 && r.countsAt < 0;
  if (plain) return draw(log, (int)n.V, b.uniforms[at], r.temperature, workspace);
  const double* logitBias = r.logitBiasAt < 0 ? 0 : b.controls + (index_t)r.logitBiasAt;
  double* counts = r.countsAt < 0 ? 0 : b.controls + (index_t)r.countsAt;
  const int token = draw_controlled(log, (int)n.V, b.uniforms[at], r, logitBias, counts, workspace);
  if (!counts) return token;
  const index_t window = (index_t)r.window;
  const int gone = window == 0 ? -1 : k < window ? (int)b.controls[(index_t)r.expiringAt + k] : b.drawn[at - window * N];
  if (gone >= 0) counts[gone]--;
  counts[token]++;
  return token;
}

template <class Element>
static void generate(const Call* call, Team* team, int thread) {
  const SequenceNumbers& n = *(const SequenceNumbers*)call->numbers;
  const SequenceBuffers& b = *(const SequenceBuffers*)call->buffers;
  const index_t N = (index_t)n.N;
  const Workspace workspace = workspace_of(n, b);
  const ModuleNumbers* modules = (const ModuleNumbers*)b.program;
  float* bias = workspace.bias;
  for (int i = 0; i < (int)n.modules; i++) {
    if (modules[i].kind != MODULE_RECURRENT) continue;
    const Layer l = sequence_layer(modules[i], b, N, workspace, bias);
    const Share share = share_of(team, thread, (long)l.gates * l.hPanels);
    sum_biases(l, (int)share.from, (int)share.to);
    bias += (index_t)l.gates * l.hPanels * LANES;
  }
  barrier(team);
  const Share share = share_of(team, thread, N);
  if (share.from == share.to) return;
  // The workspaces for draws follow the biases, one for each thread.
  double* drawMemory = (double*)(((__UINTPTR_TYPE__)bias + 63) & ~(__UINTPTR_TYPE__)63) + (index_t)thread * DRAW_WORKSPACE * (((index_t)n.V + 16 + 7) & ~7L);
  const DrawWorkspace draws = draw_workspace(drawMemory, (int)n.V);
  for (index_t k = 0; k < (index_t)n.steps; k++) {
    if (n.draws != 0) {
      for (index_t row = share.from; row < share.to; row++) b.drawn[k * N + row] = b.tokens[row] = draw_row(n, b, k, row, draws);
      sequence_step<Element>(n, b, workspace, b.tokens, true, share.from, share.to);
      continue;
    }
    const int* tokens = b.tokens + k * N;
    const bool predicts = k + 1 == (index_t)n.steps;
    // Computes blocks of adjacent rows whose sequences have begun.
    for (index_t from = share.from, to; from < share.to; from = to) {
      for (to = from; to < share.to && tokens[to] >= 0;) to++;
      if (to > from) sequence_step<Element>(n, b, workspace, tokens, predicts, from, to);
      else to++;
    }
  }
}

struct SlotNumbers {
  double parts, H, fromRows, toRows, count;
};
struct SlotBuffers {
  const float* from;     // [⌈H/16⌉][parts][fromRows][16]
  float* to;             // [⌈H/16⌉][parts][toRows][16]
  const int* fromSlots;  // [count]
  const int* toSlots;    // [count]
  float* scratch;        // [⌈H/16⌉][parts][count][16]: slotScratch in src/engine/sizes.ts
};

// Copies slots between states. All are read before any is written, so `from` and `to` may be the same state.
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
