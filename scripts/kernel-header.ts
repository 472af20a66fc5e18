/**
 * native/kernels/generated.h: what the kernels share with src/engine/, as C.
 *
 *     node --import tsx scripts/kernel-header.ts
 *
 * Builds of the kernels in a checkout (build-native.mjs, build-wasm.mjs) run it first.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CELL_NAMES, cellFacts } from '../src/engine/cells.ts';
import * as calls from '../src/engine/cpu/calls.ts';
import { UPDATE_REPORT_LENGTH } from '../src/engine/engine.ts';
import { dimensionsOf, SIZES } from '../src/engine/sizes.ts';
import { MAX_MOMENTS, UPDATE_RULE_KINDS, UPDATE_RULES } from '../src/engine/update-rules.ts';

export const KERNEL_HEADER = new URL('../native/kernels/generated.h', import.meta.url);

/** The text of the header. */
export function kernelHeader(): string {
  return `${[
    '// What the kernels share with src/engine/. Made by scripts/kernel-header.ts; not to be edited.\n#pragma once',
    callLines(),
    cellLines(),
    updateRuleLines(),
    sizeLines(),
  ].join('\n\n')}\n`;
}

function callLines(): string {
  const { MAX_NUMBERS, MAX_BUFFERS, MAX_MODULES, MODULE_FIELDS, CONTROL_FIELDS } = calls;
  const { LANES, CHUNK_FLOATS, DRAW_ROOMS } = calls;
  return [
    '// src/engine/cpu/calls.ts',
    constants({ MAX_NUMBERS, MAX_BUFFERS, MAX_MODULES, MODULE_FIELDS, CONTROL_FIELDS }),
    constants({ LANES, CHUNK_FLOATS, DRAW_ROOMS, UPDATE_REPORT_LENGTH }),
    numbering('Operation', 'OP', calls.OPERATIONS),
  ].join('\n');
}

function cellLines(): string {
  const facts = CELL_NAMES.map(cellFacts);
  return [
    '// src/engine/cells.ts',
    numbering('Cell', 'CELL', CELL_NAMES),
    table(
      'GATE_COUNT',
      facts.map(({ gates }) => gates.length),
    ),
    '// Parts of a state, and which of them is h; where there are two, c is the other.',
    table(
      'STATE_PARTS',
      facts.map(({ state }) => state.length),
    ),
    table(
      'H_PART',
      facts.map(({ state }) => state.indexOf('h')),
    ),
    '// What a tape keeps of every step beside the gates: h and, with two, c or the candidate.',
    table(
      'KEPT_COUNT',
      facts.map(({ kept }) => kept.length),
    ),
  ].join('\n');
}

function updateRuleLines(): string {
  const rules = UPDATE_RULE_KINDS.map((kind) => ({ kind, ...UPDATE_RULES[kind] }));
  return [
    '// src/engine/update-rules.ts',
    numbering('UpdateRule', 'UPDATE_RULE', UPDATE_RULE_KINDS),
    constants({ MAX_MOMENTS, MAX_RULE_PARAMETERS: Math.max(...rules.map((rule) => rule.parameters.length)) }),
    table(
      'MOMENT_COUNT',
      rules.map(({ moments }) => moments),
    ),
    ...rules
      .filter(({ parameters }) => parameters.length > 0)
      .map(
        ({ kind, parameters }) =>
          `struct ${capitalised(kind)}Parameters {\n  double ${parameters.join(', ')};\n};`,
      ),
  ].join('\n');
}

function sizeLines(): string {
  const functions = Object.entries(SIZES).map(([name, formula]) => {
    const parameters = dimensionsOf(formula).map((dimension) => `double ${dimension}`);
    const sum = formula.map((factors) => factors.join(' * ')).join(' + ');
    return `static inline double ${snakeCase(name)}_size(${parameters.join(', ')}) { return ${sum}; }`;
  });
  return ['// src/engine/sizes.ts', ...functions].join('\n');
}

function table(name: string, values: readonly number[]): string {
  return `static const int ${name}[] = {${values.join(', ')}};`;
}

function constants(values: Readonly<Record<string, number>>): string {
  const lines = Object.entries(values).map(([name, value]) => `  ${name} = ${value},\n`);
  return `enum {\n${lines.join('')}};`;
}

/** An enumeration from 0 on; `<prefix>_COUNT` ends it. */
function numbering(name: string, prefix: string, names: readonly string[]): string {
  const lines = [...names, 'count'].map((one) => `  ${prefix}_${snakeCase(one).toUpperCase()},\n`);
  return `enum ${name} {\n${lines.join('')}};`;
}

/** `packRows`: pack_rows. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, '_$&').toLowerCase();
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
