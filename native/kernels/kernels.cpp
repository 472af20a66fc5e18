// All kernels. This file is compiled once for each instruction set, with the vector width VW and KERNELS_NAME of that variant.
#include "dropout.h"
#include "linear.h"
#include "loss.h"
#include "optimizer.h"
#include "packing.h"
#include "sequences.h"

// What the factors of a call's products are: enum Element.
static int element_of(const Call* call) {
  switch (call->operation) {
    case OP_RECURRENT_FORWARD:
    case OP_RECURRENT_BACKWARD: return (int)((const RecurrentNumbers*)call->numbers)->element;
    case OP_LINEAR_FORWARD:
    case OP_LINEAR_BACKWARD: return (int)((const LinearNumbers*)call->numbers)->element;
    case OP_EMBEDDING_FORWARD: return (int)((const EmbeddingNumbers*)call->numbers)->element;
    default: return (int)((const SequenceNumbers*)call->numbers)->element;
  }
}

// The passes of training over a layer, in float32 or in either order of bfloat16.
template <class Element>
static void run_training(const Call* call, Team* team, int thread) {
  switch (call->operation) {
    case OP_RECURRENT_FORWARD: return recurrent_forward<Element>(call, team, thread);
    case OP_RECURRENT_BACKWARD: return recurrent_backward<Element>(call, team, thread);
    case OP_LINEAR_FORWARD: return linear_forward<Element>(call, team, thread);
    case OP_LINEAR_BACKWARD: return linear_backward<Element>(call, team, thread);
  }
}

// Inference with int8 weights.
template <bool VNNI>
static void run_int8(const Call* call, Team* team, int thread) {
  switch (call->operation) {
    case OP_RECURRENT_FORWARD: return recurrent_forward<Int8<VNNI>>(call, team, thread);
    case OP_LINEAR_FORWARD: return linear_forward<Int8<VNNI>>(call, team, thread);
    case OP_EMBEDDING_FORWARD: return embedding_forward<Int8<VNNI>>(call, team, thread);
    case OP_GENERATE: return generate<Int8<VNNI>>(call, team, thread);
  }
}

// Runs an operation that exists for several elements.
static void run_with_element(const Call* call, Team* team, int thread) {
  const int element = element_of(call);
#ifdef MAY_HAVE_VNNI
  if (element == ELEMENT_INT8 && has_vnni()) return run_int8<true>(call, team, thread);
#endif
  if (element == ELEMENT_INT8 || element == ELEMENT_INT8_PLAIN) return run_int8<false>(call, team, thread);
  if (call->operation == OP_GENERATE) return generate<Float32>(call, team, thread);
  if (call->operation == OP_EMBEDDING_FORWARD) return embedding_forward<Float32>(call, team, thread);
#ifndef __wasm__
  // WebAssembly has no such kernels: they would make each page half as large again.
  if (element == ELEMENT_BFLOAT16) return run_training<Bfloat16>(call, team, thread);
  if (element == ELEMENT_BFLOAT16_BLOCKS) {
    run_training<Bfloat16Blocks>(call, team, thread);
    return Bfloat16Blocks::finish();
  }
#endif
  return run_training<Float32>(call, team, thread);
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
    case OP_LINEAR_BACKWARD:
    case OP_EMBEDDING_FORWARD:
    case OP_GENERATE: return run_with_element(call, team, thread);
    case OP_EMBEDDING_BACKWARD: return embedding_backward(call, team, thread);
    case OP_CROSS_ENTROPY: return cross_entropy(call, team, thread);
    case OP_DROPOUT: return dropout(call, team, thread);
    case OP_DROP_WEIGHTS: return drop_weights(call, team, thread);
    case OP_UPDATE: return update(call, team, thread);
    case OP_AVERAGE: return vector_average(call, team, thread);
    case OP_COPY_SLOTS: return copy_slots(call, team, thread);
  }
}

// KERNELS_NAME is the only symbol that a variant exports.
extern "C" {
extern const Kernels KERNELS_NAME;
const Kernels KERNELS_NAME = run;
}
