/** The parameters of a recurrent layer outside the steps: packed recurrent weights, the look-up of tokens, gradients of look-up and biases. */
import type { CellKind } from '../../cells.ts';
import { cellShader } from './cells.ts';
import { COLUMN_SLICES } from './column-sums.ts';
import { componentOf } from './matmul.ts';
import { INDEX } from './threads.ts';
import { tokenSums } from './token-sums.ts';

/** What packed weights are stored in. In float16, two numbers share a word. */
export type PackedNumbers = 'float32' | 'float16';

/** WGSL type of the elements of packed weights: one vector for each pair of units or, in float16, one word for each two of a cell with one gate. */
export function packedType(kind: CellKind, numbers: PackedNumbers): string {
  const { type } = cellShader(kind);
  if (numbers === 'float32') return type;
  return type === 'f32' ? 'u32' : 'vec2<u32>';
}

/** Bytes of packed weights. @param vectors Pairs of units, and biases. */
export function packedBytes(kind: CellKind, numbers: PackedNumbers, vectors: number): number {
  const count = vectors * cellShader(kind).width;
  return numbers === 'float32' ? 4 * count : 4 * Math.ceil(count / 2);
}

/** WGSL: the vector at an index of `packed`, in float32. */
export function unpackWeights(kind: CellKind, numbers: PackedNumbers): string {
  const { type } = cellShader(kind);
  const vector =
    numbers === 'float32'
      ? 'packed[i]'
      : type === 'f32'
        ? 'unpack2x16float(packed[i / 2u])[i % 2u]'
        : 'vec4(unpack2x16float(packed[i].x), unpack2x16float(packed[i].y))';
  return /* wgsl */ `
fn weights(i: u32) -> ${type} { return ${vector}; }
`;
}

/**
 * weight_hh [G·H, H] as the steps read it: one vector for each pair of units. `forward` [H + 1, H]: from each unit to each unit, then bias_hh;
 * `backward` [H, H]: to each unit from each unit. Buffers: weights; packed. Numbers: H, offsets of weight_hh and bias_hh.
 *
 * In float16, numbers beyond ±65504 become that: WGSL leaves open what else would happen to them.
 */
export function packRecurrent(
  kind: CellKind,
  direction: 'forward' | 'backward',
  numbers: PackedNumbers,
): string {
  const { type, weightComponents } = cellShader(kind);
  const rows = direction === 'forward' ? 'p.units + 1u' : 'p.units';
  const [from, to] = direction === 'forward' ? ['i / H', 'i % H'] : ['i % H', 'i / H'];
  const gate = (index: number) => `parameter(${index}u, source, unit)`;
  const components = [0, 1, 2, 3].map((component) => {
    const index = weightComponents.indexOf(component);
    return index < 0 ? '0.0' : gate(index);
  });
  const isPairs = numbers === 'float16' && type === 'f32';
  const store =
    numbers === 'float32'
      ? 'packed[i] = vectorAt(i);'
      : isPairs
        ? /* wgsl */ `let pair = vec2(vectorAt(2u * i), vectorAt(min(2u * i + 1u, count - 1u)));
  packed[i] = pack2x16float(clamp(pair, vec2(-65504.0), vec2(65504.0)));`
        : /* wgsl */ `let vector = clamp(vectorAt(i), vec4(-65504.0), vec4(65504.0));
  packed[i] = vec2(pack2x16float(vector.xy), pack2x16float(vector.zw));`;
  return /* wgsl */ `
struct Params { units: u32, weight: u32, bias: u32 }
@group(0) @binding(0) var<storage, read> weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<${packedType(kind, numbers)}>;
@group(1) @binding(0) var<uniform> p: Params;

fn parameter(gate: u32, source: u32, unit: u32) -> f32 {
  let row = gate * p.units + unit;
  if (source == p.units) { return weights[p.bias + row]; }
  return weights[p.weight + row * p.units + source];
}

fn vectorAt(i: u32) -> ${type} {
  let H = p.units;
  let source = ${from};
  let unit = ${to};
  return ${type === 'f32' ? gate(0) : `vec4(${components.join(', ')})`};
}
${INDEX}
  let count = (${rows}) * p.units;
  if (i >= ${isPairs ? '(count + 1u) / 2u' : 'count'}) { return; }
  ${store}
}
`;
}

/**
 * gates = W x + biases for an input of tokens. Buffers: weights; tokens [T, B]; gates [T, B, H]. Numbers: positions, H, V, offsets of
 * weight_ih, bias_ih and bias_hh, rows of bias_hh that are added here, index of the first token.
 */
export function lookUp(kind: CellKind): string {
  const { type, inputComponents } = cellShader(kind);
  const components = [0, 1, 2, 3].map((component) =>
    inputComponents.includes(component) ? `sum(${component}u, unit, token)` : '0.0',
  );
  return /* wgsl */ `
struct Params {
  positions: u32, units: u32, vocabulary: u32, weight: u32, bias: u32, bias2: u32, secondBiases: u32, token: u32,
}
@group(0) @binding(0) var<storage, read> weights: array<f32>;
@group(0) @binding(1) var<storage, read> tokens: array<i32>;
@group(0) @binding(2) var<storage, read_write> gates: array<${type}>;
@group(1) @binding(0) var<uniform> p: Params;

fn sum(gate: u32, unit: u32, token: u32) -> f32 {
  let row = gate * p.units + unit;
  var value = weights[p.weight + row * p.vocabulary + token] + weights[p.bias + row];
  if (row < p.secondBiases) { value += weights[p.bias2 + row]; }
  return value;
}
${INDEX}
  if (i >= p.positions * p.units) { return; }
  let unit = i % p.units;
  let token = u32(tokens[p.token + i / p.units]);
  gates[i] = ${type === 'f32' ? 'sum(0u, unit, token)' : `vec4(${components.join(', ')})`};
}
`;
}

/**
 * The gradient of a look-up: each position adds its gates' gradients to the column of its token in weight_ih. Buffers: gates [T, B, H]; tokens
 * [T, B]; gradient. For the rest, see `tokenSums`.
 */
export function lookUpGradient(kind: CellKind): string {
  const { type, inputComponents } = cellShader(kind);
  const store = inputComponents.map((component, gate) => {
    const value = type === 'f32' ? 'total' : `total[${component}]`;
    return `gradient[p.table + (${gate}u * p.units + unit) * p.vocabulary + token] = ${value};`;
  });
  return tokenSums(type, store);
}

/**
 * The gradients of bias_ih and bias_hh from the column sums of the gates' gradients. Buffers: sums; gradient. Numbers: H, offsets of bias_ih
 * and bias_hh.
 */
export function biasGradients(kind: CellKind): string {
  const { width, inputComponents, weightComponents } = cellShader(kind);
  return /* wgsl */ `
struct Params { units: u32, bias: u32, bias2: u32 }
@group(0) @binding(0) var<storage, read> sums: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradient: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

fn inputComponent(gate: u32) -> u32 { return ${componentOf(inputComponents)}; }
fn recurrentComponent(gate: u32) -> u32 { return ${componentOf(weightComponents)}; }
fn total(column: u32) -> f32 {
  var sum = 0.0;
  for (var s = 0u; s < ${COLUMN_SLICES}u; s++) { sum += sums[s * p.units * ${width}u + column]; }
  return sum;
}
${INDEX}
  if (i >= p.units * ${inputComponents.length}u) { return; }
  let gate = i / p.units;
  let unit = i % p.units;
  gradient[p.bias + i] = total(unit * ${width}u + inputComponent(gate));
  gradient[p.bias2 + i] = total(unit * ${width}u + recurrentComponent(gate));
}
`;
}
