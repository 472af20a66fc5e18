/** Reads the exports of a module from its source, because types do not exist at run time. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Export {
  readonly name: string;
  readonly isValue: boolean;
}

const DECLARED =
  /^export (?:declare )?(?:abstract )?(class|interface|type|const|let|(?:async )?function\*?) (\w+)/gm;
const LISTED = /^export (type )?\{([^}]*)\} from '([^']+)'/gm;
const ALL = /^export (type )?\* from '([^']+)'/gm;

export function exportsOf(path: string): Export[] {
  const code = readFileSync(path, 'utf8');
  const from = (module: string) => join(dirname(path), module);
  return [
    ...Array.from(code.matchAll(DECLARED), ([, kind = '', name = '']) => ({
      name,
      isValue: !['interface', 'type'].includes(kind),
    })),
    ...Array.from(code.matchAll(LISTED)).flatMap(([, onlyTypes, names = '']) =>
      names
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
        .map((item) => ({
          name: item.replace(/^type /, '').replace(/^\w+ as /, ''),
          isValue: !onlyTypes && !item.startsWith('type '),
        })),
    ),
    ...Array.from(code.matchAll(ALL)).flatMap(([, onlyTypes, module = '']) =>
      exportsOf(from(module))
        .filter((item) => !onlyTypes || !item.isValue)
        .map((item) => ({ ...item })),
    ),
  ];
}
