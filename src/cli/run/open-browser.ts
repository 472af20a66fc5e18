/** Opens an address in the browser, where there is one. */
import { spawn } from 'node:child_process';

/** Whether a browser could be seen: there is a terminal, and on Linux a display. */
export function hasScreen(): boolean {
  if (!process.stdout.isTTY) return false;
  if (process.platform === 'win32' || process.platform === 'darwin') return true;
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/** Starts the browser. That it fails is no error: the address was printed. */
export function openBrowser(url: string): void {
  const [program, ...words] = commandFor(url);
  const child = spawn(program, words, { detached: true, stdio: 'ignore' });
  child.on('error', () => {});
  child.unref();
}

function commandFor(url: string): [string, ...string[]] {
  if (process.platform === 'darwin') return ['open', url];
  // The empty word is the title of a window: `start` takes its first quoted word for that.
  if (process.platform === 'win32') return ['cmd', '/c', 'start', '""', url.replaceAll('&', '^&')];
  return ['xdg-open', url];
}
