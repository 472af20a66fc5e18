// All kernels. This file is compiled once for each instruction set, with the vector width VW and KERNELS_NAME of that variant.
#include "dropout.h"
#include "linear.h"
#include "loss.h"
#include "optimizer.h"
#include "packing.h"
#include "sequences.h"

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
