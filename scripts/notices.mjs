/** The licences of packages whose code is bundled, which have to come with it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param {readonly string[]} sources bundled files, relative to the package
 * @returns {string} the text of a file
 * @throws {Error} if a package has no licence file
 */
export function notices(sources) {
  const packages = sources.flatMap(
    (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? [],
  );
  const texts = [...new Set(packages)].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const [file] = readdirSync(join(root, folder)).filter((entry) => /^licen[cs]e/i.test(entry));
    if (!file || !existsSync(join(root, folder, file))) throw new Error(`${folder} has no licence file`);
    return `${name} ${version}\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n`;
  });
  return `The programs of this package contain code of:\n\n${texts.join('\n----\n\n')}`;
}
