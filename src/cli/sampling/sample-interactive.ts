/** `char-rnn sample -i`: the model continues each line from a terminal or a pipe. */
import { createInterface } from 'node:readline';
import { TextOutput } from '../terminal/output.ts';
import { CONVERSATION_HELP, Conversation, type ConversationInput } from './conversation.ts';

/** @returns the exit code */
export async function converse(input: ConversationInput): Promise<number> {
  const isTerminal = process.stdin.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: isTerminal,
    historySize: 1000,
  });
  let exitCode = 0;
  let turn: AbortController | undefined;
  const output = new TextOutput((code) => {
    exitCode = code;
    turn?.abort();
    lines.close();
  });
  const interrupt = () => {
    if (turn) {
      turn.abort();
    } else if (isTerminal) {
      process.stderr.write('\nTo end: Ctrl-D or /quit.\n');
      lines.prompt();
    } else {
      exitCode = 130;
      lines.close();
    }
  };
  lines.on('SIGINT', interrupt);
  process.on('SIGINT', interrupt);
  const conversation = new Conversation(input);
  const ask = () => {
    if (!isTerminal) return;
    lines.setPrompt(conversation.isOpen ? '… ' : '> ');
    lines.prompt();
  };
  try {
    if (isTerminal) CONVERSATION_HELP.forEach(input.say);
    ask();
    for await (const line of lines) {
      turn = new AbortController();
      const goesOn = await takeTurn(conversation.take(line, turn.signal), output);
      turn = undefined;
      if (!goesOn || exitCode !== 0) break;
      ask();
    }
  } finally {
    process.off('SIGINT', interrupt);
    lines.close();
  }
  if (isTerminal) process.stderr.write('\n');
  return exitCode;
}

/** Prints the reply of the model, with a line end after it. */
async function takeTurn(
  pieces: AsyncGenerator<Uint8Array, boolean, void>,
  output: TextOutput,
): Promise<boolean> {
  let last: number | undefined;
  for (;;) {
    const { value, done } = await pieces.next();
    if (done) {
      if (last !== undefined && last !== 0x0a) await output.write('\n');
      return value;
    }
    await output.write(value);
    last = value.at(-1);
  }
}
