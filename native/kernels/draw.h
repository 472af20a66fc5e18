// Draws tokens from predictions: the filters of src/engine/candidates.ts, with the same order of operations.
//
// Equations: weight = exp((log p − max) / temperature); a token is drawn with probability weight / Σ weights, after the filters.
//
// Memory: DRAW_WORKSPACE·(V + 16) = 4·(V + 16) doubles for each thread.
#pragma once
#include "elementary.h"

// The workspace of one thread: three arrays of doubles, and two of ints that together take the room of a fourth.
struct DrawWorkspace {
  double *weights, *logs, *cumulative;  // [V + 16]
  int *tokens, *part;                   // [V + 16]
};

static DrawWorkspace draw_workspace(double* at, int V) {
  const int size = V + 16;
  return {at, at + size, at + 2 * size, (int*)(at + 3 * size), (int*)(at + 3 * size) + size};
}

// Vectors of doubles: how many numbers they have. The arrays of a workspace have room for one more vector after V numbers.
enum { DOUBLES = VW / 2 };
INLINE vd load_doubles(const double* at) { return *(const vd*)at; }
INLINE void store_doubles(double* at, vd x) { *(vd*)at = x; }
INLINE void gather(const double* from, const int* tokens, int count, double* into) {
  for (int i = 0; i < count; i++) into[i] = from[tokens[i]];
  for (int i = count; i < count + DOUBLES; i++) into[i] = 0;
}

// weights[v] = exp((logs[v] − top) / temperature) for the given tokens. Returns the sum of the weights, added in the order of the tokens, so
// that it has the same bits for any vector width. `room` is scratch memory.
static double exponentiate(const double* logs, const int* tokens, int count, double top, double temperature, double* weights, double* room) {
  gather(logs, tokens, count, room);
  for (int i = 0; i < count; i += DOUBLES) {
    const vd x = (load_doubles(room + i) - top) / temperature, e = exp_double(x);
    store_doubles(room + i, x < -700.0 ? (vd){} : e);
  }
  double sum = 0;
  for (int i = 0; i < count; i++) sum += weights[tokens[i]] = room[i];
  return sum;
}

// The index of the first of `count` candidates whose cumulative probability reaches the uniform number. `cumulative` holds their weights, which it
// overwrites.
static int pick_index(double* cumulative, int count, double sum, double uniform) {
  double total = 0;
  for (int i = 0; i < count; i += DOUBLES) {
    const vd x = load_doubles(cumulative + i) / sum;
    store_doubles(cumulative + i, __builtin_convertvector(__builtin_convertvector(x, vh), vd));
    for (int j = i; j < i + DOUBLES && j < count; j++) cumulative[j] = total += cumulative[j];
  }
  // A uniform number of exactly 0 must not select a token with probability 0.
  if (uniform == 0) uniform = 5e-324;
  // Nearly the right place, without divisions and branches; then the right one.
  const double target = uniform * total;
  int at = 0;
  for (int i = 0; i < count - 1; i++) at += cumulative[i] < target;
  while (at > 0 && !(cumulative[at - 1] / total < uniform)) at--;
  while (at < count - 1 && cumulative[at] / total < uniform) at++;
  return at;
}
// The token of that candidate.
static int pick(const int* tokens, int count, const double* weights, double sum, double uniform, double* cumulative) {
  gather(weights, tokens, count, cumulative);
  return tokens[pick_index(cumulative, count, sum, uniform)];
}

// Draws with a temperature as the only control. `log` [V]: log-probabilities.
static int draw(const float* log, int V, double uniform, double temperature, const DrawWorkspace& workspace) {
  int best = 0;
  if (temperature == 0) {
    for (int v = 1; v < V; v++) best = log[v] > log[best] ? v : best;
    return best;
  }
  vf tops[PARTS];
  for (int v = 0; v < PARTS; v++) tops[v] = splat(log[0]);
  int v = 0;
  for (; v + LANES <= V; v += LANES)
    for (int p = 0; p < PARTS; p++) tops[p] = larger(load(log + v + p * VW), tops[p]);
  float top = max_of_lanes(tops);
  for (; v < V; v++) top = log[v] > top ? log[v] : top;
  // As `exponentiate` and `pick`, for all tokens in order. Each addition waits for the one before it; the exponentials are computed meanwhile.
  double *weights = workspace.weights, *logs = workspace.logs, sum = 0;
  for (v = 0; v < V; v++) logs[v] = log[v];
  for (; v < V + DOUBLES; v++) logs[v] = 0;
  for (v = 0; v < V; v += DOUBLES) {
    vd x = load_doubles(logs + v) - (double)top;
    if (temperature != 1) x = x / temperature;
    const vd e = exp_double(x);
    store_doubles(weights + v, x < -700.0 ? (vd){} : e);
    for (int i = v; i < v + DOUBLES && i < V; i++) sum += weights[i];
  }
  return pick_index(weights, V, sum, uniform);
}

// Goes through the tokens in descending order of keys, and returns the one at which the cumulative sum of their weights reaches a target.
// Without weights, each token counts as 1. See src/engine/cumulative-select.ts.
static int cumulative_select(const int* tokens, int count, const double* keys, const double* weights, double target, int* part) {
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
      // Without a branch, because it would be unpredictable. The order of the tokens after the pivot does not matter.
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

// Keeps the tokens that, in descending order of keys, come before `last`, and `last` itself. Returns their number.
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

// Draws with all controls: DrawControls in src/engine/engine.ts. `logitBias` [V], or null. `counts` [V]: how often each token occurs in the
// penalty window, or null.
static int draw_controlled(
    const float* log, int V, double uniform, const RowControls& c, const double* logitBias, const double* counts, const DrawWorkspace& workspace) {
  const double lowest = -1e30;
  double *logs = workspace.logs, *weights = workspace.weights;
  int *tokens = workspace.tokens, count = 0, best = -1;
  for (int v = 0; v < V; v++) {
    double x = (double)log[v] > lowest ? (double)log[v] : lowest;
    if (counts && counts[v] > 0) x = x * c.repetitionPenalty - c.presencePenalty - c.frequencyPenalty * counts[v];
    if (logitBias) {
      x += logitBias[v];
      if (x < -1e300) continue;
    }
    logs[v] = x;
    tokens[count++] = v;
    if (best < 0 || x > logs[best]) best = v;
  }
  if (count <= 1 || c.temperature == 0) return best < 0 ? 0 : best;
  if (c.topK > 0 && c.topK < count) count = keep_up_to(tokens, count, logs, cumulative_select(tokens, count, logs, 0, c.topK, workspace.part));
  double sum = exponentiate(logs, tokens, count, logs[best], c.temperature, weights, workspace.cumulative);
  if (c.topP < 1) {
    count = keep_up_to(tokens, count, weights, cumulative_select(tokens, count, weights, weights, c.topP * sum, workspace.part));
    sum = sum_of(tokens, count, weights);
  }
  if (c.minP > 0) {
    int kept = 0;
    for (int i = 0; i < count; i++)
      if (weights[tokens[i]] >= c.minP) tokens[kept++] = tokens[i];
    count = kept;
    sum = sum_of(tokens, count, weights);
  }
  return pick(tokens, count, weights, sum, uniform, workspace.cumulative);
}
