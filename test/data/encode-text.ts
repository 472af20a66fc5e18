/** Encodes texts for tests: the inverse of `TextDecoder`, which the platform does not provide. */
import { singleByteTable } from '../../src/data/encoding/single-byte.ts';

const tables = new Map<string, Map<string, number[]>>();

/** @throws if the encoding does not have a character */
export function encodeText(text: string, encoding: string): Uint8Array {
  if (encoding === 'utf-8') return new TextEncoder().encode(text);
  if (/^utf-(?:16|32)/.test(encoding)) return encodeWide(text, encoding);
  const table = tableOf(encoding);
  const bytes = Array.from(text, (character) => {
    const sequence = table.get(character);
    if (!sequence) throw new RangeError(`${encoding} does not have ${character}`);
    return sequence;
  });
  return Uint8Array.from(bytes.flat());
}

function tableOf(encoding: string): Map<string, number[]> {
  const known = tables.get(encoding);
  if (known) return known;
  const table = new Map<string, number[]>();
  const single = singleByteTable(encoding);
  for (let byte = 0; byte < (single ? 256 : 128); byte++) {
    table.set(single?.[byte] ?? String.fromCharCode(byte), [byte]);
  }
  const decoder = new TextDecoder(encoding);
  for (let lead = 0x81; !single && lead < 0xff; lead++) {
    for (let trail = 0x40; trail < 0xff; trail++) {
      const text = decoder.decode(Uint8Array.of(lead, trail));
      if (Array.from(text).length === 1 && text !== '\ufffd' && !table.has(text))
        table.set(text, [lead, trail]);
    }
  }
  tables.set(encoding, table);
  return table;
}

function encodeWide(text: string, encoding: string): Uint8Array {
  const isLittle = encoding.endsWith('le');
  const width = encoding.startsWith('utf-32') ? 4 : 2;
  const units =
    width === 4
      ? Array.from(text, (character) => character.codePointAt(0) ?? 0)
      : Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  const view = new DataView(new ArrayBuffer(units.length * width));
  units.forEach((unit, at) => {
    if (width === 4) view.setUint32(at * 4, unit, isLittle);
    else view.setUint16(at * 2, unit, isLittle);
  });
  return new Uint8Array(view.buffer);
}
