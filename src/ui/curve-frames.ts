/**
 * The binary form of curves, a sequence of frames. All numbers are little-endian.
 *
 * | bytes       | content                                                                                            |
 * | ----------- | -------------------------------------------------------------------------------------------------- |
 * | 4           | H, the bytes of the header: a multiple of 4                                                        |
 * | 4           | F, the number of floats                                                                            |
 * | H           | JSON, filled up with spaces: the frame without its arrays; a curve has `bins`, their length, too   |
 * | 4 F         | float32: `x`, `min`, `max`, `mean`, `last` and `smooth`, each with `bins` numbers; NaN: no number  |
 */
import type { Curve, CurveFrame } from './protocol.ts';

const COLUMNS = ['x', 'min', 'max', 'mean', 'last', 'smooth'] as const;
const PREFIX = 8;
/** The longest header and the largest number of floats of a frame, so that a malformed answer can't make the page allocate more. */
const MAX_HEADER = 65_536;
const MAX_FLOATS = 6 * 4096;

type CurveHeader = Omit<Curve, (typeof COLUMNS)[number]> & { readonly bins: number };

export function encodeFrame(frame: CurveFrame): Uint8Array<ArrayBuffer> {
  const columns = frame.type === 'curve' ? COLUMNS.map((name) => frame[name]) : [];
  const json = new TextEncoder().encode(JSON.stringify(frame.type === 'curve' ? headerOf(frame) : frame));
  const header = json.length + (-json.length & 3);
  const floats = columns.reduce((sum, column) => sum + column.length, 0);
  const bytes = new Uint8Array(PREFIX + header + 4 * floats);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header, true);
  view.setUint32(4, floats, true);
  bytes.fill(0x20, PREFIX, PREFIX + header);
  bytes.set(json, PREFIX);
  let at = PREFIX + header;
  for (const column of columns) for (const value of column) at = putFloat(view, at, value);
  return bytes;
}

function headerOf({ type, id, metric, version, width, x }: Curve): CurveHeader {
  return { type, id, metric, version, width, bins: x.length };
}

function putFloat(view: DataView, at: number, value: number): number {
  view.setFloat32(at, value, true);
  return at + 4;
}

/**
 * The frames in the pieces of an answer, each as soon as it is complete.
 *
 * @throws {RangeError} if the bytes are not frames, or end within one
 */
export async function* decodeFrames(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<CurveFrame, void, void> {
  let rest = new Uint8Array();
  for await (const piece of pieces) {
    const bytes = new Uint8Array(rest.length + piece.length);
    bytes.set(rest);
    bytes.set(piece, rest.length);
    let at = 0;
    for (let end = endOf(bytes, at); end <= bytes.length; end = endOf(bytes, at)) {
      yield decodeFrame(bytes.slice(at, end));
      at = end;
    }
    rest = bytes.slice(at);
  }
  if (rest.length > 0) throw new RangeError('the answer with the curves ended within a curve');
}

/** The end of the frame that begins at an offset; Infinity if its prefix has not arrived yet. */
function endOf(bytes: Uint8Array, at: number): number {
  if (bytes.length - at < PREFIX) return Number.POSITIVE_INFINITY;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, PREFIX);
  const [header, floats] = [view.getUint32(0, true), view.getUint32(4, true)];
  if (header % 4 !== 0 || header > MAX_HEADER || floats > MAX_FLOATS)
    throw new RangeError('this is not an answer with curves');
  return at + PREFIX + header + 4 * floats;
}

function decodeFrame(bytes: Uint8Array<ArrayBuffer>): CurveFrame {
  const view = new DataView(bytes.buffer);
  const header = view.getUint32(0, true);
  const fields = JSON.parse(new TextDecoder().decode(bytes.subarray(PREFIX, PREFIX + header))) as
    | CurveHeader
    | Exclude<CurveFrame, Curve>;
  if (fields.type !== 'curve') return fields;
  const { bins, ...curve } = fields;
  if (view.getUint32(4, true) !== bins * COLUMNS.length)
    throw new RangeError('this is not an answer with curves');
  const column = (index: number) => {
    const start = PREFIX + header + 4 * index * bins;
    return Float32Array.from({ length: bins }, (_, bin) => view.getFloat32(start + 4 * bin, true));
  };
  return {
    ...curve,
    ...{ x: column(0), min: column(1), max: column(2), mean: column(3), last: column(4), smooth: column(5) },
  };
}
