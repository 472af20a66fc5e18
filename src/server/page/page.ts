/** The page at `/` for trying a model in a browser: one HTML document that loads nothing else. */
import { pageMarkup } from './page-markup.ts';
import { PAGE_SCRIPT } from './page-script.ts';
import { PAGE_STYLE } from './page-style.ts';

const pageHtml = (maxTokens: number) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>char-rnn</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
<body>${pageMarkup(maxTokens)}<script>${PAGE_SCRIPT}</script></body>
</html>
`;

let policy: Promise<string> | undefined;

/**
 * The page. Its content security policy allows only its own script and style, by hash, and requests to its own server.
 *
 * @param maxTokens The server's maximum for the length of a text.
 */
export async function pageResponse(maxTokens: number): Promise<Response> {
  policy ??= contentPolicy();
  return new Response(pageHtml(maxTokens), {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': await policy,
      'cache-control': 'no-cache',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
  });
}

async function contentPolicy(): Promise<string> {
  return [
    "default-src 'none'",
    `script-src '${await hashOf(PAGE_SCRIPT)}'`,
    `style-src '${await hashOf(PAGE_STYLE)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}
