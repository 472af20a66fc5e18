/** The page at `/`: what it may load, and how a user works with it in a browser. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, type TestContext, test } from 'node:test';
import { Script } from 'node:vm';
import { type Browser, chromium, type Page } from 'playwright-core';
import { executablePath, skipWithoutChromium } from '../browser/page.ts';
import { madeModel, serveModel } from './test-server.ts';

test('the page is one document that loads nothing, and may run only its own script', async (context) => {
  const { url } = await serveModel(context, { apiKey: 'secret' });
  const response = await fetch(url);
  const html = await response.text();
  assert.match(response.headers.get('content-type') ?? '', /^text\/html; charset=utf-8$/);
  const policy = response.headers.get('content-security-policy') ?? '';
  for (const tag of ['script', 'style']) {
    const [, content = ''] = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html) ?? [];
    const hash = createHash('sha256').update(content).digest('base64');
    assert.ok(policy.includes(`${tag}-src 'sha256-${hash}'`), tag);
    assert.equal(html.split(`<${tag}`).length, 2, tag);
    if (tag === 'script') new Script(content);
  }
  assert.match(policy, /^default-src 'none'; /);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.doesNotMatch(html, /\b(src|href)="(?!data:)|https?:\/\/|@import|url\(| style=| on\w+="/);
  const head = await fetch(url, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test("the page suggests a length that the server's maximum allows", async (context) => {
  for (const [maxTokens, length] of [
    [60, 60],
    [400, 400],
    [1000, 400],
  ] as const) {
    const { url } = await serveModel(context, { maxTokens });
    const [, value] = /<input id="length"[^>]* value="(\d+)"/.exec(await (await fetch(url)).text()) ?? [];
    assert.equal(Number(value), length, String(maxTokens));
  }
});

/** Started by the first test that opens a page. */
let browser: Promise<Browser> | undefined;
after(async () => (await browser)?.close());

/** Opens the page and collects the browser's errors. */
async function openPage(context: TestContext, url: string, width = 1280) {
  browser ??= chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] });
  const page = await (await browser).newPage({ viewport: { width, height: 700 } });
  context.after(() => page.close());
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints };
}

const written = (page: Page, status: RegExp) =>
  page.getByRole('status').filter({ hasText: status }).waitFor();

test('a user writes, repeats, continues and stops', { skip: skipWithoutChromium }, async (context) => {
  const { url, model } = await serveModel(context, { maxTokens: 10_000_000 });
  const { page, complaints } = await openPage(context, url, 380);
  await page.getByLabel('Prompt').fill('Hello');
  await page.getByLabel('Temperature').fill('0.5');
  await page.getByLabel('Length').fill('50');
  await page.getByLabel('Seed').fill('7');
  await page.getByLabel('Prompt').press('Control+Enter');
  await written(page, /^50 characters in [\d.]+ s, seed 7\.$/);
  const given = { length: 50, temperature: 0.5, seed: 7 };
  const [first] = await model.generateAll({ prompts: ['Hello'], ...given });
  const text = page.locator('#text');
  assert.equal(await text.textContent(), `Hello${first}`);
  await page.getByRole('button', { name: 'Continue' }).click();
  const [second] = await model.generateAll({ prompts: [`Hello${first}`], ...given });
  await page.waitForFunction(
    (length) => document.getElementById('text')?.textContent?.length === length,
    105,
  );
  assert.equal(await text.textContent(), `Hello${first}${second}`);
  await page.getByLabel('Seed').fill('');
  await page.getByLabel('Length').fill('10000000');
  await page.getByRole('button', { name: 'Write' }).click();
  await page.waitForFunction(() => (document.getElementById('text')?.textContent?.length ?? 0) > 200);
  await page.keyboard.press('Escape');
  await written(page, /^Stopped: [\d,]+ characters/);
  assert.ok(((await text.textContent()) ?? '').length < 10_000_000);
  assert.ok(await page.getByRole('button', { name: 'Stop' }).isDisabled());
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.equal(widths[0], widths[1], 'nothing is wider than the screen of a phone');
  assert.deepEqual(complaints, []);
});

test('the page asks for the key, offers the models, and shows errors of the server', {
  skip: skipWithoutChromium,
}, async (context) => {
  const served = await serveModel(context, { apiKey: 'secret', maxTokens: 60 });
  await served.server.replace('other', madeModel({ iteration: 9 }));
  const { page } = await openPage(context, served.url);
  const key = page.getByLabel('API key');
  await key.fill('wrong');
  await key.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'API key' }).waitFor();
  await key.fill('secret');
  await key.press('Enter');
  await key.waitFor({ state: 'hidden' });
  assert.equal(await page.getByRole('alert').count(), 0);
  const model = page.getByLabel('Model');
  assert.deepEqual(await model.locator('option').allTextContents(), ['tiny', 'other']);
  await model.selectOption('other');
  await page.getByLabel('Length').fill('61');
  await page.getByRole('button', { name: 'Write' }).click();
  await page.getByRole('alert').filter({ hasText: 'max_tokens: got 61, expected at most 60.' }).waitFor();
  await page.getByLabel('Length').fill('60');
  await page.getByLabel('Seed').fill('1');
  await page.getByRole('button', { name: 'Write' }).click();
  await written(page, /^60 characters/);
  const { choices } = await (
    await served.post(
      '/v1/completions',
      { model: 'other', max_tokens: 60, temperature: 0.8, seed: 1 },
      { headers: { authorization: 'Bearer secret' } },
    )
  ).json();
  assert.equal(await page.locator('#text').textContent(), choices[0].text);
});
