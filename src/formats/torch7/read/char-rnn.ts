/** Reads a checkpoint of char-rnn's `train.lua`. */
import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import { malformed, Torch7Fault, unsupported } from '../errors.ts';
import { factsOf, type StoredFacts } from '../stored-facts.ts';
import type { Table, TorchObject } from '../values.ts';
import { fieldsOf, modulesOf, numberOf, objectOf, tableOf } from './fields.ts';
import { lossesOf, optionsOf } from './history.ts';
import { type AssembledModel, assembleModel, type LinearMap } from './model-maps.ts';
import { graphOutputs, linearMap } from './module-graph.ts';
import { readRecurrentGraph } from './recurrent-graph.ts';
import { symbolOrder } from './symbols.ts';

export function isCharRnn(root: Table): boolean {
  return root.get('protos') !== null;
}

/**
 * @param fileSize Bytes of the file.
 * @throws {Torch7Fault}
 */
export function readCharRnn(root: Table, fileSize: number): Checkpoint {
  const protos = tableOf(root.get('protos'), 'protos');
  const facts = factsOf(root.get('opt'));
  const symbols = symbolsOf(tableOf(root.get('vocab'), 'vocab'));
  const { vocabulary, order, reordered } = symbolOrder(symbols, facts);
  const graph = objectOf(protos.get('rnn'), 'protos.rnn');
  checkEmbedding(protos);
  const { maps, dropsState } = readRecurrentGraph(graphOutputs(graph), separateDecoder(protos));
  const notices: string[] = [];
  if (reordered)
    notices.push('its vocabulary was not sorted: a seed gives different texts than in the original');
  if (dropsState)
    notices.push(
      'its dropout also acted on the carried state; in further training it acts only between layers',
    );
  return {
    ...inOwnPrecision(assembleModel(maps, order, fileSize), facts),
    vocabulary,
    origin: {
      program: 'char-rnn',
      options: optionsOf(root.get('opt')),
      iteration: numberOf(root.get('i')),
      epoch: numberOf(root.get('epoch')),
      trainLosses: lossesOf(root.get('train_losses')),
      validationLosses: lossesOf(root.get('val_losses')),
      notices,
    },
  };
}

/** Converts the doubles of the file back to float32 if this program wrote it from a float32 model. */
function inOwnPrecision(model: AssembledModel, facts: StoredFacts | undefined): AssembledModel {
  if (facts?.precision !== 'float32') return model;
  const parameters = Float32Array.from(model.parameters);
  const isExact = parameters.every((value, index) => value === model.parameters[index]);
  return isExact ? { ...model, precision: 'float32', parameters } : model;
}

/** The symbols in the order of their numbers, from a table that maps symbols to numbers from 1. */
function symbolsOf(table: Table): string[] {
  const symbols: string[] = [];
  table.keys.forEach((symbol, index) => {
    const number = table.values[index];
    if (typeof symbol !== 'string' || typeof number !== 'number')
      throw malformed('vocab does not map symbols to numbers');
    const known = Number.isInteger(number) && number >= 1 && number <= table.size && !symbols[number - 1];
    if (!known)
      throw new Torch7Fault(
        'torch7-vocabulary',
        `vocab gives a symbol the number ${number}, expected 1 to ${table.size}`,
      );
    symbols[number - 1] = symbol;
  });
  return symbols;
}

/** The decoder of the first versions, which stored the input and output layers separately from the network. */
function separateDecoder(protos: Table): LinearMap | undefined {
  const softmax = protos.get('softmax');
  if (softmax === null) return undefined;
  const modules = modulesOf(objectOf(softmax, 'protos.softmax'));
  const [linear, last, ...more] = modules;
  if (linear?.className !== 'nn.Linear' || last?.className !== 'nn.LogSoftMax' || more.length > 0)
    throw unsupported(`protos.softmax consists of ${classNames(modules)}, expected nn.Linear, nn.LogSoftMax`);
  return linearMap(fieldsOf(linear), 'the decoder');
}

function checkEmbedding(protos: Table): void {
  const embed = protos.get('embed');
  if (embed === null) return;
  const { className } = objectOf(embed, 'protos.embed');
  if (className !== 'OneHot') throw unsupported(`protos.embed is a ${className}, expected OneHot`);
}

function classNames(modules: readonly TorchObject[]): string {
  return modules.map(({ className }) => className).join(', ') || 'nothing';
}
