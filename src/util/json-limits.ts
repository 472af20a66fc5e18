/** A look at JSON before it is parsed: a few bytes of it can ask for many of memory. */

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_ARRAY, OPEN_OBJECT, CLOSE_ARRAY, CLOSE_OBJECT] = [0x5b, 0x7b, 0x5d, 0x7d];

/**
 * Whether JSON has no more values than are expected at each depth, and nothing deeper: `[],[],[],…` takes fifteen times its size once
 * it is parsed, an object of many names thirty times.
 *
 * @param most The number of values within the outermost array or object, within all of those in it, and so on.
 */
export function withinJsonLimits(bytes: Uint8Array, most: readonly number[]): boolean {
  const values = most.map(() => 0);
  let [depth, inString] = [0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
      continue;
    }
    if (byte === QUOTE) inString = true;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (byte !== COMMA) continue;
    if (byte !== COMMA && byte !== OPEN_ARRAY && byte !== OPEN_OBJECT) continue;
    // An opening one may be followed by a first value, a comma is followed by the next.
    if (depth > most.length) return false;
    const level = depth - 1;
    values[level] = (values[level] ?? 0) + 1;
    if ((values[level] as number) > (most[level] ?? 0)) return false;
  }
  return true;
}
