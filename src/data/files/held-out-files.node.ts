/** Training and held-out texts that share files: a loss over what was trained on says little about other texts. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TextError } from '../../errors.ts';
import type { RunTexts } from './known-text.ts';
import { shortList } from './left-out.ts';
import { nameOfFiles, type TextFile, type TextFiles } from './text-files.node.ts';

/**
 * A training text without the files of its folders that are held out. A file that is named itself stays: `overlapNotices` tells.
 *
 * @throws {TextError} `text-missing` where nothing is left
 */
export async function withoutHeldOut(main: TextFiles, heldOut: readonly TextFiles[]): Promise<TextFiles> {
  const apart = heldOut.flatMap(({ files }) => files);
  const files: TextFile[] = [];
  const taken: string[] = [];
  for (const file of main.files) {
    const isHeldOut = file.isFound && (await isAmong(file, apart));
    if (isHeldOut) taken.push(file.path);
    else files.push(file);
  }
  if (taken.length === 0) return main;
  if (files.length === 0) {
    throw new TextError(
      'text-missing',
      `every text of ${shortList(main.named)} is held out: nothing is left to train on.`,
    );
  }
  const notice = `not trained on, since \`validation\` or \`test\` holds it out: ${shortList(taken)}`;
  return { ...main, name: nameOfFiles(main.named, files), files, notices: [...main.notices, notice] };
}

/** Only files of one size can be the same, so most pairs need no stat call. */
async function isAmong(file: TextFile, others: readonly TextFile[]): Promise<boolean> {
  const alike = others.filter(({ size }) => size === file.size);
  for (const other of alike) if (await isSameFile(file.path, other.path)) return true;
  return false;
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  if (resolve(a) === resolve(b)) return true;
  const [one, other] = await Promise.all([a, b].map((path) => stat(path, { bigint: true })));
  return one !== undefined && one.ino !== 0n && one.ino === other?.ino && one.dev === other.dev;
}

const HELD_OUT = ['validation', 'test'] as const;

/** A line for each held-out text of which files are trained on, by their content; and one for files that are read twice. */
export function overlapNotices(texts: RunTexts): string[] {
  const main = texts.main?.files ?? [];
  const contents = new Set(main.map(({ sha256 }) => sha256));
  const notices = HELD_OUT.flatMap((role) => {
    const shared = (texts[role]?.files ?? []).filter(
      ({ bytes, sha256 }) => bytes > 0 && contents.has(sha256),
    );
    const list = shortList(shared.map(({ path }) => path));
    return shared.length === 0
      ? []
      : [`the ${role} text is trained on too (${list}): its loss says little about other texts`];
  });
  const paths = main.map(({ path }) => path);
  const seen = new Set<string>();
  const again = paths.filter((path) => seen.size === seen.add(path).size);
  const twice = [...new Set(again)];
  if (twice.length > 0) notices.push(`read more than once, as it is named: ${shortList(twice)}`);
  return notices;
}
