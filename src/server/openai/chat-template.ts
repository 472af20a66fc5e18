/** Turns the messages of a chat into a prompt, and into stop strings that end the reply. */
import { OptionError } from '../../errors.ts';

export const DEFAULT_CHAT_TEMPLATE = 'User: {user}\nAssistant: {assistant}\n';
export const CHAT_TEMPLATE_EXPECTED =
  'a text with {user} and then {assistant}, once each, and a line end or more between and after them';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** The parts of a template. The examples are from `User: {user}\nAssistant: {assistant}\n`. */
export interface ChatTemplate {
  /** `User: ` */
  readonly beforeUser: string;
  /** `\n` */
  readonly afterUser: string;
  /** `Assistant: ` */
  readonly beforeAssistant: string;
  /** `\n` */
  readonly afterAssistant: string;
}

/** @throws {OptionError} `chatTemplate` */
export function parseChatTemplate(template: string): ChatTemplate {
  const [, beforeUser = '', between = '', afterAssistant = ''] =
    /^(.*)\{user\}(.*)\{assistant\}(.*)$/s.exec(template) ?? [];
  const isRepeated = /\{(user|assistant)\}/.test(beforeUser + between + afterAssistant);
  if (between === '' || afterAssistant === '' || isRepeated) {
    throw new OptionError(
      'chatTemplate',
      `got ${JSON.stringify(template)}, expected ${CHAT_TEMPLATE_EXPECTED}`,
    );
  }
  // The text after the last line end between the two belongs to the assistant.
  const cut = between.lastIndexOf('\n') + 1;
  return {
    beforeUser,
    afterUser: between.slice(0, cut),
    beforeAssistant: between.slice(cut),
    afterAssistant,
  };
}

/**
 * Makes the prompt that a reply continues. System messages are copied without a prefix, each followed by an empty line. If the last message
 * is from the assistant, the reply continues it; else a new turn of the assistant begins.
 */
export function chatPrompt(template: ChatTemplate, messages: readonly ChatMessage[]): string {
  const { beforeUser, afterUser, beforeAssistant, afterAssistant } = template;
  const turns = messages.map(({ role, content }, index) => {
    if (role === 'system') return `${content}\n\n`;
    if (role === 'user') return beforeUser + content + afterUser;
    const isLast = index === messages.length - 1;
    return beforeAssistant + content + (isLast ? '' : afterAssistant);
  });
  return turns.join('') + (messages.at(-1)?.role === 'assistant' ? '' : beforeAssistant);
}

/** The stop strings of a reply: the start of the user's next turn, also after a single line end. */
export function chatStops({ beforeUser, afterAssistant }: ChatTemplate): string[] {
  const turn = beforeUser.trim();
  if (turn === '') return [afterAssistant];
  return [...new Set([(afterAssistant + beforeUser).trimEnd(), `\n${turn}`])];
}
