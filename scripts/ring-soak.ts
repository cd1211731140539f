/**
 * Looks for false expulsions: `npm run soak -- --minutes 30` keeps all processors busy and the token wanted by everybody.
 * The last line is one JSON object; exit code 1 when a member was expelled that lived.
 */
import { Command, InvalidArgumentError } from 'commander';
import { soak } from '../app/peer/ring/testing/soak.js';

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('not a positive number');
  return value;
};

const { minutes, members, port, nice } = new Command('soak')
  .option('--minutes <minutes>', 'how long', positive, 30)
  .option('--members <count>', 'members of the ring', positive, 3)
  .option('--port <port>', 'members take ports above it', positive, 22_860)
  .option('--nice <level>', 'how much the busy loops give way, 0 to 19', Number, 5)
  .parse()
  .opts<{ minutes: number; members: number; port: number; nice: number }>();

const result = await soak({ minutes, members, firstPort: port, niceness: nice }, (text) => console.log(text));
console.log(JSON.stringify(result));
process.exitCode = result.falseExpulsions === 0 ? 0 : 1;
