#include "pool.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <chrono>
#include <system_error>

#include "variants.h"

namespace charrnn {

namespace {

constexpr uint64_t kHugePage = 2u << 20;
// How often a helper checks for the next call before it sleeps: about 50 µs.
constexpr int kSpins = 2000;
// Address space that starting threads leaves to the rest of the process, if its address space is limited: bytes.
constexpr size_t kReserve = 256u << 20;

void* take_memory(uint64_t bytes) {
  const bool large = bytes >= kHugePage;
  const uint64_t alignment = large ? kHugePage : 64;
  const uint64_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (rounded < bytes) return nullptr;
  void* data = nullptr;
  if (posix_memalign(&data, alignment, rounded ? rounded : alignment) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  if (large) madvise(data, rounded, MADV_HUGEPAGE);
#endif
  memset(data, 0, rounded);
  return data;
}

void yield() { sched_yield(); }

double now() {
  using std::chrono::steady_clock;
  return std::chrono::duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

// Keeps a range of addresses, without memory, until it is destroyed.
class Reserve {
 public:
  Reserve() : data_(mmap(nullptr, kReserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  ~Reserve() {
    if (data_ != MAP_FAILED) munmap(data_, kReserve);
  }
  Reserve(const Reserve&) = delete;
  Reserve& operator=(const Reserve&) = delete;

 private:
  void* data_;
};

}  // namespace

uint64_t Buffers::allocate(uint64_t bytes) {
  void* data = take_memory(bytes);
  if (!data) return 0;
  buffers_[next_] = {data, bytes};
  return next_++;
}

void* Buffers::forget(uint64_t id) {
  const auto found = buffers_.find(id);
  if (found == buffers_.end()) return nullptr;
  void* data = found->second.data;
  buffers_.erase(found);
  return data;
}

const Buffers::Buffer* Buffers::find(uint64_t id) const {
  const auto found = buffers_.find(id);
  return found == buffers_.end() ? nullptr : &found->second;
}

Buffers::~Buffers() {
  for (const auto& entry : buffers_) free(entry.second.data);
}

Pool::Pool(Kernels kernels, Check check, int wanted) : kernels_(kernels), check_(check) {
  team_.yield = yield;
  team_.now = now;
  team_.barriers = barriers_;
  // Stacks of many threads can take all addresses that a limit such as `ulimit -v` leaves. Then the run would die for lack of memory.
  const Reserve reserve;
  // The threads do not read `threads` and `team_.threads` before the first call, so these can be set after all threads have been started.
  try {
    workers_.emplace_back([this] { drive(); });
    for (int thread = 1; thread < wanted; thread++) workers_.emplace_back([this, thread] { assist(thread); });
  } catch (const std::system_error&) {
    if (workers_.empty()) throw;
  }
  threads = static_cast<int>(workers_.size());
  team_.threads = threads;
}

Pool::~Pool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  queued_.notify_all();
  workers_[0].join();
  current_ = nullptr;
  wanted_.fetch_add(1);
  {
    std::lock_guard<std::mutex> lock(helpMutex_);
  }
  helpWanted_.notify_all();
  for (size_t i = 1; i < workers_.size(); i++) workers_[i].join();
}

void Pool::note(const char* problem) {
  std::lock_guard<std::mutex> lock(helpMutex_);
  if (problem_.empty()) problem_ = problem;
}

std::string Pool::takeProblem() {
  std::lock_guard<std::mutex> lock(helpMutex_);
  std::string problem;
  problem.swap(problem_);
  return problem;
}

void Pool::makeAlone(Job& job) {
  if (const char* problem = check_(&job.call, job.bytes, threads)) return note(problem);
  Team alone = {};
  alone.threads = 1;
  alone.yield = yield;
  kernels_(&job.call, &alone, 0);
}

void Pool::submit(Job&& job, bool small) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const bool idle = queue_.empty() && !busy_;
    if (!small || !idle) {
      queue_.push_back(std::move(job));
      if (idle) queued_.notify_one();
      return;
    }
  }
  // Only this thread adds to the queue, so it is still idle.
  makeAlone(job);
}

bool Pool::idle() {
  std::lock_guard<std::mutex> lock(mutex_);
  return queue_.empty() && !busy_;
}

bool Pool::act(std::function<void()> action) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const bool idle = queue_.empty() && !busy_;
    if (!idle) {
      Job job;
      job.action = std::move(action);
      queue_.push_back(std::move(job));
      return false;
    }
  }
  action();
  return true;
}

void Pool::make(Job& job) {
  if (!job.isCall) return job.action();
  if (threads == 1 || needs_one_thread(&job.call, &team_)) {
    makeAlone(job);
    return note_crews_of(&job.call, &team_);
  }
  if (const char* problem = check_(&job.call, job.bytes, threads)) return note(problem);
  memset(team_.counters, 0, sizeof team_.counters);
  current_ = &job.call;
  wanted_.fetch_add(1, std::memory_order_seq_cst);
  if (asleep_.load(std::memory_order_seq_cst) > 0) {
    {
      std::lock_guard<std::mutex> lock(helpMutex_);
    }
    helpWanted_.notify_all();
  }
  kernels_(&job.call, &team_, 0);
  barrier(&team_);
  note_crews_of(&job.call, &team_);
}

void Pool::drive() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    queued_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    if (closing_) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    make(job);
    job.action = nullptr;
    lock.lock();
    busy_ = false;
    if (closing_) return;
  }
}

void Pool::assist(int thread) {
  uint32_t seen = 0;
  for (;;) {
    int spins = 0;
    while (wanted_.load(std::memory_order_acquire) == seen) {
      relax();
      if (++spins < kSpins) continue;
      std::unique_lock<std::mutex> lock(helpMutex_);
      asleep_.fetch_add(1, std::memory_order_seq_cst);
      helpWanted_.wait(lock, [&] { return wanted_.load(std::memory_order_seq_cst) != seen; });
      asleep_.fetch_sub(1, std::memory_order_seq_cst);
    }
    seen++;
    if (!current_) return;
    kernels_(current_, &team_, thread);
    barrier(&team_);
  }
}

}  // namespace charrnn
