/** `char-rnn completions`: prints a script that completes commands, flags and their values in a shell. */
import { UsageError } from '../../errors.ts';
import type { CommandInput } from '../command.ts';
import { completionScript, isShell, SHELLS } from '../help/completion-scripts.ts';

export async function runCompletions({ positionals, commands }: CommandInput): Promise<number> {
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
}
