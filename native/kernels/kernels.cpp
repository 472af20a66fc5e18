// All kernels. This file is compiled once for each instruction set, with the vector width VW and KERNELS_NAME of that variant.
#include "linear.h"
#include "loss.h"
#include "optimizer.h"
#include "packing.h"
#include "sequences.h"

static void dropout(const Call* call, Team* team, int thread) {
  const DropoutNumbers& n = *(const DropoutNumbers*)call->numbers;
  const DropoutBuffers& b = *(const DropoutBuffers*)call->buffers;
  const Dropout mask = {(u32)n.threshold, (u32)n.key, (float)n.scale, (int)n.perSequence, (int)n.firstStep};
  const index_t B = (index_t)n.rows, next = (index_t)n.steps * B * LANES;
  const Share share = share_of(team, thread, B);
  for (index_t t = 0; t < (index_t)n.steps; t++)
    drop_rows(mask, (int)t, share.from, share.to, (int)n.columns, {(float*)b.input + t * B * LANES, next}, {b.output + t * B * LANES, next});
}

static void run(const Call* call, Team* team, int thread) {
  switch (call->operation) {
    case OP_FILL: return fill(call, team, thread);
    case OP_COPY: return copy(call, team, thread);
    case OP_PACK_ROWS: return move_rows(call, thread, false);
    case OP_UNPACK_ROWS: return move_rows(call, thread, true);
    case OP_PACK_WEIGHTS: return move_weights(call, thread, false);
    case OP_UNPACK_WEIGHTS: return move_weights(call, thread, true);
    case OP_RECURRENT_FORWARD: return recurrent_forward(call, team, thread);
    case OP_RECURRENT_BACKWARD: return recurrent_backward(call, team, thread);
    case OP_EMBEDDING_FORWARD: return embedding_forward(call, team, thread);
    case OP_EMBEDDING_BACKWARD: return embedding_backward(call, team, thread);
    case OP_LINEAR_FORWARD: return linear_forward(call, team, thread);
    case OP_LINEAR_BACKWARD: return linear_backward(call, team, thread);
    case OP_CROSS_ENTROPY: return cross_entropy(call, team, thread);
    case OP_DROPOUT: return dropout(call, team, thread);
    case OP_DROP_WEIGHTS: return drop_weights(call, team, thread);
    case OP_UPDATE: return update(call, team, thread);
    case OP_AVERAGE: return vector_average(call, team, thread);
    case OP_GENERATE: return generate(call, team, thread);
    case OP_COPY_SLOTS: return copy_slots(call, team, thread);
  }
}

// KERNELS_NAME is the only symbol that a variant exports.
extern "C" {
extern const Kernels KERNELS_NAME;
const Kernels KERNELS_NAME = run;
}
