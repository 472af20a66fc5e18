/** The states of a recurrent layer before and after its steps, and their gradients. */
import type { CellKind } from '../../cells.ts';
import { carriesC } from '../../cells.ts';
import { EACH, INDEX } from './threads.ts';

const main = (body: string) => /* wgsl */ `
@group(1) @binding(0) var<uniform> p: Params;
${INDEX}
  let size = p.rows * p.units;
  if (i >= size) { return; }${body}
}
`;

/**
 * The state before the first step, zero where that step resets it. Buffers: initial [S, B, H]; resets; hidden; cells (lstm). Numbers: B, H,
 * whether there are resets, index of the first.
 */
export function beginState(kind: CellKind): string {
  const hasC = carriesC(kind.cell);
  return /* wgsl */ `
struct Params { rows: u32, units: u32, hasResets: u32, resets: u32 }
@group(0) @binding(0) var<storage, read> initial: array<f32>;
@group(0) @binding(1) var<storage, read> resets: array<u32>;
@group(0) @binding(2) var<storage, read_write> hidden: array<f32>;
${hasC ? '@group(0) @binding(3) var<storage, read_write> cells: array<f32>;' : ''}
${main(`
  let kept = p.hasResets == 0u || resets[p.resets + i / p.units] == 0u;
  hidden[i] = select(0.0, initial[${hasC ? 'size + i' : 'i'}], kept);
  ${hasC ? 'cells[i] = select(0.0, initial[i], kept);' : ''}`)}`;
}

/**
 * Holds a unit at a value after a single step, in all rows. With c held, h = o·tanh(c). A unit that has the value already is not written, so it
 * keeps its bits. Buffers: gates and cells (c only); hidden; output. Numbers: B, H, the unit, its value.
 */
export function holdUnit(part: 'h' | 'c'): string {
  const isC = part === 'c';
  return /* wgsl */ `
struct Params { size: u32, units: u32, unit: u32, value: f32 }
${isC ? '@group(0) @binding(0) var<storage, read> gates: array<vec4<f32>>;' : ''}
${isC ? '@group(0) @binding(1) var<storage, read_write> cells: array<f32>;' : ''}
@group(0) @binding(${isC ? 2 : 0}) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(${isC ? 3 : 1}) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
${EACH}
  let at = i * p.units + p.unit;
  let next = at + p.size * p.units;
  if (${isC ? 'cells' : 'hidden'}[next] == p.value) { return; }
  let h = ${isC ? 'gates[at].z * tanh_(p.value)' : 'p.value'};
  ${isC ? 'cells[next] = p.value;' : ''}
  hidden[next] = h;
  output[at] = h;
}
`;
}

/** The state after the last step. Buffers: hidden; cells (lstm); final [S, B, H]. Numbers: B, H, number of steps. */
export function endState(kind: CellKind): string {
  const hasC = carriesC(kind.cell);
  return /* wgsl */ `
struct Params { rows: u32, units: u32, steps: u32 }
@group(0) @binding(0) var<storage, read> hidden: array<f32>;
${hasC ? '@group(0) @binding(1) var<storage, read> cells: array<f32>;' : ''}
@group(0) @binding(${hasC ? 2 : 1}) var<storage, read_write> final_: array<f32>;
${main(`
  let last = p.steps * size + i;
  final_[${hasC ? 'size + i' : 'i'}] = hidden[last];
  ${hasC ? 'final_[i] = cells[last];' : ''}`)}`;
}

/**
 * c of every step of an lstm, before the resets. Buffers: gates; cells; output [T, B, H]. Numbers: positions, H, index of the first element of
 * output.
 */
export const CELLS_OUTPUT = /* wgsl */ `
struct Params { rows: u32, units: u32, output: u32 }
@group(0) @binding(0) var<storage, read> gates: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> cells: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
${main(`
  let gate = gates[i];
  output[p.output + i] = gate.y * cells[i] + gate.x * gate.w;`)}`;

/** The carried gradients before the last step. Buffers: final gradient [S, B, H]; carried. Numbers: B, H. */
export function beginGradient(kind: CellKind): string {
  const value = carriesC(kind.cell) ? 'vec2(final_[size + i], final_[i])' : 'vec2(final_[i], 0.0)';
  return /* wgsl */ `
struct Params { rows: u32, units: u32 }
@group(0) @binding(0) var<storage, read> final_: array<f32>;
@group(0) @binding(1) var<storage, read_write> carried: array<vec2<f32>>;
${main(`
  carried[i] = ${value};`)}`;
}

/** The same without a gradient of the final state. Buffers: carried. */
export const ZERO_GRADIENT = /* wgsl */ `
struct Params { rows: u32, units: u32 }
@group(0) @binding(0) var<storage, read_write> carried: array<vec2<f32>>;
${main(`
  carried[i] = vec2<f32>();`)}`;

/** The gradient of the initial state. Buffers: carried; initial gradient [S, B, H]. Numbers: B, H. */
export function endGradient(kind: CellKind): string {
  const hasC = carriesC(kind.cell);
  return /* wgsl */ `
struct Params { rows: u32, units: u32 }
@group(0) @binding(0) var<storage, read> carried: array<vec2<f32>>;
@group(0) @binding(1) var<storage, read_write> initial: array<f32>;
${main(`
  initial[${hasC ? 'size + i' : 'i'}] = carried[i].x;
  ${hasC ? 'initial[i] = carried[i].y;' : ''}`)}`;
}
