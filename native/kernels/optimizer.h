// Updates and averages of whole parameter vectors, element by element.
//
// Equations: average: into += (vector − into)·weight. update: g = clip(gradient); in matrices, but not in biases, w *= 1 − rate·weightDecay
// (Loshchilov & Hutter 2019); then the rule (src/engine/update-rules.ts):
//   rmsprop  m = α·m + (1 − α)·g²; w −= rate·g / (√m + ε)                                             (Tieleman & Hinton 2012)
//   adam     m = β₁·m + (1 − β₁)·g; v = β₂·v + (1 − β₂)·g²;
//            w −= rate·(m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)                                        (Kingma & Ba 2015)
//
// Sums of squares are computed in double precision, in chunks of CHUNK_FLOATS floats, and the sums of the chunks are added in order. So they
// have the same bits for any number of threads and any vector width.
//
// Scratch memory of an update: 3·⌈size / CHUNK_FLOATS⌉ doubles. An average needs none.
#pragma once
#include "call.h"
#include "elementary.h"
#include "matrix.h"

// Sums of squares in 16 lanes: lane i has those of the elements whose index is i modulo 16.
struct Squares {
  vd low[PARTS], high[PARTS];
};
INLINE void add_square(Squares& sums, int part, vf x) {
  vh half[2];
  __builtin_memcpy(half, &x, sizeof x);
  const vd low = __builtin_convertvector(half[0], vd), high = __builtin_convertvector(half[1], vd);
  sums.low[part] += low * low;
  sums.high[part] += high * high;
}
INLINE double sum_of_squares(const Squares& sums) {
  double sum = 0;
  for (int p = 0; p < PARTS; p++) {
    for (int i = 0; i < VW / 2; i++) sum += sums.low[p][i];
    for (int i = 0; i < VW / 2; i++) sum += sums.high[p][i];
  }
  return sum;
}

INLINE index_t chunks_of(index_t size) { return (size + CHUNK_FLOATS - 1) / CHUNK_FLOATS; }
// The size is a multiple of 16, so each chunk consists of whole vectors.
INLINE index_t chunk_end(index_t chunk, index_t size) {
  const index_t end = (chunk + 1) * CHUNK_FLOATS;
  return end < size ? end : size;
}

static void squares_by_chunk(const float* vector, index_t size, double* partial, Team* team, int phase) {
  for (index_t chunk = next_task(team, phase); chunk < chunks_of(size); chunk = next_task(team, phase)) {
    Squares sums = {};
    for (index_t i = chunk * CHUNK_FLOATS; i < chunk_end(chunk, size); i += LANES)
      for (int p = 0; p < PARTS; p++) add_square(sums, p, load(vector + i + p * VW));
    partial[chunk] = sum_of_squares(sums);
  }
}

static double norm_of_chunks(const double* partial, index_t size) {
  double sum = 0;
  for (index_t chunk = 0; chunk < chunks_of(size); chunk++) sum += partial[chunk];
  return __builtin_sqrt(sum);
}

INLINE bool is_finite(double x) { return x - x == 0; }

struct AverageNumbers {
  double size, weight;
};
struct AverageBuffers {
  const float* vector;  // [size]
  float* into;          // [size]
};

static void vector_average(const Call* call, Team* team, int thread) {
  const AverageNumbers& n = *(const AverageNumbers*)call->numbers;
  const AverageBuffers& b = *(const AverageBuffers*)call->buffers;
  (void)thread;
  const vf weight = splat((float)n.weight);
  for (index_t chunk = next_task(team, 0); chunk < chunks_of((index_t)n.size); chunk = next_task(team, 0))
    for (index_t i = chunk * CHUNK_FLOATS; i < chunk_end(chunk, (index_t)n.size); i += VW)
      store(b.into + i, fma_(load(b.vector + i) - load(b.into + i), weight, load(b.into + i)));
}

INLINE vf clamp(vf x, float limit) { return at_least(at_most(x, limit), -limit); }

struct UpdateNumbers {
  double size, rule, learningRate, clipNorm, clipElement, weightDecay;
  // The number of biases: they do not decay.
  double biases;
  // The parameters of the rule: RmspropParameters, …
  double parameters[MAX_RULE_PARAMETERS];
};
struct UpdateBuffers {
  float* weights;        // [size]
  float* gradient;       // [size]; receives the clipped gradient
  const float* loss;     // [1], or null
  float* report;         // [UPDATE_REPORT_LENGTH]: UPDATE_REPORT in src/engine/engine.ts
  double* scratch;       // [3, ⌈size / CHUNK_FLOATS⌉]: sums of squares of the gradient before and after clipping, and of the weights
  const double* biases;  // [biases, 2]: for each bias, the index of its first float and that after its last, in ascending order
  int* steps;            // [1]: the number of updates made
  float* moments[MAX_MOMENTS];  // [size] each; null beyond those of the rule
};

// βᵗ, by repeated squaring.
INLINE double power(double factor, u64 t) {
  double result = 1;
  for (; t; t >>= 1, factor *= factor)
    if (t & 1) result *= factor;
  return result;
}

// The numbers of an update, each in all lanes of a vector. alpha and alpha2 are the decay rates of the moments, rest and rest2 are 1 minus
// these. Adam's rate includes the first moment's bias correction; correction2 is the second moment's.
struct Rule {
  UpdateRule kind;
  vf rate, alpha, rest, epsilon, alpha2, rest2, correction2;
};

// @param step The number of updates made, including this one.
static Rule rule_of(const UpdateNumbers& n, u64 step) {
  Rule r = {};
  r.kind = (UpdateRule)n.rule;
  switch (r.kind) {
    case UPDATE_RULE_RMSPROP: {
      const RmspropParameters& p = *(const RmspropParameters*)n.parameters;
      r.rate = splat((float)n.learningRate);
      r.alpha = splat((float)p.alpha);
      r.rest = splat((float)(1 - p.alpha));
      r.epsilon = splat((float)p.epsilon);
      return r;
    }
    case UPDATE_RULE_ADAM: {
      const AdamParameters& p = *(const AdamParameters*)n.parameters;
      r.rate = splat((float)(n.learningRate / (1 - power(p.beta1, step))));
      r.alpha = splat((float)p.beta1);
      r.rest = splat((float)(1 - p.beta1));
      r.alpha2 = splat((float)p.beta2);
      r.rest2 = splat((float)(1 - p.beta2));
      r.correction2 = splat((float)(1 / (1 - power(p.beta2, step))));
      r.epsilon = splat((float)p.epsilon);
      return r;
    }
    case UPDATE_RULE_COUNT: break;
  }
  __builtin_trap();
}

// Updates the moments of the VW parameters from element `at` on. Returns the new weights.
INLINE vf updated(const Rule& r, vf w, vf g, float* const* moments, index_t at) {
  switch (r.kind) {
    case UPDATE_RULE_RMSPROP: {
      float* mean = moments[0] + at;
      const vf m = fma_(r.alpha, load(mean), r.rest * g * g);
      store(mean, m);
      return w - r.rate * g / (square_root(m) + r.epsilon);
    }
    case UPDATE_RULE_ADAM: {
      float *first = moments[0] + at, *second = moments[1] + at;
      const vf m = fma_(r.alpha, load(first), r.rest * g);
      const vf v = fma_(r.alpha2, load(second), r.rest2 * g * g);
      store(first, m);
      store(second, v);
      return w - r.rate * m / (square_root(v * r.correction2) + r.epsilon);
    }
    case UPDATE_RULE_COUNT: break;
  }
  // rule_of has refused any other rule.
  __builtin_unreachable();
}

// Clips, updates and reports. Nothing changes if the gradient or the loss is not finite.
static void update(const Call* call, Team* team, int thread) {
  const UpdateNumbers& n = *(const UpdateNumbers*)call->numbers;
  const UpdateBuffers& b = *(const UpdateBuffers*)call->buffers;
  const index_t size = (index_t)n.size, count = chunks_of(size);
  double *raw = b.scratch, *clipped = raw + count, *weight = clipped + count;
  squares_by_chunk(b.gradient, size, raw, team, 0);
  barrier(team);
  const double norm = norm_of_chunks(raw, size);
  const bool applied = is_finite(norm) && (!b.loss || is_finite(b.loss[0]));
  const float scale = n.clipNorm > 0 && norm > n.clipNorm ? (float)(n.clipNorm / norm) : 1;
  const Rule rule = rule_of(n, (u64)b.steps[0] + 1);
  const vf decay = splat((float)(1 - n.learningRate * n.weightDecay));
  for (index_t chunk = next_task(team, 1); chunk < count; chunk = next_task(team, 1)) {
    Squares gradients = {}, weights = {};
    int bias = 0;
    for (index_t i = chunk * CHUNK_FLOATS; i < chunk_end(chunk, size); i += LANES) {
      while (bias < (int)n.biases && b.biases[2 * bias + 1] <= i) bias++;
      const bool decays = n.weightDecay > 0 && !(bias < (int)n.biases && b.biases[2 * bias] <= i);
      for (int p = 0; p < PARTS; p++) {
        const index_t at = i + p * VW;
        vf w = load(b.weights + at);
        if (applied) {
          if (decays) w *= decay;
          vf g = load(b.gradient + at) * splat(scale);
          if (n.clipElement > 0) g = clamp(g, (float)n.clipElement);
          store(b.gradient + at, g);
          w = updated(rule, w, g, b.moments, at);
          store(b.weights + at, w);
          add_square(gradients, p, g);
        }
        add_square(weights, p, w);
      }
    }
    clipped[chunk] = sum_of_squares(gradients);
    weight[chunk] = sum_of_squares(weights);
  }
  barrier(team);
  if (thread != 0) return;
  b.report[0] = (float)norm;
  b.report[1] = (float)(applied ? norm_of_chunks(clipped, size) : norm);
  b.report[2] = (float)norm_of_chunks(weight, size);
  b.report[3] = applied;
  b.report[4] = b.loss ? b.loss[0] : 0;
  b.steps[0] += applied;
}
