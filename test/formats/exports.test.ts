/** Every format either refuses a kind of vocabulary or cell, with a reason, or reads back the same model. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { bytesSource } from '../../src/checkpoint/safetensors/byte-source.ts';
import { Vocabulary, type VocabularyInput } from '../../src/data/vocabulary.ts';
import { CheckpointError } from '../../src/errors.ts';
import { exportCheckpoint } from '../../src/formats/export.ts';
import type { ExportFormat } from '../../src/formats/format-names.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { writeExport } from '../../src/formats/write-export.node.ts';
import { LanguageModel } from '../../src/index.ts';
import { NO_REGULARIZATION } from '../../src/model/regularization.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { charRnn } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { originals } from './originals.ts';

const FORMATS = ['safetensors', 'pytorch', 'onnx', 'npz', 'torch7'] as const;

const vocabularies: Readonly<Record<string, VocabularyInput>> = {
  'bytes of ASCII': { kind: 'byte', normalize: 'none', symbols: ['\n', 'a', 'b'], hasUnknown: false },
  'any bytes': { kind: 'byte', normalize: 'none', symbols: ['a', '\u00c3', '\u00ff'], hasUnknown: false },
  'bytes with an unknown one': {
    kind: 'byte',
    normalize: 'none',
    symbols: ['a', 'b', '\u00e9'],
    hasUnknown: true,
  },
  'characters of ASCII': {
    kind: 'character',
    normalize: 'none',
    symbols: ['\n', 'a', 'b'],
    hasUnknown: false,
  },
  'characters like byte names': {
    kind: 'character',
    normalize: 'none',
    symbols: ['2', '[', ']', 'a'],
    hasUnknown: false,
  },
  'characters, nfc, an unknown one': {
    kind: 'character',
    normalize: 'nfc',
    symbols: ['a', '\u00e9', '\u20ac', '\u{1F600}'],
    hasUnknown: true,
  },
  graphemes: {
    kind: 'grapheme',
    normalize: 'none',
    symbols: ['\r\n', 'a', 'e\u0301', '\u{1F468}\u200d\u{1F469}'],
    hasUnknown: false,
    unicodeVersion: '15.0',
  },
  'graphemes, an unknown one': {
    kind: 'grapheme',
    normalize: 'none',
    symbols: ['a', 'b', 'e\u0301'],
    hasUnknown: true,
  },
};

const cells = [
  { cell: 'lstm' },
  { cell: 'gru', reset: 'before' },
  { cell: 'gru', reset: 'after' },
  { cell: 'rnn' },
  { cell: 'lstm', embeddingSize: 2 },
] as const;

/** What the formats can't hold. Everything else must be read back. */
function refusal(format: ExportFormat, { config }: Checkpoint): [string, RegExp] | undefined {
  if (format === 'torch7' && config.embeddingSize !== undefined)
    return ['torch7-unsupported', /an embedding/];
  const isV1 = config.cell === 'gru' && config.reset === 'before';
  if (format === 'torch7' && config.cell === 'gru' && !isV1) return ['torch7-unsupported', /reset gate/];
  if (format === 'pytorch' && isV1) return ['checkpoint-not-convertible', /reset gate/];
  return undefined;
}

/** A text in the vocabulary, and the model's results for it. */
async function behaviour(checkpoint: Checkpoint) {
  const model = new LanguageModel(checkpoint, { engine: 'reference' });
  const text = checkpoint.vocabulary.bytesOfAll([1, 0, 2, 1, 1, 2, 0]);
  const content = checkpoint.vocabulary.kind === 'byte' ? text : new TextDecoder().decode(text);
  const { nats } = await model.score(content);
  const bytes: Uint8Array[] = [];
  for await (const piece of model.generatePieces({ length: 12, seed: 4, temperature: 2 }))
    bytes.push(piece.bytes);
  await model.close();
  return { nats, text: Buffer.concat(bytes).toString('hex') };
}

for (const format of FORMATS) {
  for (const [name, init] of Object.entries(vocabularies)) {
    test(`${format}, ${name}: refused, or the same losses and samples`, async () => {
      const vocabulary = new Vocabulary(init);
      for (const [index, cell] of cells.entries()) {
        const precision = index % 2 === 0 ? 'float32' : 'float64';
        const checkpoint = madeCheckpoint({ ...cell, precision, vocabulary });
        const settings = { precision } as const;
        const refused = refusal(format, checkpoint);
        if (refused) {
          const [code, message] = refused;
          assert.throws(() => exportCheckpoint(checkpoint, format, settings), { code, message });
          continue;
        }
        const exported = exportCheckpoint(checkpoint, format, settings);
        const bytes = joined(exported.parts);
        exported.check(bytesSource(bytes), 'x');
        const read = openCheckpoint(bytes, 'x');
        assert.ok(read.vocabulary.equals(vocabulary));
        assert.equal(read.precision, precision);
        assert.deepEqual(read.parameters, checkpoint.parameters);
        assert.deepEqual(read.config, checkpoint.config);
        // The original knows only dropout.
        const kept =
          format === 'torch7' ? { ...NO_REGULARIZATION, dropout: 0.25 } : checkpoint.regularization;
        assert.deepEqual(read.regularization, kept);
        if (format === 'torch7')
          assert.match(exported.notices.join('\n'), /left out: weight drop and token dropout/);
        assert.deepEqual(await behaviour(read), await behaviour(checkpoint));
      }
    });
  }
}

test('keeps the options and losses of a file of the original, and writes it back unchanged', () => {
  const checkpoint = madeCheckpoint({
    vocabulary: new Vocabulary(vocabularies.graphemes as VocabularyInput),
  });
  const once = openCheckpoint(joined(exportCheckpoint(checkpoint, 'torch7').parts), 'x');
  assert.deepEqual(once.origin?.options, {
    model: 'lstm',
    rnn_size: 3,
    num_layers: 2,
    dropout: 0.25,
    gpuid: -1,
    opencl: 0,
    batch_size: 4,
    seed: 123,
    savefile: 'lstm',
  });
  const twice = openCheckpoint(joined(exportCheckpoint(once, 'torch7').parts), 'x');
  assert.deepEqual({ ...twice, vocabulary: 0 }, { ...once, vocabulary: 0 });
  assert.ok(twice.vocabulary.equals(checkpoint.vocabulary));
});

test('facts in a file of the original that do not fit its vocabulary are an error, not another model', () => {
  const vocabulary = new Vocabulary(vocabularies['graphemes, an unknown one'] as VocabularyInput);
  const whole = Buffer.from(joined(exportCheckpoint(madeCheckpoint({ vocabulary }), 'torch7').parts));
  const replaced = (from: string, to: string) => {
    assert.equal(from.length, to.length);
    assert.ok(whole.includes(from));
    const file = Buffer.from(whole.toString('latin1').replace(from, to), 'latin1');
    return () => openCheckpoint(file, 'x');
  };
  assert.throws(replaced('"grapheme"', '"nonsense"'), { code: 'torch7-malformed' });
  assert.throws(replaced('"tokens":"grapheme"', '"tokens":"byte"    '), { code: 'torch7-vocabulary' });
  assert.throws(replaced('{"tokens"', '["tokens"'), { code: 'torch7-malformed' });
});

test('every format holds the models of the original programs, or says why not', () => {
  for (const { name, checkpoint } of originals()) {
    for (const format of FORMATS) {
      const refused = refusal(format, checkpoint);
      if (refused) {
        assert.throws(() => exportCheckpoint(checkpoint, format), { code: refused[0] }, `${name}, ${format}`);
        continue;
      }
      const { parts, check } = exportCheckpoint(checkpoint, format);
      check(bytesSource(joined(parts)), name);
    }
  }
});

test('reports what the file does not hold', () => {
  const notices = (name: string, format: ExportFormat, precision?: 'float32' | 'float64') => {
    const vocabulary = new Vocabulary(vocabularies[name] as VocabularyInput);
    return exportCheckpoint(madeCheckpoint({ vocabulary, precision: 'float32' }), format, { precision })
      .notices;
  };
  assert.match(
    notices('bytes of ASCII', 'torch7').join('\n'),
    /^left out: the training state .*\nleft out: the mean squared gradient.*\nwritten as/,
  );
  const unknown = notices('characters, nfc, an unknown one', 'torch7').join('\n');
  assert.match(unknown, /can draw the unknown symbol, as U\+FFFD/);
  assert.match(unknown, /primed with ASCII only\n.*does not normalise/);
  assert.match(
    notices('graphemes', 'npz').join('\n'),
    /^left out: the training state .*\nleft out: the mean squared gradient, .*$/,
  );
  assert.match(
    notices('graphemes', 'safetensors', 'float64').join('\n'),
    /left out: the mean squared gradient/,
  );
  assert.match(notices('graphemes', 'onnx', 'float64').join('\n'), /without gaining precision over float32/);
  assert.match(notices('characters, nfc, an unknown one', 'vocabulary').join('\n'), /normalisation \(nfc\)/);
  assert.deepEqual(notices('graphemes', 'safetensors'), []);
});

test('does not keep a file that does not hold the model, and keeps the earlier file', async (context) => {
  const folder = temporaryFolder(context);
  const checkpoint = madeCheckpoint({
    vocabulary: new Vocabulary(vocabularies['any bytes'] as VocabularyInput),
  });
  const other = {
    ...checkpoint,
    parameters: checkpoint.parameters.map((value, at) => (at === 7 ? 0 : value)),
  };
  const renamed = {
    ...checkpoint,
    vocabulary: new Vocabulary({
      ...(vocabularies['any bytes'] as VocabularyInput),
      symbols: ['a', 'b', 'c'],
    }),
  };
  for (const format of [...FORMATS, 'vocabulary'] as const) {
    const path = join(folder, format);
    writeFileSync(path, 'mine');
    const { check } = exportCheckpoint(checkpoint, format);
    const wrong = [
      ...(format === 'vocabulary' ? [] : [exportCheckpoint(other, format).parts]),
      exportCheckpoint(renamed, format).parts,
      [new TextEncoder().encode('cut')],
    ];
    for (const parts of wrong) {
      await assert.rejects(writeExport(path, { parts, check }), (error: unknown) => {
        assert.ok(error instanceof CheckpointError);
        assert.equal(error.code, 'checkpoint-export-differs');
        assert.ok(error.message.startsWith(path), error.message);
        return true;
      });
    }
  }
  assert.deepEqual(readdirSync(folder).sort(), [...FORMATS, 'vocabulary'].sort(), 'no other files');
});

test('the library checks its exports too', () => {
  const vocabulary = new Vocabulary(vocabularies.graphemes as VocabularyInput);
  const model = new LanguageModel(madeCheckpoint({ vocabulary }));
  for (const format of ['safetensors', 'torch7', 'npz'] as const) {
    assert.ok(openCheckpoint(model.toBytes(format), 'x').vocabulary.equals(vocabulary), format);
  }
  const broken = new LanguageModel({
    ...model.checkpoint,
    parameters: model.checkpoint.parameters.map(() => Number.NaN),
  });
  assert.throws(() => broken.toBytes(), { code: 'checkpoint-export-differs', message: /can't be read/ });
});

test('the commands convert a grapheme model and an unknown symbol to .t7 and back, and refuse an embedding with alternatives', async (context) => {
  const folder = temporaryFolder(context);
  const run = (...words: string[]) => charRnn(words, { cwd: folder });
  for (const name of ['graphemes', 'characters, nfc, an unknown one']) {
    const vocabulary = new Vocabulary(vocabularies[name] as VocabularyInput);
    writeFileSync(join(folder, 'm.safetensors'), joined(encodeCheckpoint(madeCheckpoint({ vocabulary }))));
    const made = await run('convert', 'm.safetensors', 'm.t7', '--force');
    assert.equal(made.code, 0, made.stderr);
    const sample = ['-length', '40', '-seed', '1', '-verbose', '0'];
    const [theirs, ours] = [
      await run('sample', 'm.t7', ...sample),
      await run('sample', 'm.safetensors', ...sample),
    ];
    assert.equal(theirs.stdout, ours.stdout);
    assert.doesNotMatch(theirs.stdout, /\ufffd/);
    const inspected = await run('inspect', 'm.t7');
    assert.match(inspected.stdout, vocabulary.hasUnknown ? /one of them for unknown/ : /symbols +graphemes/);
  }
  writeFileSync(
    join(folder, 'e.safetensors'),
    joined(encodeCheckpoint(madeCheckpoint({ embeddingSize: 2 }))),
  );
  const refused = await run('convert', 'e.safetensors', 'e.t7');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /it has an embedding[\s\S]*safetensors, npz, onnx/);
  assert.ok(!readdirSync(folder).includes('e.t7'));
});
