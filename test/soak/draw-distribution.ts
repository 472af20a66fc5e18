/**
 * Tests a million draws with each control against the filtered probabilities. Fails if a p-value is 0.001 or less.
 *
 *     node --import tsx test/soak/draw-distribution.ts [draws] [seed]
 */
import { CASES, drawDistributionP, isMemoryless, tokenCountsP } from '../sample/draw-distribution.ts';

const [draws = '1000000', seed = '1'] = process.argv.slice(2);
let failed = 0;
for (const [name, controls] of Object.entries(CASES)) {
  const p = drawDistributionP(controls, Number(draws), Number(seed));
  const counted = isMemoryless(controls) ? tokenCountsP(controls, Number(draws), Number(seed)) : undefined;
  if (p <= 0.001 || (counted !== undefined && counted <= 0.001)) failed++;
  console.log(
    `${name.padEnd(32)} p ${p.toFixed(4)}${counted === undefined ? '' : `   by token ${counted.toFixed(4)}`}`,
  );
}
process.exitCode = failed > 0 ? 1 : 0;
