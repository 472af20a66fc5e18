/** What the worker offers to the pages. Everything in it can be sent between threads. */
import type {
  Ending,
  OptionFacts,
  Saliency,
  SaliencyMethod,
  SymbolDetails,
  TrainingOptions,
  UnitLabel,
  UnitPart,
} from '../../src/browser.ts';
import type { QuantizeOption } from '../../src/checkpoint/quantization.ts';
import type { SameUnit } from '../../src/inspect/same-units.ts';
import type { ActiveUnit, SimilarPlace, Stretch } from '../../src/inspect/stretches.ts';
import type { StoredRun } from './stored-runs.ts';

/** An open model. */
export interface ModelFacts {
  /** The name of its file or run. */
  readonly name: string;
  readonly cell: string;
  readonly layers: number;
  readonly units: number;
  readonly parameters: number;
  /** Symbols of the vocabulary. */
  readonly symbols: number;
  readonly kind: string;
  /** Whether it has the backslash: then the command line takes prompts literally, without escapes. */
  readonly hasBackslash: boolean;
  /** Describes the engine in one line. */
  readonly engine: string;
  /** Whether it computes with int8 weights. */
  readonly isInt8: boolean;
  /** How its weights were requested; undefined: as in the file. */
  readonly quantize: QuantizeOption | undefined;
  /** The parts that a unit has: h, c and the gates. */
  readonly parts: readonly UnitPart[];
  /** Undefined if the file has no record of it. */
  readonly validationLoss: number | undefined;
  readonly epoch: number | undefined;
}

/** Options of `generate`, by name. */
export type WritingOptions = Readonly<Record<string, unknown>>;

export interface WriteRequest {
  /** Bytes, for a model over bytes, if they are no text. */
  readonly prompt: string | Uint8Array;
  readonly options: WritingOptions;
  /** Candidates listed for each symbol. */
  readonly alternatives: number;
}

export interface WrittenPart {
  readonly details: readonly SymbolDetails[];
  readonly ending: Ending | undefined;
  /** Notices about the prompt and the options. */
  readonly notices: readonly string[];
  /** Whether characters of the prompt were left out: the model does not know them, nor any like them. */
  readonly leavesOut: boolean;
}

/** A text that has been read. */
export interface ReadingFacts {
  readonly symbols: readonly string[];
  readonly labels: readonly UnitLabel[];
  /** Whether it has too few symbols to label units. */
  readonly isTooShort: boolean;
  /** For each unit of `labels`, the one before it under which it is grouped, because both do the same. */
  readonly same: readonly (SameUnit | undefined)[];
  readonly notices: readonly string[];
  readonly milliseconds: number;
}

export interface UnitRequest {
  readonly layer: number;
  readonly unit: number;
  readonly part: UnitPart;
}

/** What one unit did in the text. */
export interface UnitFacts {
  /** [T] */
  readonly values: Float32Array;
  readonly mean: number;
  /** The 1st and the 99th percentile. */
  readonly low: number;
  readonly high: number;
  /** How many values are in each of equally wide intervals between the lowest and the highest. */
  readonly histogram: readonly number[];
  readonly lowest: number;
  readonly highest: number;
  /** Positions of the highest values, at least 20 symbols apart. */
  readonly strongest: readonly number[];
}

/** How often a gate of each unit is nearly closed and nearly open. */
export interface GateFacts {
  readonly part: UnitPart;
  readonly layer: number;
  readonly closed: Float32Array;
  readonly open: Float32Array;
}

export interface StretchFacts {
  readonly units: readonly ActiveUnit[];
  /** Where else these units are active together, the best first. */
  readonly places: readonly SimilarPlace[];
}

/** The GPU of the page: its name, or why there is none. */
export type GpuFacts = { readonly name: string } | { readonly problem: string };

/** A file that the reader has chosen. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface TrainRequest {
  /** What was pasted, or the bytes of a file. */
  readonly text: string | Uint8Array;
  /** The name of the text. */
  readonly name: string;
  /** For a run that is continued: the options that replace its own. */
  readonly options: Partial<TrainingOptions>;
  /** The run to continue; undefined for a new one. */
  readonly resume: string | undefined;
  /** For a run that is continued: the iteration to end with. Default: its own. */
  readonly lastIteration?: number | undefined;
}

/** The numbers of some iterations: [iteration, epoch, training loss, milliseconds] for each. */
export type Points = Float64Array;

export type TrainingMessage =
  | {
      readonly type: 'started';
      readonly run: string;
      readonly facts: readonly string[];
      readonly iteration: number;
      readonly iterations: number;
    }
  | {
      readonly type: 'points';
      readonly points: Points;
      readonly iterations: number;
      readonly symbolsPerSecond: number;
    }
  | {
      readonly type: 'evaluated';
      readonly iteration: number;
      readonly validationLoss: number;
      readonly best: boolean;
    }
  | { readonly type: 'baseline'; readonly loss: number; readonly order: number; readonly fact: string }
  | { readonly type: 'sampled'; readonly iteration: number; readonly text: string }
  | {
      readonly type: 'message';
      readonly kind: 'notice' | 'warning' | 'advice';
      readonly text: string;
    }
  /** The run has returned to an earlier iteration; the iterations since then are discarded. */
  | {
      readonly type: 'back';
      readonly iteration: number;
      readonly facts: readonly string[];
    }
  | {
      readonly type: 'finished';
      readonly reason: string;
      /** Whether the browser keeps its last state. */
      readonly isStored: boolean;
      readonly model: ModelFacts;
    };

export interface Api {
  optionFacts(of: 'training' | 'sampling'): Promise<OptionFacts[]>;
  /** Opens a checkpoint in any known format. */
  open(file: { readonly bytes: ArrayBuffer; readonly name: string }): Promise<ModelFacts>;
  /** Opens the open model again, to compute with weights in int8 or in floats. */
  quantize(quantize: QuantizeOption): Promise<ModelFacts>;
  /** The open model as the bytes of a file, with its weights as they are or in int8. */
  save(weights: 'int8' | undefined): Promise<Uint8Array>;
  write(request: WriteRequest, signal: AbortSignal): AsyncGenerator<WrittenPart, void, void>;
  /** Reads a text and labels the units. Later calls are about this text. */
  read(
    request: { readonly text: string; readonly part: UnitPart },
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly progress: number } | ReadingFacts, void, void>;
  unit(request: UnitRequest): Promise<UnitFacts>;
  gates(_: undefined, signal: AbortSignal): Promise<GateFacts[]>;
  stretch(request: Stretch): Promise<StretchFacts>;
  saliency(
    request: { readonly position: number; readonly method: SaliencyMethod },
    signal: AbortSignal,
  ): Promise<Saliency>;
  /** −log p of each symbol of the text that was read, in nats. */
  surprise(_: undefined, signal: AbortSignal): Promise<Float64Array>;
  /** The GPU that could train. */
  gpu(_: undefined): Promise<GpuFacts>;
  /** The content of a text file, in whatever encoding it is. */
  decode(file: NamedBytes): Promise<string>;
  train(request: TrainRequest, signal: AbortSignal): AsyncGenerator<TrainingMessage, void, void>;
  /** The runs that this browser keeps. */
  runs(_: undefined): Promise<StoredRun[]>;
  /** Opens a checkpoint of a run that this browser keeps. */
  openRun(run: { readonly id: string; readonly which: 'best' | 'last' }): Promise<ModelFacts>;
  /** The bytes of a run's newest checkpoint. */
  runFile(id: string): Promise<Uint8Array>;
  /** Stores a run that was trained elsewhere, so that it can continue here. */
  adoptRun(request: { readonly checkpoint: NamedBytes; readonly text: NamedBytes }): Promise<StoredRun>;
  deleteRun(id: string): Promise<void>;
}
