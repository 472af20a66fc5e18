/** Uses examples/page like a person: starts it, opens the page, trains, stops, and generates text. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { root } from '../cli/command.ts';
import { executablePath, skipWithoutChromium } from './page.ts';

test('the page of examples/page trains a model, stops, and writes', {
  skip: skipWithoutChromium,
}, async (context) => {
  const server = spawn(process.execPath, ['--import', 'tsx', 'examples/page/serve.ts', '0'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(() => server.kill());
  const [line] = await once(server.stdout.setEncoding('utf8'), 'data');
  const browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] });
  context.after(() => browser.close());
  const page = await browser.newPage();
  const errors: Error[] = [];
  page.on('pageerror', (error) => errors.push(error));
  await page.goto(line.trim());
  assert.ok(await page.evaluate('crossOriginIsolated'));

  await page.fill('#text', 'the harbour wall stood in the rain. '.repeat(2000));
  await page.click('#train');
  // In one step: on a busy machine, the run could end between two.
  await page.waitForFunction(() => {
    const hasBegun = document.querySelector<HTMLOutputElement>('#progress')?.value.startsWith('epoch');
    if (hasBegun) document.querySelector<HTMLButtonElement>('#stop')?.click();
    return hasBegun;
  });
  await page.fill('#prompt', 'the ');
  await page.click('#write:enabled');
  await page.waitForFunction('document.getElementById("sample").textContent.length === 504');
  assert.match((await page.textContent('#sample')) ?? '', /^the [a-z. ]{500}$/);
  assert.deepEqual(errors, []);
});
