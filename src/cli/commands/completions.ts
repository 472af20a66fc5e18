/** `char-rnn completions`: a script that completes commands, flags and their choices in a shell. */
import { UsageError } from '../../errors.ts';
import { commands, completionsCommand } from '../commands.ts';
import { completionScript, isShell, SHELLS } from '../help/completion-scripts.ts';
import { runCommand } from '../run-command.ts';

export function runCompletions(words: readonly string[]): Promise<number> {
  return runCommand(completionsCommand, words, async ({ positionals }) => {
    const [shell, ...more] = positionals;
    if (shell === undefined || more.length > 0 || !isShell(shell)) {
      throw new UsageError(
        `completions takes a shell: ${SHELLS.join(', ')}; got ${positionals.join(' ') || 'none'}.`,
        {
          remedies: [{ text: 'For example', command: ['completions', 'bash'] }],
        },
      );
    }
    process.stdout.write(completionScript(shell, commands));
    return 0;
  });
}
