/** The live view of a run on a terminal: facts about the run, then a few lines that are redrawn. */
import pc from 'picocolors';
import { baselineText, memoryText } from '../../train/event-facts.ts';
import type {
  EvaluatedEvent,
  IterationEvent,
  StartedEvent,
  TimedEvent,
  TrainingEvent,
} from '../../train/events.ts';
import { fixed } from '../../util/c-format.ts';
import { counted, formatBytes, formatCount } from '../../util/format.ts';
import { timeRangeLeft } from './duration-text.ts';
import {
  judgeModelSize,
  restoredText,
  savedText,
  skippedText,
  timedFacts,
  validationText,
  writesText,
} from './event-text.ts';
import { LiveLines } from './live-lines.ts';
import { lastEpoch, progressBar, sparkline } from './live-parts.ts';
import { cellAndLayers } from './model-text.ts';
import type { TrainingView } from './plain-log.ts';
import { PreparingLine } from './preparing-line.ts';
import { clip, wrap } from './text-width.ts';

/** Milliseconds between redraws. */
const REDRAW_INTERVAL = 100;
/** Columns of a fact's name. */
const LABEL = 9;
/** Weight of the newest iteration in the smoothed loss and time. */
const SMOOTHING = 0.05;
/** Maximum number of losses in the sparkline. */
const MAX_HISTORY = 4000;

export function liveView(): TrainingView {
  const view = new LiveView(new LiveLines(process.stdout));
  return {
    show: (event) => view.show(event),
    note: (message) => view.note(message),
    close: () => view.close(),
  };
}

class LiveView {
  readonly #lines: LiveLines;
  #started: StartedEvent | undefined;
  #last: IterationEvent | undefined;
  #best: EvaluatedEvent | undefined;
  #validation: EvaluatedEvent | undefined;
  #evaluating = '';
  #sample = '';
  #loss = Number.NaN;
  #milliseconds = Number.NaN;
  readonly #history: number[] = [];
  #timed: TimedEvent | undefined;
  #timedAt = 0;
  #drawn = 0;
  readonly #preparing = new PreparingLine();

  constructor(lines: LiveLines) {
    this.#lines = lines;
  }

  show(event: TrainingEvent): void {
    switch (event.type) {
      case 'preparing':
        this.#lines.draw([this.#preparing.live(event, this.#lines.width)]);
        break;
      case 'started':
        this.#lines.draw([]);
        this.#started = event;
        for (const { name, facts } of header(event)) this.#row(name, facts);
        this.#lines.print('');
        break;
      case 'notice':
        this.#say(event.message, pc.dim);
        break;
      case 'warning':
        this.#say(`warning: ${event.message}`, pc.yellow);
        break;
      case 'iteration':
        this.#iteration(event);
        this.#redraw(false);
        break;
      case 'advice':
        this.#say(event.message, pc.yellow);
        break;
      case 'timed':
        this.#row('time', timedFacts(event));
        this.#timed = event;
        this.#timedAt = performance.now();
        break;
      case 'skipped':
        this.#say(skippedText(event), pc.yellow);
        break;
      case 'restored':
        this.#say(restoredText(event), pc.yellow);
        this.#loss = Number.NaN;
        break;
      case 'continued':
        // A warning has explained it.
        this.#loss = Number.NaN;
        this.#evaluating = '';
        break;
      case 'baseline':
        this.#row('baseline', [baselineText(event, this.#started)]);
        break;
      case 'evaluating':
        this.#evaluating = `validating ${event.batch} of ${event.batches}`;
        this.#redraw(false);
        break;
      case 'evaluated':
        this.#evaluating = '';
        this.#validation = event;
        if (event.best) this.#best = event;
        this.#redraw(true);
        break;
      case 'sampled':
        this.#sample = event.text;
        this.#redraw(true);
        break;
      case 'checkpointed':
        this.#lines.print(savedText(event));
        break;
      case 'finished':
        this.#redraw(true);
        break;
    }
  }

  note(message: string): void {
    this.#lines.print(message);
  }

  close(): void {
    if (this.#last) this.#redraw(true);
    this.#lines.close();
  }

  /** Prints a row of facts after its name. */
  #row(name: string, facts: readonly string[]): void {
    wrap(facts.join(' · '), this.#lines.width - LABEL).forEach((line, index) => {
      this.#lines.print(pc.bold((index === 0 ? name : '').padEnd(LABEL)) + line);
    });
  }

  /** Prints sentences that stay on the screen. */
  #say(text: string, colour: (line: string) => string): void {
    for (const paragraph of text.split('\n'))
      for (const line of wrap(paragraph, this.#lines.width)) this.#lines.print(colour(line));
  }

  #iteration(event: IterationEvent): void {
    this.#last = event;
    const blend = (smooth: number, value: number) =>
      Number.isNaN(smooth) ? value : smooth + SMOOTHING * (value - smooth);
    this.#milliseconds = blend(this.#milliseconds, event.milliseconds);
    // A skipped iteration may have no finite loss.
    if (!Number.isFinite(event.trainLoss)) return;
    this.#loss = blend(this.#loss, event.trainLoss);
    this.#history.push(this.#loss);
    if (this.#history.length > MAX_HISTORY) this.#history.splice(0, MAX_HISTORY / 2);
  }

  #redraw(now: boolean): void {
    const time = performance.now();
    if (!now && time - this.#drawn < REDRAW_INTERVAL) return;
    this.#drawn = time;
    const width = this.#lines.width;
    this.#lines.draw([this.#progress(width), this.#losses(width), this.#quote(width)].filter(Boolean));
  }

  #progress(width: number): string {
    const { iteration, iterations, epoch, tokens } = this.#last ?? {
      iteration: 0,
      iterations: 1,
      epoch: 0,
      tokens: 0,
    };
    const maxEpochs = this.#started?.options.maxEpochs ?? 0;
    const end = lastEpoch(maxEpochs, iterations, this.#last && this.#started?.batches.train);
    const done = iteration / iterations;
    const left = `epoch ${fixed(epoch, 1)} of ${end}`;
    const speed = `${formatCount(Math.round((tokens * 1000) / this.#milliseconds) || 0)} char/s`;
    const rest = this.#evaluating || this.#timeLeft();
    const right = `${Math.floor(done * 100)}%  ${speed}  ${rest}`;
    const bar = width - left.length - right.length - 5;
    const middle = bar >= 8 ? `  ${pc.cyan(progressBar(done, bar))}  ` : '  ';
    return bar >= 8 ? left + middle + right : clip(`${left}  ${right}`, width);
  }

  /** The time to the end of the run: the last estimate, less the time since then. */
  #timeLeft(): string {
    if (!this.#timed) return '';
    const { minRestMilliseconds: min, maxRestMilliseconds: max } = this.#timed;
    const elapsed = performance.now() - this.#timedAt;
    return timeRangeLeft(min - elapsed, max - elapsed);
  }

  #losses(width: number): string {
    const parts = [`loss  train ${fixed(this.#loss, 3)}`];
    if (this.#validation) parts.push(`validation ${validationText(this.#validation, 4)}`);
    if (this.#best && this.#best !== this.#validation) {
      parts.push(`best ${fixed(this.#best.validationLoss, 4)} at epoch ${fixed(this.#best.epoch, 1)}`);
    }
    if (this.#last) parts.push(`|g|/|w| ${fixed(this.#last.gradientNorm / this.#last.parameterNorm, 4)}`);
    const text = clip(parts.join('   '), width);
    const columns = Math.min(24, width - text.length - 4);
    return columns < 6 ? text : `${text}   ${pc.cyan(sparkline(this.#history, columns))}`;
  }

  #quote(width: number): string {
    if (!this.#sample) return '';
    const oneLine = this.#sample.replace(/\s+/g, ' ').trim();
    return pc.dim(clip(`"${oneLine}"`, width));
  }
}

interface Row {
  readonly name: string;
  readonly facts: readonly string[];
}

function row(name: string, ...facts: string[]): Row {
  return { name, facts };
}

/** The rows of facts at the start of a run. */
function header(event: StartedEvent): Row[] {
  const { options, text, batches } = event;
  const { batchSize, sequenceLength } = options;
  const { code, sentence } = judgeModelSize(event);
  const held = batches.test > 0 ? `, ${formatCount(batches.test)} test` : '';
  return [
    row(
      'text',
      text.name,
      formatBytes(text.bytes),
      `${formatCount(text.characters)} ${options.tokens}s, ${formatCount(event.vocabularySize)} different`,
      ...(text.documents === undefined ? [] : [counted(text.documents, 'document')]),
    ),
    row(
      'split',
      `${formatCount(batches.train)} train, ${formatCount(batches.validation)} validation${held} batches of ` +
        `${batchSize} × ${sequenceLength}`,
    ),
    row(
      'model',
      cellAndLayers(options),
      `${formatCount(event.parameters)} parameters`,
      ...(code ? [] : [sentence]),
    ),
    row('engine', event.engine),
    row('memory', memoryText(event)),
    ...(event.writes === undefined ? [] : [row('writes', writesText(event))]),
  ];
}
