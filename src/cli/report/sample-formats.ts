/** How samples are printed: as text, as one JSON document, as JSON lines. */
import type { Sample } from '../../sample/samples.ts';
import type { Ending } from '../../sample/stops.ts';
import type { SymbolDetails, TextPiece } from '../../sample/writer.ts';
import { joinBytes } from '../../util/bytes.ts';

/** Told what happens, it gives what is printed. */
export interface SampleFormat {
  start(): string;
  /** Sample number `place` begins. */
  open(place: number, seed: number): string | Uint8Array;
  more(piece: Pick<TextPiece, 'bytes' | 'details'>): string | Uint8Array;
  /** The sample ends. */
  close(ending: Ending | 'interrupted'): string;
  end(): string;
}

export interface SampleFacts {
  readonly checkpoint: string;
  /** As the model reads it. */
  readonly prompt: Uint8Array;
  /** Whether the prompt comes before each text; JSON names it once. */
  readonly echo: boolean;
  /** Whether every sample is a line: then nothing needs to stand between them. */
  readonly oneLine: boolean;
}

export function sampleFormat(name: 'text' | 'json' | 'jsonl', facts: SampleFacts): SampleFormat {
  if (name === 'text') return new TextFormat(facts);
  return name === 'json' ? new JsonFormat(facts) : new JsonLinesFormat();
}

/** A whole sample. */
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

/** {"checkpoint", "prompt", "samples": [{"seed", "characters": […], "text", "ending"}]}, written as it comes. */
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

/** A line for each character, {"sample", "text", …}; at the end of each sample one more, {"sample", "seed", "text", "ending"}. */
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

/** Rounded to what float32 holds. */
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
