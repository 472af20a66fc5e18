/**
 * Recognises files that this program wrote, by their first bytes or their names. A run never reads them as text: they may change
 * meanwhile, and a model would learn the log of its own training.
 */
import { latin1 } from '../../util/bytes.ts';

/** Bytes at the start of a file that suffice to recognise every kind. */
export const OWN_FILE_BYTES = 8192;

/** Offset of the first entry's name in a zip archive. */
const ZIP_NAME_AT = 30;

interface OwnKind {
  /** With its article: `the log of a run`. */
  readonly name: string;
  readonly matches: (start: string) => boolean;
}

/** This program's JSON files begin with their kind, such as `{"kind": "char-rnn run"`. */
const MARKED_JSON = /^\s*\{\s*"kind":\s*"char-rnn [\w -]+"/;

const KINDS: readonly OwnKind[] = [
  {
    name: 'the log of a run',
    matches: (start) => /^\s*\{"time":"\d{4}-[^"]{10,30}","type":"[a-z-]+"/.test(start),
  },
  {
    name: 'the printed log of a run',
    matches: (start) =>
      /^text: .+ bytes\r?$/m.test(start) &&
      /^vocab size: \d/m.test(start) &&
      /^number of data batches in train: \d/m.test(start),
  },
  {
    name: 'the printed log of a run',
    // Only the lines that were printed on standard error.
    matches: (start) =>
      /^(?:warning: .*\r?\n)*(?:sample|continue) with: .* (?:sample|train) /.test(start) ||
      (/^trained [\d,]+ iterations? in .*, to iteration [\d,]+, epoch /m.test(start) &&
        /^sample with: .* sample /m.test(start)),
  },
  { name: 'a checkpoint', matches: isCheckpoint },
  { name: 'a Torch7 checkpoint', matches: isTorch7Checkpoint },
  { name: 'an exported model', matches: isExportedModel },
  {
    name: 'an exported Python module',
    matches: (start) => /^""".{0,200}Written by char-rnn convert/s.test(start),
  },
  { name: 'an exported vocabulary', matches: (start) => /^\{"(?:token_to_idx|idx_to_token)":\{/.test(start) },
  { name: 'a file of prepared tokens', matches: (start) => /^char-rnn tokens \d/.test(start) },
  { name: 'a settings or vocabulary file of this program', matches: (start) => MARKED_JSON.test(start) },
  { name: 'the lock of a run', matches: (start) => /^\{"host":".*"pid":\d+.*"since":"/.test(start) },
  { name: 'a TensorBoard event file', matches: (start) => start.slice(0, 64).includes('brain.Event:') },
];

/** The kind of a file with its article; undefined if this program did not write it. @param start Its first `OWN_FILE_BYTES` bytes. */
export function ownFileKind(start: Uint8Array): string | undefined {
  const text = latin1(start.subarray(0, OWN_FILE_BYTES));
  return KINDS.find(({ matches }) => matches(text))?.name;
}

/** The same, judging by the file's name. */
export function ownNameKind(name: string): string | undefined {
  if (/\.log\.jsonl$/.test(name)) return 'the log of a run';
  if (/\.vocab\.json$/.test(name)) return 'a settings or vocabulary file of this program';
  if (/\.tokens$/.test(name)) return 'a file of prepared tokens';
  if (/^events\.out\.tfevents\./.test(name)) return 'a TensorBoard event file';
  if (/^nohup\.out$/.test(name)) return 'the printed log of a run';
  return undefined;
}

/** A safetensors file with our key in its metadata: eight bytes of length, then JSON. */
function isCheckpoint(start: string): boolean {
  return start[8] === '{' && /"__metadata__"\s*:\s*\{[^}]{0,200}?"char_rnn"\s*:/.test(start.slice(8, 1000));
}

/** A table or object in Torch7's binary or ASCII format, as written by the original, torch-rnn and our exports. */
function isTorch7Checkpoint(start: string): boolean {
  const beginnings = ['\x03\0\0\0\x01\0\0\0', '\x04\0\0\0\x01\0\0\0', '3\n1\n', '4\n1\n'];
  return (
    beginnings.some((bytes) => start.startsWith(bytes)) && /protos|nn\.|torch\.|checkpoint|vocab/.test(start)
  );
}

/** An ONNX file with this program as its producer, or a zip of NumPy arrays with the names of our tensors. */
function isExportedModel(start: string): boolean {
  if (start.startsWith('\x08') && start.startsWith('\x12\x08char-rnn', 2)) return true;
  const firstName = start.slice(ZIP_NAME_AT, ZIP_NAME_AT + 100);
  return (
    start.startsWith('PK\x03\x04') &&
    /^(?:rnn|gru_v1|decoder|embedding|vocabulary|train|metadata)\.[\w.]*npy/.test(firstName)
  );
}
