/** Limits the size of JSON before it is parsed, because a few bytes of JSON can take a lot of memory. */

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_ARRAY, OPEN_OBJECT, CLOSE_ARRAY, CLOSE_OBJECT] = [0x5b, 0x7b, 0x5d, 0x7d];

/**
 * Whether JSON has at max the expected number of values at each depth, and none deeper. When parsed, `[],[],[],…` takes fifteen times its
 * size in memory, and an object with many keys thirty times.
 *
 * @param max Maximum number of values at each depth: within the outermost array or object, then in all arrays and objects in that, and so on.
 */
export function withinJsonLimits(bytes: Uint8Array, max: readonly number[]): boolean {
  const values = max.map(() => 0);
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
    // An opening bracket counts as one value, each comma as one more.
    if (depth > max.length) return false;
    const level = depth - 1;
    values[level] = (values[level] ?? 0) + 1;
    if ((values[level] as number) > (max[level] ?? 0)) return false;
  }
  return true;
}
