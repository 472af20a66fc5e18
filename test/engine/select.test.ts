/** Which engine is chosen. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type EngineChoice, type EngineKind, engineMaker } from '../../src/engine/choose.ts';
import { ENGINE_KINDS } from '../../src/engine/names.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { NODE_ENGINES } from '../../src/engine/select.node.ts';
import { makePortableEngine, PAGE_ENGINES } from '../../src/engine/select.ts';
import { AddonError, UnsupportedError } from '../../src/errors.ts';

test('Node and pages list the engines from the fastest to the slowest, and docs/engines.md lists all of them', () => {
  const document = readFileSync(new URL('../../docs/engines.md', import.meta.url), 'utf8');
  const places = [NODE_ENGINES, PAGE_ENGINES].map((kinds) => kinds.map(({ name }) => name));
  for (const names of places) {
    assert.deepEqual(
      names,
      ENGINE_KINDS.filter((name) => names.includes(name)),
    );
  }
  assert.deepEqual(
    ENGINE_KINDS.filter((name) => !places.flat().includes(name)),
    [],
    'engines that neither Node nor a page has',
  );
  for (const name of ENGINE_KINDS) assert.match(document, new RegExp(`^\\| \`${name}\` `, 'm'));
});

/** Engine kinds that make a reference engine, or fail. */
function kindsThat(native: UnsupportedError | undefined, wasm: UnsupportedError | undefined) {
  const kind = (name: EngineKind['name'], failure: UnsupportedError | undefined): EngineKind => ({
    name,
    instead: `${name} computes`,
    precisions: name === 'reference' ? ['float32', 'float64'] : ['float32'],
    async open({ precision }) {
      if (failure) throw failure;
      return { engine: new ReferenceEngine(precision), notice: `with ${name}.` };
    },
  });
  return [kind('native', native), kind('wasm', wasm), kind('reference', undefined)];
}

test('auto chooses the first engine that works, and says why it is not a faster one', async () => {
  const broken = new UnsupportedError('it is broken.');
  const missing = new AddonError('addon-missing', 'it is not here.');
  for (const [native, wasm, expected] of [
    [undefined, undefined, 'with native.'],
    [broken, undefined, 'wasm computes: it is broken. with wasm.'],
    [missing, undefined, 'with wasm.'],
    [missing, broken, 'reference computes: it is broken. with reference.'],
    [broken, missing, 'reference computes: it is broken. with reference.'],
    [broken, broken, 'reference computes: it is broken. It is broken. with reference.'],
  ] as const) {
    const make = engineMaker(kindsThat(native, wasm), 'here');
    assert.equal((await make({ engine: 'auto', precision: 'float32' })).notice, expected);
  }
});

test('bfloat16 is computed by an engine that has it, or the error offers float32, not another engine', async () => {
  const failure = new UnsupportedError('it is not here.', {
    remedies: [{ text: 'Build it' }, { text: 'Another engine', set: { engine: 'auto' } }],
  });
  const choice = { engine: 'auto', precision: 'float32', compute: 'bfloat16' } as const;
  const [native, ...others] = kindsThat(undefined, undefined) as [EngineKind, EngineKind, EngineKind];
  const works = engineMaker([{ ...native, roundsTo: ['bfloat16'] }, ...others], 'here');
  assert.equal((await works(choice)).notice, 'with native.');
  for (const [kinds, problem] of [
    [others, 'no engine that computes in bfloat16 works here.'],
    [
      kindsThat(failure, failure)
        .map((kind) => ({ ...kind, roundsTo: ['bfloat16'] as const }))
        .slice(0, 2),
      'no engine that computes in bfloat16 works here: it is not here. It is not here.',
    ],
  ] as const)
    await assert.rejects(engineMaker(kinds, 'here')(choice), (error: UnsupportedError) => {
      assert.equal(error.problem, problem);
      assert.deepEqual(error.remedies.at(-1)?.set, { compute: 'float32' });
      assert.ok(error.remedies.every(({ set }) => set?.engine === undefined));
      return true;
    });
});

test('float16 is computed by a GPU alone: without one, the error says so and why', async () => {
  const choice = { precision: 'float32', compute: 'float16' } as const;
  const ofCpu = kindsThat(undefined, undefined);
  const make = engineMaker([{ ...gpuKind(undefined), roundsTo: ['float16'] }, ...ofCpu], 'here');
  for (const engine of ['webgpu', 'auto'] as const)
    assert.equal((await make({ ...choice, engine, gpu: 0 })).notice, 'on GPU 0.');
  await assert.rejects(make({ ...choice, engine: 'auto' }), (error: UnsupportedError) => {
    assert.match(error.problem, /^no engine of the CPU computes in float16\.$/);
    assert.deepEqual(
      error.remedies.map(({ set }) => set),
      [{ engine: 'webgpu' }, { compute: 'float32' }],
    );
    return true;
  });
  await assert.rejects(make({ ...choice, engine: 'wasm' }), /float16 is computed by the webgpu engine alone/);
  const broken = engineMaker(
    [{ ...gpuKind(new UnsupportedError('it is broken.')), roundsTo: ['float16'] }, ...ofCpu],
    'here',
  );
  await assert.rejects(
    broken({ ...choice, engine: 'auto', gpu: 0 }),
    /GPU 0 can't be used, and no engine of the CPU computes in float16: it is broken/,
  );
});

/** A kind that computes on a GPU, or fails. */
function gpuKind(failure: UnsupportedError | undefined): EngineKind {
  return {
    name: 'webgpu',
    instead: 'unused',
    precisions: ['float32'],
    isGpu: true,
    async open({ gpu }) {
      if (failure) throw failure;
      return { engine: new ReferenceEngine('float32'), notice: `on GPU ${gpu}.` };
    },
  };
}

test('a GPU is used only if it is requested; with auto, the CPU replaces one that does not work', async () => {
  const broken = new UnsupportedError('it is broken.');
  const others = kindsThat(undefined, undefined);
  const noticeOf = async (failure: UnsupportedError | undefined, choice: Partial<EngineChoice>) => {
    const make = engineMaker([gpuKind(failure), ...others], 'here');
    return (await make({ engine: 'auto', precision: 'float32', ...choice })).notice;
  };
  assert.equal(await noticeOf(undefined, {}), 'with native.');
  assert.equal(await noticeOf(undefined, { gpu: -1 }), 'with native.');
  assert.equal(await noticeOf(undefined, { gpu: 1 }), 'on GPU 1.');
  assert.equal(
    await noticeOf(broken, { gpu: 1 }),
    "GPU 1 can't be used, so the CPU computes: it is broken. with native.",
  );
  assert.equal(
    await noticeOf(undefined, { gpu: 0, precision: 'float64' }),
    "GPU 0 can't be used, so the CPU computes: it does not compute in float64. float64 is computed by the reference engine, which is slow. with reference.",
  );
  assert.equal(
    await noticeOf(undefined, { precision: 'float64' }),
    'float64 is computed by the reference engine, which is slow. with reference.',
  );
  assert.equal(
    await noticeOf(undefined, { engine: 'wasm', gpu: 0 }),
    'GPU 0 is not used: the wasm engine computes on the CPU. with wasm.',
  );
  assert.equal(await noticeOf(undefined, { engine: 'webgpu', gpu: 2 }), 'on GPU 2.');
  await assert.rejects(noticeOf(broken, { engine: 'webgpu' }), broken);
  await assert.rejects(noticeOf(undefined, { engine: 'webgpu', gpu: -1 }), { code: 'option', option: 'gpu' });
  await assert.rejects(noticeOf(undefined, { engine: 'webgpu', precision: 'float64' }), { code: 'usage' });
});

test('requesting an engine that does not work, or does not have the precision, is an error', async () => {
  const broken = new UnsupportedError('it is broken.');
  const make = engineMaker(kindsThat(broken, undefined), 'here');
  await assert.rejects(make({ engine: 'native', precision: 'float32' }), broken);
  await assert.rejects(make({ engine: 'wasm', precision: 'float64' }), {
    code: 'usage',
    message:
      /^float64 is computed by the reference engine alone, not by wasm\.\nTo compute in float64: engine: "reference"$/,
  });
  assert.equal(
    (await make({ engine: 'auto', precision: 'float64' })).notice,
    'float64 is computed by the reference engine, which is slow. with reference.',
  );
  await assert.rejects(makePortableEngine({ engine: 'native', precision: 'float32' }), {
    code: 'unsupported',
    problem: 'there is no native engine in a page.',
  });
});
