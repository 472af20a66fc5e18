/** Adapts the parameters of a model to another vocabulary: the parameters of a symbol move to its new token number. */
import type { Vocabulary } from '../data/vocabulary.ts';
import type { FloatArray } from '../engine/engine.ts';
import { type Layout, type Module, type ParameterSlice, parameterSlices } from '../engine/layout.ts';

export interface ParametersOf {
  /** In canonical order. */
  readonly parameters: FloatArray;
  readonly layout: Layout;
  readonly vocabulary: Vocabulary;
}

/**
 * The parameters of a model, rearranged for another vocabulary.
 *
 * Each symbol has a row of the decoder's `weight` [V, H], an element of its `bias` [V], and a column of the first layer's `weight_ih`
 * [G·H, V] or a row of the embedding [V, D]. All other parameters do not depend on the vocabulary and are copied.
 *
 * @param to Has the values for symbols that `from` does not know. The layouts differ only in V.
 * @returns new parameters, in the precision of `to`
 */
export function adaptParameters(from: ParametersOf, to: ParametersOf): FloatArray {
  const moves = tokenMoves(from.vocabulary, to.vocabulary);
  const parameters = to.parameters.slice();
  const sources = parameterSlices(from.layout);
  parameterSlices(to.layout).forEach((target, index) => {
    const source = sources[index] as ParameterSlice;
    const input = from.parameters.subarray(source.offset, source.offset + source.size);
    const output = parameters.subarray(target.offset, target.offset + target.size);
    const axis = vocabularyAxis(to.layout[target.module] as Module, target.name);
    if (axis === undefined) output.set(input);
    else if (axis === 'rows') moveRows(input, output, moves, target.shape[1] ?? 1);
    else moveColumns(input, output, moves, source.shape[1] as number, target.shape[1] as number);
  });
  return parameters;
}

/** Pairs of old and new token numbers, for the symbols in both vocabularies, including the unknown symbol. */
function tokenMoves(from: Vocabulary, to: Vocabulary): [number, number][] {
  const moves: [number, number][] = [];
  to.symbols.forEach((symbol, token) => {
    const before = from.tokenOf(symbol);
    if (before !== undefined) moves.push([before, token]);
  });
  const { unknownToken: before } = from;
  const { unknownToken: after } = to;
  if (before !== undefined && after !== undefined) moves.push([before, after]);
  return moves;
}

/** The axis of a parameter tensor that belongs to the vocabulary. */
function vocabularyAxis(module: Module, name: ParameterSlice['name']): 'rows' | 'columns' | undefined {
  if (module.kind === 'recurrent') {
    return module.input === 'tokens' && name === 'weight_ih' ? 'columns' : undefined;
  }
  return 'rows';
}

function moveRows(from: FloatArray, to: FloatArray, moves: readonly [number, number][], width: number): void {
  for (const [before, after] of moves) {
    to.set(from.subarray(before * width, (before + 1) * width), after * width);
  }
}

function moveColumns(
  from: FloatArray,
  to: FloatArray,
  moves: readonly [number, number][],
  fromWidth: number,
  toWidth: number,
): void {
  for (let row = 0; row * toWidth < to.length; row++) {
    for (const [before, after] of moves) {
      to[row * toWidth + after] = from[row * fromWidth + before] as number;
    }
  }
}
