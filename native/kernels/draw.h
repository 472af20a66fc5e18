// Tokens drawn from predictions: the steps of src/engine/candidates.ts, in the same order of operations.
#pragma once
#include "elementary.h"

// What the draws of one thread work in.
struct DrawRoom {
  double *weights, *logs, *cumulative;  // [V + 16]
  int *tokens, *part;                   // [V + 16]
};

static DrawRoom draw_room(double* at, int V) {
  const int size = V + 16;
  return {at, at + size, at + 2 * size, (int*)(at + 3 * size), (int*)(at + 3 * size) + size};
}

// exp((log − top) / temperature) of some tokens, in the order of which they are summed, whatever the vectors' width.
static double exponentiate(const double* logs, const int* tokens, int count, double top, double temperature, double* weights) {
  enum { STEP = VW / 2 };
  double sum = 0;
  for (int i = 0; i < count; i += STEP) {
    vd x = {};
    for (int j = 0; j < STEP; j++) x[j] = i + j < count ? (logs[tokens[i + j]] - top) / temperature : -1000;
    const vd e = exp_double(x);
    for (int j = 0; j < STEP && i + j < count; j++) sum += weights[tokens[i + j]] = x[j] < -700 ? 0 : e[j];
  }
  return sum;
}

// The first token with which the cumulative weights reach the uniform number's share.
static int pick(const int* tokens, int count, const double* weights, double sum, double uniform, double* cumulative) {
  double total = 0;
  for (int i = 0; i < count; i++) cumulative[i] = total += (float)(weights[tokens[i]] / sum);
  // Exactly 0 must not find an entry without any share.
  if (uniform == 0) uniform = 5e-324;
  int low = 0, high = count - 1;
  while (low < high) {
    const int middle = (low + high) >> 1;
    if (cumulative[middle] / total < uniform) low = middle + 1;
    else high = middle;
  }
  return tokens[low];
}

// By temperature alone.
static int draw(const float* log, int V, double uniform, double temperature, const DrawRoom& room) {
  int best = 0;
  for (int v = 0; v < V; v++) {
    room.tokens[v] = v;
    room.logs[v] = log[v];
    if (log[v] > log[best]) best = v;
  }
  if (temperature == 0) return best;
  const double sum = exponentiate(room.logs, room.tokens, V, room.logs[best], temperature, room.weights);
  return pick(room.tokens, V, room.weights, sum, uniform, room.cumulative);
}

// As the contract's DrawControls; no shift is a null pointer.
struct DrawControls {
  double temperature, topK, topP, minP, repetition, presence, frequency;
  const double* shift;
};

// The token with which the sum of the weights, or without them the number of tokens, reaches a target, the largest key first:
// src/engine/leading.ts.
static int leading(const int* tokens, int count, const double* keys, const double* weights, double target, int* part) {
  for (int i = 0; i < count; i++) part[i] = tokens[i];
  int low = 0, high = count - 1;
  double rest = target;
  while (low < high) {
    const int middle = (low + high) >> 1, pivot = part[middle];
    const double key = keys[pivot];
    part[middle] = part[high];
    int end = low;
    double sum = 0;
    for (int i = low; i < high; i++) {
      const int token = part[i];
      // Without a branch, which nobody could predict: what is not before the pivot may stand anywhere behind.
      const int before = (keys[token] > key) | ((keys[token] == key) & (token < pivot));
      part[i] = part[end];
      part[end] = token;
      end += before;
      sum += (weights ? weights[token] : 1) * before;
    }
    part[high] = part[end];
    part[end] = pivot;
    if (sum >= rest && end > low) {
      high = end - 1;
      continue;
    }
    sum += weights ? weights[pivot] : 1;
    if (sum >= rest || end == high) return pivot;
    rest -= sum;
    low = end + 1;
  }
  return part[low];
}

// Keeps the tokens that are not after `last` in the order of falling keys; how many there are.
static int keep_up_to(int* tokens, int count, const double* keys, int last) {
  int kept = 0;
  for (int i = 0; i < count; i++) {
    const int v = tokens[i];
    if (keys[v] > keys[last] || (keys[v] == keys[last] && v <= last)) tokens[kept++] = v;
  }
  return kept;
}

static double sum_of(const int* tokens, int count, const double* weights) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum += weights[tokens[i]];
  return sum;
}

// `counts`: how often each token occurs in the penalty window, or null.
static int draw_controlled(const float* log, int V, double uniform, const DrawControls& c, const double* counts, const DrawRoom& room) {
  const double lowest = -1e30;
  double *logs = room.logs, *weights = room.weights;
  int *tokens = room.tokens, count = 0, best = -1;
  for (int v = 0; v < V; v++) {
    double x = (double)log[v] > lowest ? (double)log[v] : lowest;
    if (counts && counts[v] > 0) x = x * c.repetition - c.presence - c.frequency * counts[v];
    if (c.shift) {
      x += c.shift[v];
      if (x < -1e300) continue;
    }
    logs[v] = x;
    tokens[count++] = v;
    if (best < 0 || x > logs[best]) best = v;
  }
  if (count <= 1 || c.temperature == 0) return best < 0 ? 0 : best;
  if (c.topK > 0 && c.topK < count) count = keep_up_to(tokens, count, logs, leading(tokens, count, logs, 0, c.topK, room.part));
  double sum = exponentiate(logs, tokens, count, logs[best], c.temperature, weights);
  if (c.topP < 1) {
    count = keep_up_to(tokens, count, weights, leading(tokens, count, weights, weights, c.topP * sum, room.part));
    sum = sum_of(tokens, count, weights);
  }
  if (c.minP > 0) {
    int kept = 0;
    for (int i = 0; i < count; i++)
      if (weights[tokens[i]] >= c.minP) tokens[kept++] = tokens[i];
    count = kept;
    sum = sum_of(tokens, count, weights);
  }
  return pick(tokens, count, weights, sum, uniform, room.cumulative);
}
