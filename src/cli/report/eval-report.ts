/** The results of `char-rnn eval`, as lines and as JSON. */
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { engineText, weightsText } from '../../checkpoint/quantization.ts';
import type { TextFacts } from '../../data/corpus.ts';
import type { ChangedCounts } from '../../data/symbols/unknown-in-text.ts';
import type { TokenKind } from '../../data/vocabulary.ts';
import type { Engine, Quantization } from '../../engine/engine.ts';
import type { CountModelLoss } from '../../score/count-model/count-model-loss.ts';
import type { SquareSource } from '../../score/dynamic.ts';
import type { TemperatureFit } from '../../score/fit-temperature.ts';
import { summarize } from '../../score/summary.ts';
import type { SurprisingPlace } from '../../score/surprise.ts';
import { compareWithBaseline } from '../../train/advice/baseline-comparison.ts';
import { counted, formatCount } from '../../util/format.ts';
import { commandLine, fileWord } from '../arguments/command-line.ts';
import { cellAndLayers } from '../terminal/model-text.ts';

export interface DocumentLoss {
  readonly name: string;
  /** Number of predicted symbols. */
  readonly characters: number;
  readonly nats: number;
}

export interface EvaluationReport {
  readonly model: {
    readonly path: string;
    readonly checkpoint: Checkpoint;
    readonly engine: Pick<Engine, 'description'>;
    /** How the engine stores the weights; undefined: as floats. */
    readonly quantization: Quantization | undefined;
  };
  readonly text: TextFacts;
  readonly part: 'train' | 'val' | 'test' | 'all';
  /** Counts of symbols that the model does not know. */
  readonly changed?: ChangedCounts | undefined;
  /** Which symbols were predicted, and from which state. */
  readonly how: string;
  /** The loss of each document; empty if the text is not divided into documents. */
  readonly documents: readonly DocumentLoss[];
  readonly characters: number;
  /** The temperature at which the loss was measured. */
  readonly temperature: number;
  readonly nats: number;
  /** A temperature fitted on the validation part of the run, if requested, and the sum of losses at it. */
  readonly fitted?: { readonly fit: TemperatureFit; readonly nats: number } | undefined;
  /** The loss of a count model on the same symbols, if requested. */
  readonly baseline?: CountModelLoss | undefined;
  /** The sum of losses of dynamic evaluation, if requested, and where its mean square comes from. */
  readonly dynamic: { readonly nats: number; readonly meanSquare: SquareSource } | undefined;
  readonly surprising: readonly SurprisingPlace[] | undefined;
}

/** Columns of the name of a fact. */
export const LABEL_WIDTH = 9;

export function reportLines(report: EvaluationReport): string[] {
  const { model, text, documents, characters, temperature, nats, dynamic } = report;
  const { quantization } = model;
  // The unit is printed, because a loss per byte is not a loss per character.
  const { kind } = model.checkpoint.vocabulary;
  const lines = [
    `model    ${model.path} · ${cellAndLayers(model.checkpoint.config)}${quantization ? `, ${weightsText(quantization)}` : ''}`,
    `text     ${text.name} · ${counted(text.characters, kind)}`,
    `part     ${report.how}`,
    ...changedLines(report),
    ...documentLines(documents, kind),
    `loss     ${lossText(characters, nats, kind)}, over ${counted(characters, kind)}${temperature === 1 ? '' : `, at temperature ${temperature}`}`,
    ...fittedLines(report, kind),
  ];
  const { baseline } = report;
  if (baseline) {
    const loss = lossText(characters, baseline.loss * characters, kind);
    lines.push(`baseline ${loss}; the loss is ${compareWithBaseline(nats / characters, baseline)}`);
  }
  if (dynamic)
    lines.push(
      `dynamic  ${lossText(characters, dynamic.nats, kind)}, learning while reading, ${SQUARE_SOURCES[dynamic.meanSquare]}`,
    );
  if (dynamic && dynamic.nats > nats)
    lines.push(
      '         It learns too fast and predicts worse than with fixed weights: try a lower --dynamic-rate.',
    );
  return lines;
}

/** The loss at a fitted temperature, how it was fitted, and how to use it. */
function fittedLines({ model, characters, fitted }: EvaluationReport, kind: TokenKind): string[] {
  if (!fitted) return [];
  const { temperature, before, after } = fitted.fit;
  const losses = `${before.natsPerCharacter.toFixed(4)} at 1, ${after.natsPerCharacter.toFixed(4)} at ${temperature}`;
  const lines = [
    `fitted   ${lossText(characters, fitted.nats, kind)}, at temperature ${temperature}`,
    `         Fitted on ${counted(before.characters, kind)} of the validation part: ${losses}.`,
  ];
  if (temperature === 1) return lines;
  const words = ['eval', fileWord(model.path), 'other.txt', '--temperature', String(temperature)];
  // An int8 file is computed in int8 without the flag.
  const isStored = model.checkpoint.weightTypes?.includes('int8') ?? false;
  if (model.quantization && !isStored) words.push('--quantize', model.quantization);
  return [...lines, `         To score another text with it: ${commandLine(words)}`];
}

const SQUARE_SOURCES: Readonly<Record<SquareSource, string>> = {
  training: 'with statistics of the training text',
  running: 'without statistics of the training text',
};

/** If a larger fraction of the text was changed, its loss says little about it. */
const MAX_CHANGED_SHARE = 0.1;

/** What was replaced or left out: the loss is not that of the unchanged text. */
function changedLines({ changed, text, model }: EvaluationReport): string[] {
  const { replaced, leftOut } = changed ?? { replaced: 0, leftOut: 0 };
  if (replaced + leftOut === 0) return [];
  const { kind } = model.checkpoint.vocabulary;
  const parts = [
    ...(replaced > 0 ? [`${counted(replaced, kind)} replaced with the nearest that the model knows`] : []),
    ...(leftOut > 0 ? [`${counted(leftOut, kind)} left out`] : []),
  ];
  const lines = [`changed  ${parts.join(', ')}`];
  const share = (replaced + leftOut) / (text.characters + leftOut);
  if (share > MAX_CHANGED_SHARE) {
    lines.push(`         This is ${Math.round(share * 100)}% of the text: the loss says little about it.`);
  }
  return lines;
}

/** A text may have thousands of documents. */
const MAX_SHOWN_DOCUMENTS = 30;

function documentLines(documents: readonly DocumentLoss[], kind: TokenKind): string[] {
  const lines = documents
    .slice(0, MAX_SHOWN_DOCUMENTS)
    .map(
      ({ name, characters, nats }) =>
        `  ${name.padEnd(14)} ${lossText(characters, nats, kind)}, over ${counted(characters, kind)}`,
    );
  const more = documents.length - lines.length;
  return more > 0 ? [...lines, `  … and ${formatCount(more)} more: --json has them all`] : lines;
}

function lossText(characters: number, nats: number, kind: TokenKind): string {
  if (characters === 0) return 'nothing to predict';
  const { natsPerCharacter, bitsPerCharacter, perplexity } = summarize(characters, nats);
  return `${figure(natsPerCharacter, 4)} nats per ${kind}, ${figure(bitsPerCharacter, 4)} bits, perplexity ${figure(perplexity, 3)}`;
}

/** A figure with some decimals; one that is too large for them in scientific notation. */
function figure(value: number, decimals: number): string {
  return value < 1e9 ? value.toFixed(decimals) : value.toExponential(decimals);
}

export function reportJson(report: EvaluationReport) {
  const { model, text, part, how, characters, nats, fitted, dynamic, baseline, documents, surprising } =
    report;
  return {
    checkpoint: model.path,
    engine: engineText(model.engine, model.quantization),
    text: { name: text.name, bytes: text.bytes, sha256: text.sha256, characters: text.characters },
    part,
    how,
    /** The meaning of "character" in the names of the fields. */
    unit: model.checkpoint.vocabulary.kind,
    ...report.changed,
    temperature: report.temperature,
    ...summarize(characters, nats),
    fitted: fitted && {
      temperature: fitted.fit.temperature,
      ...summarize(characters, fitted.nats),
      validation: { before: fitted.fit.before, after: fitted.fit.after },
    },
    baseline: baseline && {
      order: baseline.order,
      trainTokens: baseline.trainTokens,
      ...summarize(characters, baseline.loss * characters),
    },
    dynamic: dynamic && { ...summarize(characters, dynamic.nats), meanSquare: dynamic.meanSquare },
    documents: documents.length > 0 ? documents.map(documentJson) : undefined,
    surprising,
  };
}

function documentJson({ name, characters, nats }: DocumentLoss) {
  return characters > 0 ? { name, ...summarize(characters, nats) } : { name, characters };
}
