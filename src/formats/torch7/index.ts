/** Checkpoints of Torch7 programs: char-rnn's in and out, torch-rnn's in. Described in docs/torch7.md. */
export { decodeTorch7, isTorch7 } from './read/decode.ts';
export { encodeTorch7, type Torch7Kind } from './write/encode.ts';
