// The checks of calls, and what the pool asks about a call. Compiled for the oldest supported processor: they only compare numbers, and run no
// kernel.
#define VW 4
#define NO_FMA
#include "variants.h"

#include "../kernels/checks.h"

namespace charrnn {

const char* problem_of_call(const Call* call, const uint64_t* bytes, int threads) {
  return problem_of(call, reinterpret_cast<const u64*>(bytes), threads);
}

bool needs_one_thread(const Call* call, const Team* team) { return is_for_one_thread(call, team); }

void note_crews_of(const Call* call, Team* team) { note_crews(call, team); }

}  // namespace charrnn
