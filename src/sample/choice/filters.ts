/**
 * The table of sampling filters, in the order in which they are applied, each to the candidates that the earlier ones left.
 *
 * Everything else that depends on the list is derived from it: the schema of the options, whether an engine can apply them, what beam
 * search refuses, the fields of HTTP requests. Three other places have to agree: docs/sampling.md lists the filters for users;
 * `drawControlled` in `engine/candidates.ts` and `draw_controlled` in native/kernels/draw.h apply those that engines implement.
 * test/sample/filters.test.ts compares all three with the table.
 *
 * `engine/candidates.ts` implements the steps.
 */
import * as z from 'zod/mini';
import type { Candidates } from '../../engine/candidates.ts';
import { count, fraction, option } from '../../util/option-info.ts';
import type { Filter, SettingsOf } from './filter.ts';

/** A number above 0 and up to 1. */
const share = () => z.number().check(z.gt(0), z.maximum(1));
/** An amount to add to a log-probability. ±1000 already decides every draw, and is small enough that the sum stays precise. */
const amount = () => z.number().check(z.minimum(-1000), z.maximum(1000));

export const BIAS_EXPECTED = 'characters with a number from -1000 to 1000 each, such as e=-2,x=1.5';

/** Infers the types of an entry from its options. */
const filter = <Options extends z.core.$ZodShape>(entry: Filter<Options>) => entry;

export const penalties = filter({
  name: 'penalties',
  options: {
    repetitionPenalty: option(z._default(z.number().check(z.gt(0), z.maximum(1000)), 1), {
      flag: 'repetition_penalty',
      group: 'Choice of symbols',
      help: 'multiply the log-probability of recent symbols by X',
    }),
    presencePenalty: option(z._default(amount(), 0), {
      flag: 'presence_penalty',
      group: 'Choice of symbols',
      help: 'subtract X from the log-probability of recent symbols',
    }),
    frequencyPenalty: option(z._default(amount(), 0), {
      flag: 'frequency_penalty',
      group: 'Choice of symbols',
      help: 'subtract X for each recent occurrence of a symbol',
    }),
    penaltyWindow: option(z._default(z.int().check(z.minimum(0), z.maximum(1_000_000)), 64), {
      flag: 'penalty_window',
      group: 'Choice of symbols',
      help: 'how many symbols count as recent; 0: the whole sample',
    }),
  },
  requestOptions: ['repetitionPenalty', 'presencePenalty', 'frequencyPenalty'],
  off: { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 },
  changes: 'log-probabilities',
  isForBeam: false,
  begin: ({ recent, repetitionPenalty, presencePenalty, frequencyPenalty }) => ({
    apply: (candidates) =>
      recent && candidates.penalize(recent.counts, { repetitionPenalty, presencePenalty, frequencyPenalty }),
    chosen: (token) => recent?.push(token),
  }),
});

const bias = filter({
  name: 'bias',
  options: {
    ban: option(z._default(z.string(), ''), {
      flag: 'ban',
      escapes: true,
      group: 'Choice of symbols',
      help: 'characters that are never drawn',
      value: 'CHARS',
    }),
    only: option(z._default(z.string(), ''), {
      flag: 'only',
      escapes: true,
      group: 'Choice of symbols',
      help: 'the only characters that may be drawn',
      value: 'CHARS',
    }),
    bias: option(z._default(z.union([z.string(), z.record(z.string(), amount())]), ''), {
      flag: 'bias',
      escapes: true,
      group: 'Choice of symbols',
      help: "added to characters' log-probabilities: e=-2,x=1.5",
      value: 'C=X,…',
      expected: BIAS_EXPECTED,
    }),
  },
  // Requests have the field logit_bias instead, with token ids.
  requestOptions: [],
  off: { logitBias: undefined },
  changes: 'log-probabilities',
  isForBeam: true,
  begin: ({ logitBias }) => ({
    apply: (candidates) => logitBias && candidates.addBias(logitBias),
  }),
});

const constraint = filter({
  name: 'constraint',
  // Its options, `match` and `template`, are in form.ts.
  options: {},
  requestOptions: [],
  off: { constraint: undefined },
  changes: 'log-probabilities',
  isForBeam: true,
  begin: ({ constraint, vocabularySize }) => {
    const allowed = new Uint8Array(vocabularySize);
    return {
      apply: (candidates) => {
        constraint?.allow(allowed);
        candidates.keepAllowed(allowed);
      },
      chosen: (token) => constraint?.advance(token),
    };
  },
});

const temperature = filter({
  name: 'temperature',
  options: {
    temperature: option(z._default(z.number().check(z.minimum(0)), 1), {
      flag: 'temperature',
      aliases: ['temp'],
      group: 'Sampling',
      help: 'below 1: safer; above 1: more daring; 0: the most likely',
      original: true,
      common: true,
    }),
    temperatureRange: option(z._default(z.number().check(z.minimum(0)), 0), {
      flag: 'temperature_range',
      group: 'Choice of symbols',
      help: 'vary the temperature by ±X: lower where the model is certain',
    }),
  },
  requestOptions: ['temperature'],
  off: { temperature: 1, temperatureRange: 0 },
  changes: 'weights',
  isForBeam: false,
  begin: ({ temperature, temperatureRange }) => ({
    apply: (candidates) => {
      candidates.temperature =
        temperatureRange > 0 ? dynamicTemperature(candidates, temperature, temperatureRange) : temperature;
    },
  }),
});

/** Rises from temperature − range at entropy 0 to temperature + range at the entropy of the uniform distribution. */
function dynamicTemperature(candidates: Candidates, temperature: number, range: number): number {
  candidates.temperature = 1;
  const share = candidates.entropy() / Math.log(candidates.count);
  return Math.max(temperature + range * (2 * share - 1), Number.MIN_VALUE);
}

const topK = filter({
  name: 'top-k',
  options: {
    topK: option(z._default(count(0), 0), {
      flag: 'top_k',
      group: 'Choice of symbols',
      help: 'keep the N most likely symbols; 0: all',
    }),
  },
  requestOptions: ['topK'],
  off: { topK: 0 },
  changes: 'weights',
  isForBeam: false,
  begin: ({ topK }) => ({ apply: (candidates) => candidates.keepLargest(topK) }),
});

const topP = filter({
  name: 'top-p',
  options: {
    topP: option(z._default(share(), 1), {
      flag: 'top_p',
      group: 'Choice of symbols',
      help: 'keep the likeliest symbols, up to this total probability',
      common: true,
    }),
  },
  requestOptions: ['topP'],
  off: { topP: 1 },
  changes: 'weights',
  isForBeam: false,
  begin: ({ topP }) => ({ apply: (candidates) => candidates.keepMass(topP) }),
});

const minP = filter({
  name: 'min-p',
  options: {
    minP: option(z._default(fraction(), 0), {
      flag: 'min_p',
      group: 'Choice of symbols',
      help: 'drop symbols below this share of the top probability',
    }),
  },
  requestOptions: ['minP'],
  off: { minP: 0 },
  changes: 'weights',
  isForBeam: false,
  begin: ({ minP }) => ({ apply: (candidates) => candidates.keepAtLeast(minP) }),
});

const typicalP = filter({
  name: 'typical-p',
  options: {
    typicalP: option(z._default(share(), 1), {
      flag: 'typical_p',
      group: 'Choice of symbols',
      help: 'keep typical symbols, up to this total probability',
    }),
  },
  requestOptions: ['typicalP'],
  off: { typicalP: 1 },
  changes: 'weights',
  isForBeam: false,
  begin: ({ typicalP }) => ({ apply: (candidates) => candidates.keepTypical(typicalP) }),
});

/**
 * Mirostat 2 (Basu et al. 2021, algorithm 2): drops the tokens whose surprise is above a limit, and adapts the limit after each draw so
 * that the average surprise approaches the target.
 */
const mirostat = filter({
  name: 'mirostat',
  options: {
    mirostat: option(z._default(z.number().check(z.minimum(0)), 0), {
      flag: 'mirostat',
      group: 'Choice of symbols',
      help: 'keep the average surprise of a symbol near X bits; 0: off',
    }),
    mirostatRate: option(z._default(share(), 0.1), {
      flag: 'mirostat_rate',
      group: 'Choice of symbols',
      help: 'how fast Mirostat adapts',
    }),
  },
  requestOptions: [],
  off: { mirostat: 0 },
  changes: 'weights',
  isForBeam: false,
  begin: ({ mirostat, mirostatRate }) => {
    /** Maximum surprise, in bits. */
    let limit = 2 * mirostat;
    /** The sum of the weights before the limit is applied. */
    let sum = 0;
    return {
      apply: (candidates) => {
        sum = candidates.sum;
        // Always keeps the most likely candidate that is left, even after typical-p.
        candidates.keepAtLeast(Math.min(sum * 2 ** -limit, candidates.largestWeight()));
      },
      chosen: (token, candidates) => {
        const surprise = Math.log2(sum / candidates.weight(token));
        limit -= mirostatRate * (surprise - mirostat);
      },
    };
  },
});

/** The filters, in the order in which they act: those of log-probabilities first, then those of weights. */
export const FILTERS: readonly Filter<z.core.$ZodShape, SettingsOf<typeof controlOptions>>[] = [
  penalties,
  bias,
  constraint,
  temperature,
  topK,
  topP,
  minP,
  typicalP,
  mirostat,
];

/** The options of all filters, in the order of the help. Every schema of sampling options includes them. */
export const controlOptions = {
  temperature: temperature.options.temperature,
  ...topK.options,
  ...topP.options,
  ...minP.options,
  ...typicalP.options,
  ...mirostat.options,
  temperatureRange: temperature.options.temperatureRange,
  ...penalties.options,
  ...bias.options,
};
