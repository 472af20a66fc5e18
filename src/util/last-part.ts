/** The last part of a path of any system, without a slash at its end. */
export function lastPart(path: string): string {
  return path
    .replace(/[/\\]+$/, '')
    .split(/[/\\]/)
    .at(-1) as string;
}
