// Converts between the canonical order of the engine's contract (row-major) and panels; fills and copies.
//
// Equation: element (r, n) of a matrix [R, N] has the index (⌊n/16⌋·R + r)·16 + n mod 16 in its panels.
//
// Memory: none.
#pragma once
#include "call.h"
#include "matrix.h"

struct RowNumbers {
  // `count` elements, from `offset` on in row-major order, of a matrix [R, N].
  double R, N, offset, count;
};
struct RowBuffers {
  float* panels;  // a matrix [⌈N/16⌉][R][16], or a packed vector of parameters
  float* rows;    // [count], in canonical order
};

static void move_rows(const Call* call, int thread, bool unpack) {
  if (thread != 0) return;
  const RowNumbers& n = *(const RowNumbers*)call->numbers;
  const RowBuffers& b = *(const RowBuffers*)call->buffers;
  const index_t R = (index_t)n.R, N = (index_t)n.N, first = (index_t)n.offset, end = first + (index_t)n.count;
  for (index_t i = first; i < end; i++) {
    const index_t row = i / N, column = i % N;
    float* inside = b.panels + ((column / LANES) * R + row) * LANES + column % LANES;
    if (unpack) b.rows[i - first] = *inside;
    else *inside = b.rows[i - first];
  }
}

struct WeightNumbers {
  // A canonical tensor [gates·N, K], or [K, N] if `byInput`; K = 1 for a bias. Its panels begin at `at` in the packed vector.
  double gates, N, K, at;
  double paddedK;  // rows of a panel
  double byInput;
  // The tensor begins at `first` in the canonical vector; `count` elements of that vector are moved, from `offset` on.
  double first, offset, count;
};

// Moves those elements of the tensor whose index in the canonical vector is in `offset` … `offset + count` − 1.
static void move_weights(const Call* call, int thread, bool unpack) {
  if (thread != 0) return;
  const WeightNumbers& n = *(const WeightNumbers*)call->numbers;
  const RowBuffers& b = *(const RowBuffers*)call->buffers;
  const index_t N = (index_t)n.N, K = (index_t)n.K, size = (index_t)n.gates * N * K;
  const index_t first = (index_t)n.first, offset = (index_t)n.offset, count = (index_t)n.count, paddedK = (index_t)n.paddedK;
  const bool byInput = n.byInput != 0;
  const index_t from = offset > first ? offset - first : 0;
  const index_t to = offset + count - first < size ? offset + count - first : size;
  for (index_t i = from; i < to; i++) {
    const index_t row = byInput ? i % N : i / K, k = byInput ? i / N : i % K, gate = row / N, unit = row % N;
    const index_t panel = gate * panels(N) + unit / LANES;
    float* inside = b.panels + (index_t)n.at + (panel * paddedK + k) * LANES + unit % LANES;
    float* outside = b.rows + (first + i - offset);
    if (unpack) *outside = *inside;
    else *inside = *outside;
  }
}

struct FillNumbers {
  double size, value;
  double N;  // columns of a matrix in panels, whose padding stays zero; 0: not in panels
};

// buffers[0] [size] = value.
static void fill(const Call* call, Team* team, int thread) {
  const FillNumbers& n = *(const FillNumbers*)call->numbers;
  float* at = call->buffers[0];
  const index_t size = (index_t)n.size, N = (index_t)n.N;
  const index_t last = N ? size / panels(N) * (panels(N) - 1) : size;
  const Share share = share_of(team, thread, size);
  for (index_t i = share.from; i < share.to; i++) {
    const bool missing = N && i >= last && N % LANES && i % LANES >= N % LANES;
    at[i] = missing ? 0 : (float)n.value;
  }
}

// buffers[1] = buffers[0], both [numbers[0]]. If buffers[2], the report of an update, is given: only if that update was not applied.
static void copy(const Call* call, Team* team, int thread) {
  const float* report = call->buffers[2];
  if (report && report[3] != 0) return;
  const Share share = share_of(team, thread, (index_t)call->numbers[0]);
  copy_floats(call->buffers[1] + share.from, call->buffers[0] + share.from, share.to - share.from);
}
