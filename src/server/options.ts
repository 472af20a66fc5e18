/** The schema of a server's options; see `train/options.ts`. */
import * as z from 'zod/mini';
import { checkOptions, type Given } from '../util/check-options.ts';
import { count, option } from '../util/option-info.ts';
import { isOrigin, ORIGIN_EXPECTED } from './http/cors.ts';
import { CHAT_TEMPLATE_EXPECTED, DEFAULT_CHAT_TEMPLATE, parseChatTemplate } from './openai/chat-template.ts';

/** Timers count milliseconds in 31 bits. A longer one would end immediately. */
export const MAX_SECONDS = 2_000_000;

/** Text that a header can contain: printable ASCII, without spaces at the ends. */
const HEADER_TEXT = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
export const API_KEY_EXPECTED = 'one or more characters of printable ASCII, without spaces at the ends';

const origin = () => z.string().check(z.refine(isOrigin));
const seconds = () => z.number().check(z.gt(0), z.maximum(MAX_SECONDS));

export const serverOptionsSchema = z.strictObject({
  apiKey: option(z.optional(z.string().check(z.regex(HEADER_TEXT))), {
    flag: 'api_key',
    group: 'Serving',
    help: 'key that requests must send; safer in the environment variable CHAR_RNN_API_KEY',
    value: 'KEY',
    expected: API_KEY_EXPECTED,
    common: true,
  }),
  cors: option(z._default(z.union([origin(), z.array(origin())]), []), {
    flag: 'cors',
    group: 'Serving',
    help: 'let web pages of this origin use the server, such as https://example.com; * for all; may be repeated',
    value: 'ORIGIN',
    several: true,
    expected: ORIGIN_EXPECTED,
  }),
  chatTemplate: option(z.optional(z.string()), {
    flag: 'chat_template',
    escapes: true,
    group: 'Serving',
    help: `how the messages of a chat become a prompt; default: ${JSON.stringify(DEFAULT_CHAT_TEMPLATE).slice(1, -1)}`,
    value: 'TEXT',
    expected: CHAT_TEMPLATE_EXPECTED,
  }),
  strict: option(z._default(z.boolean(), false), {
    flag: 'strict',
    group: 'Serving',
    help: 'refuse requests with fields that the server does not know, instead of ignoring the fields',
  }),
  maxSequences: option(z._default(z.int().check(z.minimum(1), z.maximum(4096)), 256), {
    flag: 'max_sequences',
    aliases: ['max_streams'],
    group: 'Limits',
    help: 'maximum texts written in parallel for each model; others wait',
  }),
  maxQueue: option(z._default(count(0), 1024), {
    flag: 'max_queue',
    group: 'Limits',
    help: 'maximum waiting requests for each model; others get 429',
  }),
  maxBody: option(z._default(count(1), 1_048_576), {
    flag: 'max_body',
    group: 'Limits',
    help: 'maximum bytes of a request; longer ones get 413',
  }),
  maxPrompt: option(z._default(count(0), 100_000), {
    flag: 'max_prompt',
    group: 'Limits',
    help: 'maximum symbols of the prompts, or of the texts to score, in a request',
  }),
  maxTokens: option(z._default(count(1), 100_000), {
    flag: 'max_tokens',
    group: 'Limits',
    help: 'maximum symbols that a request may ask for in a text',
  }),
  bodyTimeout: option(z._default(seconds(), 10), {
    flag: 'body_timeout',
    group: 'Limits',
    help: 'seconds within which a request has to arrive; later ones get 408',
  }),
  timeout: option(z._default(seconds(), 600), {
    flag: 'timeout',
    group: 'Limits',
    help: 'seconds that a request may take, including its wait; then it ends with an error',
  }),
  cacheBytes: option(z._default(count(0), 16_777_216), {
    flag: 'cache_bytes',
    group: 'Limits',
    help: 'bytes of memory for the states of earlier prompts, for each model',
  }),
});

/** Where a server listens. */
export const listenOptions = {
  host: option(z._default(z.string().check(z.minLength(1)), '127.0.0.1'), {
    flag: 'host',
    group: 'Serving',
    help: 'address to listen on; 0.0.0.0 or :: for all addresses of this machine; then set --api-key',
    value: 'HOST',
    common: true,
  }),
  port: option(z._default(z.int().check(z.minimum(0), z.maximum(65_535)), 8080), {
    flag: 'port',
    group: 'Serving',
    help: 'port to listen on; 0: any free one',
    common: true,
  }),
};

/** `bodyTimeout` is the server's. Node's own timeout is set longer, because the server's response is better. */
export const listenOptionsSchema = z.strictObject({
  ...listenOptions,
  bodyTimeout: serverOptionsSchema.shape.bodyTimeout,
});

export type ListenInput = Given<z.output<typeof listenOptionsSchema>>;

type SchemaOptions = z.output<typeof serverOptionsSchema>;
export interface ServerOptions extends Omit<SchemaOptions, 'cors' | 'chatTemplate'> {
  readonly cors: string[];
  readonly chatTemplate: string;
}
export type GivenServerOptions = Given<SchemaOptions>;

/**
 * A server's options with their defaults filled in.
 *
 * @throws {OptionError} for the first option that is unknown or out of its range
 */
export function checkServerOptions(given: GivenServerOptions): ServerOptions {
  const options = checkOptions(serverOptionsSchema, given);
  const { cors, chatTemplate = DEFAULT_CHAT_TEMPLATE } = options;
  parseChatTemplate(chatTemplate);
  return { ...options, cors: [cors].flat(), chatTemplate };
}
