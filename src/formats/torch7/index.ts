/**
 * Reads Torch7 checkpoints of char-rnn and torch-rnn, and writes those of char-rnn. See docs/torch7.md.
 *
 * - `read/decode.ts` recognises the program. `read/char-rnn.ts` and `read/torch-rnn.ts` read its checkpoints.
 * - Gates: `read/gates-by-equation.ts` identifies char-rnn's by the equations in its graph; `read/torch-rnn.ts` takes torch-rnn's by their
 *   position. `model/original-order.ts` has the original's flat order, which `write/` uses.
 * - `read/model-maps.ts` assembles our parameters from the linear maps of the gates.
 */
export { decodeTorch7, isTorch7 } from './read/decode.ts';
export { encodeTorch7, type Torch7Kind } from './write/encode.ts';
