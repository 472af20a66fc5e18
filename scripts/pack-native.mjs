/**
 * Makes the optional package of this platform from build/native, to be published beside the main one:
 *
 *     node scripts/pack-native.mjs FOLDER
 *
 * It has the add-on alone; npm installs it only where `os` and `cpu` fit.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [folder] = process.argv.slice(2);
const addon = join(root, 'build', 'native', 'char-rnn.node');
if (!folder) {
  console.error('pack-native needs a folder to write to: node scripts/pack-native.mjs FOLDER');
  process.exit(2);
}
if (!existsSync(addon)) {
  console.error(`there is no ${addon}: npm run build:native`);
  process.exit(1);
}

const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
mkdirSync(folder, { recursive: true });
copyFileSync(addon, join(folder, 'char-rnn.node'));
copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
const description = {
  name: `@${name}/native-${process.platform}-${process.arch}`,
  version,
  description: `The native engine of ${name} for ${process.platform} on ${process.arch}`,
  license,
  main: 'char-rnn.node',
  files: ['char-rnn.node'],
  os: [process.platform],
  cpu: [process.arch],
};
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(description, undefined, 2)}\n`);
writeFileSync(join(folder, 'README.md'), `${description.description}; see ${name}.\n`);
