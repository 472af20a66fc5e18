/** The names of runs for readers: a folder that was given by its absolute path is shown by the end of that path. */

const SEPARATOR = /[\\/]/;

/**
 * Shortens the paths of runs: the path of the folder that they are in is replaced by its shortest end that no other folder has.
 *
 * @param folders The folders that are shown, as they were given. Only absolute paths are shortened.
 */
export function shortPaths(folders: readonly string[]): (path: string) => string {
  const ends = folders.filter(isAbsolute).map((folder) => ({ folder, end: shortestEnd(folder, folders) }));
  // Of nested folders, the inner one.
  ends.sort((a, b) => b.folder.length - a.folder.length);
  return (path) => {
    const found = ends.find(({ folder }) => isInside(path, folder));
    return found ? found.end + path.slice(trimmed(found.folder).length) : path;
  };
}

function isAbsolute(path: string): boolean {
  return /^([\\/]|[A-Za-z]:[\\/])/.test(path);
}

function trimmed(folder: string): string {
  return folder.replace(/[\\/]+$/, '');
}

function isInside(path: string, folder: string): boolean {
  const own = trimmed(folder);
  return path.startsWith(own) && (path.length === own.length || SEPARATOR.test(path[own.length] as string));
}

function shortestEnd(folder: string, folders: readonly string[]): string {
  const own = trimmed(folder).split(SEPARATOR);
  const others = folders.filter((other) => other !== folder).map((other) => trimmed(other).split(SEPARATOR));
  for (let count = 1; count < own.length; count++) {
    const end = own.slice(-count).join('/');
    if (others.every((other) => other.slice(-count).join('/') !== end)) return end;
  }
  return trimmed(folder);
}
