/** `char-rnn ls`: what it lists, and that it fits. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { surveyFolder } from '../../src/checkpoint/storage/run-survey.node.ts';
import { surveyJson, surveyLines } from '../../src/cli/report/ls-report.ts';
import { train } from '../../src/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { residentCharRnn } from './resident.ts';

const charRnn = residentCharRnn();

async function setUp(context: TestContext) {
  const cwd = temporaryFolder(context);
  const textFile = join(cwd, 'a-text-with-a-long-name.txt');
  writeFileSync(textFile, 'the harbour wall stood in the rain. '.repeat(20));
  const small = { textFile, hiddenSize: 4, layers: 1, batchSize: 2, sequenceLength: 5, evaluateEvery: 2 };
  const folder = join(cwd, 'cv');
  for (const saveName of ['lstm', 'b'])
    for await (const _ of train({ ...small, saveName, checkpointDir: folder, maxIterations: 5 }));
  return { cwd, folder };
}

test('one line per run, with best and last loss and epochs; damaged files and models by name; within 80 columns', async (context) => {
  const { cwd, folder } = await setUp(context);
  const [whole = ''] = readdirSync(folder).filter((name) => name.startsWith('lm_b'));
  writeFileSync(join(folder, 'cut.safetensors'), readFileSync(join(folder, whole)).subarray(0, -9));
  writeFileSync(join(folder, 'empty.safetensors'), '');
  writeFileSync(join(folder, 'old.t7'), 'a model of Torch7');
  const { code, stdout, stderr } = await charRnn(['ls'], { cwd });
  assert.equal(code, 0, stderr);
  const lines = stdout.trimEnd().split('\n');
  for (const line of lines) assert.ok([...line].length <= 80, line);
  assert.match(lines[0] ?? '', /^run +text +model +epoch +best +last +when +size$/);
  assert.match(
    lines[1] ?? '',
    /^cv\/b +a-text.+ lstm 1×4 +0\.\d\/50 +\d\.\d{4}@0\.\d +- +\d\d:\d\d +[\d.]+ kB$/,
  );
  assert.match(lines[2] ?? '', /^cv\/lstm /);
  assert.match(stdout, /^model: cv\/old\.t7, \d\d:\d\d, 17 bytes$/m);
  assert.match(stdout, /^damaged: cv\/cut\.safetensors is cut short/m);
  assert.match(stdout, /^damaged: cv\/empty\.safetensors is empty/m);
  const missing = await charRnn(['ls', 'nowhere'], { cwd });
  assert.deepEqual([missing.code, missing.stderr], [1, 'there is no folder nowhere.\n']);
});

test('--all lists each checkpoint, --json prints the same for programs; the newest run comes first', async (context) => {
  const { folder } = await setUp(context);
  const survey = await surveyFolder(folder);
  const lines = surveyLines([survey], { all: true, width: 200 });
  for (const name of readdirSync(folder).filter((one) => one.startsWith('lm_')))
    assert.ok(
      lines.some((line) => line.includes(name)),
      name,
    );
  const json = surveyJson([survey], true);
  assert.deepEqual(
    json.runs.map(({ saveName, iteration }) => [saveName, iteration]),
    [
      ['b', 5],
      ['lstm', 5],
    ],
  );
  const [first] = json.runs;
  assert.deepEqual(
    first?.checkpoints?.map(({ iteration }) => iteration),
    [2, 4, 5],
  );
  const losses = first?.checkpoints?.flatMap(({ validationLoss = 9 }) => validationLoss) ?? [];
  assert.equal(first?.best?.loss, Math.min(...losses));
  assert.equal(first?.best?.path, join(folder, 'b.best.safetensors'));
});

test('it looks as deep as `ui`: in all folders but hidden ones and those of programs, and in linked ones of this folder', async (context) => {
  const { cwd, folder } = await setUp(context);
  const shown = ['cv', join('models', 'of', 'may'), 'linked'];
  const passedOver = ['.hidden', join('node_modules', 'package'), join('sweeps', 'book', 'trials', '0001')];
  for (const place of [...shown.slice(1, 2), ...passedOver])
    cpSync(folder, join(cwd, place), { recursive: true });
  writeFileSync(join(cwd, 'sweeps', 'book', 'sweep.sqlite'), '');
  const outside = temporaryFolder(context);
  cpSync(folder, outside, { recursive: true });
  symlinkSync(outside, join(cwd, 'linked'));
  symlinkSync(join(cwd, 'nothing'), join(cwd, 'broken'));
  symlinkSync(join(cwd, 'a-text-with-a-long-name.txt'), join(cwd, 'text.txt'));
  const listed = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await charRnn(['ls', '--json', ...words], { cwd });
    assert.deepEqual([code, stderr], [0, '']);
    const { runs, sweeps } = JSON.parse(stdout);
    return { folders: [...new Set(runs.map((run: { folder: string }) => run.folder))].sort(), sweeps };
  };
  const book = join('sweeps', 'book');
  assert.deepEqual(await listed(), { folders: [...shown].sort(), sweeps: [book] });
  assert.deepEqual(await listed('models'), { folders: shown.slice(1, 2), sweeps: [] });
  assert.deepEqual(await listed(join(book, 'trials')), {
    folders: [join(book, 'trials', '0001')],
    sweeps: [],
  });
  const { stdout } = await charRnn(['ls'], { cwd });
  assert.match(stdout, /^trials of a sweep: .* ls sweeps.book.trials$/m);
});

test('a file that begins with a dash: the suggested command reads it as a file', async (context) => {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, '-x'), 'no model');
  const { code, stderr } = await charRnn(['ls', './-x'], { cwd });
  assert.equal(code, 1);
  assert.match(stderr, / inspect \.\/-x$/m);
});

test('times: the hour for today, the day for this year, otherwise month and year; a copied pointer is not listed as a second checkpoint', async (context) => {
  const { folder } = await setUp(context);
  const copy = join(folder, '..', 'copy');
  mkdirSync(copy);
  const names = readdirSync(folder).filter((one) => /^lm_lstm|^last|^best/.test(one));
  for (const name of names) copyFileSync(join(folder, name), join(copy, name));
  for (const name of names) utimesSync(join(copy, name), 1e9, 1e9);
  const survey = await surveyFolder(copy);
  assert.equal(survey.runs.length, 1);
  assert.equal(survey.runs[0]?.checkpoints.length, 3);
  assert.ok(
    survey.runs[0]?.best?.endsWith('best.safetensors') && survey.runs[0].last?.endsWith('last.safetensors'),
  );
  assert.match(surveyLines([survey], { all: false, width: 200 })[1] ?? '', / Sept? 2001 /);
});
