// What a call of an engine operation carries, and the team of threads that makes it.
//
// The caller fills a mailbox of doubles: the operation, its numbers, its buffers. src/engine/cpu/calls.ts writes it, and generated.h
// has its constants. Dimension letters: B rows, T steps, D layer input, H hidden units, V vocabulary, N streams.
#pragma once
#include "generated.h"

struct Call {
  int operation;
  double numbers[MAX_NUMBERS];
  // Null where the call has none.
  float* buffers[MAX_BUFFERS];
};

// The threads that make a call together. `counters` hand out tasks; all are zero when a call begins.
struct Team {
  int threads;
  // Gives the processor to others; called when a thread has waited long.
  void (*yield)();
  int arrived;
  int generation;
  int counters[8];
};

// How often a waiting thread looks before it gives its processor away: some microseconds.
enum { SPINS_BEFORE_YIELD = 256 };

// Lets the other hardware thread of a core have the next moments.
static inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Waits until all threads are here.
static inline void meet(Team* team) {
  if (team->threads == 1) return;
  const int generation = __atomic_load_n(&team->generation, __ATOMIC_RELAXED);
  if (__atomic_add_fetch(&team->arrived, 1, __ATOMIC_ACQ_REL) == team->threads) {
    __atomic_store_n(&team->arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&team->generation, generation + 1, __ATOMIC_RELEASE);
    return;
  }
  for (int spins = 1; __atomic_load_n(&team->generation, __ATOMIC_ACQUIRE) == generation; spins++) {
    pause();
    if (spins % SPINS_BEFORE_YIELD == 0) team->yield();
  }
}

// The next task of a phase; phases that do not stand behind each other's barrier have counters of their own.
static inline int take(Team* team, int phase) {
  return team->threads == 1 ? team->counters[phase]++ : __atomic_fetch_add(&team->counters[phase], 1, __ATOMIC_RELAXED);
}

// This thread's share of `count` rows.
struct Share {
  long from, to;
};
static inline Share share_of(const Team* team, int thread, long count) {
  return {count * thread / team->threads, count * (thread + 1) / team->threads};
}

// One variant of the kernels: makes a call, together with the other threads of the team.
typedef void (*Kernels)(const Call*, Team*, int thread);
