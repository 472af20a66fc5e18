/**
 * A page that trains a model. Run: npx tsx examples/page/serve.ts, and open the address that it prints.
 *
 * The two headers make the page cross-origin isolated, so that browsers let it share memory with workers: the model then runs on several
 * threads, and the page stays responsive.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const bundle = { bundle: true, format: 'esm', minify: true, write: false } as const;
const [script] = buildSync({ entryPoints: [here('page.ts')], ...bundle }).outputFiles;

const files: Readonly<Record<string, { type: string; body: string | Uint8Array }>> = {
  '/': { type: 'text/html', body: readFileSync(here('index.html')) },
  '/page.js': { type: 'text/javascript', body: script?.contents ?? '' },
};

const port = Number(process.argv[2] ?? 8000);
const server = createServer(({ url = '/' }, response) => {
  const file = files[url];
  response.writeHead(file ? 200 : 404, {
    'Content-Type': file?.type ?? 'text/plain',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  });
  response.end(file?.body);
});
server.listen(port, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : port}/`);
});
