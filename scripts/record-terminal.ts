/**
 * Draws the README's picture: runs a command of the program in a terminal of 92 columns, and writes the screen as an SVG after some seconds.
 * It needs tmux, and `npm run build` before it.
 *
 *     npx tsx scripts/record-terminal.ts docs/images/train.svg FOLDER SECONDS "train input.txt" "What the picture shows"
 *
 * The command runs in FOLDER, and its checkpoints stay there.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { terminalSvg } from './terminal-svg.ts';

const COLUMNS = 92;
const LINES = 40;

const [out, folder, seconds, command, label] = process.argv.slice(2);
if (!out || !folder || !seconds || !command || !label) {
  console.error('usage: npx tsx scripts/record-terminal.ts OUT FOLDER SECONDS COMMAND LABEL');
  process.exit(2);
}

// In this shell the program can be run by its name, as after an installation.
const bin = mkdtempSync(join(tmpdir(), 'char-rnn-picture-'));
symlinkSync(fileURLToPath(new URL('../dist/cli/main.js', import.meta.url)), join(bin, 'char-rnn'));
const shell = `PATH=${bin}:$PATH PS1='$ ' exec bash --norc --noprofile`;
tmux('-f', '/dev/null', 'new-session', '-d', '-x', `${COLUMNS}`, '-y', `${LINES}`, '-c', folder, shell);
try {
  await setTimeout(1000);
  tmux('send-keys', `char-rnn ${command}`, 'Enter');
  await setTimeout(Number(seconds) * 1000);
  writeFileSync(out, terminalSvg(tmux('capture-pane', '-e', '-p'), COLUMNS, label));
  tmux('send-keys', 'C-c');
  await setTimeout(3000);
} finally {
  tmux('kill-server');
}

/** Runs tmux on a separate server, so that no other session is disturbed. Returns what it printed. */
function tmux(...words: string[]): string {
  const { status, stdout, stderr } = spawnSync('tmux', ['-L', 'char-rnn-picture', ...words], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`tmux ${words[0]}: ${stderr}`);
  return stdout;
}
