/** Which sizes and designs the kernels use on a device. The numbers are estimates: none has been measured on a GPU yet. */
import { gateCount } from '../cells.ts';
import type { RecurrentModule } from '../layout.ts';
import type { AdapterFacts } from './device.ts';
import type { DispatchNumbers } from './shaders/recurrent-steps.ts';

/** How the steps of a recurrent layer are computed. */
export interface RecurrentTuning {
  /** `steps`: a dispatch per time step. `rows`: a dispatch for all steps, in which a workgroup takes some rows (`shaders/recurrent-steps.ts`). */
  readonly design: 'steps' | 'rows';
  /** Units of a workgroup. */
  readonly units: number;
  /** Slices of each recurrent sum. They decide its bits, so they depend on H and the device only. */
  readonly slices: number;
  /** Rows of a workgroup. */
  readonly rows: number;
  /** Floating-point operations that one dispatch may make. */
  readonly operations: number;
  /** Bytes of scratch memory for a forward pass without a tape. A longer sequence is cut into pieces of time. */
  readonly scratchBytes: number;
}

/** Settings that tests change. None of them changes any bits. */
export type TuningOptions = Partial<Omit<RecurrentTuning, 'units' | 'slices'>>;

/** What is known about the device. */
export type TunedDevice = Pick<AdapterFacts, 'isSoftware' | 'limits' | 'name'>;

/** Up to this H a workgroup reads the weights from the cache faster than a dispatch per step starts. */
const MAX_UNITS_OF_ROWS = 192;

/** Makers of GPUs with a hundred cores. Others have about ten. */
const MAKERS_OF_LARGE = /nvidia|geforce|quadro|tesla|amd|radeon/i;

/** Workgroups that keep a GPU busy. A small one rather has fewer, with more rows: they read the weights less often. */
function wantedGroups({ name, isSoftware }: TunedDevice): number {
  return isSoftware || MAKERS_OF_LARGE.test(name) ? 128 : 16;
}

const ROWS = [8, 4, 2, 1] as const;

const FORWARD_SCRATCH_BYTES = 32 * 2 ** 20;

/** Slices of a sum over H units: enough threads for a small layer, whose steps are short, and for a large one, whose sums are long. */
function slicesOf(units: number): number {
  return units < 64 ? 2 : units < 384 ? 4 : 8;
}

/** The tuning of a recurrent layer. The design and the slices depend on H and the device; the other sizes do not change any bits. */
export function recurrentTuning(
  device: TunedDevice,
  units: number,
  rows: number,
  options: TuningOptions = {},
): RecurrentTuning {
  const { limits, isSoftware } = device;
  const slices = slicesOf(units);
  const design = options.design ?? (units <= MAX_UNITS_OF_ROWS && !isSoftware ? 'rows' : 'steps');
  const most = Math.min(
    limits.maxComputeInvocationsPerWorkgroup / slices,
    limits.maxComputeWorkgroupSizeX,
    128,
  );
  const unitsOfGroup =
    design === 'steps' ? 32 : Math.min(32 * Math.ceil(units / 32), 32 * Math.floor(most / 32));
  const blocks = design === 'steps' ? Math.ceil(units / unitsOfGroup) : 1;
  const bytesOfRow = 16 * unitsOfGroup * slices;
  const wanted = wantedGroups(device);
  const fitting = ROWS.find(
    (count) =>
      count * bytesOfRow <= limits.maxComputeWorkgroupStorageSize &&
      blocks * Math.ceil(rows / count) >= wanted,
  );
  return {
    ...{ design, units: unitsOfGroup, slices, rows: options.rows ?? fitting ?? 1 },
    operations: options.operations ?? OPERATIONS_PER_DISPATCH,
    scratchBytes: options.scratchBytes ?? FORWARD_SCRATCH_BYTES,
  };
}

/**
 * Floating-point operations that one dispatch may make. Operating systems reset a GPU that computes one dispatch for seconds. The limit is 200
 * ms of a slow integrated GPU.
 */
export const OPERATIONS_PER_DISPATCH = 4e9;

/** Workgroups in one dimension of a dispatch. */
export const MAX_GROUPS = 65_535;

/**
 * Slices of the sum over positions in a weight gradient [m, n], so that a small matrix has enough workgroups as well. A large one has no slices,
 * because each needs memory of its own.
 */
export function gradientSlices(m: number, n: number): number {
  const tiles = Math.ceil(m / 64) * Math.ceil(n / 64);
  if (tiles >= 512) return 1;
  return tiles >= 128 ? 2 : tiles >= 32 ? 4 : 8;
}

/** What one dispatch of the steps computes. */
export interface StepDispatch extends DispatchNumbers {
  readonly groups: readonly [units: number, rows: number];
}

/** The dispatches for the steps of a layer, counted up from 0. @param sizes T, B, and the phases of a step of the cell. */
export function stepsOfDispatch(
  { design, units, rows: rowsOfGroup, operations }: RecurrentTuning,
  { cell, hiddenSize }: Pick<RecurrentModule, 'cell' | 'hiddenSize'>,
  { steps, rows, phases }: { readonly steps: number; readonly rows: number; readonly phases: number },
): StepDispatch[] {
  const operationsOfGroup = 2 * gateCount(cell) * hiddenSize ** 2 * rowsOfGroup;
  const fitting = Math.max(1, Math.floor(operations / operationsOfGroup));
  const rowGroups = Math.ceil(rows / rowsOfGroup);
  const mostGroups = Math.min(fitting, MAX_GROUPS);
  const dispatches: StepDispatch[] = [];
  for (let firstGroup = 0; firstGroup < rowGroups; firstGroup += mostGroups) {
    const groupCount = Math.min(mostGroups, rowGroups - firstGroup);
    const firstRow = firstGroup * rowsOfGroup;
    if (design === 'steps') {
      const groups = [Math.ceil(hiddenSize / units), groupCount] as const;
      for (let first = 0; first < steps; first++) {
        for (let phase = 0; phase < phases; phase++)
          dispatches.push({ first, count: 1, phases: 1 << phase, firstRow, groups });
      }
    } else {
      const most = Math.max(1, Math.floor(fitting / groupCount));
      for (let first = 0; first < steps; first += most) {
        const count = Math.min(most, steps - first);
        dispatches.push({ first, count, phases: 3, firstRow, groups: [1, groupCount] });
      }
    }
  }
  return dispatches;
}
