/** A model with its name and the pool that all requests to it share. */
import { type LanguageModel, openPool } from '../language-model.ts';
import type { SequencePool } from '../sample/pool/pool.ts';
import type { ServerOptions } from './options.ts';

/** Milliseconds of each part of a turn of the pool, longer with many sequences (`loadFactor` in sample/pool/pool.ts). A new request waits until the turn ends. */
const PART_TIME = 2;
/** Milliseconds of a turn that only reads prompts. */
const PROMPT_TIME = 20;

export class ServedModel {
  readonly name: string;
  readonly model: LanguageModel;
  /** When the server got the model, in seconds since 1970. */
  readonly created = Math.floor(Date.now() / 1000);
  readonly #options: ServerOptions;
  #pool: Promise<SequencePool> | undefined;
  #openPool: SequencePool | undefined;
  #users = 0;
  #retired: (() => void) | undefined;

  constructor(name: string, model: LanguageModel, options: ServerOptions) {
    this.name = name;
    this.model = model;
    this.#options = options;
  }

  /** How many sequences have a slot, and how many requests wait for one. */
  get load(): { readonly sequences: number; readonly waiting: number } {
    return { sequences: this.#openPool?.used ?? 0, waiting: this.#openPool?.waiting ?? 0 };
  }

  /** The pool. Opens it on the first call, and again after its engine was lost or it could not be opened. */
  pool(): Promise<SequencePool> {
    if (this.#pool) return this.#pool;
    const made = this.#makePool();
    this.#pool = made;
    const forget = () => {
      if (this.#pool === made) this.#pool = undefined;
    };
    made.then(({ engine }) => engine.lost.then(forget)).catch(forget);
    return made;
  }

  /** Keeps the model in use for a request, until the returned function is called. */
  hold(): () => void {
    this.#users++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#users--;
      if (this.#users === 0) this.#retired?.();
    };
  }

  /** Waits until no request uses the model, then closes the pool. The model itself stays open. */
  async retire(): Promise<void> {
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#retired = resolve;
      });
    }
    // One that could not be opened has nothing to close.
    await (await this.#pool?.catch(() => undefined))?.close();
  }

  async #makePool(): Promise<SequencePool> {
    this.#openPool = await openPool(this.model, {
      capacity: this.#options.maxSequences,
      cacheBytes: this.#options.cacheBytes,
      partTime: PART_TIME,
      promptTime: PROMPT_TIME,
    });
    return this.#openPool;
  }
}
