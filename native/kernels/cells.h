// The element-wise part of one time step of each cell, after the matrix products: rows `from` to `to` of one panel of 16 units.
//
// Equations (docs/notation.md; h' and c' are from the step before):
//   lstm  i f o = σ(sum), g = tanh(sum); c = f·c' + i·g; h = o·tanh(c)        (Hochreiter & Schmidhuber 1997; Gers et al. 2000)
//   gru   z r = σ(sum), n = tanh(sum); h = z·n + (1 − z)·h'                    (Cho et al. 2014)
//   rnn   h = tanh(sum)                                                        (Elman 1990)
//
// Buffers, all in panels of [B][16], pointing to the step's row 0:
//   gates        G panels for the 16 units, `gate` floats apart: the gates i f o g, z r n, or h. Before a forward step they hold the sums
//                W x + U h' + b, after it the gates. A backward step replaces the gates by the gradients of the sums.
//   cBefore, hBefore   c' and h'
//   c, h, hNext        receive c and h; hNext is where the next step reads h'
//   candidate    gru: r·h' (reset before) or U h' + b (reset after); backward: the gradient of U h' + b
//   dh           gradient of h as the output, from the layer above
//   dhCarried    gradient of h as the state that the step after reads. The gru's backward pass replaces it by the part of the gradient of h'
//                that needs no matrix product. recurrent.h adds the product with Uᵀ; for the lstm and the rnn that is the whole gradient.
//   dc           gradient of c from the step after; the backward pass of the lstm replaces it by that of c'
//
// Memory: none besides these buffers. recurrent.h allocates them on the tape and in the scratch memory.
#pragma once
#include "elementary.h"
#include "matrix.h"

// lstm: i f o = σ(sum), g = tanh(sum); c = f·c' + i·g; h = o·tanh(c). h is stored twice: as the output and for the next step.
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

// lstm, backward: t = tanh(c), d = dh + dhCarried, dc += d·o·(1 − t²);
// di = dc·g·i·(1 − i), df = dc·c'·f·(1 − f), do = d·t·o·(1 − o), dg = dc·i·(1 − g²); dc' = dc·f.
// c is recomputed from the tape.
// `step`: floats from the step before to this one; the gates of the step before are prefetched.
INLINE void lstm_backward(index_t from, index_t to, float* gates, index_t gate, const float* cBefore, const float* dh,
                          const float* dhCarried, float* dc, index_t step) {
  const vf one = splat(1.f);
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    for (int q = 0; q < 4; q++) fetch(gates + q * gate + at - step);
    fetch(cBefore + at - step);
    fetch(dh + at - step);
    const vf i = load(gates + at), f = load(gates + gate + at);
    const vf o = load(gates + 2 * gate + at), g = load(gates + 3 * gate + at), before = load(cBefore + at);
    const vf t = tanh_(fma_(f, before, i * g));
    const vf d = load(dh + at) + load(dhCarried + at);
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

// rnn, backward: d sum = (dh + dhCarried)·(1 − h²).
INLINE void rnn_backward(index_t from, index_t to, float* gates, const float* dh, const float* dhCarried) {
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf h = load(gates + at);
    store(gates + at, (load(dh + at) + load(dhCarried + at)) * (splat(1.f) - h * h));
  }
}

// gru, first part: z r = σ(sum). With the reset before the product, also candidate = r·h'.
INLINE void gru_gates(index_t from, index_t to, float* gates, index_t gate, const float* hBefore, float* candidate, bool after) {
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf r = sigmoid(load(gates + gate + at));
    store(gates + at, sigmoid(load(gates + at)));
    store(gates + gate + at, r);
    if (!after) store(candidate + at, r * load(hBefore + at));
  }
}

// gru, second part: n = tanh(sum) or, with the reset after the product, n = tanh(sum + r·candidate); h = z·n + (1 − z)·h'.
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

// gru, backward, first part: d = dh + dhCarried; dn = d·z·(1 − n²), dz = d·(n − h')·z·(1 − z); dhCarried = d·(1 − z).
// With the reset after the product, also dr = dn·candidate·r·(1 − r).
INLINE void gru_backward_output(index_t from, index_t to, float* gates, index_t gate, const float* hBefore, const float* dh,
                                float* dhCarried, float* candidate, bool after) {
  const vf one = splat(1.f);
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf d = load(dh + at) + load(dhCarried + at);
    const vf z = load(gates + at), n = load(gates + 2 * gate + at);
    const vf dn = d * z * (one - n * n);
    store(gates + at, d * (n - load(hBefore + at)) * z * (one - z));
    store(gates + 2 * gate + at, dn);
    store(dhCarried + at, d * (one - z));
    if (!after) continue;
    const vf r = load(gates + gate + at);
    store(gates + gate + at, dn * load(candidate + at) * r * (one - r));
    // From here on, `candidate` holds the gradient of U h' + b.
    store(candidate + at, dn * r);
  }
}

// gru, backward, second part, only with the reset before the product. With d, the gradient of r·h':
// dr = d·h'·r·(1 − r); dhCarried += d·r.
INLINE void gru_backward_reset(index_t from, index_t to, float* gates, index_t gate, const float* hBefore, const float* d,
                               float* dhCarried) {
  for (index_t at = from * LANES; at < to * LANES; at += VW) {
    const vf r = load(gates + gate + at), dProduct = load(d + at);
    store(gates + gate + at, dProduct * load(hBefore + at) * r * (splat(1.f) - r));
    store(dhCarried + at, fma_(dProduct, r, load(dhCarried + at)));
  }
}
