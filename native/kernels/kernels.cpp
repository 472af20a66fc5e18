// All kernels. This file is compiled once for each instruction set, with the vector width VW and KERNELS_NAME of that variant.
#include "dropout.h"
#include "linear.h"
#include "loss.h"
#include "optimizer.h"
#include "packing.h"
#include "sequences.h"

// Whether a call computes in bfloat16. WebAssembly has no such kernels: they would make each page half as large again.
static bool in_bfloat16(const Call* call) {
#ifdef __wasm__
  (void)call;
  return false;
#else
  const bool isLinear = call->operation == OP_LINEAR_FORWARD || call->operation == OP_LINEAR_BACKWARD;
  return (isLinear ? ((const LinearNumbers*)call->numbers)->bfloat16 : ((const RecurrentNumbers*)call->numbers)->bfloat16) != 0;
#endif
}

// The passes over a layer, with the factors of products in bfloat16 or float32.
template <class Element>
static void run_layer(const Call* call, Team* team, int thread) {
  switch (call->operation) {
    case OP_RECURRENT_FORWARD: return recurrent_forward<Element>(call, team, thread);
    case OP_RECURRENT_BACKWARD: return recurrent_backward<Element>(call, team, thread);
    case OP_LINEAR_FORWARD: return linear_forward<Element>(call, team, thread);
    case OP_LINEAR_BACKWARD: return linear_backward<Element>(call, team, thread);
  }
}

static void run(const Call* call, Team* team, int thread) {
  switch (call->operation) {
    case OP_FILL: return fill(call, team, thread);
    case OP_COPY: return copy(call, team, thread);
    case OP_PACK_ROWS: return move_rows(call, thread, false);
    case OP_UNPACK_ROWS: return move_rows(call, thread, true);
    case OP_PACK_WEIGHTS: return move_weights(call, thread, false);
    case OP_UNPACK_WEIGHTS: return move_weights(call, thread, true);
    case OP_RECURRENT_FORWARD:
    case OP_RECURRENT_BACKWARD:
    case OP_LINEAR_FORWARD:
    case OP_LINEAR_BACKWARD: return in_bfloat16(call) ? run_layer<Bfloat16>(call, team, thread) : run_layer<Float32>(call, team, thread);
    case OP_EMBEDDING_FORWARD: return embedding_forward(call, team, thread);
    case OP_EMBEDDING_BACKWARD: return embedding_backward(call, team, thread);
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
