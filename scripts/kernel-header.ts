/**
 * native/kernels/generated.h: what the kernels share with src/engine/, as C.
 *
 *     node --import tsx scripts/kernel-header.ts
 *
 * Builds of the kernels in a checkout (build-native.mjs, build-wasm.mjs) run it first.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as calls from '../src/engine/cpu/calls.ts';
import { MAX_MOMENTS, UPDATE_RULE_KINDS, UPDATE_RULES } from '../src/engine/update-rules.ts';

export const KERNEL_HEADER = new URL('../native/kernels/generated.h', import.meta.url);

/** The text of the header. */
export function kernelHeader(): string {
  return `${[
    '// What the kernels share with src/engine/. Made by scripts/kernel-header.ts; not to be edited.\n#pragma once',
    callLines(),
    updateRuleLines(),
  ].join('\n\n')}\n`;
}

function callLines(): string {
  const { MAX_NUMBERS, MAX_BUFFERS, MAX_MODULES, MODULE_FIELDS, CONTROL_FIELDS } = calls;
  return [
    '// src/engine/cpu/calls.ts',
    constants({ MAX_NUMBERS, MAX_BUFFERS, MAX_MODULES, MODULE_FIELDS, CONTROL_FIELDS }),
    numbering('Operation', 'OP', calls.OPERATIONS),
  ].join('\n');
}

function updateRuleLines(): string {
  const rules = UPDATE_RULE_KINDS.map((kind) => ({ kind, ...UPDATE_RULES[kind] }));
  return [
    '// src/engine/update-rules.ts',
    numbering('UpdateRule', 'UPDATE_RULE', UPDATE_RULE_KINDS),
    constants({ MAX_MOMENTS, MAX_RULE_PARAMETERS: Math.max(...rules.map((rule) => rule.parameters.length)) }),
    `static const int MOMENT_COUNT[] = {${rules.map((rule) => rule.moments).join(', ')}};`,
    ...rules.map(
      ({ kind, parameters }) =>
        `struct ${capitalised(kind)}Parameters {\n  double ${parameters.join(', ')};\n};`,
    ),
  ].join('\n');
}

function constants(values: Readonly<Record<string, number>>): string {
  const lines = Object.entries(values).map(([name, value]) => `  ${name} = ${value},\n`);
  return `enum {\n${lines.join('')}};`;
}

/** An enumeration from 0 on; `<prefix>_COUNT` ends it. */
function numbering(name: string, prefix: string, names: readonly string[]): string {
  const lines = [...names, 'count'].map((one) => `  ${prefix}_${constantName(one)},\n`);
  return `enum ${name} {\n${lines.join('')}};`;
}

/** `packRows`: PACK_ROWS. */
function constantName(name: string): string {
  return name.replace(/[A-Z]/g, '_$&').toUpperCase();
}

function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = kernelHeader();
  const path = fileURLToPath(KERNEL_HEADER);
  if (readFileSync(path, { encoding: 'utf8', flag: 'a+' }) !== text) {
    writeFileSync(`${path}.unfinished`, text);
    renameSync(`${path}.unfinished`, path);
  }
}
