/** Writes docs/flags.md, and the tables between the markers in README.md, from the code that parses the flags. */
import { readFileSync, writeFileSync } from 'node:fs';
import { flagsMarkdown, withFlagTables } from './flags-markdown.ts';

const reference = new URL('../docs/flags.md', import.meta.url);
const readme = new URL('../README.md', import.meta.url);

writeFileSync(reference, flagsMarkdown());
writeFileSync(readme, withFlagTables(readFileSync(readme, 'utf8')));
