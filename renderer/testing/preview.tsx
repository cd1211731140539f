/** The console on a bridge in memory: `preview.html?scene=joining&live` shows one scene, with news every second. */
import type { PolicyName } from '../../app/model/routing.js';
import { mountConsole } from '../mount.js';
import { browserClock } from '../store/wall-clock.js';
import { joinPlan, maintenancePlan } from './cluster-parts.js';
import { answerRouting, decisionOf } from './decisions.js';
import { createMemoryBridge } from './memory-bridge.js';
import { historyOf, metricsAt } from './metrics.js';
import { scenes } from './scenes.js';

const query = new URLSearchParams(location.search);
const scene = scenes[query.get('scene') ?? 'one'] ?? scenes.one;
if (!scene) throw new RangeError('no such scene');
const nowMs = Date.now();
const snapshot = scene(nowMs);
const bridge = createMemoryBridge(snapshot, historyOf(snapshot, nowMs));
bridge.handlers['plan.propose'] = ({ node, target, donor }) =>
  target === 'maintenance'
    ? maintenancePlan(Date.now())
    : joinPlan(Date.now(), {
        node,
        target,
        title: `Bring ${node} online`,
        donor: {
          name: donor ?? joinPlan(0).donor?.name ?? node,
          why: donor ? 'chosen by you' : 'least loaded of 2',
        },
      });
bridge.handlers['plan.dismiss'] = () => null;
bridge.handlers['load.set'] = (settings) => {
  const { load } = bridge.snapshot();
  if (load) bridge.update({ load: { ...load, settings } });
  return null;
};
const policies: readonly PolicyName[] = [
  'least-connections',
  'cpu-load',
  'weighted',
  'optimal',
  'round-robin',
];
const decide = (number: number, atMs: number) =>
  decisionOf(number, atMs, { policy: policies[number % policies.length] ?? 'optimal' });
const router = answerRouting(
  bridge,
  Array.from({ length: 80 }, (_, index) => decide(index + 1, nowMs - (80 - index) * 4_000)),
);
if (query.has('lost')) bridge.handlers['cluster.open'] = () => new Promise(() => undefined);

if (query.has('live')) {
  browserClock.every(1_000, () => {
    const atMs = Date.now();
    const before = bridge.snapshot();
    const point = metricsAt(before, atMs, atMs);
    bridge.append(point);
    router.decisions.push(decide(router.decisions.length + 1, atMs));
    bridge.update({
      nodes: before.nodes.map((node) => ({
        ...node,
        sample: node.sample && (point.nodes[node.name] ?? null),
      })),
    });
  });
}
mountConsole(bridge, browserClock);
