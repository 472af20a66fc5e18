/** Writes docs/flags.md from the code that parses the flags. */
import { writeFileSync } from 'node:fs';
import { flagsMarkdown } from './flags-markdown.ts';

writeFileSync(new URL('../docs/flags.md', import.meta.url), flagsMarkdown());
