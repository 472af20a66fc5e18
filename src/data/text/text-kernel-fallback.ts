/**
 * The functions of native/text/text.cpp in JavaScript, for Node without WebAssembly (`--jitless`). Memory layout, calls and results are the
 * same, but it is several times slower.
 */
import { utf8Length } from '../../util/utf8.ts';

const SYMBOLS = 0x110000;
const BLOCK = 1 << 20;
const TOKENS = 1 << 15;
const NONE = 0xffffffff;
const STOP = { end: 0, full: 1, invalid: 2, unknown: 3 } as const;

const INPUT_AT = 0;
const COUNTS_AT = BLOCK + 64;
const TABLE_AT = COUNTS_AT + SYMBOLS * 8;
const OUTPUT_AT = TABLE_AT + SYMBOLS * 4;
const REPORT_AT = OUTPUT_AT + TOKENS * 4;

const CR = 0x0d;
const LF = 0x0a;

/** The exports of native/text/text.cpp. Addresses are byte offsets in `memory`. */
export interface TextPasses {
  readonly memory: { readonly buffer: ArrayBuffer };
  input_at(): number;
  input_size(): number;
  counts_at(): number;
  counts_end(): number;
  table_at(): number;
  output_at(): number;
  output_tokens(): number;
  report_at(): number;
  end_table(end: number, missing: number): void;
  count_bytes(size: number): void;
  count_characters(size: number): void;
  count_line_ends(size: number): number;
  encode_symbols(from: number, to: number, outputIndex: number, width: number, isUtf8: number): void;
}

export function plainTextPasses(): TextPasses {
  const buffer = new ArrayBuffer(REPORT_AT + 16);
  const input = new Uint8Array(buffer, INPUT_AT, BLOCK);
  const counts = new Uint32Array(buffer, COUNTS_AT, SYMBOLS * 2);
  const table = new Uint32Array(buffer, TABLE_AT, SYMBOLS);
  const outputs = {
    1: new Uint8Array(buffer, OUTPUT_AT, TOKENS),
    2: new Uint16Array(buffer, OUTPUT_AT, TOKENS),
    4: new Uint32Array(buffer, OUTPUT_AT, TOKENS),
  } as const;
  const report = new Uint32Array(buffer, REPORT_AT, 4);

  const count = (symbol: number) => {
    const low = ((counts[2 * symbol] as number) + 1) >>> 0;
    counts[2 * symbol] = low;
    if (low === 0) counts[2 * symbol + 1] = (counts[2 * symbol + 1] as number) + 1;
  };

  return {
    memory: { buffer },
    input_at: () => INPUT_AT,
    input_size: () => BLOCK,
    counts_at: () => COUNTS_AT,
    counts_end: () => SYMBOLS,
    table_at: () => TABLE_AT,
    output_at: () => OUTPUT_AT,
    output_tokens: () => TOKENS,
    report_at: () => REPORT_AT,
    end_table: (end, missing) => table.fill(missing, end),
    count_bytes(size) {
      for (let at = 0; at < size; at++) count(input[at] as number);
      report.set([size, size, STOP.end, 0]);
    },
    count_characters(size) {
      const block = input.subarray(0, size);
      let at = 0;
      let produced = 0;
      let stop: number = STOP.end;
      while (at < size) {
        const length = utf8Length(block, at);
        if (length === 0) {
          stop = STOP.invalid;
          break;
        }
        count(codePoint(input, at, length));
        at += length;
        produced++;
      }
      report.set([at, produced, stop, 0]);
    },
    count_line_ends(size) {
      let pairs = 0;
      for (let at = 1; at < size; at++) if (input[at - 1] === CR && input[at] === LF) pairs++;
      return pairs;
    },
    encode_symbols(from, to, outputIndex, width, isUtf8) {
      const block = input.subarray(0, to);
      const output = outputs[width as 1 | 2 | 4];
      let at = from;
      let out = outputIndex;
      let stop: number = STOP.end;
      while (at < to) {
        if (out === TOKENS) {
          stop = STOP.full;
          break;
        }
        const length = isUtf8 ? utf8Length(block, at) : 1;
        if (length === 0) {
          stop = STOP.invalid;
          break;
        }
        const symbol = codePoint(input, at, length);
        const token = table[symbol] as number;
        if (token === NONE) {
          report[3] = symbol;
          stop = STOP.unknown;
          break;
        }
        output[out++] = token;
        at += length;
      }
      report.set([at - from, out - outputIndex, stop]);
    },
  };
}

/** The code point of a sequence of `length` bytes. With length 1, the byte itself, even beyond ASCII. */
function codePoint(bytes: Uint8Array, at: number, length: number): number {
  let symbol = bytes[at] as number;
  if (length === 1) return symbol;
  symbol &= 0xff >> (length + 1);
  for (let i = 1; i < length; i++) symbol = (symbol << 6) | ((bytes[at + i] as number) & 0x3f);
  return symbol;
}
