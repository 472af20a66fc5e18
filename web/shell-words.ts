/** Words of a command, quoted for a POSIX shell. */

export function quoted(text: string): string {
  return /^[\w./:=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The name of a file or folder, which the program must not take for a flag. */
export function quotedFile(name: string): string {
  return quoted(name.startsWith('-') ? `./${name}` : name);
}
