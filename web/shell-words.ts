/** Words of a command, quoted for a POSIX shell. */
import { utf8Length } from '../src/util/utf8.ts';

export function quoted(text: string): string {
  return /^[\w./:=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The name of a file or folder, which the program must not take for a flag. */
export function quotedFile(name: string): string {
  return quoted(name.startsWith('-') ? `./${name}` : name);
}

/** A command that prints bytes: characters stay readable, other bytes are octal, and so is a dash that would begin an option. */
export function printed(bytes: Uint8Array): string {
  let format = '';
  for (let at = 0; at < bytes.length; ) {
    const length = utf8Length(bytes, at);
    const byte = bytes[at] as number;
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(at, at + length));
    if (length === 0 || byte < 0x20 || (at === 0 && text === '-'))
      format += `\\${byte.toString(8).padStart(3, '0')}`;
    else format += /^[%\\]$/.test(text) ? text + text : text;
    at += length || 1;
  }
  return `printf '${format.replaceAll("'", `'\\''`)}'`;
}
