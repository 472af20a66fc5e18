/** The table of formats in docs/support.md, compared with what the exporter refuses. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { StoredPrecision } from '../../src/checkpoint/stored-precision.ts';
import { CheckpointError } from '../../src/errors.ts';
import { exportCheckpoint } from '../../src/formats/export.ts';
import type { ExportFormat } from '../../src/formats/format-names.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

/** The models of the columns, in order. */
const MODELS = [
  { cell: 'lstm' },
  { cell: 'gru', reset: 'before' },
  { cell: 'gru', reset: 'after' },
  { cell: 'rnn' },
  { cell: 'lstm', embeddingSize: 2 },
  { cell: 'lstm', precision: 'float64' },
  { cell: 'rnn', stored: 'float16' },
  { cell: 'rnn', stored: 'bfloat16' },
] as const;

const page = readFileSync(new URL('../../docs/support.md', import.meta.url), 'utf8');
const section = page.slice(page.indexOf('## Formats'), page.indexOf('## Clients'));
const rows = Array.from(
  section.matchAll(/^\| `(\w+)`( `--as-module`)?[^|]*\|(.*)\|$/gm),
  ([, format, module, cells = '']) => ({
    format: format as ExportFormat,
    asModule: module !== undefined,
    cells: cells.split('|').map((cell) => cell.trim()),
  }),
);

test('docs/support.md lists every format with the models that it can hold', () => {
  assert.deepEqual(
    rows.map(({ format }) => format),
    ['safetensors', 'pytorch', 'pytorch', 'onnx', 'npz', 'torch7'],
  );
  for (const { format, asModule, cells } of rows) {
    for (const [column, model] of MODELS.entries()) {
      const stored = 'stored' in model ? model.stored : undefined;
      const isHeld = canExport(format, asModule, madeCheckpoint(model), stored);
      assert.equal(cells[column], isHeld ? 'yes' : 'no', `${format}, ${JSON.stringify(model)}`);
    }
    assert.equal(cells[MODELS.length], format === 'safetensors' ? 'yes' : 'no', `${format}: training state`);
  }
});

function canExport(
  format: ExportFormat,
  asModule: boolean,
  checkpoint: ReturnType<typeof madeCheckpoint>,
  precision: StoredPrecision = checkpoint.precision,
): boolean {
  try {
    exportCheckpoint(checkpoint, format, { precision, pytorchModules: !asModule });
    return true;
  } catch (error) {
    if (error instanceof CheckpointError) return false;
    throw error;
  }
}
