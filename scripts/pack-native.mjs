/**
 * Makes a platform's optional package from build/native, which is published in addition to the main package:
 *
 *     node scripts/pack-native.mjs FOLDER [--arch x64|arm64]
 *
 * It contains only the add-on. npm installs it only on machines with the same `os`, `cpu` and (on Linux) `libc`. --arch packs the add-on that
 * was built by `build-native.mjs --arch`. The operating system is always that of this machine.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [folder, option, arch = process.arch] = process.argv.slice(2);
const addon = join(root, 'build', arch === process.arch ? 'native' : `native-${arch}`, 'char-rnn.node');
if (!folder || (option !== undefined && option !== '--arch')) {
  console.error(
    'pack-native needs a folder to write to: node scripts/pack-native.mjs FOLDER [--arch x64|arm64]',
  );
  process.exit(2);
}
if (!existsSync(addon)) {
  console.error(`there is no ${addon}: npm run build:native`);
  process.exit(1);
}
const expectation = readFileSync(join(root, 'src', 'engine', 'cpu', 'addon-sources.ts'), 'utf8');
const [, expected] = /ADDON_SOURCES = '(\w+)'/.exec(expectation) ?? [];
if (!expected || !readFileSync(addon).includes(expected)) {
  console.error(
    `${addon} was built from other sources, so the main package would reject it: npm run build:native`,
  );
  process.exit(1);
}

const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
mkdirSync(folder, { recursive: true });
copyFileSync(addon, join(folder, 'char-rnn.node'));
copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
const hasGlibc = process.report.getReport().header.glibcVersionRuntime !== undefined;
const description = {
  name: `@${name}/native-${process.platform}-${arch}`,
  version,
  description: `The native engine of ${name} for ${process.platform} on ${arch}`,
  license,
  main: 'char-rnn.node',
  files: ['char-rnn.node'],
  os: [process.platform],
  cpu: [arch],
  ...(process.platform === 'linux' && { libc: [hasGlibc ? 'glibc' : 'musl'] }),
};
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(description, undefined, 2)}\n`);
writeFileSync(join(folder, 'README.md'), `${description.description}; see ${name}.\n`);
