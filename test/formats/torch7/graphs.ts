/** Object graphs to change in tests, and files of them. */
import assert from 'node:assert/strict';
import { readTorch7 } from '../../../src/formats/torch7/read/decode.ts';
import {
  type Reference,
  Table,
  Tensor,
  TorchObject,
  type Value,
} from '../../../src/formats/torch7/values.ts';
import { sinkOf, type Torch7Kind } from '../../../src/formats/torch7/write/encode.ts';
import { writeObject } from '../../../src/formats/torch7/write/writer.ts';
import { joined } from '../../checkpoint/made-checkpoint.ts';
import { fixtureFile } from './fixtures.ts';

/** A new copy of the root of a fixture's graph. */
export function fixtureGraph(name: string): Table {
  const { value } = readTorch7(fixtureFile(name));
  assert.ok(value instanceof Table);
  return value;
}

export function torch7File(root: Value, kind: Torch7Kind = 'binary'): Uint8Array {
  const sink = sinkOf(kind);
  writeObject(root, sink);
  return joined(sink.parts());
}

/** The value at a path of fields. The fields of an object are those of its table. */
export function valueAt(value: Value, ...path: readonly (string | number)[]): Value {
  const fields = value instanceof TorchObject ? value.payload : value;
  const [key, ...rest] = path;
  if (key === undefined) return fields;
  assert.ok(fields instanceof Table, `no table before ${key}`);
  return valueAt(fields.get(key), ...rest);
}

export function tableAt(root: Value, ...path: readonly (string | number)[]): Table {
  const table = valueAt(root, ...path);
  assert.ok(table instanceof Table);
  return table;
}

/** Sets the value of a key; null removes the key. */
export function put(table: Table, key: string | number, value: Value): void {
  const entries = table.keys.map((each, place): [Value, Value] => [each, table.values[place] ?? null]);
  table.keys.length = 0;
  table.values.length = 0;
  for (const [each, kept] of entries) if (each !== key) table.add(each, kept);
  if (value !== null) table.add(key, value);
}

/** All references in a graph. */
export function allReferences(root: Value): Set<Reference> {
  const found = new Set<Reference>();
  const waiting: Value[] = [root];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (value === null || typeof value !== 'object' || found.has(value)) continue;
    found.add(value);
    if (value instanceof Table) waiting.push(...value.keys, ...value.values);
    else if (value instanceof TorchObject) waiting.push(value.payload);
    else if (value instanceof Tensor) waiting.push(value.storage);
  }
  return found;
}

/** The data of all nodes whose module is of a class. */
export function nodesOf(root: Value, className: string): Table[] {
  return [...allReferences(root)].filter((value): value is Table => {
    if (!(value instanceof Table) || value.get('mapindex') === null) return false;
    const module = value.get('module');
    return module instanceof TorchObject && module.className === className;
  });
}

/** The tables of all modules of a class. */
export function modulesOf(root: Value, className: string): Table[] {
  return [...allReferences(root)].flatMap((value) =>
    value instanceof TorchObject && value.className === className && value.payload instanceof Table
      ? [value.payload]
      : [],
  );
}
