// Checks every call before it runs: its numbers must be in range, and its buffers large enough. Nothing in a call is trusted before this.
//
// The sizes are those given at the *Buffers structs; the memory formulas are in generated.h (made from src/engine/sizes.ts).
#pragma once
#include "sequences.h"
#include "linear.h"
#include "optimizer.h"
#include "packing.h"

struct CheckedCall {
  const Call* call;
  const u64* bytes;     // [MAX_BUFFERS]: sizes of the buffers; 0 for those that the call does not use
  const char* problem;  // the first problem found, or null
};

static const double MAX_EXACT = 4503599627370496.0;  // 2^52
// Sizes and offsets fit into an int, even after padding.
static const double MAX_SIZE = 2147483647.0 - 64;

static void require(CheckedCall& c, bool holds, const char* problem) {
  if (!holds && !c.problem) c.problem = problem;
}
static void require_bytes(CheckedCall& c, int buffer, double bytes) {
  require(c, bytes >= 0 && bytes < MAX_EXACT && (double)c.bytes[buffer] >= bytes, "a buffer is too small");
}
static void require_floats(CheckedCall& c, int buffer, double floats) { require_bytes(c, buffer, floats * 4); }
// Checks a buffer that the call may leave out.
static void allow_floats(CheckedCall& c, int buffer, double floats) {
  if (c.call->buffers[buffer]) require_floats(c, buffer, floats);
}
static double padded(double n) { return __builtin_ceil(n / 16) * 16; }
static bool is_int8(int element) { return element == ELEMENT_INT8 || element == ELEMENT_INT8_PLAIN; }
// Checks what a call's products are in, and returns it. WebAssembly has no bfloat16; int8 has no backward pass.
static int checked_element(CheckedCall& c, double element, bool backward) {
  require(c, element >= 0 && element < ELEMENT_COUNT && element == (double)(int)element, "no such element");
  if (c.problem) return ELEMENT_FLOAT32;
#ifdef __wasm__
  require(c, !is_bfloat16(element), "no bfloat16 here");
#endif
  require(c, !is_int8((int)element) || !backward, "no backward pass in int8");
  return (int)element;
}
// The floats of a matrix of G gates of H outputs with K inputs, of a look-up table for K tokens, and of an embedding.
static double matrix_floats(int element, double G, double H, double K) { return is_int8(element) ? int8_matrix_size(G, H, K) : weights_size(G, H, K); }
static double table_floats(int element, double G, double H, double V) { return is_int8(element) ? int8_table_size(G, H, V) : weights_size(G, H, V); }
static double embedding_floats(int element, double D, double V) {
  return is_int8(element) ? int8_embedding_size(D, V, padded(V)) : weights_size(1, D, V);
}
static void require_sizes(CheckedCall& c, const double* numbers, int count) {
  for (int i = 0; i < count; i++)
    require(c, numbers[i] >= 0 && numbers[i] < MAX_SIZE && numbers[i] == (double)(long long)numbers[i], "a size is out of range");
}
// Dimensions must be at least 1: a product with a zero factor would leave the other factors unchecked.
static void require_dimensions(CheckedCall& c, const double* numbers, int count) {
  require_sizes(c, numbers, count);
  for (int i = 0; i < count; i++) require(c, numbers[i] >= 1, "a dimension is zero");
}
// Each token id is checked, because kernels use it as an index.
static void require_tokens(CheckedCall& c, int buffer, double count, double V) {
  require_bytes(c, buffer, count * 4);
  if (c.problem || !c.call->buffers[buffer]) return;
  const int* tokens = (const int*)c.call->buffers[buffer];
  for (long i = 0; i < (long)count; i++) require(c, tokens[i] >= 0 && tokens[i] < V, "a token is outside the vocabulary");
}

static void check_recurrent(CheckedCall& c, bool backward) {
  const RecurrentNumbers& n = *(const RecurrentNumbers*)c.call->numbers;
  require_sizes(c, c.call->numbers, 11);
  require_dimensions(c, &n.T, 4);
  require_dimensions(c, &n.slots, 1);
  require(c, n.cell < CELL_COUNT && n.slots >= 1, "no such cell, or no tape");
  if (c.problem) return;
  const int cell = (int)n.cell;
  const double gates = GATE_COUNT[cell], H = padded(n.H), D = n.tokens != 0 ? n.D : padded(n.D), positions = n.T * n.B;
  const double dense = n.tokens != 0 ? 0 : D, state = state_size(STATE_PARTS[cell], n.B, H);
  const bool whole = backward || n.slots >= n.T || n.slots >= 2;
  require(c, whole && (!backward || n.slots >= n.T), "the tape is too short");
  const int element = checked_element(c, n.element, backward);
  for (int vector = 0; vector < 12; vector += 11) {
    if (vector && !backward) break;
    require_floats(c, vector, n.inputWeights + (n.tokens != 0 ? table_floats(element, gates, H, D) : matrix_floats(element, gates, H, D)));
    require_floats(c, vector, n.inputBias + weights_size(gates, H, 1));
    require_floats(c, vector, n.hiddenWeights + matrix_floats(element, gates, H, H));
    require_floats(c, vector, n.hiddenBias + weights_size(gates, H, 1));
  }
  if (n.tokens != 0) require_tokens(c, 1, positions, n.D);
  else require_floats(c, 1, positions * D);
  if (c.call->buffers[2]) require_bytes(c, 2, positions);
  if (!backward) {
    require_floats(c, 3, state);
    require_floats(c, 4, state);
    require_floats(c, 5, positions * H);
    allow_floats(c, 6, positions * H);
  } else {
    require_floats(c, 9, positions * H);
    allow_floats(c, 10, state);
    allow_floats(c, 12, positions * D);
    allow_floats(c, 13, state);
  }
  require_floats(c, 7, tape_size(n.slots, n.B, gates, H, KEPT_COUNT[cell], dense));
  const double packed = element != ELEMENT_FLOAT32 ? recurrent_packed_size(n.B, dense, H, gates, __builtin_ceil(positions / 2)) : 0;
  require_floats(c, 8, recurrent_scratch_size(gates, H, dense, n.B) + packed);
}

static void check_linear(CheckedCall& c, bool backward) {
  const LinearNumbers& n = *(const LinearNumbers*)c.call->numbers;
  require_sizes(c, c.call->numbers, 5);
  require_dimensions(c, c.call->numbers, 3);
  const double H = padded(n.H), V = padded(n.V);
  const int element = checked_element(c, n.element, backward);
  for (int vector = 0; vector <= (backward ? 3 : 0); vector += 3) {
    require_floats(c, vector, n.weight + matrix_floats(element, 1, V, H));
    require_floats(c, vector, n.bias + V);
  }
  require_floats(c, 1, n.positions * H);
  require_floats(c, 2, n.positions * V);
  allow_floats(c, 4, n.positions * H);
  const bool isPacked = element != ELEMENT_FLOAT32;
  const double packed = isPacked ? linear_packed_size(__builtin_ceil(n.positions / 2), H, V) : 0;
  if (c.call->buffers[4] || isPacked) require_floats(c, 5, linear_scratch_size(H, V) + packed);
}

// Whether `at` is −1 (no array) or the index of `length` doubles in the buffer of controls, after the RowControls.
static bool is_place(const SequenceNumbers& n, double at, double length, double total) {
  return at == -1 || (at >= n.N * CONTROL_FIELDS && at == (double)(long long)at && at + length <= total);
}
static void check_controls(CheckedCall& c, const SequenceNumbers& n, const SequenceBuffers& b) {
  const double total = (double)(c.bytes[8] / 8);
  require(c, total >= n.N * CONTROL_FIELDS, "a buffer is too small");
  if (c.problem) return;
  for (long row = 0; row < (long)n.N && !c.problem; row++) {
    const RowControls& r = ((const RowControls*)b.controls)[row];
    const double expiring = r.window < n.steps ? r.window : n.steps;
    require_sizes(c, &r.window, 1);
    require(c, is_place(n, r.logitBiasAt, n.V, total) && is_place(n, r.countsAt, n.V, total) && is_place(n, r.expiringAt, expiring, total),
            "controls out of range");
    if (c.problem || r.countsAt < 0) continue;
    require(c, r.expiringAt >= 0, "controls out of range");
    for (long i = 0; i < (long)expiring && !c.problem; i++) {
      const double token = b.controls[(long)r.expiringAt + i];
      require(c, token >= -1 && token < n.V && token == (int)token, "a token is out of range");
    }
  }
}

// Checks the units to hold. The modules have been checked before.
static void check_held(CheckedCall& c, const SequenceNumbers& n, const SequenceBuffers& b) {
  require_bytes(c, 9, n.held * HELD_FIELDS * 8);
  for (long i = 0; i < (long)n.held && !c.problem; i++) {
    const HeldUnit& u = b.hold[i];
    require_sizes(c, &u.module, 3);
    require(c, u.module < n.modules, "a unit to hold is out of range");
    if (c.problem) return;
    const ModuleNumbers& m = ((const ModuleNumbers*)b.program)[(int)u.module];
    require(c, m.kind == MODULE_RECURRENT && u.unit < m.H, "a unit to hold is out of range");
    require(c, u.isC == 0 || STATE_PARTS[(int)m.cell] > 1, "a unit to hold has no c");
  }
}

// Checks tokens [steps, N]: −1 is allowed before a sequence begins, but not in the last step.
static void require_prompts(CheckedCall& c, const SequenceNumbers& n, const SequenceBuffers& b) {
  require_bytes(c, 3, n.steps * n.N * 4);
  if (c.problem) return;
  const long last = (long)((n.steps - 1) * n.N);
  for (long i = 0; i < last + (long)n.N; i++)
    require(c, b.tokens[i] >= (i < last ? -1 : 0) && b.tokens[i] < n.V, "a token is outside the vocabulary");
}

static void check_generate(CheckedCall& c, int threads) {
  const SequenceNumbers& n = *(const SequenceNumbers*)c.call->numbers;
  const SequenceBuffers& b = *(const SequenceBuffers*)c.call->buffers;
  require_sizes(c, c.call->numbers, 6);
  require_dimensions(c, c.call->numbers, 4);
  const int element = checked_element(c, n.element, false);
  require(c, !is_bfloat16(element), "no sequences in bfloat16");
  require(c, n.modules >= 1 && n.modules <= MAX_MODULES && n.V >= 1 && n.N >= 1, "too many modules, or none");
  require_dimensions(c, &n.crew, 1);
  require(c, n.crew <= threads && (n.crew == 1 || threads < n.crew * (MAX_CREWS + 1)), "no such crew");
  require_bytes(c, 1, n.modules * MODULE_FIELDS * 8);
  require_bytes(c, 2, n.N * 4);
  if (n.draws != 0) {
    require_tokens(c, 3, n.N, n.V);
    require_bytes(c, 4, n.steps * n.N * 8);
    require_bytes(c, 5, n.steps * n.N * 4);
    check_controls(c, n, b);
  } else {
    require_prompts(c, n, b);
  }
  require_floats(c, 6, n.N * n.V);
  if (c.problem) return;
  const ModuleNumbers* modules = (const ModuleNumbers*)b.program;
  // The width of the module before is 0 for the first one, which can't have a dense input.
  double biases = 0, states = 0, width = 0;
  for (int i = 0; i < (int)n.modules; i++) {
    const ModuleNumbers& m = modules[i];
    require_sizes(c, (const double*)&m, 11);
    require_dimensions(c, &m.D, 2);
    require(c, m.kind <= 2 && m.cell < CELL_COUNT, "no such module");
    // Other modules have no use for `tokens`.
    const bool readsTokens = m.kind == MODULE_EMBEDDING || (m.kind == MODULE_RECURRENT && m.tokens != 0);
    if (!readsTokens) require(c, m.D == width, "the widths of adjacent modules differ");
    width = m.H;
    if (c.problem) return;
    const double gates = m.kind == MODULE_RECURRENT ? GATE_COUNT[(int)m.cell] : 1, H = padded(m.H);
    const double D = readsTokens ? m.D : padded(m.D);
    const double input = m.kind == MODULE_EMBEDDING ? embedding_floats(element, H, D)
                         : readsTokens              ? table_floats(element, gates, H, D)
                                                    : matrix_floats(element, gates, H, D);
    require_floats(c, 0, m.inputWeights + input);
    if (m.kind != MODULE_EMBEDDING) require_floats(c, 0, m.inputBias + weights_size(gates, H, 1));
    if (readsTokens) require(c, m.D >= n.V, "the vocabularies of the network differ");
    if (i + 1 == (int)n.modules) require(c, m.kind == MODULE_LINEAR && m.H == n.V, "the network does not end in a linear map to its vocabulary");
    if (m.kind != MODULE_RECURRENT) continue;
    require_floats(c, 0, m.hiddenWeights + matrix_floats(element, gates, H, H));
    require_floats(c, 0, m.hiddenBias + weights_size(gates, H, 1));
    require_floats(c, 10 + i, state_size(STATE_PARTS[(int)m.cell], m.slots, H));
    biases += gates * H;
    states += (1 + STATE_PARTS[(int)m.cell]) * H;
    for (long k = 0; k < (long)n.N && !c.problem; k++) require(c, b.slots[k] >= 0 && b.slots[k] < m.slots, "a slot is out of range");
  }
  if (c.problem) return;
  check_held(c, n, b);
  if (c.problem) return;
  const double W = widest(n, modules, false) * LANES, X = widest(n, modules, true) * LANES;
  require_bytes(c, 7, 4 * sequence_scratch_size(W, n.N, X, states, biases) + 64 + 8.0 * threads * DRAW_WORKSPACE * (n.V + 24));
}

// Returns what is wrong with a call, or null if nothing is.
static const char* problem_of(const Call* call, const u64* bytes, int threads) {
  CheckedCall c = {call, bytes, 0};
  const double* n = call->numbers;
  switch (call->operation) {
    case OP_FILL:
      require_sizes(c, n, 1);
      require_sizes(c, n + 2, 1);
      require(c, n[2] <= n[0], "a size is out of range");
      require_floats(c, 0, n[0]);
      break;
    case OP_COPY:
      require_sizes(c, n, 1);
      require_floats(c, 0, n[0]);
      require_floats(c, 1, n[0]);
      allow_floats(c, 2, UPDATE_REPORT_LENGTH);
      break;
    case OP_PACK_ROWS:
    case OP_UNPACK_ROWS:
      require_sizes(c, n, 4);
      require(c, n[1] >= 1 && n[2] + n[3] <= n[0] * n[1], "elements beyond the tensor");
      require_floats(c, 0, n[0] * padded(n[1]));
      require_floats(c, 1, n[3]);
      break;
    case OP_PACK_WEIGHTS:
    case OP_UNPACK_WEIGHTS: {
      const WeightNumbers& w = *(const WeightNumbers*)n;
      require_sizes(c, n, 9);
      require_dimensions(c, n, 3);
      require(c, w.K <= w.paddedK, "a size is out of range");
      require_floats(c, 0, w.at + w.gates * padded(w.N) * w.paddedK);
      require_floats(c, 1, w.count);
      break;
    }
    case OP_RECURRENT_FORWARD: check_recurrent(c, false); break;
    case OP_RECURRENT_BACKWARD: check_recurrent(c, true); break;
    case OP_EMBEDDING_FORWARD:
    case OP_EMBEDDING_BACKWARD:
      require_sizes(c, n, 4);
      require_dimensions(c, n, 3);
      require_floats(c, 0, n[3] + embedding_floats(checked_element(c, n[4], call->operation == OP_EMBEDDING_BACKWARD), padded(n[2]), n[1]));
      require_tokens(c, 1, n[0], n[1]);
      require_floats(c, 2, n[0] * padded(n[2]));
      break;
    case OP_LINEAR_FORWARD: check_linear(c, false); break;
    case OP_LINEAR_BACKWARD: check_linear(c, true); break;
    case OP_CROSS_ENTROPY:
      require_dimensions(c, n, 2);
      require_floats(c, 0, n[0] * padded(n[1]));
      require_tokens(c, 1, n[0], n[1]);
      allow_floats(c, 2, n[0]);
      require_floats(c, 3, n[3] != 0 ? 1 + n[0] : 1);
      allow_floats(c, 4, n[0] * padded(n[1]));
      allow_floats(c, 5, n[0] * padded(n[1]));
      require_bytes(c, 6, n[0] * 8);
      break;
    case OP_DROPOUT:
      require_dimensions(c, n, 3);
      require_floats(c, 0, n[0] * n[1] * padded(n[2]));
      require_floats(c, 1, n[0] * n[1] * padded(n[2]));
      break;
    case OP_DROP_WEIGHTS: {
      const WeightDropoutNumbers& w = *(const WeightDropoutNumbers*)n;
      require_sizes(c, n, 4);
      require_dimensions(c, n, 3);
      require_floats(c, 0, w.at + weights_size(w.gates, padded(w.N), w.K));
      break;
    }
    case OP_AVERAGE:
      require_sizes(c, n, 1);
      require(c, n[0] == padded(n[0]), "a vector is not padded");
      require_floats(c, 0, n[0]);
      require_floats(c, 1, n[0]);
      break;
    case OP_UPDATE:
      require_sizes(c, n, 1);
      require(c, n[0] == padded(n[0]), "a vector is not padded");
      require(c, n[1] >= 0 && n[1] < UPDATE_RULE_COUNT, "no such update rule");
      if (c.problem) break;
      for (int vector = 0; vector < 2; vector++) require_floats(c, vector, n[0]);
      allow_floats(c, 2, 1);
      require_floats(c, 3, UPDATE_REPORT_LENGTH);
      require_bytes(c, 4, 3 * 8 * __builtin_ceil(n[0] / CHUNK_FLOATS));
      require_sizes(c, n + 6, 1);
      require_bytes(c, 5, 2 * 8 * n[6]);
      require_bytes(c, 6, 4);
      for (int moment = 0; moment < MOMENT_COUNT[(int)n[1]]; moment++) require_floats(c, 7 + moment, n[0]);
      break;
    case OP_GENERATE: check_generate(c, threads); break;
    case OP_COPY_SLOTS:
      require_dimensions(c, n, 5);
      require_floats(c, 0, n[0] * n[2] * padded(n[1]));
      require_floats(c, 1, n[0] * n[3] * padded(n[1]));
      require_tokens(c, 2, n[4], n[2]);
      require_tokens(c, 3, n[4], n[3]);
      require_floats(c, 4, slot_scratch_size(n[0], n[4], padded(n[1])));
      break;
    default: return "no such operation";
  }
  return c.problem;
}
