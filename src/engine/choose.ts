/** Chooses the engine: the requested one, a GPU, or the fastest that works on the CPU. */
import { AddonError, OptionError, UnsupportedError, UsageError } from '../errors.ts';
import { capitalized } from '../util/capitalized.ts';
import type { Compute, Engine, Precision, Quantization } from './engine.ts';
import type { EngineKindName, EngineName } from './names.ts';

export interface EngineOptions {
  /** Default: as many as this process may use. */
  readonly threads?: number | undefined;
  /**
   * The GPU to compute on: its number, from 0, among the hardware adapters. With `auto`, the CPU is used if this GPU can't be used, and a
   * notice gives the reason. −1 is the CPU. Default: the CPU with `auto`, GPU 0 with `webgpu`.
   */
  readonly gpu?: number | undefined;
  readonly precision: Precision;
  /** The type in which products will be computed. Default: the precision. */
  readonly compute?: Compute | undefined;
  /** How weights will be stored, if the engine must be able to do so. Default: as floats. */
  readonly quantize?: Quantization | undefined;
}

export interface EngineChoice extends EngineOptions {
  /** `auto`: the fastest that works on the CPU, or the `gpu`. */
  readonly engine: EngineName;
}

export interface ChosenEngine {
  readonly engine: Engine;
  /** A message for the user, such as why a faster engine is not used. */
  readonly notice: string | undefined;
}

/**
 * Makes the engine for a choice.
 *
 * @throws {UnsupportedError} for an engine that does not work here
 * @throws {UsageError} for a precision, a way to compute or a GPU that the engine does not support
 */
export type MakeEngine = (choice: EngineChoice) => Promise<ChosenEngine>;

/** An engine that can be chosen. */
export interface EngineKind {
  readonly name: EngineKindName;
  /** The start of the notice when this engine is used instead of a faster one. The notice continues with the reason. */
  readonly instead: string;
  readonly precisions: readonly Precision[];
  /** What it can round the factors of products to, besides float32. */
  readonly roundsTo?: readonly Compute[];
  /** Whether it can compute with int8 weights. Default: false. */
  readonly hasInt8?: boolean;
  /** Whether it computes on a GPU. `auto` uses it only if a GPU is requested. */
  readonly isGpu?: boolean;
  /** @throws {UnsupportedError} with the reason why it does not work here */
  open(options: EngineOptions): Promise<ChosenEngine>;
}

/**
 * A function that chooses among engines.
 *
 * @param kinds The engines to choose from, the fastest first.
 * @param place Where these engines run, for messages, such as `in a page`.
 */
export function engineMaker(kinds: readonly EngineKind[], place: string): MakeEngine {
  return async ({ engine, ...settings }) => {
    const { gpu = -1 } = settings;
    if (engine === 'webgpu' && settings.gpu === -1)
      throw new OptionError('gpu', 'got -1, which is the CPU, but `engine` is webgpu');
    if (engine === 'auto' && gpu >= 0) return openGpu(kinds, settings);
    const notice =
      gpu >= 0 && engine !== 'webgpu' && `GPU ${gpu} is not used: the ${engine} engine computes on the CPU.`;
    if (notice) return noticed(notice, await choose({ engine, ...settings, gpu: undefined }));
    return await choose({ engine, ...settings });
  };

  async function choose({ engine, ...settings }: EngineChoice): Promise<ChosenEngine> {
    const able = kinds.filter((kind) => isAble(kind, settings));
    if (engine === 'auto') return openFastest(kinds, settings);
    const kind = kinds.find(({ name }) => name === engine);
    if (!kind) {
      throw new UnsupportedError(`there is no ${engine} engine ${place}.`, {
        remedies: [{ text: `The fastest engine that works ${place}`, set: { engine: 'auto' } }],
      });
    }
    if (able.includes(kind)) return kind.open(settings);
    const names = able.map(({ name }) => name);
    const what = numbersOf(settings);
    if (names.length === 0) throw new UnsupportedError(`no engine computes in ${what} ${place}.`);
    const list = names.slice(0, -1).join(', ');
    const which = list === '' ? `${names[0]} engine` : `${list} and ${names.at(-1)} engines`;
    throw new UsageError(`${what} is computed by the ${which} alone, not by ${engine}.`, {
      remedies: [{ text: `To compute in ${what}`, set: { engine: names[0] } }],
    });
  }
}

/** Whether an engine computes in the numbers of a choice. */
function isAble(kind: EngineKind, { precision, compute = 'float32', quantize }: EngineOptions): boolean {
  const { precisions, roundsTo = [], hasInt8 = false } = kind;
  if (!precisions.includes(precision) || (quantize === 'int8' && !hasInt8)) return false;
  return compute === 'float32' || roundsTo.includes(compute);
}

/** The numbers that decide which engines can compute a choice. */
function numbersOf({ precision, compute, quantize }: EngineOptions): string {
  if (quantize) return quantize;
  return compute === undefined || compute === 'float32' ? precision : compute;
}

/** The requested GPU, or the fastest engine of the CPU and the reason. */
async function openGpu(kinds: readonly EngineKind[], options: EngineOptions): Promise<ChosenEngine> {
  const { gpu, ...rest } = options;
  const kind = kinds.find((kind) => kind.isGpu && isAble(kind, options));
  try {
    if (!kind) throw new UnsupportedError(`it does not compute in ${numbersOf(options)}.`);
    return await kind.open(options);
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    if (!kinds.some((kind) => !kind.isGpu && isAble(kind, options))) {
      throw new UnsupportedError(
        `GPU ${gpu} can't be used, and no engine of the CPU computes in ${numbersOf(options)}: ${error.problem}`,
        { remedies: [{ text: 'To compute in float32', set: { compute: 'float32' } }], cause: error },
      );
    }
    const notice = `GPU ${gpu} can't be used, so the CPU computes: ${error.problem}`;
    return noticed(notice, await openFastest(kinds, rest));
  }
}

function noticed(notice: string, chosen: ChosenEngine): ChosenEngine {
  return { ...chosen, notice: joined(notice, chosen.notice) };
}

/** The fastest engine that works on the CPU. */
async function openFastest(all: readonly EngineKind[], options: EngineOptions): Promise<ChosenEngine> {
  const ofCpu = all.filter(({ isGpu }) => !isGpu);
  const kinds = ofCpu.filter((kind) => isAble(kind, options));
  const isLimited = !ofCpu.every(({ precisions }) => precisions.includes(options.precision));
  const failures: UnsupportedError[] = [];
  for (const { name, instead, open } of kinds) {
    try {
      const { engine, notice } = await open(options);
      const limit = isLimited && `${options.precision} is computed by the ${name} engine, which is slow.`;
      const problems = problemsOf(failures.filter(isNoteworthy));
      const reason = problems && `${instead}: ${problems}`;
      return { engine, notice: joined(limit, reason, notice) };
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      failures.push(error);
    }
  }
  const { compute } = options;
  if (compute !== undefined && compute !== 'float32')
    throw withoutRounding(compute, failures, all.find((kind) => kind.isGpu && isAble(kind, options))?.name);
  throw failures.at(-1) ?? new UnsupportedError(`no engine computes in ${numbersOf(options)} here.`);
}

/** The error if no engine of the CPU with this way to compute works. Choosing another of them would not help. @param gpu An engine that has it. */
function withoutRounding(
  compute: Exclude<Compute, 'float32'>,
  failures: readonly UnsupportedError[],
  gpu: EngineKindName | undefined,
): UnsupportedError {
  const problems = problemsOf(failures);
  const remedies = failures
    .flatMap((failure) => failure.remedies)
    .filter(({ set }) => set?.engine === undefined);
  const problem = gpu
    ? `no engine of the CPU computes in ${compute}`
    : `no engine that computes in ${compute} works here`;
  return new UnsupportedError(problems ? `${problem}: ${problems}` : `${problem}.`, {
    remedies: [
      ...remedies,
      ...(gpu ? [{ text: 'To compute on a GPU', set: { engine: gpu } }] : []),
      { text: 'To compute in float32', set: { compute: 'float32' } },
    ],
  });
}

/** The problems as sentences after a colon; empty if there are none. */
function problemsOf(failures: readonly UnsupportedError[]): string {
  const texts = failures.map(({ problem }) => problem);
  return texts.map((text, k) => (k === 0 ? text : capitalized(text))).join(' ');
}

/** Whether to tell the user about a failure. A missing add-on would otherwise cause a notice at every start. */
function isNoteworthy(failure: UnsupportedError): boolean {
  return !(failure instanceof AddonError && failure.code === 'addon-missing');
}

/** Joins notices; undefined if there are none. */
export function joined(...notices: readonly (string | false | undefined)[]): string | undefined {
  return notices.filter(Boolean).join(' ') || undefined;
}
