/** The last part of a path of any system, without a slash at its end. */
export function lastPart(path: string): string {
  return withoutEndSlash(path).split(/[/\\]/).at(-1) as string;
}

export function withoutEndSlash(path: string): string {
  return path.replace(/[/\\]+$/, '');
}
