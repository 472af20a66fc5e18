/** `eval`, `compare` and `complete` as a person types them. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors } from '../../src/checkpoint/safetensors/safetensors.ts';
import { sharedFolder, temporaryFolder } from '../temporary-folder.ts';
import { charRnn as start } from './command.ts';
import { residentCharRnn } from './resident.ts';

const harbour = fileURLToPath(new URL('../fixtures/original/harbour.txt', import.meta.url));
const oldModel = fileURLToPath(
  new URL('../fixtures/original/checkpoints/float_lstm16x2.t7', import.meta.url),
);
const charRnn = residentCharRnn();
const ESCAPE = '\u001b';
const cwd = sharedFolder();
let checkpoints: string[] = [];
/** The output of the training. */
let log = '';
const loss = (name: string) => Number(/_(\d\.\d{4})\.safetensors$/.exec(name)?.[1]);

before(async () => {
  writeFileSync(join(cwd, 'book.txt'), readFileSync(harbour));
  const flags = ['-rnn_size', '24', '-batch_size', '10', '-seq_length', '20', '-eval_val_every', '100'];
  const run = await charRnn(['train', 'book.txt', ...flags, '-max_epochs', '4'], { cwd });
  assert.equal(run.code, 0, run.stderr);
  log = run.stdout;
  checkpoints = readdirSync(join(cwd, 'cv'))
    .filter((name) => /_\d\.\d{4}\.safetensors$/.test(name))
    .sort((a, b) => loss(a) - loss(b))
    .map((name) => join('cv', name));
  assert.ok(checkpoints.length >= 2);
});

test('eval of the own text: the loss in the name of the file, to its four decimals', async () => {
  for (const path of checkpoints) {
    const { code, stdout, stderr } = await charRnn(['eval', path], { cwd });
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^loss +${loss(path).toFixed(4)} nats`, 'm'));
    assert.match(stdout, /val: \d+ batches of 10 × 20/);
  }
});

test('--baseline prints the loss of the count model that the run printed', async () => {
  const [path = ''] = checkpoints;
  const [, line = ''] =
    /^baseline: a count model of order 5 has (\d\.\d{4}): the loss to beat$/m.exec(log) ?? [];
  const { stdout, stderr } = await charRnn(['eval', path, '--baseline'], { cwd });
  const pattern = `^baseline ${line} nats per character, .*; the loss is \\d\\.\\d\\d (above|below) the count model of order 5$`;
  assert.match(stdout, new RegExp(pattern, 'm'), stderr);
  const { stdout: json } = await charRnn(['eval', path, '--baseline', '--json'], { cwd });
  const { baseline, characters } = JSON.parse(json);
  assert.equal(baseline.natsPerCharacter.toFixed(4), line);
  assert.deepEqual([baseline.order, baseline.characters], [5, characters]);
});

test('--fit-temperature lowers the loss of the validation part, and scores another text with the temperature', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'book.txt'), readFileSync(harbour).subarray(0, 4000));
  writeFileSync(join(folder, 'other.txt'), readFileSync(harbour).subarray(4000, 5000));
  const flags = ['-rnn_size', '4', '-batch_size', '4', '-seq_length', '10', '-max_epochs', '2'];
  const fractions = ['-train_frac', '0.6', '-val_frac', '0.2'];
  const trained = await charRnn(['train', 'book.txt', ...flags, ...fractions], { cwd: folder });
  assert.equal(trained.code, 0, trained.stderr);
  const run = async (...words: string[]) => {
    const { code, stdout, stderr } = await charRnn(['eval', 'cv', ...words], { cwd: folder });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const json = async (...words: string[]) => JSON.parse(await run(...words, '--json'));
  const validation = await json('--fit-temperature');
  const { temperature } = validation.fitted;
  assert.notEqual(temperature, 1);
  assert.ok(validation.fitted.nats < validation.nats);
  const { before, after } = validation.fitted.validation;
  assert.equal(before.characters, validation.characters);
  assert.ok(Math.abs(before.nats - validation.nats) < 1e-3);
  assert.ok(Math.abs(after.nats - validation.fitted.nats) < 1e-3);
  // Every part and text is scored as with --temperature, and with the temperature of the validation part.
  for (const words of [
    [],
    ['--part', 'test'],
    ['--part', 'train'],
    ['other.txt'],
    ['other.txt', '--rows', '3'],
  ]) {
    const fitted = await json(...words, '--fit-temperature');
    assert.deepEqual(fitted.fitted.validation, validation.fitted.validation);
    const [plain, given] = [await json(...words), await json(...words, '--temperature', String(temperature))];
    assert.deepEqual([fitted.temperature, plain.temperature, given.temperature], [1, 1, temperature]);
    assert.equal(fitted.nats, plain.nats);
    assert.equal(fitted.fitted.nats, given.nats);
    assert.notEqual(given.nats, plain.nats);
  }
  const lines = await run('--part', 'test', '--fit-temperature');
  assert.match(
    lines,
    new RegExp(`^fitted +\\d.* nats per character, .* at temperature ${temperature}$`, 'm'),
  );
  assert.match(lines, /^ +Fitted on 800 characters of the validation part: \d\.\d+ at 1, \d\.\d+ at /m);
  assert.match(lines, new RegExp(`eval cv/.* other\\.txt --temperature ${temperature}$`, 'm'));
  const given = await run('--temperature', '2');
  assert.match(given, /^loss .* over 800 characters, at temperature 2$/m);
  // The run has nothing but its own text to fit on.
  rmSync(join(folder, 'book.txt'));
  const missing = await charRnn(['eval', 'cv', 'other.txt', '--fit-temperature'], { cwd: folder });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /book\.txt/);
});

test('eval of another text: all of it, as one sequence or in rows; the output says which', async () => {
  const [model = ''] = checkpoints;
  writeFileSync(join(cwd, 'other.txt'), readFileSync(harbour).subarray(0, 3000));
  const one = await charRnn(['eval', model, 'other.txt', '--json'], { cwd });
  const rows = await charRnn(['eval', model, 'other.txt', '--rows', '7', '--json'], { cwd });
  const [whole, cut] = [JSON.parse(one.stdout), JSON.parse(rows.stdout)];
  assert.equal(whole.characters, 2999);
  assert.equal(cut.characters, 2999);
  assert.match(whole.how, /from start to end/);
  assert.match(cut.how, /7 parallel rows/);
  assert.notEqual(whole.nats, cut.nats);
  assert.ok(Math.abs(whole.natsPerCharacter - cut.natsPerCharacter) < 0.1);
  assert.ok(Math.abs(whole.bitsPerCharacter * Math.LN2 - whole.natsPerCharacter) < 1e-12);
});

test('eval by document: each one separately, and all together', async () => {
  const [model = ''] = checkpoints;
  const text = readFileSync(harbour, 'utf8').slice(0, 3000);
  writeFileSync(join(cwd, 'documents.txt'), text);
  const parts = text.split(/(?<=\n\n)/);
  const run = await charRnn(['eval', model, 'documents.txt', '--separator', '\\n\\n', '--json'], { cwd });
  const report = JSON.parse(run.stdout);
  assert.equal(report.documents.length, parts.length);
  assert.equal(report.characters, text.length - parts.length);
  writeFileSync(join(cwd, 'first.txt'), parts[0] ?? '');
  const alone = JSON.parse((await charRnn(['eval', model, 'first.txt', '--json'], { cwd })).stdout);
  assert.equal(report.documents[0].nats, alone.nats);
  const lines = await charRnn(['eval', model, 'documents.txt', '--separator', '\\n\\n'], { cwd });
  assert.match(lines.stdout, /^ {2}document 1 +\d/m);
  assert.match(lines.stdout, new RegExp(`^part +all: .* ${parts.length} documents`, 'm'));
});

test("a text is read with the separator of the model's run, unless another or none is given", async (context) => {
  const cwd = temporaryFolder(context);
  mkdirSync(join(cwd, 'texts'));
  const text = readFileSync(harbour, 'utf8').slice(0, 3000);
  for (const part of [0, 1, 2])
    writeFileSync(join(cwd, 'texts', `${part}.txt`), text.slice(part * 1000, (part + 1) * 1000));
  const json = async (...words: string[]) => {
    const { code, stdout, stderr } = await charRnn([...words, '--json'], { cwd });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const small = '-rnn_size 4 -num_layers 1 -batch_size 2 -seq_length 20 -max_iterations 1 --baseline false';
  const train = ['train', 'texts', ...small.split(' ')];
  for (const [checkpointDir, more] of [
    ['cut', ['--separator', '\\n==\\n']],
    ['whole', []],
  ] as const)
    assert.equal((await charRnn([...train, '-checkpoint_dir', checkpointDir, ...more], { cwd })).code, 0);

  // Two separators of four characters are added. The first character of each document is not predicted.
  const cut = await json('eval', 'cut', 'texts');
  assert.deepEqual([cut.documents.length, cut.characters], [3, 3008 - 3]);
  assert.deepEqual(await json('eval', 'cut', 'texts', '--separator', '\\n==\\n'), cut);
  const none = await json('eval', 'cut', 'texts', '--separator', '');
  assert.deepEqual([none.documents, none.characters], [undefined, 2999]);
  assert.equal((await json('eval', 'cut', 'texts', '--rows', '2')).characters, 2999);
  assert.equal((await json('eval', 'whole', 'texts')).characters, 2999);

  const same = await json('compare', 'cut', 'cut', 'texts');
  assert.deepEqual([same.documents, same.count], [3, 3008 - 3]);
  const different = await charRnn(['compare', 'cut', 'whole', 'texts'], { cwd });
  assert.match(different.stderr, /were not trained with the same separator, so .* one document\.$/m);
  assert.match(different.stdout, /^over 2,999 characters;/m);
});

test('--surprise shows the unchanged text, then the places; colours only if requested', async () => {
  const [model = ''] = checkpoints;
  const text = readFileSync(harbour, 'utf8').slice(0, 300).replaceAll('e', 'x');
  writeFileSync(join(cwd, 'odd.txt'), text);
  const args = ['eval', model, 'odd.txt', '--surprise'];
  const plain = await start(args, { cwd, env: { NO_COLOR: '1' } });
  assert.equal(plain.code, 0, plain.stderr);
  assert.ok(plain.stdout.startsWith(text));
  assert.match(plain.stdout, /^ +\d+\.\d bits +\d+:\d+ .*x$/m);
  assert.match(plain.stdout, /the most surprising places/);
  assert.ok(!plain.stdout.includes(ESCAPE));
  const coloured = await start(args, { cwd, env: { FORCE_COLOR: '1', NO_COLOR: '' } });
  const pieces = coloured.stdout.split(ESCAPE);
  assert.ok(pieces.length > 10);
  assert.equal(
    pieces.map((piece, i) => (i === 0 ? piece : piece.replace(/^\[\d+m/, ''))).join(''),
    plain.stdout,
  );
});

test('--dynamic prints a second loss, with statistics of the text that the checkpoint names, or of a named text', async () => {
  const [model = ''] = checkpoints;
  writeFileSync(join(cwd, 'part.txt'), readFileSync(harbour).subarray(0, 3000));
  const dynamic = ['eval', model, 'part.txt', '--dynamic'];
  const own = await charRnn(dynamic, { cwd });
  assert.equal(own.code, 0, own.stderr);
  assert.equal(own.stderr, '');
  assert.match(own.stdout, /^loss +\d/m);
  assert.match(own.stdout, /^dynamic +\d.*, with statistics of the training text/m);
  const named = await charRnn([...dynamic, '--statistics-text', 'part.txt', '--json'], { cwd });
  const { dynamic: figures } = JSON.parse(named.stdout);
  assert.equal(figures.meanSquare, 'training');
  assert.ok(!own.stdout.includes(`dynamic  ${figures.natsPerCharacter.toFixed(4)} `));
  // A model of another program does not say where its text is.
  const unknown = await charRnn(['eval', oldModel, 'part.txt', '--dynamic'], { cwd });
  assert.equal(unknown.code, 0, unknown.stderr);
  assert.match(unknown.stderr, /^--dynamic has no statistics .* no training state.*--statistics-text\.$/m);
  assert.match(unknown.stdout, /^dynamic .*, without statistics of the training text/m);
});

test('--dynamic on the training text itself does not read it again', async (context) => {
  const folder = temporaryFolder(context);
  const text = readFileSync(harbour).subarray(0, 2000);
  writeFileSync(join(folder, 'book.txt'), text);
  writeFileSync(join(folder, 'same.txt'), text);
  const flags = ['-rnn_size', '4', '-batch_size', '2', '-seq_length', '10', '-max_epochs', '1'];
  assert.equal((await charRnn(['train', 'book.txt', ...flags], { cwd: folder })).code, 0);
  const words = ['eval', 'cv', 'same.txt', '--dynamic'];
  const evaluate = (...more: string[]) => charRnn([...words, ...more, '--json'], { cwd: folder });
  const [before, asDocuments] = [await evaluate(), await evaluate('--separator', '\\n')];
  rmSync(join(folder, 'book.txt'));
  const after = await evaluate();
  assert.equal(after.stderr, before.stderr);
  assert.equal(after.stdout, before.stdout);
  assert.equal(JSON.parse(after.stdout).dynamic.meanSquare, 'training');
  // Read as other tokens, it is not the text of the run.
  assert.equal(JSON.parse(asDocuments.stdout).dynamic.meanSquare, 'training');
  const other = await evaluate('--separator', '\\n');
  assert.match(other.stderr, /--dynamic has no statistics/);
  assert.equal(JSON.parse(other.stdout).dynamic.meanSquare, 'running');
});

test('--dynamic if the training text has changed: a running mean square, or an error with --save-statistics', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'book.txt'), readFileSync(harbour).subarray(0, 2000));
  const flags = ['-rnn_size', '4', '-batch_size', '2', '-seq_length', '10', '-max_epochs', '1'];
  assert.equal((await charRnn(['train', 'book.txt', ...flags], { cwd: folder })).code, 0);
  writeFileSync(join(folder, 'book.txt'), readFileSync(harbour).subarray(0, 1999));
  const words = ['eval', 'cv', 'book.txt', '--dynamic'];
  const changed = await charRnn(words, { cwd: folder });
  assert.equal(changed.code, 0, changed.stderr);
  assert.match(changed.stderr, /--dynamic has no statistics .* changed/);
  assert.match(changed.stdout, /^dynamic .*, without statistics/m);
  const saved = await charRnn([...words, '--save-statistics'], { cwd: folder });
  assert.equal(saved.code, 1);
  assert.match(saved.stderr, /changed/);
});

test('--save-statistics adds them to the file; the run goes on with the same bits', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'book.txt'), readFileSync(harbour).subarray(0, 2000));
  const flags = ['-rnn_size', '4', '-batch_size', '2', '-seq_length', '10', '--optimizer', 'adam'];
  const train = (words: readonly string[]) => charRnn(['train', ...words], { cwd: folder });
  assert.equal((await train(['book.txt', ...flags, '-max_epochs', '1'])).code, 0);
  cpSync(join(folder, 'cv'), join(folder, 'other'), { recursive: true, verbatimSymlinks: true });
  const link = join(folder, 'cv', 'last.safetensors');
  const before = decodeSafetensors(readFileSync(link), 'x');
  const evaluated = await charRnn(['eval', 'cv', 'book.txt', '--dynamic', '--save-statistics'], {
    cwd: folder,
  });
  assert.equal(evaluated.code, 0, evaluated.stderr);
  assert.match(evaluated.stderr, /stored the statistics in cv/);
  assert.ok(lstatSync(link).isSymbolicLink());
  const after = decodeSafetensors(readFileSync(link), 'x');
  assert.deepEqual(after.metadata, before.metadata);
  for (const [name, { shape, values }] of before.tensors) {
    const added = after.tensors.get(`mean_square.${name}`);
    assert.deepEqual(after.tensors.get(name)?.values, values, name);
    if (/^(rnn|decoder)\./.test(name)) assert.deepEqual(added?.shape, shape);
  }
  // The stored statistics give the same figures, without the text.
  rmSync(join(folder, 'book.txt'));
  writeFileSync(join(folder, 'same.txt'), readFileSync(harbour).subarray(0, 2000));
  const again = await charRnn(['eval', 'cv', 'same.txt', '--dynamic'], { cwd: folder });
  const dynamicLine = (output: string) => /^dynamic .*$/m.exec(output)?.[0];
  assert.equal(dynamicLine(again.stdout), dynamicLine(evaluated.stdout));
  // Resumed, both write the same checkpoint. It has other weights, so it has no statistics.
  writeFileSync(join(folder, 'book.txt'), readFileSync(harbour).subarray(0, 2000));
  for (const name of ['cv', 'other']) {
    const resumed = await train(['--resume', name, '-max_epochs', '2']);
    assert.equal(resumed.code, 0, resumed.stderr);
  }
  const last = ['cv', 'other'].map((name) =>
    decodeSafetensors(readFileSync(join(folder, name, 'last.safetensors')), 'x'),
  );
  assert.deepEqual(last[0]?.tensors, last[1]?.tensors);
  assert.ok(![...(last[0]?.tensors.keys() ?? [])].some((name) => name.startsWith('mean_square.')));
});

test('--save-statistics stores nothing in a file of another program, and needs --dynamic', async (context) => {
  const folder = temporaryFolder(context);
  copyFileSync(oldModel, join(folder, 'old.t7'));
  writeFileSync(join(folder, 'part.txt'), readFileSync(harbour).subarray(0, 1000));
  const words = ['eval', 'old.t7', 'part.txt', '--save-statistics', '--statistics-text', 'part.txt'];
  const refused = await charRnn([...words, '--dynamic'], { cwd: folder });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /old\.t7 was not changed/);
  assert.deepEqual(readFileSync(join(folder, 'old.t7')), readFileSync(oldModel));
  const without = await charRnn(words, { cwd: folder });
  assert.equal(without.code, 2);
  assert.match(without.stderr, /--save-statistics needs --dynamic/);
});

test('compare: differences with an interval; the same model twice shows no significant difference', async () => {
  const [good = '', poor = ''] = [checkpoints[0], checkpoints.at(-1)];
  const { code, stdout, stderr } = await charRnn(['compare', poor, good, 'book.txt'], { cwd });
  assert.equal(code, 0, stderr);
  const lines = stdout.split('\n');
  assert.ok(lines[0]?.startsWith(good) && lines[0].endsWith('the best'));
  assert.match(lines[1] ?? '', /\+\d.*worse$/);
  const same = await charRnn(['compare', good, good, 'book.txt', '--json'], { cwd });
  assert.deepEqual(JSON.parse(same.stdout).models[1].behindBest, { mean: 0, low: 0, high: 0, below: 0 });
  // The same weights in double precision differ by roundings alone.
  const double = await charRnn(['convert', good, 'double.npz', '--precision', 'float64'], { cwd });
  assert.equal(double.code, 0, double.stderr);
  const rounded = await charRnn(['compare', good, 'double.npz', 'other.txt'], { cwd });
  assert.match(rounded.stdout, /no significant difference/);
});

test('complete: words with probabilities', async () => {
  const [model = ''] = checkpoints;
  const { code, stdout, stderr } = await charRnn(['complete', model, 'the ', '--count', '5', '--json'], {
    cwd,
  });
  assert.equal(code, 0, stderr);
  const { words, completes } = JSON.parse(stdout);
  assert.equal(completes, false);
  assert.equal(words.length, 5);
  const probabilities = words.map(({ probability }: { probability: number }) => probability);
  assert.deepEqual(
    probabilities,
    [...probabilities].sort((a, b) => b - a),
  );
});

test('complete reads a text with unknown characters if --unknown allows it', async () => {
  const [model = ''] = checkpoints;
  const plain = await charRnn(['complete', model, 'the w'], { cwd });
  const skipping = await charRnn(['complete', model, 'the\u{1f40b} w', '--unknown', 'skip'], { cwd });
  assert.equal(skipping.code, 0, skipping.stderr);
  assert.equal(skipping.stdout, plain.stdout);
  assert.match(skipping.stderr, /\u{1f40b}/u);
});

test('bad input', async (context) => {
  const [model = ''] = checkpoints;
  const elsewhere = temporaryFolder(context);
  writeFileSync(join(elsewhere, 'x.txt'), 'x');
  writeFileSync(join(elsewhere, 'lines.txt'), '\n\n\n');
  writeFileSync(join(elsewhere, 'ab.txt'), 'ab');
  writeFileSync(join(elsewhere, 'emoji.txt'), 'a\u{1f40b}');
  writeFileSync(join(elsewhere, 'other.txt'), 'another text than that of the run');
  const cases: [string[], number, RegExp][] = [
    [['eval'], 2, /eval takes a checkpoint/],
    [['eval', model, '--part', 'all'], 2, /--part all needs a text/],
    [['eval', model, '--part', 'test'], 1, /the test part .* has no batch/],
    [['eval', model, 'book.txt', '--baseline'], 2, /--baseline .* use it with --part val or test/],
    [['eval', model, '--part', 'train', '--baseline'], 2, /--baseline .* use it with --part val or test/],
    [['eval', model, '--fit-temperature', '--temperature', '2'], 2, /use only one of them/],
    [['eval', model, 'book.txt', '--fit-temperature', '--dynamic'], 2, /fixed weights: leave out --dynamic/],
    [['eval', model, 'book.txt', '--temperature', '2', '--dynamic'], 2, /expected 1 with --dynamic/],
    [['eval', model, '--temperature', '0'], 2, /temperature/],
    [['eval', model, '--part', 'all', '--fit-temperature'], 2, /--part all needs a text/],
    [['eval', model, 'book.txt', '--valid', 'book.txt'], 2, /use it with --part val/],
    [['eval', oldModel, 'book.txt', '--fit-temperature'], 1, /the validation text .* is not known/],
    [['eval', model, '--surprise'], 2, /--surprise needs a whole text/],
    [['eval', model, join(elsewhere, 'x.txt'), '--unknown', 'skip'], 1, /nothing to predict|is empty/],
    [['eval', model, join(elsewhere, 'other.txt'), '--part', 'val'], 1, /other\.txt \(text\): another text/],
    [['eval', model, 'book.txt', '--separator', 'x', '--rows', '2'], 2, /--rows cuts a text/],
    [
      ['eval', model, join(elsewhere, 'lines.txt'), '--separator', '\\n'],
      1,
      /lines\.txt has only documents of one character: nothing to predict\. Scoring needs a document of at least two\./,
    ],
    [['eval', model, 'book.txt', '--dynamic', '--quantize', 'int8'], 2, /int8 are fixed: use only one of/],
    [['eval', model, 'nowhere.txt'], 1, /there is no text at nowhere\.txt/],
    [['eval', model, '--part', 'val', '--rows', '4'], 2, /--rows cuts a text/],
    [['eval', model, '--separator', 'x'], 2, /--separator cuts a text, but --part val/],
    [['eval', oldModel], 1, /its own text is not known\. Name a text/],
    [
      ['eval', model, join(elsewhere, 'emoji.txt'), '--unknown', 'error'],
      1,
      /To leave such characters out:\n.*--unknown skip$/m,
    ],
    [['compare', model, model, join(elsewhere, 'ab.txt')], 1, /too short to compare/],
    [['complete', model, 'a\u{1f40b}'], 1, /character 2,.*--unknown skip$/ms],
    [['compare', model, 'book.txt'], 2, /two or more checkpoints/],
    [['complete'], 2, /complete takes a checkpoint/],
    [['complete', model, ''], 1, /no text to complete/],
  ];
  for (const [words, code, message] of cases) {
    const outcome = await charRnn(words, { cwd });
    assert.equal(outcome.code, code, `${words.join(' ')}: ${outcome.stderr}`);
    assert.match(outcome.stderr, message);
    assert.equal(outcome.stdout, '');
  }
});

test('eval and compare replace unknown characters with the nearest known ones, and both print how many', async () => {
  const model = join('cv', 'best.safetensors');
  writeFileSync(join(cwd, 'typed.txt'), `${readFileSync(harbour, 'utf8').slice(0, 2000)} café \u{1f40b}`);
  const scored = await charRnn(['eval', model, 'typed.txt', '--json'], { cwd });
  assert.equal(scored.code, 0, scored.stderr);
  const { replaced, leftOut } = JSON.parse(scored.stdout);
  assert.deepEqual([replaced, leftOut], [1, 1]);
  assert.match(scored.stderr, /replaced 1 character .*"é" with "e"/);
  const compared = await charRnn(['compare', model, model, 'typed.txt', '--json'], { cwd });
  assert.equal(compared.code, 0, compared.stderr);
  for (const found of JSON.parse(compared.stdout).models)
    assert.deepEqual([found.replaced, found.leftOut], [1, 1]);
  assert.equal(compared.stderr.match(/replaced 1 character/g)?.length, 2, 'once for each model');
  const strict = await charRnn(['eval', model, 'typed.txt', '--unknown', 'error'], { cwd });
  assert.deepEqual([strict.code, strict.stdout], [1, '']);
});
