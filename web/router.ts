/** The address of a page: `#/neurons?unit=2.108`. Links keep working in an exported site. */
import { computed, signal } from '@preact/signals';

export interface Route {
  readonly page: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const hash = signal(location.hash);
/** The part of the address after `#` when it was last read or written here. */
let known = location.hash;
addEventListener('hashchange', () => {
  known = location.hash;
  hash.value = known;
});

export const route = computed<Route>(() => parseRoute(hash.value));

/** @param text Such as `#/runs?pick=a1.b2`. */
export function parseRoute(text: string): Route {
  const [path = '', query = ''] = text.replace(/^#\/?/, '').split('?');
  return { page: path, parameters: new Map(new URLSearchParams(query)) };
}

/**
 * Changes parameters of the address without a new entry in the history. An undefined value removes one. It does nothing if the reader has just
 * chosen another page, whose `hashchange` is still to come.
 */
export function setParameters(changes: Readonly<Record<string, string | undefined>>): void {
  if (location.hash !== known) return;
  const { page, parameters } = route.value;
  const query = new URLSearchParams([...parameters]);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  const next = `#/${page}${text ? `?${text}` : ''}`;
  if (next === hash.value) return;
  hash.value = next;
  try {
    history.replaceState(null, '', next);
    known = location.hash;
  } catch {
    // Safari allows 100 changes in 30 seconds, and a slider makes more. The address follows with the next change.
  }
}

export function goTo(page: string, parameters: Readonly<Record<string, string>> = {}): void {
  const query = new URLSearchParams(parameters).toString();
  location.hash = `#/${page}${query ? `?${query}` : ''}`;
}
