// The builds of the kernels that are linked in, and whether this machine can run them.
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
// Null for an unknown name, and for one that does not work here.
const Variant* find_variant(const char* name);

// kernels/checks.h, built for the least that every machine has.
const char* problem_of_call(const Call* call, const uint64_t* bytes, int threads);

}  // namespace charrnn
