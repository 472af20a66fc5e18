// Measures the machine's peak rate of float32 fused multiply-adds in GFLOPS: peak THREADS SECONDS. Other programs slow a part of the time, so
// each thread counts its fastest hundredth of a second.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

// 24 independent sums hide the latency. Compile with -march=native.
typedef float vf __attribute__((vector_size(64)));

static double secondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static double gflops(double seconds) {
  vf sum[24];
  for (int i = 0; i < 24; i++) sum[i] = vf{} + (1.0f + (float)i);
  const vf a = vf{} + 0.999999f, b = vf{} + 1e-7f;
  double best = 0;
  for (const double end = secondsNow() + seconds; secondsNow() < end;) {
    const double start = secondsNow();
    double elapsed = 0;
    long rounds = 0;
    for (; elapsed < 0.01; rounds++) {
      for (int k = 0; k < 10000; k++)
#pragma GCC unroll 24
        for (int i = 0; i < 24; i++) sum[i] = sum[i] * a + b;
      elapsed = secondsNow() - start;
    }
    best = std::max(best, rounds * 10000.0 * 24 * 16 * 2 / elapsed / 1e9);
  }
  float total = 0;
  for (int i = 0; i < 24; i++) total += sum[i][0];
  volatile float keep = total;
  (void)keep;
  return best;
}

int main(int count, char** words) {
  const int threads = count > 1 ? atoi(words[1]) : 1;
  const double seconds = count > 2 ? atof(words[2]) : 1;
  std::vector<double> each(threads);
  std::vector<std::thread> all;
  for (int t = 0; t < threads; t++) all.emplace_back([&each, t, seconds] { each[t] = gflops(seconds); });
  double sum = 0;
  for (int t = 0; t < threads; t++) {
    all[t].join();
    sum += each[t];
  }
  printf("%.1f\n", sum);
}
