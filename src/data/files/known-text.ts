/** Sizes and hashes of the texts of a run, by which a resumed run recognises them. */

/** One file of a text. */
export interface FileFacts {
  /** Absolute. */
  readonly path: string;
  /** Its size, unpacked. */
  readonly bytes: number;
  /** SHA-256 of its unpacked bytes, in hexadecimal. */
  readonly sha256: string;
  /** Its detected encoding; absent for UTF-8, or if an encoding was named. */
  readonly encoding?: string | undefined;
}

/** A text as a whole, and each of its files. */
export interface KnownText {
  /** Bytes of its unpacked files and of the separators between them. */
  readonly bytes: number;
  /** SHA-256 of these bytes, in hexadecimal. */
  readonly sha256: string;
  /** Its files in order. Absent if there are too many, or if the text is not from a file. */
  readonly files?: readonly FileFacts[] | undefined;
}

/** The main text and the held-out texts of a run. */
export const TEXT_ROLES = ['main', 'validation', 'test'] as const;
export type TextRole = (typeof TEXT_ROLES)[number];

/** The texts of a run, by their roles. */
export type RunTexts = Readonly<Partial<Record<TextRole, KnownText>>>;

/** Limits for the files stored in a checkpoint, each of which takes about 100 bytes, and for the bytes of their paths. */
const MAX_FILES = 50_000;
const MAX_PATH_BYTES = 4_000_000;

/** Drops the lists of files if they would make a checkpoint too large. */
export function dropFilesIfMany(texts: RunTexts): RunTexts {
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

/** The texts that a resumed run expects. */
export interface WantedTexts {
  /** Files to read instead of the present contents of folders. */
  readonly files: Readonly<Partial<Record<TextRole, readonly FileFacts[]>>>;
  /** The expected size and hash of each text. */
  readonly known: RunTexts;
}

/** A text differs from the expected one. The caller catches this and tells the user what to do. */
export class TextMismatch extends Error {
  readonly role: TextRole;
  /** The files that were read. */
  readonly found: KnownText;

  constructor(role: TextRole, found: KnownText) {
    super(`the ${role} text has changed`);
    this.role = role;
    this.found = found;
  }
}
