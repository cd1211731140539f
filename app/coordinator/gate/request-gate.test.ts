import { describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { RingmasterError } from '../../base/errors.js';
import { silentLog } from '../../base/log.js';
import { type ReplyEnvelope, type RequestName, windowRequests } from '../../contract/window.js';
import { type AuditLine, createAudit } from './audit.js';
import { createRequestGate, type IncomingRequest } from './request-gate.js';

/** A valid payload of every request: the compiler refuses a table that lacks one. */
const payloads: Readonly<Record<RequestName, unknown>> = {
  'cluster.open': {},
  'plan.propose': { node: 'db2', target: 'active', donor: null },
  'plan.run': { plan: 'p1', maintenance: { reason: 'new disks', minutes: 60 } },
  'plan.abort': { plan: 'p1' },
  'plan.dismiss': { plan: 'p1' },
  'series.propose': { nodes: ['db1', 'db2'], act: { kind: 'restart', options: null } },
  'series.run': { series: 'series-1' },
  'series.stop': { series: 'series-1' },
  'series.dismiss': { series: 'series-1' },
  'recovery.set': { on: false, perHourMax: 3 },
  'verification.start': { loadPercent: 50 },
  'verification.stop': {},
  'verification.set': { verifiesJoins: false },
  'load.set': { connections: 350, writePercent: 20, targetRate: null },
  'routing.decisions': { node: null, session: '', after: 0, count: 50 },
  'routing.set': { policy: 'weighted', weights: { db1: 2, db2: 0 } },
  'lab.set-quota': { cores: 0.4 },
  'lab.reset': { confirmation: 'lab' },
};

/** Requests that change nothing on the cluster. Whoever adds one here has thought about it. */
const harmless: readonly RequestName[] = [
  'cluster.open',
  'plan.propose',
  'plan.dismiss',
  'series.propose',
  'series.dismiss',
  'routing.decisions',
];
const names = Object.keys(windowRequests) as RequestName[];
const mutating = names.filter((name) => !harmless.includes(name));

function gateway(answer: ReplyEnvelope<unknown> = { ok: true, reply: 'done' }) {
  const reached: { name: RequestName; payload: unknown; by: string }[] = [];
  const lines: AuditLine[] = [];
  const audit = createAudit(systemClock, 'run-1', (line) => lines.push(JSON.parse(line)));
  const coordinator = {
    request: async (name: RequestName, payload: unknown, by: string) => {
      reached.push({ name, payload, by });
      return answer;
    },
  };
  const gate = createRequestGate(coordinator, audit, silentLog());
  const ask = (name: unknown, change: Partial<IncomingRequest> = {}) =>
    gate({
      fromOwner: true,
      by: 'olga',
      name,
      payload: typeof name === 'string' ? payloads[name as RequestName] : {},
      confirmed: true,
      ...change,
    });
  return { ask, reached, lines };
}

const codeOf = (envelope: ReplyEnvelope<unknown>) => (envelope.ok ? null : envelope.error.code);

describe('every request of the contract', () => {
  it.each(names)('%s: changes something exactly when it is not known to be harmless', (name) => {
    expect(windowRequests[name].changes === null).toBe(harmless.includes(name));
  });

  it.each(names)('%s reaches the coordinator when the operator confirmed it', async (name) => {
    const { ask, reached } = gateway();
    expect(await ask(name)).toEqual({ ok: true, reply: 'done' });
    expect(reached).toEqual([{ name, payload: payloads[name], by: 'olga' }]);
  });

  it.each(mutating)('%s leaves two audit lines: asked, and what came of it', async (name) => {
    const { ask, lines } = gateway();
    await ask(name);
    const line = { id: 1, run: 'run-1', who: 'olga', request: name, payload: payloads[name], error: null };
    expect(lines).toMatchObject([
      { ...line, outcome: 'asked' },
      { ...line, outcome: 'done' },
    ]);
    expect(Date.parse(lines[0]?.at ?? '')).not.toBeNaN();
  });

  it.each(mutating.filter((name) => windowRequests[name].changes !== 'safe'))(
    '%s is refused without a gesture of the operator, never reaches the coordinator, and is audited',
    async (name) => {
      for (const confirmed of [false, undefined, 'true', 1]) {
        const { ask, reached, lines } = gateway();
        expect(codeOf(await ask(name, { confirmed }))).toBe('request.forbidden');
        expect(reached).toEqual([]);
        expect(lines.map((line) => [line.outcome, line.error])).toEqual([
          ['asked', null],
          ['refused', 'request.forbidden'],
        ]);
      }
    },
  );

  it.each(names.filter((name) => windowRequests[name].changes === 'destructive'))(
    '%s is refused without typed words',
    async (name) => {
      const { ask, reached } = gateway();
      const envelope = await ask(name, { payload: { confirmation: '  ' } });
      expect(codeOf(envelope)).toBe('request.forbidden');
      expect(reached).toEqual([]);
    },
  );

  it.each(harmless)('%s leaves no audit line', async (name) => {
    const { ask, lines } = gateway();
    await ask(name, { confirmed: false });
    expect(lines).toEqual([]);
  });
});

describe('the gate', () => {
  it('refuses other pages before it looks at anything else', async () => {
    const { ask, reached, lines } = gateway();
    const envelope = await ask('plan.run', { fromOwner: false });
    expect(codeOf(envelope)).toBe('request.untrusted');
    expect([reached, lines]).toEqual([[], []]);
  });

  it.each(['plan.erase', '__proto__', 'toString', '', 7, null, { name: 'plan.run' }])(
    'refuses the unknown request %j',
    async (name) => {
      const { ask, reached } = gateway();
      expect(codeOf(await ask(name))).toBe('request.unknown');
      expect(reached).toEqual([]);
    },
  );

  it.each([
    ['plan.run', {}],
    ['plan.run', { plan: 'p1' }],
    ['plan.run', { plan: '', maintenance: null }],
    ['plan.run', { plan: 'p1', maintenance: null, also: 'this' }],
    ['plan.run', { plan: 'p1', maintenance: { reason: '  ', minutes: 60 } }],
    ['plan.run', { plan: 'p1', maintenance: { reason: 'two\nlines', minutes: 60 } }],
    ['plan.run', { plan: 'p1', maintenance: { reason: 'x'.repeat(201), minutes: 60 } }],
    ['plan.run', { plan: 'p1', maintenance: { reason: 'new disks', minutes: 0 } }],
    ['plan.run', { plan: 'p1', maintenance: { reason: 'new disks', minutes: 10_081 } }],
    ['plan.propose', { node: 'DB 2; rm', target: 'active', donor: null }],
    ['plan.propose', { node: 'db2', target: 'failed', donor: null }],
    ['load.set', { connections: 1e9, writePercent: 20, targetRate: null }],
    ['routing.decisions', { node: null, session: '', after: 0, count: 1e6 }],
    ['routing.decisions', { node: null, session: 'x'.repeat(65), after: 0, count: 1 }],
    ['routing.set', { policy: 'my-own', weights: {} }],
    ['routing.set', { policy: 'weighted', weights: { db1: 101 } }],
    ['routing.set', { policy: 'weighted', weights: { db1: -1 } }],
    ['routing.set', { policy: 'weighted', weights: { 'DB 1': 1 } }],
    ['lab.set-quota', { cores: '1' }],
    ['cluster.open', null],
  ])('refuses %s with payload %j and says what is wrong', async (name, payload) => {
    const { ask, reached, lines } = gateway();
    const envelope = await ask(name, { payload });
    expect(codeOf(envelope)).toBe('request.invalid');
    expect([reached, lines]).toEqual([[], []]);
  });

  it('audits failures of the coordinator with their code', async () => {
    const error = new RingmasterError('plan.busy', { title: 'Bring db2 online' }).view();
    const { ask, lines } = gateway({ ok: false, error });
    expect(await ask('plan.run')).toEqual({ ok: false, error });
    expect(lines[1]).toMatchObject({ outcome: 'refused', error: 'plan.busy' });
    const ended = new RingmasterError('coordinator.ended', { cause: 'exit code 9' }).view();
    const other = gateway({ ok: false, error: ended });
    await other.ask('plan.run');
    expect(other.lines[1]).toMatchObject({ outcome: 'failed', error: 'coordinator.ended' });
  });

  it('makes no change that cannot be audited', async () => {
    let reached = false;
    const audit = createAudit(systemClock, 'run-1', () => {
      throw new Error('ENOSPC');
    });
    const coordinator = {
      request: async () => {
        reached = true;
        return { ok: true as const, reply: null };
      },
    };
    const gate = createRequestGate(coordinator, audit, silentLog());
    const envelope = await gate({
      fromOwner: true,
      by: 'olga',
      name: 'load.set',
      payload: payloads['load.set'],
      confirmed: true,
    });
    expect(codeOf(envelope)).toBe('audit.unwritable');
    expect(reached).toBe(false);
  });
});
