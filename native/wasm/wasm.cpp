// The kernels as WebAssembly, used by src/engine/cpu/wasm.ts, which owns the memory.
//
// The caller writes calls into a ring buffer. The driver, an instance in its own worker, takes them one at a time and runs each together with
// its helpers. Without shared memory, there is one instance, and the caller uses its `make_entry` directly.
#define KERNELS_NAME kernels_wasm
#include "../kernels/kernels.cpp"

#include "../kernels/checks.h"

#define EXPORT(name) extern "C" __attribute__((export_name(name), used))

// An entry of the ring buffer, all doubles: operation, numbers, then the address and the size in bytes of each buffer.
struct Entry {
  double operation;
  double numbers[MAX_NUMBERS];
  double places[MAX_BUFFERS];
  double bytes[MAX_BUFFERS];
};

// Operations of the ring buffer itself.
enum { ENTRY_SIGNAL = -1, ENTRY_MOVE_BYTES = -2, ENTRY_STOP = -3 };

enum { RING_ENTRIES = 256, PROBLEM_BYTES = 128 };

// The memory that the instances share. JavaScript uses the first seven words, `problem` and the ring. Counts go on with 0 after 2³² − 1.
struct Shared {
  unsigned submitted;  // the number of entries written so far
  unsigned done;       // the number of entries done
  unsigned wanted;     // the number of calls that helpers have been asked to join
  int threads;
  int begun;
  unsigned start;  // what the counts are before the first entry
  int ending;      // whether helpers must end instead of joining a call
  int unused[9];
  char problem[PROBLEM_BYTES];
  Team team;
  Barrier barriers[1 + MAX_CREWS];
  Call call;
  Entry ring[RING_ENTRIES];
};

#ifdef THREADS
// WebAssembly can't yield, so this sleeps for a microsecond.
static void yield() {
  static int never = 0;
  __builtin_wasm_memory_atomic_wait32(&never, 0, 1000);
}
#else
static void yield() {}
#endif

static void note(Shared* shared, const char* problem) {
  if (shared->problem[0]) return;
  for (int i = 0; i < PROBLEM_BYTES - 1 && problem[i]; i++) shared->problem[i] = problem[i];
}

// Reads and checks the call of an entry. If it is invalid, notes the problem and returns false.
static bool take_call(Shared* shared, const Entry* entry, int threads, Call* call) {
  u64 bytes[MAX_BUFFERS];
  call->operation = (int)entry->operation;
  for (int i = 0; i < MAX_NUMBERS; i++) call->numbers[i] = entry->numbers[i];
  for (int i = 0; i < MAX_BUFFERS; i++) {
    call->buffers[i] = (float*)(__UINTPTR_TYPE__)(u32)entry->places[i];
    bytes[i] = (u64)entry->bytes[i];
  }
  const char* problem = problem_of(call, bytes, threads);
  if (problem) note(shared, problem);
  return !problem;
}

// A function of its own: memory.copy checks its range against a size of the memory that V8 reads when a function begins, so a loop that has run
// since before the memory grew must not contain it. Other loads and stores need no such check.
__attribute__((noinline)) static void move_bytes(const Entry* entry) {
  char* to = (char*)(__UINTPTR_TYPE__)(u32)entry->places[0];
  const char* from = (const char*)(__UINTPTR_TYPE__)(u32)entry->places[1];
  __builtin_memcpy(to, from, (__SIZE_TYPE__)entry->numbers[0]);
}

EXPORT("shared_bytes") int shared_bytes() { return sizeof(Shared); }
EXPORT("ring_offset") int ring_offset() { return (int)__builtin_offsetof(Shared, ring); }
EXPORT("entry_bytes") int entry_bytes() { return sizeof(Entry); }
EXPORT("ring_entries") int ring_entries() { return RING_ENTRIES; }

// Runs a call on this thread alone.
static void make_alone(const Call* call) {
  Team alone = {};
  alone.threads = 1;
  alone.yield = yield;
  kernels_wasm(call, &alone, 0);
}

// Runs an entry immediately, on this thread alone.
EXPORT("make_entry") void make_entry(Shared* shared, const Entry* entry) {
  if (entry->operation == ENTRY_MOVE_BYTES) return move_bytes(entry);
  Call call;
  if (take_call(shared, entry, shared->threads, &call)) make_alone(&call);
}

#ifdef THREADS

// The time in milliseconds.
extern "C" __attribute__((import_module("host"), import_name("now"))) double now();

// Posts a message to tell the caller that the values of a read are ready.
extern "C" __attribute__((import_module("host"), import_name("settle"))) void settle(int id);

static const int SPINS = 20000;

// Waits until *at is no longer `value`: spins for a short time, then sleeps.
static void wait_while(unsigned* at, unsigned value) {
  for (int i = 0; i < SPINS; i++)
    if (__atomic_load_n(at, __ATOMIC_ACQUIRE) != value) return;
  while (__atomic_load_n(at, __ATOMIC_ACQUIRE) == value) __builtin_wasm_memory_atomic_wait32((int*)at, (int)value, -1);
}

// Wakes the helpers.
static void call_helpers(Shared* shared) {
  __atomic_store_n(&shared->wanted, shared->wanted + 1, __ATOMIC_SEQ_CST);
  __builtin_wasm_memory_atomic_notify((int*)&shared->wanted, 1024);
}

static void make_together(Shared* shared, const Entry* entry) {
  if (!take_call(shared, entry, shared->threads, &shared->call)) return;
  if (shared->threads == 1 || is_for_one_thread(&shared->call, &shared->team)) {
    make_alone(&shared->call);
  } else {
    for (int i = 0; i < 8; i++) shared->team.counters[i] = 0;
    call_helpers(shared);
    kernels_wasm(&shared->call, &shared->team, 0);
    barrier(&shared->team);
  }
  note_crews(&shared->call, &shared->team);
}

// The main loop of the driver.
EXPORT("drive") void drive(Shared* shared) {
  shared->team.threads = shared->threads;
  shared->team.yield = yield;
  shared->team.now = now;
  shared->team.barriers = shared->barriers;
  for (unsigned done = shared->start;; done++) {
    wait_while(&shared->submitted, done);
    const Entry* entry = &shared->ring[done % RING_ENTRIES];
    const int operation = (int)entry->operation;
    if (operation == ENTRY_STOP) break;
    if (operation == ENTRY_MOVE_BYTES) move_bytes(entry);
    else if (operation == ENTRY_SIGNAL) settle((int)entry->numbers[0]);
    else make_together(shared, entry);
    __atomic_store_n(&shared->done, done + 1, __ATOMIC_SEQ_CST);
  }
  shared->ending = 1;
  call_helpers(shared);
}

// The main loop of a helper; helpers are numbered from 1.
EXPORT("assist") void assist(Shared* shared, int thread) {
  for (unsigned seen = shared->start;; seen++) {
    wait_while(&shared->wanted, seen);
    if (shared->ending) return;
    kernels_wasm(&shared->call, &shared->team, thread);
    barrier(&shared->team);
  }
}

#endif
