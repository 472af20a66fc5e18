/** `char-rnn ui` as a process, to be measured. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

export interface UiProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly token: string;
}

/** Starts the server on some folders, without a browser. */
export async function startUi(...folders: string[]): Promise<UiProcess> {
  const words = [program, 'ui', ...folders, '--no-open', '--port', '0'];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  const [address] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const [url = '', token = ''] = address.trim().split('#token=');
  return { child, url, token };
}

export async function stopUi({ child }: UiProcess): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}
