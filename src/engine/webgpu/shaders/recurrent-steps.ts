/**
 * The time steps of a recurrent layer, forward and backward.
 *
 * A workgroup has `units` × `slices` threads, and takes `rows` rows of the batch. Thread (u, s) sums slice s of the other units for unit u
 * and all of these rows, so each loaded weight is used `rows` times. Then the sums of the slices are added in order. So the order of an
 * element's sum depends on H and `slices` only.
 *
 * One shader serves both designs:
 *
 * - `steps`: a dispatch computes one phase of one time step, and its workgroups share the units.
 * - `rows`: a dispatch computes all steps. A workgroup computes all units of its rows step by step, without waiting for other workgroups.
 */
import type { CellKind } from '../../cells.ts';
import { cellShader, type Phase } from './cells.ts';
import { type PackedNumbers, packedType, unpackWeights } from './recurrent-weights.ts';

/** The size of a workgroup. */
export interface StepTiles {
  /** Units. */
  readonly units: number;
  /** Slices of a sum. */
  readonly slices: number;
  /** Rows. */
  readonly rows: number;
}

/** Numbers of the uniform block that differ between the dispatches of a pass. */
export interface DispatchNumbers {
  /** Forward: the first step. Backward: the step after it, counted down; 0 is the state before the first step. */
  readonly first: number;
  /** Steps to make. */
  readonly count: number;
  /** 1: the first phase, 2: the second, 3: both. */
  readonly phases: number;
  /** The first row of the batch. */
  readonly firstRow: number;
}

/** Numbers of the uniform block that all dispatches of a pass share. */
export interface PassNumbers {
  /** T of the tensors. */
  readonly steps: number;
  /** B. */
  readonly rows: number;
  /** H. */
  readonly units: number;
  /** Whether there are resets, and the index of those of step 0. */
  readonly hasResets: boolean;
  readonly resets: number;
  /** Forward: the index of step 0 in `output`. */
  readonly output: number;
}

/** The numbers in order. */
export function stepNumbers(
  { first, count, phases, firstRow }: DispatchNumbers,
  pass: PassNumbers,
): number[] {
  const { steps, rows, units, hasResets, resets, output } = pass;
  return [first, count, phases, firstRow, steps, rows, units, hasResets ? 1 : 0, resets, output];
}

const PARAMS = /* wgsl */ `
struct Params {
  first: u32, count: u32, phases: u32, firstRow: u32,
  steps: u32, rows: u32, units: u32, hasResets: u32, resets: u32, output: u32,
}
@group(1) @binding(0) var<uniform> p: Params;
`;

/** A tensor of a shader, in the order of the bindings. */
type Binding = readonly [name: string, type: string, access: 'read' | 'read_write'];

/** The tensors of a forward pass, in the order of the bindings. */
export function forwardBindings(kind: CellKind, numbers: PackedNumbers): Binding[] {
  const cell = cellShader(kind);
  return [
    ['packed', packedType(kind, numbers), 'read'],
    ['resets', 'u32', 'read'],
    ['gates', cell.type, 'read_write'],
    ['hidden', 'f32', 'read_write'],
    ...(cell.before === 'cells' ? [['cells', 'f32', 'read_write'] as const] : []),
    ...(cell.forward.length > 1 ? [['candidate', 'f32', 'read_write'] as const] : []),
    ['output', 'f32', 'read_write'],
  ];
}

/** The tensors of a backward pass, in the order of the bindings. */
export function backwardBindings(kind: CellKind, numbers: PackedNumbers): Binding[] {
  const cell = cellShader(kind);
  return [
    ['packed', packedType(kind, numbers), 'read'],
    ['resets', 'u32', 'read'],
    ...(cell.before ? [['before', 'f32', 'read'] as const] : []),
    ['outputGradient', 'f32', 'read'],
    ['gates', cell.type, 'read_write'],
    ['carried', 'vec2<f32>', 'read_write'],
    ...(cell.backward.length > 1 ? [['exchange', 'f32', 'read_write'] as const] : []),
  ];
}

function declarations(bindings: readonly Binding[]): string {
  return bindings
    .map(
      ([name, type, access], index) =>
        `@group(0) @binding(${index}) var<storage, ${access}> ${name}: array<${type}>;`,
    )
    .join('\n');
}

/** A shader that runs through some steps. @param round The statements of one step. */
function program(
  tensors: string,
  phases: readonly Phase[],
  tiles: StepTiles,
  round: readonly string[],
): string {
  return /* wgsl */ `
${tensors}
${PARAMS}
${partsOf(phases, tiles)}

@compute @workgroup_size(${tiles.units}, ${tiles.slices})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) id: vec3<u32>,
) {
  let H = p.units;
  let stepSize = p.rows * H;
  let firstRow = p.firstRow + group.y * ${tiles.rows}u;
  for (var i = 0u; i < p.count; i++) {
    ${round.join('\n    ')}
    storageBarrier();
  }
}
`;
}

/**
 * The forward steps.
 *
 * packed [H + 1, H]: the weights from each unit to each unit, then biases. resets [T, B]. gates [T, B, H]. hidden, cells [T + 1, B, H]: the
 * state before each step, zero where the step resets it, and last the final state. candidate [T, B, H]: r·h'. output [T, B, H].
 */
export function forwardSteps(kind: CellKind, tiles: StepTiles, numbers: PackedNumbers): string {
  const cell = cellShader(kind);
  const phases = cell.forward.map((phase, index) => forwardPhase(phase, index, tiles));
  return program(
    declarations(forwardBindings(kind, numbers)) + unpackWeights(kind, numbers),
    cell.forward,
    tiles,
    [
      /* wgsl */ `
    let step = p.first + i;
    let here = step * stepSize;`,
      phases.join('\n    storageBarrier();\n'),
    ],
  );
}

function forwardPhase(phase: Phase, index: number, tiles: StepTiles): string {
  return /* wgsl */ `
    if ((p.phases & ${1 << index}u) != 0u) {
      for (var block = group.x; block * ${tiles.units}u < H; block += groups.x) {
        let unit = block * ${tiles.units}u + id.x;
        ${sums(phase, index, tiles, 'true', 'here')}
        for (var r = id.y; r < ${tiles.rows}u; r += ${tiles.slices}u) {
          let row = firstRow + r;
          if (unit >= H || row >= p.rows) { continue; }
          let at = here + row * H + unit;
          let next = at + stepSize;
          let kept = p.hasResets == 0u || step + 1u >= p.steps || resets[p.resets + (step + 1u) * p.rows + row] == 0u;
          ${total(phase, index, tiles)}
          ${phase.apply}
        }
        workgroupBarrier();
      }
    }`;
}

/**
 * The backward steps. A step first passes the gradients of the step after it back through the weights.
 *
 * packed [H, H]: the weights to each unit from each unit. before [T, B, H]: the state before each step. gates [T, B, H]: replaced by their
 * gradients. carried [B, H]: the gradients with respect to h and c that do not come through the weights; before the first step that is made,
 * those of the final state, and after place 0, those of the initial state. exchange [B, H]: scratch.
 */
export function backwardSteps(kind: CellKind, tiles: StepTiles, numbers: PackedNumbers): string {
  const cell = cellShader(kind);
  const phases = cell.backward.map((phase, index) => backwardPhase(phase, index, tiles));
  return program(
    declarations(backwardBindings(kind, numbers)) + unpackWeights(kind, numbers),
    cell.backward,
    tiles,
    [
      /* wgsl */ `
    // The step after the one whose gates this round computes.
    let after = p.first - i;
    let isLast = after == p.steps;`,
      phases.join('\n    storageBarrier();\n'),
    ],
  );
}

function backwardPhase(phase: Phase, index: number, tiles: StepTiles): string {
  const isFirst = index === 0;
  const gradient = /* wgsl */ `
          var incoming = carried[place];
          if (!isLast) {
            ${total(phase, index, tiles)}
            incoming.x += sum;
            if (p.hasResets != 0u && resets[p.resets + after * p.rows + row] != 0u) { incoming = vec2<f32>(); }
          }
          if (after == 0u) {
            carried[place] = incoming;
            continue;
          }
          let at = (after - 1u) * stepSize + place;
          let dh = outputGradient[at] + incoming.x;`;
  const second = /* wgsl */ `
          if (after == 0u) { continue; }
          let at = (after - 1u) * stepSize + place;
          ${total(phase, index, tiles)}`;
  return /* wgsl */ `
    if ((p.phases & ${1 << index}u) != 0u) {
      for (var block = group.x; block * ${tiles.units}u < H; block += groups.x) {
        let unit = block * ${tiles.units}u + id.x;
        ${sums(phase, index, tiles, isFirst ? '!isLast' : 'after > 0u', isFirst ? 'after * stepSize' : '0u')}
        for (var r = id.y; r < ${tiles.rows}u; r += ${tiles.slices}u) {
          let row = firstRow + r;
          if (unit >= H || row >= p.rows) { continue; }
          let place = row * H + unit;
          ${isFirst ? gradient : second}
          ${phase.apply}
        }
        workgroupBarrier();
      }
    }`;
}

/** The workgroup's memory for the sums of the slices. */
function partsOf(phases: readonly Phase[], { units, rows, slices }: StepTiles): string {
  return phases
    .map(({ type }, index) => `var<workgroup> parts${index}: array<${type}, ${rows * slices * units}u>;`)
    .join('\n');
}

/** Sums this thread's slice for all rows of the workgroup. Beyond the last row it reads the last. */
function sums(
  { type, source, add }: Phase,
  index: number,
  { units, rows, slices }: StepTiles,
  condition: string,
  base: string,
): string {
  const all = [...Array(rows).keys()];
  const lines = (line: (r: number) => string) => all.map(line).join('\n        ');
  return /* wgsl */ `
        ${lines((r) => `var sum${r} = ${type}();`)}
        if (unit < H && ${condition}) {
          ${lines((r) => `let from${r} = ${base} + min(firstRow + ${r}u, p.rows - 1u) * H;`)}
          let perSlice = (H + ${slices - 1}u) / ${slices}u;
          let end = min(H, (id.y + 1u) * perSlice);
          for (var k = id.y * perSlice; k < end; k++) {
            let weight = weights(k * H + unit);
            ${lines((r) => `{ let value = ${source}[from${r} + k]; sum${r} = ${add(`sum${r}`)}; }`)}
          }
        }
        ${lines((r) => `parts${index}[(${r}u * ${slices}u + id.y) * ${units}u + id.x] = sum${r};`)}
        workgroupBarrier();`;
}

/** Adds the sums of the slices of row `r`. */
function total({ type }: Phase, index: number, { units, slices }: StepTiles): string {
  return /* wgsl */ `
          var sum = ${type}();
          for (var s = 0u; s < ${slices}u; s++) {
            sum += parts${index}[(r * ${slices}u + s) * ${units}u + id.x];
          }`;
}
