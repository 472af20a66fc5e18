/** Type numbers, with which objects in a Torch7 file begin. */
export const TYPE = {
  nil: 0,
  number: 1,
  string: 2,
  table: 3,
  torch: 4,
  boolean: 5,
  oldestFunction: 6,
  olderFunction: 7,
  function: 8,
} as const;
