/** A look at JSON before it is parsed: a few bytes of it can ask for many of memory. */

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * Whether JSON nests no deeper than `depth` and is not a mass of tiny values: `[],[],[],…` takes fifteen times its size once
 * it is parsed. Values of four bytes and more on average, as in everything that this program writes, are fine.
 */
export function isModestJson(bytes: Uint8Array, depth: number): boolean {
  const most = bytes.length / 4 + 16;
  let [values, open, inString] = [0, 0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA) values++;
    else if (OPENING.has(byte)) {
      values++;
      open++;
      if (open > depth) return false;
    } else if (CLOSING.has(byte)) open--;
  }
  return values <= most;
}
