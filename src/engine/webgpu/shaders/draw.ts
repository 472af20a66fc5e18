import { beginRow, REDUCE, THREADS } from './reduce.ts';

/** The bias of a token that must not be drawn. Shaders can't rely on infinity. */
export const EXCLUDED = -1e30;

/**
 * Draws a token for each row from its log-probabilities x. A workgroup takes a row.
 *
 * - The weight of token v is exp((xᵥ + biasᵥ − max) / temperature); at temperature 0, it is 1 for the largest and 0 for all others.
 * - Its share is round(2³¹ · weight / Σ weights), an integer. So the order of the additions does not matter.
 * - The drawn token is the first whose cumulative share is above ⌊uniform · Σ shares⌋.
 *
 * Buffers: predictions [≥ N, V]; temperatures [N]; uniforms [steps, N], in units of 2⁻³²; tokens [N], which the next step reads; drawn
 * [steps, N]; then biases [N, V], if there are any. Numbers: N, V, step.
 */
export function draw(hasBiases: boolean): string {
  return /* wgsl */ `
struct Params { rows: u32, vocabulary: u32, step: u32 }
@group(0) @binding(0) var<storage, read> predictions: array<f32>;
@group(0) @binding(1) var<storage, read> temperatures: array<f32>;
@group(0) @binding(2) var<storage, read> uniforms: array<u32>;
@group(0) @binding(3) var<storage, read_write> tokens: array<i32>;
@group(0) @binding(4) var<storage, read_write> drawn: array<i32>;
${hasBiases ? '@group(0) @binding(5) var<storage, read> biases: array<f32>;' : ''}
@group(1) @binding(0) var<uniform> p: Params;
var<workgroup> sums: array<u32, ${THREADS}>;

${REDUCE}

fn valueOf(at: u32) -> f32 {
  let x = predictions[at];
  // As on the host, NaN and −∞ leave a token that can be drawn.
  let finite = select(${EXCLUDED}, x, isFinite_(x));
  return finite${hasBiases ? ' + biases[at]' : ''};
}

fn weightOf(value: f32, largest: f32, temperature: f32) -> f32 {
  let gap = value - largest;
  if (gap == 0.0) { return 1.0; }
  if (gap < -87.0 * temperature) { return 0.0; }
  return exp_(gap / temperature);
}

// The integer part of a · b / 2³².
fn highProduct(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

${beginRow('rows')}
  let temperature = temperatures[row];
  var own = ${EXCLUDED * 1e8};
  for (var v = thread; v < V; v += ${THREADS}u) { own = max(own, valueOf(first + v)); }
  let largest = largestOf(thread, own);
  var part = 0.0;
  for (var v = thread; v < V; v += ${THREADS}u) { part += weightOf(valueOf(first + v), largest, temperature); }
  let scale = 2147483648.0 / totalOf(thread, part);
  // Neighbouring tokens belong to one thread, so that the cumulative sum is in their order.
  let count = (V + ${THREADS - 1}u) / ${THREADS}u;
  let begin = min(V, thread * count);
  let end = min(V, begin + count);
  var sum = 0u;
  for (var v = begin; v < end; v++) {
    sum += u32(round(weightOf(valueOf(first + v), largest, temperature) * scale));
  }
  sums[thread] = sum;
  workgroupBarrier();
  var before = 0u;
  var total = 0u;
  for (var i = 0u; i < ${THREADS}u; i++) {
    before += select(0u, sums[i], i < thread);
    total += sums[i];
  }
  // A temperature of 0 takes the first of the largest.
  let wanted = select(highProduct(uniforms[p.step * p.rows + row], total), 0u, temperature == 0.0);
  if (wanted < before || wanted - before >= sum) { return; }
  var cumulative = before;
  var token = begin;
  for (var v = begin; v < end && cumulative <= wanted; v++) {
    let share = u32(round(weightOf(valueOf(first + v), largest, temperature) * scale));
    cumulative += share;
    token = select(token, v, share > 0u);
  }
  tokens[row] = i32(token);
  drawn[p.step * p.rows + row] = i32(token);
}
`;
}
