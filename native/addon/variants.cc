#include "variants.h"

#include <cstring>

#if defined(__linux__) && defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

extern "C" {
#if defined(__x86_64__)
extern const Kernels kernels_avx512amx;
extern const Kernels kernels_avx512bf16;
extern const Kernels kernels_avx512;
extern const Kernels kernels_avx2;
#elif defined(__aarch64__)
extern const Kernels kernels_neon;
#endif
}

namespace charrnn {

#if defined(__x86_64__)
namespace {
bool has_avx512() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}
bool has_avx512bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
// AMX, for which a process on Linux must ask once: its tiles make the stack of a signal 8 kB larger.
bool has_avx512amx() {
#if defined(__linux__)
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  constexpr unsigned kTile = 1u << 24, kBfloat16 = 1u << 22;
  if (!has_avx512bf16()) return false;
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & kTile) || !(d & kBfloat16)) return false;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
// On Intel, VDPBF16PS takes four times as long as a multiply-add (docs/decisions/bfloat16.md): the kernels without it are faster there.
bool prefers_avx512bf16() { return has_avx512bf16() && __builtin_cpu_is("amd"); }
bool has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}
}  // namespace
#endif

const std::vector<Variant>& all_variants() {
#if defined(__x86_64__)
  static const Variant amx = {"avx512amx", has_avx512amx, kernels_avx512amx};
  static const Variant bf16 = {"avx512bf16", has_avx512bf16, kernels_avx512bf16};
  static const Variant avx512 = {"avx512", has_avx512, kernels_avx512}, avx2 = {"avx2", has_avx2, kernels_avx2};
  static const std::vector<Variant> variants =
      prefers_avx512bf16() ? std::vector<Variant>{amx, bf16, avx512, avx2} : std::vector<Variant>{amx, avx512, bf16, avx2};
#elif defined(__aarch64__)
  static const std::vector<Variant> variants = {{"neon", [] { return true; }, kernels_neon}};
#endif
  return variants;
}

const Variant* find_variant(const char* name) {
  for (const Variant& variant : all_variants())
    if (strcmp(variant.name, name) == 0 && variant.works()) return &variant;
  return nullptr;
}

}  // namespace charrnn
