/** The source of the page's runs, as its <meta name="source"> says. */
import type { Source } from '../../src/ui/protocol.ts';
import { serverSource } from './server-source.ts';
import { snapshotSource } from './snapshot-source.ts';

const kind = document.querySelector<HTMLMetaElement>('meta[name="source"]')?.content;

/** Undefined on the static site, which shows only the runs that the browser keeps. */
export const source: Source | undefined =
  kind === 'server' ? serverSource(takeToken()) : kind === 'snapshot' ? snapshotSource() : undefined;

const KEY = 'char-rnn token';

/** The token in the address, which is then removed from the address, or the one that this tab has stored. */
function takeToken(): string {
  const found = /^#token=([\w-]+)/.exec(location.hash);
  if (found) {
    try {
      sessionStorage.setItem(KEY, found[1] as string);
    } catch {
      // Without storage, reloading the page needs the whole address again.
    }
    history.replaceState(null, '', `${location.pathname}${location.search}#/runs`);
    // Replacing the address sends no event, and the router has read it already.
    dispatchEvent(new HashChangeEvent('hashchange'));
    return found[1] as string;
  }
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}
