// What the kernels share with src/engine/. Made by scripts/kernel-header.ts; not to be edited.
#pragma once

// src/engine/cpu/calls.ts
enum {
  MAX_NUMBERS = 24,
  MAX_BUFFERS = 80,
  MAX_MODULES = 70,
  MODULE_FIELDS = 12,
  CONTROL_FIELDS = 11,
};
enum {
  LANES = 16,
  CHUNK_FLOATS = 4096,
  DRAW_ROOMS = 4,
  UPDATE_REPORT_LENGTH = 5,
};
enum Operation {
  OP_FILL,
  OP_COPY,
  OP_PACK_ROWS,
  OP_UNPACK_ROWS,
  OP_PACK_WEIGHTS,
  OP_UNPACK_WEIGHTS,
  OP_RECURRENT_FORWARD,
  OP_RECURRENT_BACKWARD,
  OP_EMBEDDING_FORWARD,
  OP_EMBEDDING_BACKWARD,
  OP_LINEAR_FORWARD,
  OP_LINEAR_BACKWARD,
  OP_CROSS_ENTROPY,
  OP_DROPOUT,
  OP_UPDATE,
  OP_AVERAGE,
  OP_GENERATE,
  OP_COPY_SLOTS,
  OP_COUNT,
};

// src/engine/cells.ts
enum Cell {
  CELL_LSTM,
  CELL_GRU,
  CELL_RNN,
  CELL_COUNT,
};
static const int GATE_COUNT[] = {4, 3, 1};
// Parts of a state, and which of them is h; where there are two, c is the other.
static const int STATE_PARTS[] = {2, 1, 1};
static const int H_PART[] = {1, 0, 0};
// What a tape keeps of every step beside the gates: h and, with two, c or the candidate.
static const int KEPT_COUNT[] = {2, 2, 1};

// src/engine/update-rules.ts
enum UpdateRule {
  UPDATE_RULE_RMSPROP,
  UPDATE_RULE_ADAM,
  UPDATE_RULE_COUNT,
};
enum {
  MAX_MOMENTS = 2,
  MAX_RULE_PARAMETERS = 3,
};
static const int MOMENT_COUNT[] = {1, 2};
struct RmspropParameters {
  double alpha, epsilon;
};
struct AdamParameters {
  double beta1, beta2, epsilon;
};

// src/engine/sizes.ts
static inline double state_size(double S, double B, double H) { return S * B * H; }
static inline double weights_size(double G, double H, double R) { return G * H * R; }
static inline double tape_size(double T, double B, double G, double H, double K, double D) { return T * B * G * H + T * B * K * H + T * B * D; }
static inline double recurrent_scratch_size(double G, double H, double M, double D, double B) { return G * H + M * G * H * H + G * H * D + 3 * B * H; }
static inline double linear_scratch_size(double H, double V) { return H * V; }
static inline double slot_scratch_size(double S, double N, double H) { return S * N * H; }
static inline double stream_scratch_size(double W, double N, double X, double Y) { return 5 * W * N + X * N + Y; }
