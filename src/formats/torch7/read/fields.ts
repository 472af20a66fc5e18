/** Checked access to fields of tables and objects. `where` names the field in messages: `protos.rnn`. */
import { malformed, unsupported } from '../errors.ts';
import { Table, Tensor, TorchObject, type Value } from '../values.ts';

export function tableOf(value: Value, where: string): Table {
  if (value instanceof Table) return value;
  throw malformed(`${where} is ${describe(value)}, expected a table`);
}

/** The fields of an object. */
export function fieldsOf(object: TorchObject): Table {
  return tableOf(object.payload, object.className);
}

export function objectOf(value: Value, where: string): TorchObject {
  if (value instanceof TorchObject) return value;
  throw malformed(`${where} is ${describe(value)}, expected an object`);
}

export function tensorOf(value: Value, where: string): Tensor {
  if (value instanceof Tensor) return value;
  throw malformed(`${where} is ${describe(value)}, expected a tensor`);
}

/** A finite number; undefined for any other value. */
export function numberOf(value: Value): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The modules of an `nn.Sequential`. */
export function modulesOf(sequential: TorchObject): TorchObject[] {
  if (sequential.className !== 'nn.Sequential')
    throw unsupported(`its network is a ${sequential.className}, expected an nn.Sequential`);
  const modules = tableOf(fieldsOf(sequential).get('modules'), 'nn.Sequential.modules');
  return modules.list().map((module) => objectOf(module, 'a module of nn.Sequential'));
}

/** The kind of a value, for messages. */
export function describe(value: Value): string {
  if (value === null) return 'missing';
  if (value instanceof Table) return 'a table';
  if (value instanceof TorchObject || value instanceof Tensor) return `a ${value.className}`;
  return `a ${typeof value}`;
}
