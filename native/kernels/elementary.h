// exp, log, logistic function and tanh, implemented here so that every instruction set gives the same bits. They need no memory.
#pragma once
#include "vector.h"

// exp(x) = 2^n · (1 + q), q = exp(f) − 1 by a polynomial of degree 6 on |f| ≤ ln2 / 2 (coefficients: S. Moshier, Cephes, expf).
struct ExpParts {
  vf scale;  // 2^n
  vf q;
};
// x must be in −87 … 88, or NaN.
INLINE ExpParts exp_parts(vf x) {
  const vf magic = splat(12582912.f);  // 1.5 · 2^23: adding it rounds to a whole number
  const vf shifted = fma_(x, splat(1.44269504f), magic);
  const vf n = shifted - magic;
  vf f = fma_(n, splat(-0.693359375f), x);
  f = fma_(n, splat(2.12194440e-4f), f);
  vf p = splat(1.9875691500e-4f);
  p = fma_(p, f, splat(1.3981999507e-3f));
  p = fma_(p, f, splat(8.3334519073e-3f));
  p = fma_(p, f, splat(4.1665795894e-2f));
  p = fma_(p, f, splat(1.6666665459e-1f));
  p = fma_(p, f, splat(5.0000001201e-1f));
  const vf q = fma_(p, f * f, f);
  // Unsigned, because a NaN makes the sum overflow.
  const vu bits = ((vu)shifted << 23) + 0x3f800000u;
  return {(vf)bits, q};
}

INLINE vf exp_(vf x) {
  const ExpParts e = exp_parts(at_least(at_most(x, 88.f), -87.f));
  return fma_(e.scale, e.q, e.scale);
}

INLINE vf sigmoid(vf x) { return splat(1.f) / (splat(1.f) + exp_(-x)); }

// tanh(x) = m / (m + 2), m = exp(2x) − 1. m is computed without cancellation, so that tanh of a small x has full precision.
INLINE vf tanh_(vf x) {
  x = at_least(at_most(x, 20.f), -20.f);
  const ExpParts e = exp_parts(x + x);
  const vf m = fma_(e.scale, e.q, e.scale - splat(1.f));
  return m / (m + splat(2.f));
}

// The natural logarithm of a positive number in double precision: log x = e·ln2 + 2·atanh((m − 1)/(m + 1)), m in [√½, √2).
static double log_(double x) {
  if (!(x - x == 0)) return x;  // NaN, or infinite
  union {
    double number;
    u64 bits;
  } u = {x};
  int exponent = (int)(u.bits >> 52) - 1023;
  u.bits = (u.bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL;
  double m = u.number;
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent++;
  }
  const double z = (m - 1) / (m + 1), w = z * z;
  double sum = 1.0 / 19;
  for (int odd = 17; odd >= 1; odd -= 2) sum = sum * w + 1.0 / odd;
  return exponent * 0.6931471805599453 + 2 * z * sum;
}

// 1/k! for k = 13 … 2.
static const double INVERSE_FACTORIALS[] = {
    1.6059043836821613e-10, 2.08767569878681e-9,   2.505210838544172e-8, 2.755731922398589e-7, 2.7557319223985893e-6, 2.48015873015873e-5,
    1.984126984126984e-4,   1.388888888888889e-3, 8.333333333333333e-3, 4.1666666666666664e-2, 0.16666666666666666,  0.5,
};

// exp of numbers ≤ 0, by the Taylor series on |f| ≤ ln2 / 2, accurate to 1e-16. In double precision, because the original draws in that.
INLINE vd exp_double(vd x) {
  const vd zero = {}, magic = zero + 6755399441055744.0;
  x = x > -700.0 ? x : zero - 700.0;
  const vd n = x * 1.4426950408889634 + magic - magic;
  const vd f = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
  vd sum = zero + INVERSE_FACTORIALS[0];
  for (int i = 1; i < 12; i++) sum = sum * f + INVERSE_FACTORIALS[i];
  sum = sum * f + 1.0;
  sum = sum * f + 1.0;
  typedef long long vl __attribute__((vector_size(VW * 4)));
  const vl bits = ((vl)(n + magic + 1023.0) << 52);
  return sum * (vd)bits;
}
