import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canMount, trainOnFullDisk } from './disk-full.ts';

test('the disk becomes full and has space again: checkpoints stay, training continues, a warning is given', {
  skip: process.platform === 'linux' && canMount() ? false : 'no mount namespaces here',
}, () => {
  const report = trainOnFullDisk('tmpfs', 240);
  assert.equal(report.iterations, 240);
  assert.ok(report.warnings > 0 && report.after > 60, JSON.stringify(report));
  assert.match(report.message, /disk is full.*Earlier checkpoints are untouched. Training continues/);
  assert.ok(report.again > 0, 'saving works again');
  assert.equal(report.logged, 240, 'the log has all iterations');
  assert.deepEqual([report.changed, report.leftovers, report.code], [0, 0, undefined]);
  assert.ok(report.read >= 4, `${report.read} checkpoints were read, including best and last`);
});

test('no checkpoint can be written: training continues to its end, and then fails', {
  skip: process.platform === 'win32' ? 'no file size limits on Windows' : false,
}, () => {
  const report = trainOnFullDisk('limit', 60);
  assert.deepEqual([report.iterations, report.saved, report.leftovers], [60, 0, 0], JSON.stringify(report));
  assert.ok(report.warnings > 0);
  assert.match(report.message, /larger than allowed/);
  assert.equal(report.code, 'checkpoint-save-failed');
});
