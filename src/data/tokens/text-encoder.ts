/** The second pass over a text: encodes its symbols as tokens. */

import { TextError } from '../../errors.ts';
import { GraphemeSplitter } from '../symbols/grapheme-splitter.ts';
import { checkHeld, PartDecoder } from '../symbols/part-decoder.ts';
import {
  type ChangedCounts,
  ChangedSymbols,
  TextPosition,
  type UnknownInText,
  unknownCharacter,
} from '../symbols/unknown-in-text.ts';
import type { TextPart } from '../text/documents.ts';
import { blocksOf } from '../text/symbol-counter.ts';
import { type KernelSymbols, NO_TOKEN, TextKernel } from '../text/text-kernel.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { type BlockSink, TokenPacker, tokenWidth } from './token-packer.ts';

export interface EncoderOptions {
  readonly vocabulary: Vocabulary;
  /** What to do with a symbol outside a vocabulary that has no unknown symbol. */
  readonly unknown: UnknownInText;
  /** Whether the vocabulary was made from this text, and so contains all its symbols. */
  readonly isOwn: boolean;
  /** Whether the vocabulary is a checkpoint's. */
  readonly isFromCheckpoint: boolean;
  readonly hasDocuments: boolean;
}

export class SymbolEncoder {
  readonly #kernel: TextKernel;
  readonly #packer: TokenPacker;
  readonly #options: EncoderOptions;
  readonly #text: PartDecoder;
  readonly #utf8 = new TextEncoder();
  readonly #graphemes: GraphemeSplitter | undefined;
  readonly #changed: ChangedSymbols;
  #name = '';
  #position = new TextPosition();
  /** Whether an error may have to report the position of a symbol. */
  readonly #tracksPosition: boolean;
  #startsDocument = true;

  private constructor(kernel: TextKernel, options: EncoderOptions, sink: BlockSink) {
    const { vocabulary } = options;
    this.#kernel = kernel;
    this.#options = options;
    this.#changed = new ChangedSymbols(vocabulary, options.unknown);
    this.#text = new PartDecoder(vocabulary.normalize);
    this.#tracksPosition = !options.isOwn && !vocabulary.hasUnknown && options.unknown === 'error';
    this.#packer = new TokenPacker(kernel.output, tokenWidth(vocabulary.size), options.hasDocuments, sink);
    if (vocabulary.kind === 'grapheme') this.#graphemes = this.#graphemeSplitter();
    else kernel.setTokens(kernelTokens(vocabulary), vocabulary.unknownToken ?? NO_TOKEN);
  }

  static async make(options: EncoderOptions, sink: BlockSink): Promise<SymbolEncoder> {
    return new SymbolEncoder(await TextKernel.make(), options, sink);
  }

  /** Tokens so far. */
  get count(): number {
    return this.#packer.count;
  }

  /** Documents so far, if there is a separator. */
  get documents(): number {
    return this.#packer.documents;
  }

  beginFile(name: string): void {
    this.#name = name;
    this.#position = new TextPosition();
  }

  /** @throws {TextError} `text-unknown-character`; `text-unreadable` if the text has changed since the first pass */
  add(part: TextPart): void {
    const { kind, normalize } = this.#options.vocabulary;
    if (kind === 'byte' || (kind === 'character' && normalize === 'none')) {
      this.#encode(part.bytes, kind);
    } else {
      const text = this.#text.push(part, this.#name);
      if (this.#graphemes) {
        this.#graphemes.push(text, part.endsDocument);
        checkHeld(this.#graphemes.held, this.#name);
      } else {
        for (const block of blocksOf(this.#utf8.encode(text), this.#kernel.blockBytes)) {
          this.#encode(block, 'character');
        }
      }
    }
    if (part.endsDocument) this.#startsDocument = true;
  }

  /** Symbols that were replaced or left out. */
  get changed(): ChangedCounts {
    return this.#changed.counts;
  }

  /** Passes on the last block. Must be the last call that encodes. Returns notices about unknown symbols. */
  finish(name: string): string[] {
    this.#packer.finish();
    this.#kernel.release();
    return this.#changed.notices(name);
  }

  #encode(bytes: Uint8Array, symbols: KernelSymbols): void {
    this.#kernel.load(bytes);
    let at = 0;
    /** The bytes before this one are counted in the position. */
    let counted = 0;
    while (at < bytes.length) {
      this.#markStart();
      const { width, filled } = this.#packer;
      const { consumed, produced, stop, symbol } = this.#kernel.encode(
        at,
        bytes.length,
        filled,
        width,
        symbols,
      );
      at += consumed;
      this.#packer.advance(produced);
      if (stop === 'invalid') throw changedText(this.#name);
      if (stop === 'unknown') {
        if (this.#tracksPosition) this.#position.passBytes(bytes.subarray(counted, at), symbols);
        const text = String.fromCodePoint(symbol);
        this.#missing(text);
        counted = at;
        at += symbols === 'byte' ? 1 : this.#utf8.encode(text).length;
      }
    }
    if (this.#tracksPosition) this.#position.passBytes(bytes.subarray(counted), symbols);
  }

  #markStart(): void {
    if (!this.#startsDocument) return;
    this.#packer.startDocument();
    this.#startsDocument = false;
  }

  #graphemeSplitter(): GraphemeSplitter {
    const { vocabulary } = this.#options;
    const missing = vocabulary.unknownToken ?? -1;
    const simple = new Int32Array(0x10000).fill(missing);
    vocabulary.symbols.forEach((symbol, token) => {
      if (symbol.length === 1) simple[symbol.charCodeAt(0)] = token;
    });
    const put = (token: number) => {
      this.#markStart();
      this.#packer.put(token);
    };
    return new GraphemeSplitter({
      simple: (unit) => {
        const token = simple[unit] as number;
        if (token >= 0) put(token);
        else this.#missing(String.fromCharCode(unit));
        if (this.#tracksPosition) this.#position.pass(String.fromCharCode(unit));
      },
      cluster: (cluster) => {
        const token = vocabulary.tokenOf(cluster) ?? missing;
        if (token >= 0) put(token);
        else this.#missing(cluster);
        if (this.#tracksPosition) this.#position.pass(cluster);
      },
    });
  }

  #missing(symbol: string): void {
    const { isOwn, unknown, vocabulary, isFromCheckpoint } = this.#options;
    if (isOwn) throw changedText(this.#name);
    if (unknown === 'error')
      throw unknownCharacter(symbol, vocabulary.kind, this.#position, this.#name, isFromCheckpoint);
    const tokens = this.#changed.take(symbol);
    if (tokens.length > 0) this.#markStart();
    for (const token of tokens) this.#packer.put(token);
  }
}

function* kernelTokens(vocabulary: Vocabulary): Generator<readonly [number, number], void, void> {
  for (const [token, symbol] of vocabulary.symbols.entries()) {
    yield [symbol.codePointAt(0) as number, token];
  }
}

/** The error for a text that another program changed while it was read. */
export function changedText(name: string): TextError {
  return new TextError(
    'text-unreadable',
    `${name} changed while it was being read. Try again once nothing is writing to it.`,
  );
}
