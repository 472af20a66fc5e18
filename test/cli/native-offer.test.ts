/** When building the native engine is suggested, and how. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  compilerHint,
  estimateSamplingTime,
  hasCompiler,
  isOfferUseful,
  nativeRemedy,
} from '../../src/cli/report/native-offer.ts';
import { AddonError, UnsupportedError } from '../../src/errors.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { charRnn } from './command.ts';

const MISSING = new AddonError('addon-missing', 'not built.');
const WASM = 'CPU, wasm engine, WebAssembly SIMD, fused, float32, 2 threads';
const LONG = { engine: 'auto', description: WASM, milliseconds: 90_000 };

test('suggested if WebAssembly was chosen automatically for more than a minute of work', () => {
  const wants = (change: Partial<typeof LONG>, problem: UnsupportedError = MISSING, env = {}) =>
    isOfferUseful({ ...LONG, ...change }, problem, env);
  assert.equal(wants({}), true);
  assert.equal(wants({ milliseconds: 59_000 }), false, 'short');
  assert.equal(wants({ engine: 'wasm' }), false, 'chosen');
  assert.equal(wants({ description: 'CPU, native engine, AVX2, float32, 2 threads' }), false);
  assert.equal(wants({}, MISSING, { CI: 'true' }), false);
  assert.equal(
    wants({ milliseconds: 1 }, new AddonError('addon-other-version', 'old.')),
    true,
    'an update broke it',
  );
  assert.ok(estimateSamplingTime(257_000, 2000) < 1000);
  assert.ok(estimateSamplingTime(257_000, 1e6) > 60_000);
});

const unfit = !['linux', 'darwin'].includes(process.platform) && 'it is not built here';
test('the suggestion names the gain in speed, and what to install first', { skip: unfit }, () => {
  const remedy = (problem: UnsupportedError, canCompile: boolean) => nativeRemedy(problem, () => canCompile);
  assert.deepEqual(remedy(MISSING, true)?.command, ['build-native']);
  assert.match(remedy(MISSING, true)?.text ?? '', /a quarter to half as long.*To build it$/);
  assert.match(remedy(MISSING, false)?.text ?? '', /install a C\+\+ compiler \(.*\), then$/);
  assert.equal(remedy(new AddonError('addon-forbidden', 'no.'), true), undefined);
  assert.equal(remedy(new UnsupportedError('no kernels.'), true), undefined, 'a processor without kernels');
  assert.match(compilerHint('linux'), /apt install g\+\+/);
  assert.match(compilerHint('darwin'), /xcode-select --install/);
  assert.equal(hasCompiler({ CXX: '/nonexistent/compiler' }), false);
});

test('build-native without a compiler names what to install and the command to repeat', {
  skip: unfit,
}, async () => {
  const { code, stderr } = await charRnn(['build-native'], { env: { CXX: '/nonexistent/compiler' } });
  assert.equal(code, 1);
  assert.match(stderr, /^the native engine was not built: .*\/nonexistent\/compiler/);
  assert.match(stderr, /build-native$/m);
});

const env = { CHAR_RNN_ADDON: '/nonexistent', CI: '' };

test('doctor has a line for each engine, and suggests it once', { skip: unfit }, async () => {
  const { code, stdout, stderr } = await charRnn(['doctor', '--seconds', '0.01'], { env });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^ {2}native +does not work here: /m);
  for (const engine of ['wasm', 'reference'])
    assert.match(stdout, new RegExp(`^  ${engine} +[\\d.]+ ms +[\\d,]+ characters/s `, 'm'));
  assert.equal(stdout.match(/build-native$/gm)?.length, 1, stdout);
});

test('a long run suggests it once', { skip: unfit }, async (context) => {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'book.txt'), 'the harbour wall stood in the rain. '.repeat(60));
  const words = 'train book.txt -rnn_size 8 -batch_size 4 -seq_length 10 -max_epochs 9999999'.split(' ');
  const { stderr } = await charRnn(words, {
    cwd,
    env,
    onOutput(soFar, child) {
      if (!child.killed && /^time: .*\n(.*\n){20}/m.test(soFar)) child.kill('SIGTERM');
    },
  });
  assert.equal(stderr.match(/^The native engine takes .*\n {2}node .* build-native$/gm)?.length, 1, stderr);
});
