/** Writes a graph of objects like `torch.save`. Objects are numbered in the order of appearance. */
import { TYPE } from '../object-type.ts';
import { LuaFunction, type Reference, Table, Tensor, TorchObject, type Value } from '../values.ts';
import type { Sink } from './sink.ts';

export function writeObject(root: Value, sink: Sink): void {
  const numbers = new Map<Reference, number>();
  // The values still to be written. The last one is next.
  const waiting: Value[] = [root];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (value === null) sink.int(TYPE.nil);
    else if (typeof value === 'number') {
      sink.int(TYPE.number);
      sink.double(value);
    } else if (typeof value === 'string') {
      sink.int(TYPE.string);
      sink.string(bytesOf(value));
    } else if (typeof value === 'boolean') {
      sink.int(TYPE.boolean);
      sink.int(value ? 1 : 0);
    } else for (const part of writeReference(value, sink, numbers)) waiting.push(part);
  }
}

/** Writes the start of an object. Returns the values that follow it, in reverse order. */
function writeReference(value: Reference, sink: Sink, numbers: Map<Reference, number>): Value[] {
  if (value instanceof LuaFunction && value.type === TYPE.oldestFunction) {
    sink.int(value.type);
    sink.string(value.bytecode);
    return [value.upvalues];
  }
  sink.int(value instanceof Table ? TYPE.table : value instanceof LuaFunction ? value.type : TYPE.torch);
  const seen = numbers.get(value);
  sink.int(seen ?? numbers.size + 1);
  if (seen !== undefined) return [];
  numbers.set(value, numbers.size + 1);
  if (value instanceof LuaFunction) {
    sink.string(value.bytecode);
    return [value.upvalues];
  }
  if (value instanceof Table) {
    sink.int(value.size);
    return value.keys.flatMap((key, index) => [key, value.values[index] ?? null]).reverse();
  }
  if (value.version !== undefined) sink.string(bytesOf(`V ${value.version}`));
  sink.string(bytesOf(value.className));
  if (value instanceof TorchObject) return [value.payload];
  if (value instanceof Tensor) {
    sink.int(value.sizes.length);
    sink.longs(value.sizes);
    sink.longs(value.strides);
    sink.longs([value.offset]);
    return [value.storage];
  }
  sink.longs([value.length]);
  sink.elements(value.element, value.bytes);
  return [];
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (byte) => byte.charCodeAt(0));
}
