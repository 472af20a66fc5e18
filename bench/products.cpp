// Measures the rate of the kernels' float32 products in GFLOPS, on one thread, for weights of several sizes: rows of activations [M][K]
// times panels of weights [N/16][K][16]. Compare it with bench/peak.cpp. Other programs slow some runs down, so the fastest run of each
// size counts.
//
//     g++ -std=c++17 -O3 -march=x86-64-v4 -mprefer-vector-width=512 -ffp-contract=off -fno-math-errno -w -DVW=16 -DKERNELS_NAME=kernels \
//       -I native/kernels bench/products.cpp -o products && ./products
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>

#include "kernels.cpp"

static double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

static float* floats(size_t count) {
  float* at = (float*)aligned_alloc(64, (count * 4 + 63) / 64 * 64);
  for (size_t i = 0; i < count; i++) at[i] = 0.001f * (i % 97);
  return at;
}

static double gflops(index_t M, int K, int N) {
  enum { RUNS = 300 };
  const double FLOPS_OF_RUN = 2e7;
  const int count = N / LANES;
  float *a = floats(M * K), *b = floats((size_t)K * N), *c = floats(M * N);
  const double flops = 2.0 * M * K * N;
  const int products = std::max(1, (int)(FLOPS_OF_RUN / flops));
  double best = 1e9;
  for (int run = 0; run < RUNS; run++) {
    const double start = seconds();
    for (int i = 0; i < products; i++) multiply<Float32>(M, count, K / LANES, {a, M * LANES}, {b, K * LANES}, ZERO, {c, M * LANES});
    best = std::min(best, (seconds() - start) / products);
  }
  for (float* made : {a, b, c}) free(made);
  return flops / best / 1e9;
}

int main() {
  const int rows[] = {1, 6, 25, 50};
  printf("| K × N | weights |");
  for (int M : rows) printf(" %d rows |", M);
  printf("\n");
  for (int K : {128, 256, 512, 1024}) {
    const int N = 512;
    printf("| %d × %d | %d kB |", K, N, K * N * 4 / 1024);
    for (int M : rows) printf(" %.0f |", gflops(M, K, N));
    printf("\n");
  }
}
