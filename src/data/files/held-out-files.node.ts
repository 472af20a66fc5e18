/** Files that are in both a training text and a held-out text. A loss on text that was trained on says little about other texts. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TextError } from '../../errors.ts';
import type { RunTexts } from './known-text.ts';
import { shortList } from './left-out.ts';
import { nameOfFiles, type TextFile, type TextFiles } from './text-files.node.ts';

/**
 * Removes held-out files from a training text if they were found in a folder. A file that was itself named stays, with a notice from
 * `overlapNotices`.
 *
 * @throws {TextError} `text-missing` if no file is left
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
  const notice = `left out of training, since \`validation\` or \`test\` holds it out: ${shortList(taken)}`;
  return { ...main, name: nameOfFiles(main.named, files), files, notices: [...main.notices, notice] };
}

/** Calls stat only for files of the same size, so most pairs need no call. */
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

/** Notices about held-out texts whose files, judging by content, are also trained on, and about files that are read twice. */
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
  if (twice.length > 0)
    notices.push(`read more than once, because it was given more than once: ${shortList(twice)}`);
  return notices;
}
