// The checks of calls, compiled for the oldest supported processor. They only compare sizes, and run no kernel.
#define VW 4
#define NO_FMA
#include "variants.h"

#include "../kernels/checks.h"

namespace charrnn {

const char* problem_of_call(const Call* call, const uint64_t* bytes, int threads) {
  return problem_of(call, reinterpret_cast<const u64*>(bytes), threads);
}

}  // namespace charrnn
