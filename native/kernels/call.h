// A call of an engine operation, and the team of threads that runs it.
//
// src/engine/cpu/calls.ts encodes a call as a command, an array of doubles: the operation, its numbers, its buffers. generated.h has the
// constants. Each operation reads `numbers` and `buffers` as structs of its own, such as RecurrentNumbers and RecurrentBuffers.
//
// Dimension letters: B batch rows, T time steps, D layer input, H hidden units, G gates, V vocabulary, S parts of a state, N sequences.
// Sizes in memory formulas are in floats of 4 bytes; ⌈H⌉ is H rounded up to a multiple of 16.
#pragma once
#include "generated.h"

struct Call {
  int operation;
  double numbers[MAX_NUMBERS];
  // Null for a buffer that the call does not use.
  float* buffers[MAX_BUFFERS];
};

// How many threads wait at a barrier, and how often all have passed it. Each has a cache line of its own.
struct alignas(64) Barrier {
  int arrived, generation;
  // Of a crew: 1 + the step after which its first thread goes on alone; 0: none.
  int dissolved;
};

// The most parts of a team whose threads wait for each other only.
enum { MAX_CREWS = 32 };

// The threads that run a call together. `counters` count the tasks taken in each phase; they are zero when a call begins.
struct Team {
  int threads;
  // Yields the processor; called when a thread has waited for some time.
  void (*yield)();
  // The time, in milliseconds from any point on.
  double (*now)();
  Barrier* barriers;  // of the whole team, then of its crews: 1 + MAX_CREWS; null for one thread
  int counters[8];
  // After a crew was dissolved (sequences.h): the number of calls that still do without crews, and how many those were at the beginning.
  int rest, restLength;
};

// How often a waiting thread checks before it yields: about 10 µs. On x86, `relax` takes most of a check; elsewhere, a check takes a nanosecond or
// two. In WebAssembly, yielding means sleeping for some 50 µs, so a thread that yields too soon often oversleeps.
#if defined(__x86_64__)
enum { SPINS_BEFORE_YIELD = 256 };
#else
enum { SPINS_BEFORE_YIELD = 8192 };
#endif

// A hint to the processor that this thread is waiting, so that the core's other hardware thread can run.
static inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Waits until `threads` threads have called this.
static inline void wait_at(Barrier* at, int threads, void (*yield)()) {
  if (threads == 1) return;
  const int generation = __atomic_load_n(&at->generation, __ATOMIC_RELAXED);
  if (__atomic_add_fetch(&at->arrived, 1, __ATOMIC_ACQ_REL) == threads) {
    __atomic_store_n(&at->arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&at->generation, generation + 1, __ATOMIC_RELEASE);
    return;
  }
  for (int spins = 1; __atomic_load_n(&at->generation, __ATOMIC_ACQUIRE) == generation; spins++) {
    relax();
    if (spins % SPINS_BEFORE_YIELD == 0) yield();
  }
}

// Waits until all threads of the team have called this.
static inline void barrier(Team* team) { wait_at(team->barriers, team->threads, team->yield); }

// The number of the next task of a phase. Phases without a barrier between them need different counters.
static inline int next_task(Team* team, int phase) {
  return team->threads == 1 ? team->counters[phase]++ : __atomic_fetch_add(&team->counters[phase], 1, __ATOMIC_RELAXED);
}

// The rows or panels that one thread computes: `from` … `to` − 1.
struct Share {
  long from, to;
};
// Part `index` of `parts` equal ones.
static inline Share share_in(long count, int parts, int index) { return {count * index / parts, count * (index + 1) / parts}; }
static inline Share share_of(const Team* team, int thread, long count) { return share_in(count, team->threads, thread); }

// One variant of the kernels: runs a call on this thread, together with the other threads of the team.
typedef void (*Kernels)(const Call*, Team*, int thread);
