// Vectors of floats. Each build of the kernels sets their width: VW = 16 (AVX-512), 8 (AVX2), 4 (NEON, WebAssembly).
//
// All functions in the kernel headers are static, and types with member functions are in unnamed namespaces. Otherwise, the linker could use a
// function that was compiled for one instruction set in the build for another.
#pragma once
#include "generated.h"

#ifndef VW
#error "VW: floats in a vector"
#endif

typedef float vf __attribute__((vector_size(VW * 4), aligned(4), may_alias));
typedef int vi __attribute__((vector_size(VW * 4), aligned(4), may_alias));
typedef unsigned vu __attribute__((vector_size(VW * 4), aligned(4), may_alias));
// VW / 2 floats, and as many doubles, for sums in double precision.
typedef float vh __attribute__((vector_size(VW * 2), aligned(4), may_alias));
typedef double vd __attribute__((vector_size(VW * 4), aligned(8), may_alias));
typedef unsigned u32;
typedef unsigned long long u64;

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))

#if defined(__wasm__)
#include <wasm_simd128.h>
#elif defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// Vectors per panel row: a matrix is stored in panels of LANES = 16 columns (matrix.h), for any vector width.
enum { PARTS = LANES / VW };

INLINE vf load(const float* p) { return *(const vf*)p; }
INLINE void store(float* p, vf v) { *(vf*)p = v; }
// Keeps a loaded vector in a register. Otherwise, GCC may load it again wherever it is used.
INLINE void keep(vf& v) {
#if defined(__x86_64__)
  __asm__("" : "+v"(v));
#else
  (void)v;
#endif
}
INLINE vf splat(float x) { return x - (vf){}; }

// a·b + c, rounded once. A build without fused multiply-add (-DNO_FMA) rounds twice, so its results have different bits. With
// -ffp-contract=off, the compiler fuses no other operations.
INLINE vf fma_(vf a, vf b, vf c) {
#if defined(NO_FMA)
  return a * b + c;
#elif defined(__wasm__)
  return (vf)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c);
#elif VW == 16
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif VW == 8
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif !defined(__aarch64__)
#error "no fused multiply-add here: -DNO_FMA"
#else
  return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#endif
}

// min(x, limit) and max(x, limit). A NaN in x stays a NaN.
INLINE vf at_most(vf x, float limit) {
#if defined(__wasm__)
  return (vf)wasm_f32x4_pmin((v128_t)x, (v128_t)splat(limit));
#elif VW == 16
  return (vf)_mm512_min_ps((__m512)splat(limit), (__m512)x);
#elif VW == 8
  return (vf)_mm256_min_ps((__m256)splat(limit), (__m256)x);
#else
  return x > splat(limit) ? splat(limit) : x;
#endif
}
INLINE vf at_least(vf x, float limit) {
#if defined(__wasm__)
  return (vf)wasm_f32x4_pmax((v128_t)x, (v128_t)splat(limit));
#elif VW == 16
  return (vf)_mm512_max_ps((__m512)splat(limit), (__m512)x);
#elif VW == 8
  return (vf)_mm256_max_ps((__m256)splat(limit), (__m256)x);
#else
  return x < splat(limit) ? splat(limit) : x;
#endif
}
INLINE vf larger(vf a, vf b) { return a > b ? a : b; }

// Prefetches a cache line into the second-level cache, if the instruction set can. Any address is allowed.
INLINE void fetch(const void* at) {
#if defined(__wasm__)
  (void)at;
#else
  __builtin_prefetch(at, 0, 2);
#endif
}

INLINE vf square_root(vf x) {
#if defined(__wasm__)
  return (vf)wasm_f32x4_sqrt((v128_t)x);
#elif VW == 16
  return (vf)_mm512_sqrt_ps((__m512)x);
#elif VW == 8
  return (vf)_mm256_sqrt_ps((__m256)x);
#elif defined(__x86_64__)
  return (vf)_mm_sqrt_ps((__m128)x);
#else
  return (vf)vsqrtq_f32((float32x4_t)x);
#endif
}

// Keeps the lanes below `count` of a vector and sets the others to zero; `count` may be negative or larger than VW.
INLINE vf first_lanes(vf x, int count) {
  vi lane;
  for (int i = 0; i < VW; i++) lane[i] = i;
  return (vf)((vi)x & (vi)(lane < count - (vi){}));
}

// The largest of the 16 lanes in PARTS vectors.
INLINE float max_of_lanes(const vf* parts) {
  float lanes[LANES];
  __builtin_memcpy(lanes, parts, sizeof lanes);
#pragma GCC unroll 4
  for (int half = LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; i++) lanes[i] = lanes[i + half] > lanes[i] ? lanes[i + half] : lanes[i];
  return lanes[0];
}

// The sum of the 16 lanes in PARTS vectors, in the order of the lanes: the same bits for any vector width.
INLINE float sum_of_lanes(const vf* parts) {
  float sum = 0;
  for (int p = 0; p < PARTS; p++)
    for (int i = 0; i < VW; i++) sum += parts[p][i];
  return sum;
}
