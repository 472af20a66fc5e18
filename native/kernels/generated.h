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
