/** Two minutes of full processors and a token that everybody wants: `npm run soak -- --minutes 30` is the long form. */
import { expect, test } from 'vitest';
import { soak } from './testing/soak.js';

test('nobody is expelled who lives, however busy the machine is', { timeout: 240_000 }, async () => {
  const result = await soak({ minutes: 2, members: 3, firstPort: 22_850, niceness: 5 }, () => undefined);
  console.log(JSON.stringify(result));
  expect(result.falseExpulsions, `causes: ${JSON.stringify(result.causes)}`).toBe(0);
  expect(result.messages).toBeGreaterThan(100);
});
