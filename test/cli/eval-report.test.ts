/** Reports name the unit of a loss: a loss per byte is not a loss per character. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EvaluationReport, reportJson, reportLines } from '../../src/cli/report/eval-report.ts';
import type { ScoredModel } from '../../src/cli/run/scored-model.ts';
import { type TokenKind, Vocabulary } from '../../src/data/vocabulary.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const SYMBOLS: Readonly<Record<TokenKind, readonly string[]>> = {
  character: ['a', 'é'],
  byte: ['a', '\u00a9', '\u00c3'],
  grapheme: ['a', 'e\u0301'],
};

for (const [kind, symbols] of Object.entries(SYMBOLS) as [TokenKind, readonly string[]][]) {
  test(`a loss of a model over ${kind}s`, () => {
    const vocabulary = new Vocabulary({ kind, normalize: 'none', symbols, hasUnknown: false });
    const model: ScoredModel = {
      path: 'm.safetensors',
      checkpoint: madeCheckpoint({ vocabulary }),
      engine: new ReferenceEngine('float32'),
      quantization: undefined,
    };
    const report: EvaluationReport = {
      model,
      text: { name: 'a.txt', bytes: 9, sha256: '', characters: 1234 },
      part: 'all',
      how: 'all',
      documents: [{ name: 'document 1', characters: 2, nats: 1 }],
      characters: 1233,
      temperature: 1,
      nats: 1233,
      dynamic: { nats: 1233, meanSquare: 'running' },
      surprising: undefined,
    };
    const text = reportLines(report).join('\n');
    assert.match(text, new RegExp(`^text .* 1,234 ${kind}s$`, 'm'));
    assert.match(text, new RegExp(`document 1 .* nats per ${kind}, .* over 2 ${kind}s$`, 'm'));
    assert.match(text, new RegExp(`^loss +1\\.0000 nats per ${kind}, .* over 1,233 ${kind}s$`, 'm'));
    assert.doesNotMatch(text, /learns too fast/);
    assert.match(text, new RegExp(`^dynamic +1\\.0000 nats per ${kind}`, 'm'));
    const worse = { ...report, dynamic: { nats: 1234, meanSquare: 'training' } } as const;
    assert.match(reportLines(worse).join('\n'), /learns too fast.*--dynamic-rate/);
    const broken = { ...report, dynamic: { nats: 1233e30, meanSquare: 'training' } } as const;
    assert.match(
      reportLines(broken).join('\n'),
      /^dynamic +1\.0000e\+30 nats .* bits, perplexity Infinity,/m,
    );
    const one = { ...report, documents: [{ name: 'document 1', characters: 1, nats: 1 }] };
    assert.match(reportLines(one).join('\n'), new RegExp(`document 1 .*, over 1 ${kind}$`, 'm'));
    assert.equal(reportJson(report).unit, kind);
    const changed = (replaced: number, leftOut: number) =>
      reportLines({ ...report, changed: { replaced, leftOut } }).find((line) => line.startsWith('changed'));
    assert.equal(changed(0, 0), undefined);
    assert.equal(changed(0, 2), `changed  2 ${kind}s left out`);
    assert.equal(changed(1, 0), `changed  1 ${kind} replaced with the nearest that the model knows`);
    assert.equal(
      changed(3, 1),
      `changed  3 ${kind}s replaced with the nearest that the model knows, 1 ${kind} left out`,
    );
  });
}

test('a report says that the weights were in int8', () => {
  assert.match(reportLines(reportOf('int8'))[0] ?? '', /^model .* 2 layers of \d+, weights in int8$/);
  assert.doesNotMatch(reportLines(reportOf(undefined))[0] ?? '', /int8/);
  assert.match(reportJson(reportOf('int8')).engine, /, weights in int8$/);
  assert.doesNotMatch(reportJson(reportOf(undefined)).engine, /int8/);
});

test('the command that uses a fitted temperature computes in the same numbers', () => {
  const summary = { characters: 1, nats: 1, natsPerCharacter: 1, bitsPerCharacter: 1, perplexity: 1 };
  const fitted = { fit: { temperature: 1.1, before: summary, after: summary }, nats: 1 };
  const command = (quantization: 'int8' | undefined, weightTypes?: readonly ['int8', 'float32']) => {
    const { model, ...rest } = reportOf(quantization);
    const checkpoint = weightTypes ? { ...model.checkpoint, weightTypes } : model.checkpoint;
    return reportLines({ ...rest, model: { ...model, checkpoint }, fitted }).at(-1) ?? '';
  };
  assert.match(command(undefined), / other\.txt --temperature 1\.1$/);
  assert.match(command('int8'), / other\.txt --temperature 1\.1 --quantize int8$/);
  assert.match(command('int8', ['int8', 'float32']), / other\.txt --temperature 1\.1$/);
});

/** A report of a model in int8 or floats. */
function reportOf(quantization: 'int8' | undefined): EvaluationReport {
  const vocabulary = new Vocabulary({
    kind: 'character',
    normalize: 'none',
    symbols: ['a', 'b'],
    hasUnknown: false,
  });
  const model = {
    path: 'm.safetensors',
    checkpoint: madeCheckpoint({ vocabulary }),
    engine: new ReferenceEngine('float32'),
  };
  return {
    model: { ...model, quantization },
    text: { name: 'a.txt', bytes: 2, sha256: '', characters: 2 },
    part: 'all',
    how: 'all',
    documents: [],
    characters: 1,
    temperature: 1,
    nats: 1,
    dynamic: undefined,
    surprising: undefined,
  };
}
