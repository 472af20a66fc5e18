/** What an export leaves out: the name of the machine, and the folders on it. */
import { lastPart } from '../../util/last-part.ts';
import type { RunEvent } from '../protocol.ts';

/**
 * An event without the machine's name and the folders of its paths. Samples stay as they are.
 *
 * @param folders Known folders, whose names may contain spaces.
 */
export function withoutPlaces<Event extends RunEvent>(event: Event, folders: readonly string[]): Event {
  if (event.type === 'sampled') return event;
  if (event.type === 'started') {
    const { host: _, writes: __, text, ...rest } = event;
    // Only what is known to be harmless: later versions may store more.
    const { name, bytes, characters, sha256 } = text;
    const facts = { bytes, characters, sha256, name: lastPart(name) };
    return { ...(mapStrings(rest, folders) as object), text: facts } as Event;
  }
  return mapStrings(event, folders) as Event;
}

/** An absolute path, or one that begins with `../`, in a sentence or alone. The group is its last part. A web address is none. */
const PLACE =
  /(?<![\w:/.\\])(?:(?:[a-z]:)?[/\\](?:[^\s/\\:;,"'`<>|()]+[/\\]+)+|(?:\.\.[/\\]+)+(?:[^\s/\\:;,"'`<>|()]+[/\\]+)*)([^\s/\\:;,"'`<>|()]*)/gi;

/** A text in which paths have only their last parts. */
export function withoutFolders(text: string, folders: readonly string[]): string {
  let shorter = text;
  for (const folder of folders) {
    const isAbsolute = /^(?:[a-z]:)?[/\\]/i.test(folder);
    if (isAbsolute && folder.length > 1) shorter = shorter.replaceAll(folder, lastPart(folder));
  }
  return shorter.replace(PLACE, (path, last: string) => last || lastPart(path));
}

function mapStrings(value: unknown, folders: readonly string[]): unknown {
  if (typeof value === 'string') return withoutFolders(value, folders);
  if (Array.isArray(value)) return value.map((one) => mapStrings(one, folders));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, mapStrings(one, folders)]));
}
