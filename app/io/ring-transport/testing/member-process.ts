/**
 * A member in a process of its own: sends back every note that it gets. Its only argument is JSON:
 * `{"name", "port", "members", "limits"}`. Says `ready` when it listens, then every loss as `lost NAME NETWORK REASON`.
 */
import { systemClock } from '../../../base/clock.js';
import { silentLog } from '../../../base/log.js';
import { systemRandom } from '../../../base/random.js';
import { RingMesh } from '../mesh.js';
import type { MemberAddresses, TransportLimits } from '../options.js';
import { endpointsOf, type Note, noteCodec, testCluster, testKey } from './members.js';

const options: {
  readonly name: string;
  readonly port: number;
  readonly members: readonly MemberAddresses[];
  readonly limits: Partial<TransportLimits>;
} = JSON.parse(process.argv[2] ?? '{}');

const transport: RingMesh<Note> = new RingMesh<Note>({
  cluster: testCluster,
  self: { name: options.name, life: options.port, boot: 1 },
  listen: endpointsOf(options.port),
  members: options.members,
  key: testKey,
  codec: noteCodec,
  events: {
    onConnected: () => undefined,
    onLost: ({ name }, network, reason) => console.log(`lost ${name} ${network} ${reason}`),
    onMessage: ({ name }, network, note) => void transport.send(name, network, note),
    onRefused: (error) => console.log(`refused ${error.code}`),
  },
  clock: systemClock,
  random: systemRandom(),
  log: silentLog(),
  limits: options.limits,
});
await transport.start();
console.log('ready');
// The parent went away: so does its member.
process.stdin.resume().on('end', () => process.exit(0));
