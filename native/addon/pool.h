// The threads of one engine. They take calls from a queue, one at a time, and run each call together.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "../kernels/call.h"

namespace charrnn {

// The buffers of an engine, by id. An id is never reused.
class Buffers {
 public:
  struct Buffer {
    void* data;
    uint64_t bytes;
  };
  // Returns the id, or 0 if there is not enough memory.
  uint64_t allocate(uint64_t bytes);
  // Removes a buffer from the table. The caller must free its memory.
  void* forget(uint64_t id);
  // Null for an unknown id.
  const Buffer* find(uint64_t id) const;
  ~Buffers();

 private:
  std::unordered_map<uint64_t, Buffer> buffers_;
  uint64_t next_ = 1;
};

// An entry of the queue: a call of a kernel, or another action, such as a copy to or from a buffer.
struct Job {
  Call call = {};
  uint64_t bytes[MAX_BUFFERS] = {};
  bool isCall = false;
  std::function<void()> action;
};

class Pool {
 public:
  // Returns what is wrong with a call, or null if nothing is.
  typedef const char* (*Check)(const Call*, const uint64_t* bytes, int threads);

  // The pool has fewer threads than wanted if the system refuses to start more. Throws std::system_error if the system starts none.
  Pool(Kernels kernels, Check check, int wanted);
  ~Pool();

  // Runs the call on this thread if it is `small` and the pool is idle. Else adds it to the queue.
  void submit(Job&& job, bool small);
  // Runs an action immediately if the pool is idle, and returns true. Else adds it to the queue, and returns false.
  bool act(std::function<void()> action);
  // Whether the queue is empty and no call is running.
  bool idle();
  // Why the first call since the last `takeProblem` was refused, or an empty string.
  std::string takeProblem();

  Buffers buffers;
  int threads = 0;

 private:
  void drive();
  void assist(int thread);
  void make(Job& job);
  void makeAlone(Job& job);
  void note(const char* problem);

  const Kernels kernels_;
  const Check check_;
  std::mutex mutex_;
  std::condition_variable queued_;
  std::deque<Job> queue_;
  bool busy_ = false;
  bool closing_ = false;
  std::string problem_;

  // Helpers spin between calls for a short time, then sleep.
  std::mutex helpMutex_;
  std::condition_variable helpWanted_;
  std::atomic<uint32_t> wanted_{0};
  std::atomic<int> asleep_{0};
  Team team_ = {};
  Barrier barriers_[1 + MAX_CREWS] = {};
  const Call* current_ = nullptr;
  std::vector<std::thread> workers_;
};

}  // namespace charrnn
