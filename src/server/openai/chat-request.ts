/** Parses the body of a chat request into a completion request, whose prompt is made from the messages. */
import * as z from 'zod/mini';
import { ApiError } from '../http/api-error.ts';
import { checkFields, field, invalidField, isText, shown } from '../http/request-fields.ts';
import type { ServerOptions } from '../options.ts';
import { type ChatMessage, chatPrompt, chatStops, parseChatTemplate } from './chat-template.ts';
import type { CompletionRequest } from './completion-request.ts';
import { DEFAULT_CHAT_TOKENS, type LengthField, maxTokensField } from './max-tokens.ts';
import { flagField, samplingFields, samplingRequest, wholeField } from './sampling-fields.ts';

/** OpenAI's maximum of alternatives in chats. */
const MAX_TOP_LOGPROBS = 20;

const schema = z.object({
  ...samplingFields,
  messages: field(z.custom<readonly unknown[]>(Array.isArray), 'an array of messages'),
  max_completion_tokens: maxTokensField(),
  logprobs: flagField(),
  top_logprobs: wholeField(0, MAX_TOP_LOGPROBS),
});

/**
 * Parses the body of a chat request.
 *
 * @throws {ApiError} 400, naming the field
 */
export function parseChatRequest(body: unknown, options: ServerOptions): CompletionRequest {
  const fields = checkFields(schema, body, options.strict);
  const { messages, max_tokens, max_completion_tokens, logprobs, top_logprobs } = fields;
  if (!messages || messages.length === 0) {
    throw new ApiError(400, 'messages: expected one message or more.', {
      param: 'messages',
      code: 'missing_required_parameter',
    });
  }
  if (top_logprobs && !logprobs) throw invalidField('top_logprobs', 'it requires logprobs: true');
  const length: Omit<LengthField, 'byDefault'> =
    typeof max_completion_tokens === 'number'
      ? { name: 'max_completion_tokens', value: max_completion_tokens }
      : { name: 'max_tokens', value: max_tokens };
  const sampling = samplingRequest(fields, { ...length, byDefault: DEFAULT_CHAT_TOKENS }, options);
  const template = parseChatTemplate(options.chatTemplate);
  return {
    ...sampling,
    stop: [...sampling.stop, ...chatStops(template)],
    prompts: [chatPrompt(template, messages.map(messageOf))],
    bestOf: sampling.n,
    logprobs: logprobs ? (top_logprobs ?? 0) : undefined,
    echo: false,
    // Users type characters that the model has never read, and chat programs can't set this field.
    unknown: fields.unknown ?? 'nearest',
    paramNames: { prompt: 'messages', count: 'n' },
  };
}

const ROLES: Readonly<Record<string, ChatMessage['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
};

function messageOf(message: unknown, index: number): ChatMessage {
  const param = `messages[${index}]`;
  if (!isRecord(message)) throw invalidField(param, `got ${shown(message)}, expected an object`);
  const { role, content } = message;
  const known = isText(role) && Object.hasOwn(ROLES, role) ? ROLES[role] : undefined;
  if (known === undefined) {
    throw invalidField(`${param}.role`, `got ${shown(role)}, expected ${Object.keys(ROLES).join(', ')}`);
  }
  return { role: known, content: contentOf(content, `${param}.content`) };
}

/** The text of a message: a string, an array of parts, or nothing, as in an assistant's message that only calls tools. */
function contentOf(content: unknown, param: string): string {
  if (isText(content)) return content;
  if (content === null || content === undefined) return '';
  if (!Array.isArray(content)) {
    throw invalidField(param, `got ${shown(content)}, expected a text, or an array of its parts`);
  }
  const texts = content.map((part: unknown, index) => {
    if (isRecord(part) && part.type === 'text' && isText(part.text)) return part.text;
    throw invalidField(`${param}[${index}]`, `got ${shown(part)}, expected a part of type text`);
  });
  return texts.join('');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
