/** A run that moves between the command line and the Train page gives the same model, to the bit. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { LanguageModel } from '../../src/index.ts';
import { joinBytes } from '../../src/util/bytes.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { charRnn, root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { sharedSite } from './site.ts';

/** Iterations on each side. */
const N = 15;
const OPTIONS = ['--rnn-size', '12', '--batch-size', '4', '--seq-length', '12', '--seed', '7'];

describe('a run of the command line, in the Train page', {
  skip: skipWithoutChromium,
  timeout: 900_000,
}, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);
  const text = join(folder, 'harbour.txt');
  // With a byte order mark and in CRLF: what counts are the bytes of the file, not the text that the page shows.
  writeFileSync(text, `\ufeff${'The harbour wall stood in the rain, près du café.\r\n'.repeat(60)}`);

  async function trained(name: string, words: readonly string[]): Promise<string> {
    const cv = join(folder, name);
    const { code, stderr } = await charRnn([
      'train',
      text,
      '--checkpoint-dir',
      cv,
      '--engine',
      'wasm',
      ...words,
    ]);
    assert.equal(code, 0, stderr);
    return join(cv, 'last.safetensors');
  }

  async function add(page: Page, checkpoint: string, itsText: string): Promise<void> {
    const details = page.locator('details', { hasText: 'Continue a run from the command line' });
    if ((await details.getAttribute('open')) === null) await details.locator('summary').click();
    await page.getByLabel('checkpoint of the run').setInputFiles(checkpoint);
    await page.getByLabel('text of the run').setInputFiles(itsText);
    await page.getByRole('button', { name: 'Add the run' }).click();
  }

  test('continues to the bit, and then on the command line again', async () => {
    const first = await trained('first', [...OPTIONS, '--max-iterations', String(N)]);
    const page = await site().open('#/train');
    await add(page, first, text);
    await page.getByText(`The run on harbour.txt is in the list above, at iteration ${N}.`).waitFor();
    const row = page.locator('.stored li');
    await row.getByLabel('to iteration').fill(String(2 * N));
    await row.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('has made all its iterations').waitFor();
    // The page's own interval of checkpoints is none that the reader has chosen.
    assert.equal(await page.getByText(/another .checkpoint.every/i).count(), 0);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      row.getByRole('button', { name: 'Save' }).click(),
    ]);
    const saved = join(folder, 'from-page.safetensors');
    await download.saveAs(saved);
    await page.context().close();
    const twice = await trained('twice', [...OPTIONS, '--max-iterations', String(2 * N)]);
    assert.equal(parametersHash(saved), parametersHash(twice));
    const third = await trained('third', ['--resume', saved, '--max-iterations', String(3 * N)]);
    const whole = await trained('whole', [...OPTIONS, '--max-iterations', String(3 * N)]);
    assert.equal(parametersHash(third), parametersHash(whole));
  });

  test('another text, or a model without its training state, is refused in one sentence', async () => {
    const checkpoint = await trained('refused', [...OPTIONS, '--max-iterations', '2']);
    const other = join(folder, 'other.txt');
    writeFileSync(other, 'Quite another text, with ½ a character that the run does not know.\n'.repeat(20));
    const changed = join(folder, 'changed.txt');
    writeFileSync(changed, readFileSync(text, 'utf8').replace('wall', 'hall'));
    const weights = join(root, 'models', 'moby-dick.safetensors');
    const inBfloat16 = join(folder, 'bfloat16.safetensors');
    const { checkpoint: own } = LanguageModel.fromBytes(readFileSync(checkpoint));
    const training = own.training && {
      ...own.training,
      options: { ...own.training.options, compute: 'bfloat16' } as const,
    };
    writeFileSync(inBfloat16, joinBytes(encodeCheckpoint({ ...own, training })));
    const bytes = readFileSync(text).length.toLocaleString('en');
    const page = await site().open('#/train');
    const refusal = async (...files: [checkpoint: string, text: string]) => {
      await add(page, ...files);
      const alert = page.getByRole('alert');
      await alert.waitFor();
      return alert.innerText();
    };
    assert.equal(
      await refusal(checkpoint, other),
      `other.txt is not the text of this run: it was trained on harbour.txt, with ${bytes} bytes, and this file has ${readFileSync(other).length.toLocaleString('en')}.`,
    );
    assert.equal(
      await refusal(checkpoint, changed),
      `changed.txt is not the text of this run: it was trained on harbour.txt, with ${bytes} bytes, and this file has the same size, but other content.`,
    );
    assert.match(
      await refusal(weights, text),
      /^moby-dick\.safetensors is a model without the state of its training/,
    );
    assert.equal(
      await refusal(inBfloat16, text),
      'bfloat16.safetensors is of a run that computes in bfloat16, which a page can’t do: continue this run on the command line.',
    );
    assert.equal(await page.locator('.stored li').count(), 0);
    await page.context().close();
  });
});

function parametersHash(path: string): string {
  const { parameters } = LanguageModel.fromBytes(readFileSync(path)).checkpoint;
  return createHash('sha256')
    .update(new Uint8Array(parameters.buffer, parameters.byteOffset, parameters.byteLength))
    .digest('hex');
}
