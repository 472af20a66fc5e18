// The variants of the kernels in this add-on, and which of them this machine can run.
#pragma once
#include <cstdint>
#include <vector>

#include "../kernels/call.h"

namespace charrnn {

struct Variant {
  const char* name;
  bool (*works)();
  Kernels kernels;
};

// The fastest first.
const std::vector<Variant>& all_variants();
// Null for an unknown name, or for a variant that this machine can't run.
const Variant* find_variant(const char* name);

// kernels/checks.h, compiled for the oldest supported processor.
const char* problem_of_call(const Call* call, const uint64_t* bytes, int threads);
// is_for_one_thread and note_crews of kernels/sequences.h, compiled likewise.
bool needs_one_thread(const Call* call, const Team* team);
void note_crews_of(const Call* call, Team* team);

}  // namespace charrnn
