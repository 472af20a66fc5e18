// Runs N independent sequences through a whole network, step by step. Each reads given tokens, or tokens drawn from the network's predictions.
//
// The equations are those of the modules (recurrent.h, linear.h) and of the draw (draw.h); the output is log softmax (loss.h).
//
// The sequences are divided among crews of threads. A crew runs all steps of its sequences without waiting for others. The threads of a crew
// divide the units of each module, and wait for each other after each module (Part in recurrent.h); the first one draws the tokens. The bits do
// not depend on the division.
//
// If other programs keep the threads of a crew from running at the same time, the first one waits for longer than it would take to compute the
// shares of the others. Then the crew is dissolved: the first thread goes on alone. The next calls do without crews, and more of them each
// time (Team::rest).
//
// The states are in the scratch memory while a call runs, so that a step copies none: h twice, because a step reads the one and writes the
// other, and c once.
//
// Scratch memory: 3½·W·N + X·N + Z·N + N + Y floats (sequenceScratch in src/engine/sizes.ts), where W is the width of the widest module, X that of
// the widest gates, Z that of h, h and c of all recurrent modules together, and Y that of their biases; then, aligned to 64 bytes, 4·⌈V + 16⌉₈
// doubles for each thread's draws, where ⌈·⌉₈ rounds up to a multiple of 8.
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
  // Threads of a crew, if the team has so many.
  double crew;
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

// The arrays in the scratch memory. All modules use the same ones, except for states and biases, so each is as wide as the widest module needs.
struct Workspace {
  float *x, *y;       // [W/16][N][16]: input and output of modules that are not recurrent; swapped after each
  float* candidate;   // [W/16][N][16]: of a gru
  float* gates;       // [X/16][N][16]
  // In int8: the levels of the input and of h [W/16][N][4] each; scales of the input [N].
  float *packedX, *packedH, *scales;
  float* states;      // [Z/16][N][16]: for each recurrent module, h before even steps, h before odd ones and, if there is one, c
  float* bias;        // [Y]: for each recurrent module, the sum of its two biases
};

// Where the state of one recurrent module is during a step.
struct StepState {
  float *h, *next, *c;  // [⌈H/16⌉][N][16]: h before the step, h after it, c
};
static StepState step_state(const Layer& l, float* states, bool odd) {
  const index_t size = l.hPanels * l.B * LANES;
  return {states + odd * size, states + !odd * size, states + 2 * size};
}
static int state_arrays(const Layer& l) { return l.hasC ? 3 : 2; }

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
  workspace.candidate = at += unit;
  workspace.gates = at += unit;
  workspace.states = at += widest(n, modules, true) * rows;
  for (int i = 0; i < (int)n.modules; i++)
    if (modules[i].kind == MODULE_RECURRENT) at += (1 + STATE_PARTS[(int)modules[i].cell]) * (index_t)panels((index_t)modules[i].H) * rows;
  workspace.packedX = at;
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

// Copies the slots of a part's sequences to the rows of a working array, or back.
static void move_state_rows(const Layer& l, float* state, index_t slots, int part, const SequenceBuffers& b, float* rows, const Part& own,
                            bool back) {
  for (int p = own.first; p < own.end; p++)
    for (index_t row = own.from; row < own.to; row++) {
      float* there = state + ((p * STATE_PARTS[l.cell] + part) * slots + b.slots[row]) * LANES;
      float* here = rows + (p * l.B + row) * LANES;
      copy_floats(back ? there : here, back ? here : there, LANES);
    }
}

// Copies the states of a part's sequences to where step number `step` reads them, or back from there.
static void move_states(const SequenceNumbers& n, const SequenceBuffers& b, const Workspace& workspace, index_t step, const Part& part, bool back) {
  const ModuleNumbers* modules = (const ModuleNumbers*)b.program;
  float* states = workspace.states;
  for (int i = 0; i < (int)n.modules; i++) {
    if (modules[i].kind != MODULE_RECURRENT) continue;
    const Layer l = sequence_layer(modules[i], b, (index_t)n.N, workspace, 0);
    const StepState own = step_state(l, states, step & 1);
    const Part units = part.over(l.hPanels);
    move_state_rows(l, b.states[i], (index_t)modules[i].slots, H_PART[l.cell], b, own.h, units, back);
    if (l.hasC) move_state_rows(l, b.states[i], (index_t)modules[i].slots, 0, b, own.c, units, back);
    states += state_arrays(l) * l.hPanels * l.B * LANES;
  }
}

// Sets the held units of a part of a module after its step, before anything reads them. With c held, h = o·tanh(c).
static void hold_units(const Layer& l, const float* gates, const StepState& state, const HeldUnit* hold, int held, int module, const Part& part) {
  const index_t next = l.B * LANES;
  for (int i = 0; i < held; i++) {
    const HeldUnit& u = hold[i];
    const index_t panel = (index_t)u.unit / LANES;
    if (u.module != module || panel < part.first || panel >= part.end) continue;
    const index_t at = panel * next + (index_t)u.unit % LANES;
    const vf value = splat((float)u.value);
    float t[VW];
    store(t, u.isC != 0 ? tanh_(value) : value);
    for (index_t row = part.from; row < part.to; row++) {
      float* h = state.next + at + row * LANES;
      *h = t[0];
      if (u.isC == 0) continue;
      state.c[at + row * LANES] = (float)u.value;
      // The gates of an lstm are i f o g.
      *h = gates[2 * l.hPanels * next + at + row * LANES] * t[0];
    }
  }
}

// This thread's part of a linear module: output = input·Wᵀ + b.
template <class Element>
static void sequence_linear(const ModuleNumbers& m, const SequenceBuffers& b, Panels x, Panels room, Panels y, const Part& part) {
  const int dPanels = panels((index_t)m.D);
  const index_t K = Element::panel_floats(dPanels);
  const Panels rows = prepared_rows<Element>(part, x, dPanels, room);
  const Panels weights = {(float*)b.weights + (index_t)m.inputWeights + part.first * K, K};
  const Panels bias = {(float*)b.weights + (index_t)m.inputBias + part.first * LANES, LANES};
  multiply<Element>(part.to - part.from, part.count(), dPanels, rows_from<Element>(rows, part.from), weights, bias_of(bias),
                    {y.at + part.first * y.next + part.from * LANES, y.next});
}

// The part of a thread if the first thread of a crew computes all panels, while the others do not wait for it.
static Part first_alone(const Part& part, int panels) {
  return {part.from, part.index == 0 ? part.to : part.from, 0, panels, 1, 0, 0, 0, 0};
}

// Rows `from` … `to` − 1 of a part.
static Part rows_in(Part part, index_t from, index_t to) {
  part.from = from;
  part.to = to;
  return part;
}

// Step number `step` of the whole network, for the sequences of `part`. @param predicts Whether to compute the output in addition to the states.
template <class Element>
static void sequence_step(const SequenceNumbers& n, const SequenceBuffers& b, const Workspace& workspace, index_t step, const int* tokens,
                          bool predicts, const Part& part) {
  const ModuleNumbers* modules = (const ModuleNumbers*)b.program;
  const index_t N = (index_t)n.N, next = N * LANES;
  float *x = 0, *y = workspace.x, *bias = workspace.bias, *states = workspace.states;
  for (int i = 0; i < (int)n.modules - (predicts ? 0 : 1); i++) {
    const ModuleNumbers& m = modules[i];
    const int width = panels((index_t)m.H);
    if (m.kind == MODULE_RECURRENT) {
      const Layer l = sequence_layer(m, b, N, workspace, bias);
      const StepState state = step_state(l, states, step & 1);
      const StepPlace at = {l.tokens ? tokens : 0, {x, next}, workspace.gates, state.h, state.c, workspace.candidate,
                            {state.c, next}, {state.next, next}, {state.next, next}};
      const Part own = part.over(width);
      forward_step<Element>(l, at, own);
      hold_units(l, workspace.gates, state, b.hold, (int)n.held, i, own);
      part.wait();
      x = state.next;
      bias += (index_t)l.gates * l.hPanels * LANES;
      states += state_arrays(l) * l.hPanels * next;
      continue;
    }
    if (m.kind == MODULE_EMBEDDING) {
      const Part own = first_alone(part, width);
      for (index_t row = own.from; row < own.to; row++)
        Element::embed(b.weights + (index_t)m.inputWeights, width, (index_t)m.D, tokens[row], y + row * LANES, next);
      part.wait();
    } else {
      // The first thread computes the output. If that takes little, it computes the predictions, too.
      const bool last = i + 1 == (int)n.modules;
      const bool divides = !last || (part.to - part.from) * (double)m.H * m.D / part.threads >= LEAST_WORK;
      const Part own = divides ? part.over(width) : first_alone(part, width);
      if (own.from < own.to)
        sequence_linear<Element>(m, b, {x, next}, {workspace.packedX, N * row_floats<Element>()}, {y, next}, own);
      if (divides) part.wait();
    }
    x = y;
    y = y == workspace.x ? workspace.y : workspace.x;
  }
  if (!predicts) return;
  const int V = (int)n.V;
  const Part own = first_alone(part, 0);
  for (index_t row = own.from; row < own.to; row++) {
    float top;
    const float shift = (float)log_sum_exp(x + row * LANES, next, V, &top);
    float* output = b.output + row * V;
    int v = 0;
    for (; v + LANES <= V; v += LANES)
      for (int i = 0; i < LANES; i += VW) store(output + v + i, load(x + (v / LANES) * next + row * LANES + i) - splat(shift));
    for (; v < V; v++) output[v] = x[(v / LANES) * next + row * LANES + v % LANES] - shift;
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

// The milliseconds that a crew may wait in any case; and the steps between two decisions about that.
static const double PATIENCE = 0.5;
enum { WATCHED_STEPS = 8 };
// The numbers of calls without crews after the first crew was dissolved, and at most.
enum { FIRST_REST = 8, MAX_REST = 64 };

// The threads of a crew in this call.
static inline int crew_size(const SequenceNumbers& n, const Team* team) {
  return team->rest > 0 ? 1 : n.crew < team->threads ? (int)n.crew : team->threads;
}

// Whether a call has no work for other threads: they would only wait for its end.
static inline bool is_for_one_thread(const Call* call, const Team* team) {
  const SequenceNumbers& n = *(const SequenceNumbers*)call->numbers;
  return call->operation == OP_GENERATE && n.N <= 1 && crew_size(n, team) <= 1;
}

// To be called after each call, before the next one: decides whether that may have crews.
static inline void note_crews(const Call* call, Team* team) {
  if (call->operation != OP_GENERATE || ((const SequenceNumbers*)call->numbers)->crew <= 1) return;
  if (team->rest > 0) {
    team->rest--;
    return;
  }
  bool dissolved = false;
  for (Barrier* at = team->barriers + 1; at <= team->barriers + MAX_CREWS; at++) {
    dissolved |= at->dissolved != 0;
    at->dissolved = 0;
  }
  const int longer = team->restLength == 0 ? FIRST_REST : team->restLength * 2;
  team->restLength = !dissolved ? team->restLength / 2 : longer < MAX_REST ? longer : MAX_REST;
  if (dissolved) team->rest = team->restLength;
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
  Part part = rows_of_crew(team, thread, crew_size(n, team), N);
  if (part.from == part.to) return;
  double waited = 0;
  const double begin = part.threads > 1 ? team->now() : 0;
  if (part.threads > 1 && part.index == 0) part.waited = &waited;
  // Before a step: decides whether the crew is dissolved after it. After a step in which the crew waited: whether this thread has left it.
  const auto watch = [&](index_t k) {
    if (!part.waited || k % WATCHED_STEPS > 0) return;
    const double computed = team->now() - begin - waited;
    if (waited > PATIENCE + computed * (part.threads - 1)) __atomic_store_n(&part.at->dissolved, (int)k + 1, __ATOMIC_RELAXED);
  };
  const auto leaves = [&](index_t k) {
    if (part.threads == 1 || __atomic_load_n(&part.at->dissolved, __ATOMIC_RELAXED) != (int)k + 1) return false;
    if (part.index > 0) return true;
    part = first_alone(part, 0);
    return false;
  };
  // The workspaces for draws follow the biases, one for each thread.
  double* drawMemory = (double*)(((__UINTPTR_TYPE__)bias + 63) & ~(__UINTPTR_TYPE__)63) + (index_t)thread * DRAW_WORKSPACE * (((index_t)n.V + 16 + 7) & ~7L);
  const DrawWorkspace draws = draw_workspace(drawMemory, (int)n.V);
  const index_t steps = (index_t)n.steps;
  if (n.draws != 0) {
    const Part drawn = first_alone(part, 0);
    move_states(n, b, workspace, 0, part, false);
    for (index_t k = 0; k < steps; k++) {
      watch(k);
      for (index_t row = drawn.from; row < drawn.to; row++) b.drawn[k * N + row] = b.tokens[row] = draw_row(n, b, k, row, draws);
      part.wait();
      sequence_step<Element>(n, b, workspace, k, b.tokens, true, part);
      if (leaves(k)) return;
    }
  }
  for (index_t k = 0; k < steps && n.draws == 0; k++) {
    const int* tokens = b.tokens + k * N;
    bool begins = false;
    for (index_t row = part.from; row < part.to; row++) {
      if (tokens[row] < 0 || (k > 0 && tokens[row - N] >= 0)) continue;
      move_states(n, b, workspace, k, rows_in(part, row, row + 1), false);
      begins = true;
    }
    if (begins) part.wait();
    bool runs = false;
    for (index_t row = part.from; row < part.to; row++) runs |= tokens[row] >= 0;
    if (!runs) continue;
    watch(k);
    // Computes blocks of adjacent rows whose sequences have begun.
    for (index_t from = part.from, to; from < part.to; from = to) {
      for (to = from; to < part.to && tokens[to] >= 0;) to++;
      if (to > from) sequence_step<Element>(n, b, workspace, k, tokens, k + 1 == steps, rows_in(part, from, to));
      else to++;
    }
    if (leaves(k)) return;
  }
  move_states(n, b, workspace, steps, part, true);
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
