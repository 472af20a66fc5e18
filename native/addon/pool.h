// The threads of one engine: they take calls from a queue, one after the other, and make each together.
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

// Floats, tokens or flags of the engine's tensors, by number. A number is never used twice.
class Buffers {
 public:
  struct Buffer {
    void* data;
    uint64_t bytes;
  };
  // 0 when there is no memory.
  uint64_t allocate(uint64_t bytes);
  // Takes a buffer out of the table; the memory is the caller's to free.
  void* forget(uint64_t id);
  // Null for an unknown number.
  const Buffer* find(uint64_t id) const;
  ~Buffers();

 private:
  std::unordered_map<uint64_t, Buffer> buffers_;
  uint64_t next_ = 1;
};

// Something to do in the queue's order: a call of the kernels, or a copy into or out of a buffer.
struct Job {
  Call call = {};
  uint64_t bytes[MAX_BUFFERS] = {};
  bool isCall = false;
  std::function<void()> action;
};

class Pool {
 public:
  // What stands wrong with a call, or null.
  typedef const char* (*Check)(const Call*, const uint64_t* bytes, int threads);

  // With fewer threads where the system does not start as many as wanted; throws std::system_error where it starts none.
  Pool(Kernels kernels, Check check, int wanted);
  ~Pool();

  // Makes the call at once, on this thread, if nothing else is under way and `small`; else puts it into the queue.
  void submit(Job&& job, bool small);
  // Runs an action at once if nothing is under way; else in the queue's order. True when it was run.
  bool act(std::function<void()> action);
  // Whether nothing is in the queue and nothing under way.
  bool idle();
  // The first problem since the last time that it was asked for.
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

  // Helpers spin for a while between calls, then sleep.
  std::mutex helpMutex_;
  std::condition_variable helpWanted_;
  std::atomic<uint32_t> wanted_{0};
  std::atomic<int> asleep_{0};
  Team team_ = {};
  const Call* current_ = nullptr;
  std::vector<std::thread> workers_;
};

}  // namespace charrnn
