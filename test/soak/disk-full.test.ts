import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canMount, trainOnFullDisk } from './disk-full.ts';

test('the disk becomes full and has space again: checkpoints stay, training continues, a warning is given', {
  skip: process.platform === 'linux' && canMount() ? false : 'no mount namespaces here',
}, () => {
  const told = trainOnFullDisk('tmpfs', 240);
  assert.equal(told.iterations, 240);
  assert.ok(told.warnings > 0 && told.after > 60, JSON.stringify(told));
  assert.match(told.message, /disk is full.*Earlier checkpoints are untouched. Training goes on/);
  assert.ok(told.again > 0, 'it saves again');
  assert.deepEqual([told.changed, told.leftovers, told.code], [0, 0, undefined]);
  assert.ok(told.read >= 4, `${told.read} read, best and last among them`);
});

test('no checkpoint can be written: training continues to its end, and then fails', {
  skip: process.platform === 'win32' ? 'no file size limits on Windows' : false,
}, () => {
  const told = trainOnFullDisk('limit', 60);
  assert.deepEqual([told.iterations, told.saved, told.leftovers], [60, 0, 0], JSON.stringify(told));
  assert.ok(told.warnings > 0);
  assert.match(told.message, /larger than allowed/);
  assert.equal(told.code, 'checkpoint-save-failed');
});
