/** `char-rnn completions`: its definition. */
import type { Command } from '../command.ts';

export const completionsCommand: Command = {
  name: 'completions',
  usage: 'char-rnn completions bash|zsh|fish',
  summary:
    'Prints a script that completes commands, flags and choices in a shell.\nA comment at its beginning has the command that installs it.',
  flags: [],
  examples: ['char-rnn completions bash', 'char-rnn completions zsh', 'char-rnn completions fish'],
  async run(input) {
    const { runCompletions } = await import('../run/completions.ts');
    return runCompletions(input);
  },
};
