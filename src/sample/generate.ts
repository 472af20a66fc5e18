/** The texts that a model generates, for `LanguageModel`. */
import type { Content } from '../data/symbols/tokenizer.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import { TextError } from '../errors.ts';
import type { ModelConfig } from '../model/config.ts';
import { joinBytes } from '../util/bytes.ts';
import { checkContent, checkContents } from '../util/check-content.ts';
import { checkOptions } from '../util/check-options.ts';
import { onlyOnce } from '../util/once.ts';
import { checkDeviceDraws } from './device-draws.ts';
import {
  type CompleteInput,
  type GenerateAllInput,
  type GenerateInput,
  oneText,
  optionsOf,
  type SamplePiecesInput,
  type SamplesInput,
  splitPrompts,
  type WritingInput,
} from './generate-input.ts';
import { resolveHold } from './hold.ts';
import { KnownText, knownContent, novelNotice, textOf } from './known-text.ts';
import {
  checkGenerateOptions,
  completeOptionsSchema,
  detailsOptionsSchema,
  planSampling,
  samplesOptionsSchema,
} from './options.ts';
import type { SequencePool } from './pool/pool.ts';
import { type EncodedPrompt, encodePrompt } from './prompt.ts';
import { collectPieces, collectSamples, type Sample, type SamplePiece } from './samples.ts';
import { type LikelyWords, likelyWords } from './search/likely-words.ts';
import { sequenceSeed } from './sequence-seed.ts';
import { type StreamInput, streamOptionsSchema, TextStream } from './text-stream.ts';
import { type TextPiece, writeTexts } from './writer.ts';

/** A model that generates texts. */
export interface GeneratingModel {
  readonly config: ModelConfig;
  readonly vocabulary: Vocabulary;
  /** The pool of the model's engine, which is made when it is first needed. */
  readonly pool: () => Promise<SequencePool>;
}

/** One text, in pieces of complete characters. */
export async function* generateText(
  model: GeneratingModel,
  input: GenerateInput,
): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  for await (const { bytes } of generatePieces(model, oneText(input))) {
    const text = decoder.decode(bytes, { stream: true });
    if (text) yield text;
  }
  const rest = decoder.decode();
  if (rest) yield rest;
}

/** One text, or one for each prompt, in pieces of bytes. */
export async function* generatePieces(
  model: GeneratingModel,
  input: GenerateInput | GenerateAllInput,
): AsyncGenerator<TextPiece, void, void> {
  const { prompts, rest } = splitPrompts(input);
  yield* write(model, prompts, rest);
}

/** One text for each prompt. */
export async function generateAll(model: GeneratingModel, input: GenerateAllInput): Promise<string[]> {
  const { prompts } = input;
  checkContents('prompts', prompts);
  const parts = prompts.map((): Uint8Array[] => []);
  for await (const { index, bytes } of generatePieces(model, input)) parts[index]?.push(bytes);
  return parts.map((own) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(joinBytes(own)));
}

/** Samples of one prompt, as whole texts: all, or those that are unique or novel. */
export async function* generateSamples(
  model: GeneratingModel,
  input: SamplesInput,
): AsyncGenerator<Sample, void, void> {
  const { prompt = '', novel, onProgress = () => {}, count, unique, attempts, ...rest } = input;
  const asked = checkOptions(samplesOptionsSchema, { count, unique, attempts });
  const maxAttempts = asked.attempts ?? 100 * asked.count;
  const onNotice = onlyOnce(rest.onNotice);
  checkContent('prompt', prompt);
  if (novel !== undefined) checkContent('novel', novel);
  const { seed, lines, beam, seconds } = checkGenerateOptions(optionsOf(rest));
  const known = novel === undefined ? undefined : await knownContent(novel, model.vocabulary);
  const empty = known === undefined ? undefined : novelNotice(model.vocabulary, known);
  if (empty !== undefined) onNotice(empty);
  yield* collectSamples({
    ...{ count: asked.count, unique: asked.unique, seconds, onProgress },
    known: known === undefined ? undefined : new KnownText(known, lines !== undefined),
    prompt: textOf(prompt),
    // A beam search finds at most as many texts as it has hypotheses.
    attempts: beam > 0 ? Math.min(maxAttempts, beam) : maxAttempts,
    ...samplingOf(model, prompt, { ...rest, onNotice }, seed),
  });
}

/** Samples of one prompt, in pieces, one sample after the other. */
export async function* generateSamplePieces(
  model: GeneratingModel,
  input: SamplePiecesInput,
): AsyncGenerator<SamplePiece, void, void> {
  const { prompt = '', onProgress = () => {}, count, ...rest } = input;
  const asked = checkOptions(samplesOptionsSchema, { count });
  const onNotice = onlyOnce(rest.onNotice);
  checkContent('prompt', prompt);
  const { seed, beam, seconds } = checkGenerateOptions(optionsOf(rest));
  yield* collectPieces({
    ...{ seconds, onProgress },
    // A beam search finds at most as many texts as it has hypotheses.
    count: beam > 0 ? Math.min(asked.count, beam) : asked.count,
    ...samplingOf(model, prompt, { ...rest, onNotice }, seed),
  });
}

/** The seeds of the samples of one prompt, and a function that writes them. */
function samplingOf(model: GeneratingModel, prompt: Content, input: WritingInput, seed: number) {
  return {
    signal: input.signal,
    seedOf: (index: number) => sequenceSeed(seed, index),
    write: (seeds: readonly number[], seconds: number | undefined) =>
      write(model, Array(seeds.length).fill(prompt), { ...input, seconds }, seeds),
  };
}

/** @param seeds That of each text. Default: those that follow from the seed of the input. */
async function* write(
  { config, vocabulary, pool: openPool }: GeneratingModel,
  given: readonly Content[],
  input: WritingInput,
  seeds?: readonly number[],
): AsyncGenerator<TextPiece, void, void> {
  const { signal, onNotice, echo = false } = input;
  const { alternatives } = checkOptions(detailsOptionsSchema, { alternatives: input.alternatives });
  const options = checkGenerateOptions(optionsOf(input));
  const plan = planSampling(vocabulary, options);
  const hold = resolveHold(config, options.hold);
  // All samples of a call have the same prompt: encode it once.
  const encoded = new Map(
    [...new Set(given)].map((prompt) => [prompt, encodePrompt(vocabulary, prompt, options.unknown)]),
  );
  const prompts = given.map((prompt) => encoded.get(prompt) as EncodedPrompt);
  const notices = new Set([...prompts.flatMap((prompt) => prompt.notices), ...plan.notices]);
  for (const notice of notices) onNotice?.(notice);
  if (prompts.length === 0) return;
  const pool = await openPool();
  checkDeviceDraws(pool.engine, { ...options, alternatives }, plan.controls);
  yield* writeTexts({
    pool,
    ...{ vocabulary, plan, echo, hold, signal, alternatives },
    texts: prompts.map((prompt, k) => ({
      prompt,
      seed: seeds?.[k] ?? sequenceSeed(options.seed, k),
    })),
  });
}

/** A text that the model reads and writes in turns. */
export function openStream({ config, vocabulary, pool }: GeneratingModel, input: StreamInput): TextStream {
  const { onNotice, ...rest } = input;
  const options = checkOptions(streamOptionsSchema, rest);
  return new TextStream({
    ...{ options, vocabulary, pool, onNotice: onlyOnce(onNotice) },
    hold: resolveHold(config, options.hold),
  });
}

/** The most likely words after a text. */
export async function completeText(
  { vocabulary, pool }: GeneratingModel,
  text: Content,
  input: CompleteInput,
): Promise<LikelyWords> {
  const { signal, onNotice, ...rest } = input;
  const { count, unknown } = checkOptions(completeOptionsSchema, rest);
  checkContent('text', text);
  const prompt = encodePrompt(vocabulary, text, unknown);
  for (const notice of prompt.notices) onNotice?.(notice);
  if (prompt.tokens.length === 0) {
    throw new TextError('text-empty', 'there is no text to complete: it must have at least one character.');
  }
  return likelyWords({ pool: await pool(), vocabulary, prompt: prompt.tokens, count, signal });
}
