/** The output formats of samples: text, one JSON document, or JSON lines. */

import type { SymbolDetails } from '../../model/symbol-details.ts';
import type { Sample } from '../../sample/samples.ts';
import type { Ending } from '../../sample/stops.ts';
import type { TextPiece } from '../../sample/writer.ts';
import { joinBytes } from '../../util/bytes.ts';

/** Each method is called when something happens, and returns what to print. */
export interface SampleFormat {
  start(): string;
  /** A sample begins. @param place Its number, from 0. */
  open(place: number, seed: number): string | Uint8Array;
  more(piece: Pick<TextPiece, 'bytes' | 'details'>): string | Uint8Array;
  /** The sample ends. */
  close(ending: Ending | 'interrupted'): string;
  end(): string;
}

export interface SampleFacts {
  readonly checkpoint: string;
  /** The prompt as the model reads it. */
  readonly prompt: Uint8Array;
  /** Whether the prompt comes before each text; JSON names it once. */
  readonly echo: boolean;
  /** Whether each sample is one line: then they need no separator. */
  readonly oneLine: boolean;
}

export function sampleFormat(name: 'text' | 'json' | 'jsonl', facts: SampleFacts): SampleFormat {
  if (name === 'text') return new TextFormat(facts);
  return name === 'json' ? new JsonFormat(facts) : new JsonLinesFormat();
}

/** Formats a whole sample. */
export function* printed(
  format: SampleFormat,
  place: number,
  sample: Sample,
): Generator<string | Uint8Array> {
  yield format.open(place, sample.seed);
  yield format.more(sample);
  yield format.close(sample.ending);
}

class TextFormat implements SampleFormat {
  readonly #facts: SampleFacts;

  constructor(facts: SampleFacts) {
    this.#facts = facts;
  }

  start() {
    return '';
  }

  open(place: number) {
    const { prompt, echo, oneLine } = this.#facts;
    const line = new TextEncoder().encode(place === 0 || oneLine ? '' : '---\n');
    return joinBytes(echo ? [line, prompt] : [line]);
  }

  more({ bytes }: Pick<TextPiece, 'bytes'>) {
    return bytes;
  }

  close() {
    return '\n';
  }

  end() {
    return '';
  }
}

/** The text of a sample as it grows. */
class WholeText {
  #text = '';
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  add(bytes: Uint8Array): void {
    this.#text += this.#decoder.decode(bytes, { stream: true });
  }

  take(): string {
    const text = this.#text + this.#decoder.decode();
    this.#text = '';
    this.#decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    return text;
  }
}

/** {"checkpoint", "prompt", "samples": [{"seed", "characters": […], "text", "ending"}]}, written piece by piece. */
class JsonFormat implements SampleFormat {
  readonly #facts: SampleFacts;
  readonly #text = new WholeText();
  #isFirst = true;

  constructor(facts: SampleFacts) {
    this.#facts = facts;
  }

  start() {
    const { checkpoint, prompt } = this.#facts;
    const shown = JSON.stringify(new TextDecoder('utf-8', { ignoreBOM: true }).decode(prompt));
    return `{"checkpoint":${JSON.stringify(checkpoint)},"prompt":${shown},"samples":[`;
  }

  open(place: number, seed: number) {
    this.#isFirst = true;
    return `${place === 0 ? '' : ','}\n{"seed":${seed},"characters":[`;
  }

  more({ bytes, details }: Pick<TextPiece, 'bytes' | 'details'>) {
    this.#text.add(bytes);
    let out = '';
    for (const item of details) {
      out += `${this.#isFirst ? '' : ','}\n${JSON.stringify(character(item))}`;
      this.#isFirst = false;
    }
    return out;
  }

  close(ending: Ending | 'interrupted') {
    return `],"text":${JSON.stringify(this.#text.take())},"ending":"${ending}"}`;
  }

  end() {
    return '\n]}\n';
  }
}

/** One line per character, {"sample", "text", …}, and one at the end of each sample, {"sample", "seed", "text", "ending"}. */
class JsonLinesFormat implements SampleFormat {
  readonly #text = new WholeText();
  #place = 0;
  #seed = 0;

  start() {
    return '';
  }

  open(place: number, seed: number) {
    this.#place = place;
    this.#seed = seed;
    return '';
  }

  more({ bytes, details }: Pick<TextPiece, 'bytes' | 'details'>) {
    this.#text.add(bytes);
    return details.map((item) => line({ sample: this.#place, ...character(item) })).join('');
  }

  close(ending: Ending | 'interrupted') {
    return line({ sample: this.#place, seed: this.#seed, text: this.#text.take(), ending });
  }

  end() {
    return '';
  }
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

/** The numbers are rounded to the precision of float32. */
function character({ alternatives, text, ...numbers }: SymbolDetails) {
  const round = (value: number) => Number(value.toPrecision(7));
  return {
    text,
    logProbability: round(numbers.logProbability),
    entropy: round(numbers.entropy),
    drawnProbability: round(numbers.drawnProbability),
    alternatives: alternatives.map((other) => ({
      text: other.text,
      logProbability: round(other.logProbability),
    })),
  };
}
