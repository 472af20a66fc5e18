/**
 * Reads a checkpoint of torch-rnn's `train.lua`.
 *
 * Its layers compute x W + h U + b. W and U are stacked in one matrix [D + H, gates·H]; an lstm's gates are in our order.
 */

import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import type { Cell } from '../../../engine/cells.ts';
import { gateCount } from '../../../engine/cells.ts';
import { MAX_LAYERS } from '../../../model/config.ts';
import { malformed, unsupported } from '../errors.ts';
import type { Table } from '../values.ts';
import { fieldsOf, modulesOf, numberOf, objectOf, tableOf } from './fields.ts';
import { lossesOf, optionsOf } from './history.ts';
import { columnOf, columnsOf, type Matrix, matrixOf, rowsOf, transposed } from './matrix.ts';
import {
  assembleModel,
  type GateMaps,
  type InputChange,
  type LinearMap,
  type ModelMaps,
} from './model-maps.ts';
import { dropoutProbability, linearMap } from './module-graph.ts';
import { symbolOrder } from './symbols.ts';

const CELLS = new Map<string, Cell>([
  ['nn.LSTM', 'lstm'],
  ['nn.VanillaRNN', 'rnn'],
]);

export function isTorchRnn(root: Table): boolean {
  return root.get('model') !== null;
}

/**
 * @param fileSize Bytes of the file.
 * @throws {Torch7Fault}
 */
export function readTorchRnn(root: Table, fileSize: number): Checkpoint {
  const model = objectOf(root.get('model'), 'model');
  if (model.className !== 'nn.LanguageModel')
    throw unsupported(`its model is a ${model.className}, expected an nn.LanguageModel`);
  const fields = fieldsOf(model);
  const { vocabulary, order, reordered } = symbolOrder(
    symbolsOf(tableOf(fields.get('idx_to_token'), 'idx_to_token')),
  );
  const { maps, normalised } = readNetwork(fields);
  return {
    ...assembleModel(maps, order, fileSize),
    vocabulary,
    origin: {
      program: 'torch-rnn',
      options: optionsOf(root.get('opt')),
      iteration: numberOf(root.get('i')),
      trainLosses: lossesOf(root.get('train_loss_history')),
      validationLosses: lossesOf(root.get('val_loss_history'), root.get('val_loss_history_it')),
      notices: reordered ? ['its vocabulary is sorted here, as everywhere in this program'] : [],
      ...(normalised && {
        sampleOnly:
          'it has batch normalisation (nn.BatchNormalization), which is folded into the weights here',
      }),
    },
  };
}

function symbolsOf(table: Table): string[] {
  return table.list().map((symbol) => {
    if (typeof symbol === 'string') return symbol;
    // JSON readers may have converted digits to numbers.
    if (typeof symbol === 'number') return String(symbol);
    throw malformed('idx_to_token is not a list of symbols');
  });
}

/** Reads the modules in order. A normalisation changes the input of the next map. */
function readNetwork(fields: Table): { maps: ModelMaps; normalised: boolean } {
  const layers: (readonly GateMaps[])[] = [];
  let cell: Cell | undefined;
  let embedding: Matrix | undefined;
  let decoder: LinearMap | undefined;
  let change: Normalisation | undefined;
  let dropout = 0;
  let normalised = false;
  for (const { className, payload } of modulesOf(objectOf(fields.get('net'), 'model.net'))) {
    const module = tableOf(payload, className);
    const kind = CELLS.get(className);
    if (decoder && className !== 'nn.View')
      throw unsupported(`its network continues with ${className} after nn.Linear`);
    if (kind) {
      if (cell && kind !== cell) throw unsupported(`its network has both ${cell} and ${kind} layers`);
      cell = kind;
      if (layers.length === MAX_LAYERS) throw unsupported(`its network has more than ${MAX_LAYERS} layers`);
      layers.push(layerMaps(module, kind, `layer ${layers.length + 1}`, change));
      change = undefined;
    } else if (className === 'nn.LookupTable' && !embedding && layers.length === 0)
      embedding = matrixOf(module.get('weight'), 'the embedding');
    else if (className === 'nn.BatchNormalization' && layers.length > 0 && !change) {
      change = normalisation(module);
      normalised = true;
    } else if (className === 'nn.Dropout') {
      dropout = Math.max(dropout, dropoutProbability(module));
      if (module.get('v2') !== true) throw unsupported('its network has the first version of nn.Dropout');
    } else if (className === 'nn.Linear')
      decoder = withChange(linearMap(module, 'the decoder'), change, 'the decoder');
    else if (className !== 'nn.View')
      throw unsupported(`its network has a ${className}, which no torch-rnn model has there`);
  }
  if (!cell || !embedding || !decoder)
    throw unsupported(
      'its network does not consist of nn.LookupTable, layers of nn.LSTM or nn.VanillaRNN, and nn.Linear',
    );
  return { maps: { cell, embedding, layers, decoder, dropout }, normalised };
}

function layerMaps(module: Table, cell: Cell, layer: string, change: Normalisation | undefined): GateMaps[] {
  const where = `the weight of ${layer}`;
  const weight = transposed(matrixOf(module.get('weight'), where));
  const bias = matrixOf(module.get('bias'), `the bias of ${layer}`);
  const hidden = weight.rows / gateCount(cell);
  const inputs = weight.columns - hidden;
  return Array.from({ length: gateCount(cell) }, (_, gate) => {
    const rows = rowsOf(weight, gate * hidden, hidden, where);
    const input = {
      weight: columnsOf(rows, 0, inputs, where),
      bias: rowsOf(bias, gate * hidden, hidden, `the bias of ${layer}`),
    };
    return {
      input: withChange(input, change, layer),
      state: { weight: columnsOf(rows, inputs, hidden, where), bias: undefined },
    };
  });
}

/** Adds a change to the input of a map, after checking its length. */
function withChange(map: LinearMap, change: Normalisation | undefined, where: string): LinearMap {
  const { columns } = map.weight;
  if (change && change.scale.length !== columns)
    throw malformed(
      `${change.scale.length} units are normalised before ${where}, whose input size is ${columns}`,
    );
  return { ...map, change };
}

interface Normalisation extends InputChange {
  readonly scale: Float64Array;
}

/** (x − mean) / √(variance + ε) · γ + β, with the mean and variance from training, as at evaluation. */
function normalisation(module: Table): Normalisation {
  const column = (name: string) => columnOf(matrixOf(module.get(name), `${name} of nn.BatchNormalization`));
  const mean = column('running_mean');
  const epsilon = numberOf(module.get('eps')) ?? 1e-5;
  // Older versions store 1 / √(variance + ε).
  const inverse =
    module.get('running_var') === null
      ? column('running_std')
      : column('running_var').map((variance) => 1 / Math.sqrt(variance + epsilon));
  const gamma = module.get('weight') === null ? mean.map(() => 1) : column('weight');
  const beta = module.get('bias') === null ? mean.map(() => 0) : column('bias');
  if ([inverse, gamma, beta].some(({ length }) => length !== mean.length))
    throw malformed('the parts of an nn.BatchNormalization have different lengths');
  const scale = inverse.map((value, index) => value * (gamma[index] as number));
  const shift = beta.map((value, index) => value - (mean[index] as number) * (scale[index] as number));
  return { scale, shift };
}
