/** Reads Torch7 checkpoints of char-rnn and torch-rnn, and writes those of char-rnn. See docs/torch7.md. */
export { decodeTorch7, isTorch7 } from './read/decode.ts';
export { encodeTorch7, type Torch7Kind } from './write/encode.ts';
