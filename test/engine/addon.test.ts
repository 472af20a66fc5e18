/** An add-on that is damaged or of another version is never used, and the error says what is wrong with it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ADDON_SOURCES } from '../../src/engine/cpu/addon-sources.ts';
import { nativeBackend } from '../../src/engine/cpu/native.node.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import { AddonError } from '../../src/errors.ts';
import { charRnn, root } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const built = join(root, 'build', 'native', 'char-rnn.node');
const skip = existsSync(built) ? false : 'the native engine was not built here';

/** The add-on with some of its text replaced by another text of the same length. */
function withReplaced(from: string, to: string): Buffer {
  const bytes = readFileSync(built);
  assert.equal(from.length, to.length);
  const at = bytes.indexOf(from);
  assert.ok(at > 0 && bytes.indexOf(from, at + 1) < 0, `${from} occurs once in the add-on`);
  bytes.write(to, at, 'latin1');
  return bytes;
}

/** Makes this process use these bytes as its add-on until the test ends. */
function useAddon(context: TestContext, bytes: Uint8Array): string {
  const path = join(temporaryFolder(context), 'char-rnn.node');
  writeFileSync(path, bytes);
  process.env.CHAR_RNN_ADDON = path;
  context.after(() => delete process.env.CHAR_RNN_ADDON);
  return path;
}

test('the package expects an add-on that was built from its own sources', () => {
  const words = [join(root, 'scripts', 'build-native.mjs'), '--check'];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

const others: [string, () => Buffer][] = [
  ['built from other sources', () => withReplaced(ADDON_SOURCES, '0123456789abcdef')],
  ['that does not name its sources', () => withReplaced('\0sources\0', '\0sourcez\0')],
];
for (const [name, make] of others) {
  test(`an add-on ${name} is rejected as another version`, { skip }, (context) => {
    const path = useAddon(context, make());
    assert.throws(
      () => nativeBackend(),
      (error) =>
        error instanceof AddonError &&
        error.code === 'addon-other-version' &&
        error.problem === `${path} was built for another version of char-rnn.` &&
        error.remedies[0]?.command?.[0] === 'build-native',
    );
  });
}

const damages: [string, (bytes: Buffer) => Uint8Array][] = [
  ['empty', () => new Uint8Array()],
  ['a text', () => Buffer.from('version https://example.invalid\n'.repeat(40))],
  ['zeros', (bytes) => new Uint8Array(bytes.length)],
  ['only its first 64 bytes', (bytes) => bytes.subarray(0, 64)],
  ['a quarter of it', (bytes) => bytes.subarray(0, bytes.length >> 2)],
  ['half of it', (bytes) => bytes.subarray(0, bytes.length >> 1)],
  ['all but its last byte', (bytes) => bytes.subarray(0, -1)],
  ['for another processor', (bytes) => bytes.fill(0xf3, 18, 19)],
];
for (const [name, damage] of damages) {
  const isOnlyForLinux = process.platform !== 'linux' && /last byte|processor/.test(name);
  test(`an add-on that is ${name} can't be used`, {
    skip: skip || (isOnlyForLinux && 'only for ELF files'),
  }, (context) => {
    const path = useAddon(context, damage(readFileSync(built)));
    assert.throws(
      () => nativeBackend(),
      (error) =>
        error instanceof AddonError &&
        error.code === 'addon-unusable' &&
        error.message.startsWith(path) &&
        /damaged/.test(error.problem) &&
        error.remedies[0]?.command?.[0] === 'build-native',
    );
  });
}

test('auto falls back to WebAssembly, with the reason in one line', { skip }, async (context) => {
  const path = useAddon(context, withReplaced(ADDON_SOURCES, '0123456789abcdef'));
  const { engine, notice } = await makeEngine({ engine: 'auto', threads: 1, precision: 'float32' });
  assert.equal(engine.description.name, 'wasm');
  await engine.close();
  const why = `${path} was built for another version of char-rnn.`;
  assert.equal(notice, `using WebAssembly, which takes two to four times as long: ${why}`);
});

test('commands: auto trains, --engine native and a forced instruction set are errors', {
  skip,
}, async (context) => {
  const path = useAddon(context, withReplaced(ADDON_SOURCES, '0123456789abcdef'));
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'book.txt'), 'the harbour wall stood in the rain. '.repeat(60));
  const small = ['-rnn_size', '8', '-batch_size', '4', '-seq_length', '10', '--max_iterations', '2'];
  const train = (words: readonly string[], env: Record<string, string> = {}) =>
    charRnn(['train', 'book.txt', ...small, ...words], { cwd, env });
  const auto = await train([]);
  assert.equal(auto.code, 0, auto.stderr);
  assert.match(auto.stdout, /^device: CPU, wasm engine/m);
  assert.equal(auto.stdout.split('was built for another version of char-rnn').length, 2);
  for (const forced of [await train(['--engine', 'native']), await train([], { CHAR_RNN_ISA: 'avx2' })]) {
    assert.equal(forced.code, 1);
    assert.ok(forced.stderr.startsWith(`${path} was built for another version of char-rnn.`), forced.stderr);
  }
});

// This test must be the last: a process keeps the add-on that it has loaded.
test('the add-on in build/ was built from the current sources (if not: npm run build:native)', {
  skip,
}, async () => {
  await nativeBackend().close();
});
