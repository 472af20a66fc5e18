/** The logic of `char-rnn sample -i`, without input and output: a text that a person and a model write in turns. */
import { CharRnnError } from '../../errors.ts';
import type { LanguageModel } from '../../language-model.ts';
import { checkGenerateOptions, type GenerateOptions } from '../../sample/options.ts';
import { encodePrompt } from '../../sample/prompt.ts';
import { sequenceSeed } from '../../sample/sequence-seed.ts';
import { joinBytes } from '../../util/bytes.ts';
import { formatCount } from '../../util/format.ts';
import { readPrompt } from '../arguments/escapes.ts';

/** The model reads this many bytes of the text again at each turn; older turns are dropped. */
const MAX_TEXT_BYTES = 50_000;

export const CONVERSATION_HELP = [
  'Type the beginning of a text; the model continues it. An empty line lets it write more.',
  'A \\ at the end of a line continues it on the next line. // starts a line with a slash.',
  '  /reset       forget the text so far',
  '  /text        show the text so far',
  '  /temp X      temperature from now on',
  '  /length N    maximum symbols of a turn from now on',
  '  /quit        end the conversation, as Ctrl-D does; Ctrl-C ends a turn',
];

export interface ConversationInput {
  readonly model: LanguageModel;
  readonly options: GenerateOptions;
  /** The text before the first turn. */
  readonly prompt: string | Uint8Array;
  /** Called with a message for the person. */
  readonly say: (line: string) => void;
}

export class Conversation {
  readonly #model: LanguageModel;
  readonly #say: (line: string) => void;
  readonly #prompt: Uint8Array;
  #options: GenerateOptions;
  #parts: Uint8Array[];
  #turn = 0;
  /** Bytes dropped from the start of the text since the last message about it. */
  #dropped = 0;
  /** The lines of an unfinished turn. */
  #pending: string[] = [];

  constructor({ model, options, prompt, say }: ConversationInput) {
    this.#model = model;
    this.#options = options;
    this.#say = say;
    this.#prompt = encodePrompt(model.vocabulary, prompt, options.unknown).bytes;
    this.#parts = [this.#prompt];
  }

  /** Whether the next line continues the same turn. */
  get isOpen(): boolean {
    return this.#pending.length > 0;
  }

  /**
   * Processes a line and yields what the model writes in reply.
   *
   * @param signal Ends the turn; the text written so far stays.
   * @returns whether the conversation continues
   */
  async *take(line: string, signal: AbortSignal): AsyncGenerator<Uint8Array, boolean, void> {
    if (!this.isOpen && /^\/(?!\/)/.test(line)) return this.#command(line);
    const own = this.isOpen ? line : line.replace(/^\/\//, '/');
    const goesOn = /(?:^|[^\\])(?:\\\\)*\\$/.test(own);
    this.#pending.push(goesOn ? own.slice(0, -1) : own);
    if (goesOn) return true;
    const text = this.#pending.join('\n');
    this.#pending = [];
    yield* this.#write(text, signal);
    return true;
  }

  async *#write(typed: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { vocabulary } = this.#model;
    try {
      const read = readPrompt(typed, vocabulary, 'the line');
      const { bytes, notices } = encodePrompt(vocabulary, read.text, this.#options.unknown);
      for (const notice of [...read.notices, ...notices]) this.#say(notice);
      this.#add(bytes);
      this.#sayDropped();
      const { prompt: _, ...options } = this.#options;
      const seed = sequenceSeed(options.seed, this.#turn++);
      for await (const piece of this.#model.generatePieces({
        ...options,
        seed,
        prompt: this.#before(),
        signal,
      })) {
        this.#add(piece.bytes);
        if (piece.bytes.length > 0) yield piece.bytes;
        // The line end or stop text that ended the turn is part of the text.
        if (piece.ending === 'lines') this.#addText('\n');
        if (piece.ending === 'stop') this.#addText(onlyStop(options.stop));
      }
    } catch (error) {
      if (error instanceof CharRnnError) this.#say(error.problem);
      else if (!signal.aborted) throw error;
    }
  }

  #command(line: string): boolean {
    const [, name = '', value = ''] = /^\/(\w*)\s*(.*)$/.exec(line) ?? [];
    switch (name) {
      case 'quit':
      case 'exit':
        return false;
      case 'reset':
        this.#parts = [this.#prompt];
        this.#turn = 0;
        this.#dropped = 0;
        this.#say('the text is forgotten');
        break;
      case 'text':
        this.#say(new TextDecoder().decode(joinBytes(this.#parts)));
        break;
      case 'temp':
      case 'temperature':
        this.#set('temperature', value);
        break;
      case 'length':
        this.#set('length', value);
        break;
      default:
        if (name !== 'help') this.#say(`there is no command /${name}`);
        CONVERSATION_HELP.forEach(this.#say);
    }
    return true;
  }

  #set(option: 'temperature' | 'length', value: string): void {
    try {
      if (value === '') this.#say(`${option} ${this.#options[option]}`);
      else this.#options = checkGenerateOptions({ ...this.#options, [option]: Number(value) });
    } catch (error) {
      if (!(error instanceof CharRnnError)) throw error;
      this.#say(error.problem);
    }
  }

  #before(): string | Uint8Array {
    const bytes = joinBytes(this.#parts);
    return this.#model.vocabulary.kind === 'byte'
      ? bytes
      : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  }

  #addText(text: string): void {
    this.#add(encodePrompt(this.#model.vocabulary, text, 'skip').bytes);
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#parts.push(bytes);
    let total = this.#parts.reduce((sum, part) => sum + part.length, 0);
    if (total <= MAX_TEXT_BYTES) return;
    const before = total;
    while (total > MAX_TEXT_BYTES && this.#parts.length > 1) total -= this.#parts.shift()?.length ?? 0;
    this.#dropped += before - total;
  }

  #sayDropped(): void {
    if (this.#dropped === 0) return;
    this.#say(`the text is too long: its first ${formatCount(this.#dropped)} bytes were dropped`);
    this.#dropped = 0;
  }
}

/** The stop text that ended a turn, if there is only one to choose from. */
function onlyStop(stop: GenerateOptions['stop']): string {
  const texts = [stop].flat();
  return texts.length === 1 ? (texts[0] ?? '') : '';
}
