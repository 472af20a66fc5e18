// One time step of each cell behind its products: rows `from` to `to`, one panel of 16 units.
//
// Gates lie in panels, gate by gate: gate q of unit panel p is panel q·⌈H/16⌉ + p. Forward puts them behind their
// non-linearities in place; backward replaces them by the gradients of the sums before. Pointers begin at the step's row 0.
#pragma once
#include "elementary.h"
#include "matrix.h"

// lstm: i f o = σ, g = tanh; c = f·c' + i·g; h = o·tanh(c).
// h goes to two places: the output, and what the next step begins with.
INLINE void lstm_forward(index_t from, index_t to, float* gates, index_t gate, const float* cBefore, float* c, float* h, float* hNext) {
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf i = sigmoid(load(gates + at)), f = sigmoid(load(gates + gate + at));
    const vf o = sigmoid(load(gates + 2 * gate + at)), g = tanh_(load(gates + 3 * gate + at));
    const vf cell = fma_(f, load(cBefore + at), i * g);
    store(gates + at, i);
    store(gates + gate + at, f);
    store(gates + 2 * gate + at, o);
    store(gates + 3 * gate + at, g);
    const vf hidden = o * tanh_(cell);
    store(c + at, cell);
    store(h + at, hidden);
    store(hNext + at, hidden);
  }
}

// `dh`: gradient in h from above; `dhLater`, `dc`: from the step after. c is computed again, from what is on the tape.
// `step`: floats to the step before, whose gates come into the second cache meanwhile.
INLINE void lstm_backward(index_t from, index_t to, float* gates, index_t gate, const float* cBefore, const float* dh,
                          const float* dhLater, float* dc, index_t step) {
  const vf one = splat(1.f);
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    for (int q = 0; q < 4; q++) fetch(gates + q * gate + at - step);
    fetch(cBefore + at - step);
    fetch(dh + at - step);
    const vf i = load(gates + at), f = load(gates + gate + at);
    const vf o = load(gates + 2 * gate + at), g = load(gates + 3 * gate + at), before = load(cBefore + at);
    const vf t = tanh_(fma_(f, before, i * g));
    const vf d = load(dh + at) + load(dhLater + at);
    const vf dCell = fma_(d * o, one - t * t, load(dc + at));
    store(gates + at, dCell * g * i * (one - i));
    store(gates + gate + at, dCell * before * f * (one - f));
    store(gates + 2 * gate + at, d * t * o * (one - o));
    store(gates + 3 * gate + at, dCell * i * (one - g * g));
    store(dc + at, dCell * f);
  }
}

// rnn: h = tanh(sum).
INLINE void rnn_forward(index_t from, index_t to, float* gates, float* h, float* hNext) {
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf value = tanh_(load(gates + at));
    store(gates + at, value);
    store(h + at, value);
    store(hNext + at, value);
  }
}

INLINE void rnn_backward(index_t from, index_t to, float* gates, const float* dh, const float* dhLater) {
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf h = load(gates + at);
    store(gates + at, (load(dh + at) + load(dhLater + at)) * (splat(1.f) - h * h));
  }
}

// gru, first part: z r = σ; with the reset before the product, candidate = r·h'.
INLINE void gru_gates(index_t from, index_t to, float* gates, index_t gate, const float* hBefore, float* candidate, bool after) {
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf r = sigmoid(load(gates + gate + at));
    store(gates + at, sigmoid(load(gates + at)));
    store(gates + gate + at, r);
    if (!after) store(candidate + at, r * load(hBefore + at));
  }
}

// gru, second part: n = tanh(sum), with the reset after the product n = tanh(sum + r·candidate); h = z·n + (1−z)·h'.
INLINE void gru_output(index_t from, index_t to, float* gates, index_t gate, const float* hBefore, const float* candidate,
                       float* h, float* hNext, bool after) {
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf z = load(gates + at);
    vf sum = load(gates + 2 * gate + at);
    if (after) sum = fma_(load(gates + gate + at), load(candidate + at), sum);
    const vf n = tanh_(sum);
    store(gates + 2 * gate + at, n);
    const vf hidden = fma_(z, n, (splat(1.f) - z) * load(hBefore + at));
    store(h + at, hidden);
    store(hNext + at, hidden);
  }
}

// Gradients of z and n; `dhBefore` begins with what passes by way of (1−z)·h'.
INLINE void gru_backward_output(index_t from, index_t to, float* gates, index_t gate, const float* hBefore, const float* dh,
                                float* dhBefore, float* candidate, bool after) {
  const vf one = splat(1.f);
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf d = load(dh + at) + load(dhBefore + at);
    const vf z = load(gates + at), n = load(gates + 2 * gate + at);
    const vf dn = d * z * (one - n * n);
    store(gates + at, d * (n - load(hBefore + at)) * z * (one - z));
    store(gates + 2 * gate + at, dn);
    store(dhBefore + at, d * (one - z));
    if (!after) continue;
    const vf r = load(gates + gate + at);
    store(gates + gate + at, dn * load(candidate + at) * r * (one - r));
    // From here on `candidate` holds the gradient in U h' + b.
    store(candidate + at, dn * r);
  }
}

// With the reset before the product: the gradient of r, from `d`, that in r·h'.
INLINE void gru_backward_reset(index_t from, index_t to, float* gates, index_t gate, const float* hBefore, const float* d,
                               float* dhBefore) {
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf r = load(gates + gate + at), dProduct = load(d + at);
    store(gates + gate + at, dProduct * load(hBefore + at) * r * (splat(1.f) - r));
    store(dhBefore + at, fma_(dProduct, r, load(dhBefore + at)));
  }
}
