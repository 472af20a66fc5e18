/** What a run keeps of the texts that it reads, so that it goes on with the same ones. */

/** One file of a text. */
export interface FileFacts {
  /** Absolute. */
  readonly path: string;
  /** Its bytes, unpacked. */
  readonly bytes: number;
  /** SHA-256 of them, in hexadecimal. */
  readonly sha256: string;
  /** The encoding that was found for it; absent for UTF-8, and where it was named. */
  readonly encoding?: string | undefined;
}

/** A text: all of its files together, and each. */
export interface KnownText {
  /** Bytes of its files, unpacked, and of the separators between them. */
  readonly bytes: number;
  /** SHA-256 of them, in hexadecimal. */
  readonly sha256: string;
  /** Its files in order. Absent where there are too many to keep, and for a text that is no file. */
  readonly files?: readonly FileFacts[] | undefined;
}

/** The main text of a run, and those that it holds out. */
export const TEXT_ROLES = ['main', 'validation', 'test'] as const;
export type TextRole = (typeof TEXT_ROLES)[number];

/** The texts of a run, by their roles. */
export type RunTexts = Readonly<Partial<Record<TextRole, KnownText>>>;

/** Files of all texts of a run that are kept, and bytes of their paths: a checkpoint grows by about 100 bytes a file. */
const MAX_FILES = 50_000;
const MAX_PATH_BYTES = 4_000_000;

/** Texts without their files where these would take too much of a checkpoint. */
export function withinBounds(texts: RunTexts): RunTexts {
  const files = TEXT_ROLES.flatMap((role) => texts[role]?.files ?? []);
  const encoder = new TextEncoder();
  const pathBytes = files.reduce((sum, { path }) => sum + encoder.encode(path).length, 0);
  if (files.length <= MAX_FILES && pathBytes <= MAX_PATH_BYTES) return texts;
  const bare = TEXT_ROLES.flatMap((role) => {
    const text = texts[role];
    return text ? [[role, { bytes: text.bytes, sha256: text.sha256 }] as const] : [];
  });
  return Object.fromEntries(bare);
}

/** Which files the texts of a run have to be made of. */
export interface WantedTexts {
  /** Files to read in place of what folders hold now. */
  readonly files: Readonly<Partial<Record<TextRole, readonly FileFacts[]>>>;
  /** What each text has to be. */
  readonly known: RunTexts;
}

/** A text is not the one that was wanted. The caller catches this and tells the user what to do. */
export class OtherText extends Error {
  readonly role: TextRole;
  /** The files that were read. */
  readonly found: KnownText;

  constructor(role: TextRole, found: KnownText) {
    super(`the ${role} text is another one`);
    this.role = role;
    this.found = found;
  }
}
