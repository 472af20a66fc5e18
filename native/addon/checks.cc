// The checks of calls. Compiled for the oldest supported processor: they only compare numbers, and run no kernel.
#define VW 4
#define NO_FMA
#include "variants.h"

#include "../kernels/checks.h"

namespace charrnn {

const char* problem_of_call(const Call* call, const uint64_t* bytes, int threads) {
  return problem_of(call, reinterpret_cast<const u64*>(bytes), threads);
}

}  // namespace charrnn
