/**
 * A model of a peer and its MariaDB server behind the same port as the real one, so that plans can be run through
 * every fault at every call. Data is the list of changes that a server holds; replication is pumped by every call.
 */
import { RingmasterError } from '../base/errors.js';
import type {
  FollowStatus,
  MethodName,
  MethodParams,
  MethodResult,
  NoticeName,
  PeerControl,
  PeerNotices,
  PeerStatus,
  RingStatus,
  ServerPosition,
  SqlAddress,
} from '../contract/control.js';
import { formatGtid, formatGtidList, type Gtid, sequenceOf } from '../model/gtid.js';
import type { ServerOptions } from '../model/server-options.js';

/** Called before every method: throws to make the call fail, or kills the server first. */
export type Fault = (node: string, method: MethodName) => void;

interface ModelServer {
  readonly node: string;
  readonly serverId: number;
  readonly address: SqlAddress;
  /** What is on disk; null when there is no data. */
  data: readonly Gtid[] | null;
  before: readonly Gtid[] | null;
  copy: readonly Gtid[] | null;
  running: boolean;
  died: string | null;
  readOnly: boolean;
  frozen: boolean;
  following: SqlAddress | null;
  received: readonly Gtid[];
  /** Its ring may use it. */
  serving: boolean;
  left: boolean;
  options: ServerOptions;
  /** What a comparison of all nodes reads. */
  snapshot: readonly Gtid[] | null;
  /** Somebody changed a row behind the back of the cluster. */
  tampered: string;
  /** Its ring does not take it as it is. */
  refused: boolean;
}

const copyToken = '0123456789abcdef';

/** All servers of a model cluster, and the wires between them. */
export class PeerModel {
  readonly servers: ModelServer[];
  fault: Fault = () => undefined;
  /** The next snapshots miss so many changes that were sent on: a server sends before its own engine commits. */
  snapshotsBehind: number[] = [];
  /** The view that its peers agree on, and the last agreed membership. */
  private members: readonly string[] = [];
  private agreed: readonly string[] = [];
  private ringId = 1;
  private turn = 0;
  private readonly listeners = new Map<string, Set<(notice: never) => void>>();

  constructor(nodes: readonly { name: string; serverId: number; address: SqlAddress }[]) {
    this.servers = nodes.map(({ name, serverId, address }) => ({
      node: name,
      serverId,
      address,
      data: null,
      before: null,
      copy: null,
      running: false,
      died: null,
      readOnly: true,
      frozen: false,
      following: null,
      received: [],
      serving: false,
      left: false,
      options: {},
      snapshot: null,
      tampered: '',
      refused: false,
    }));
  }

  server(node: string): ModelServer {
    const found = this.servers.find((server) => server.node === node);
    if (!found) throw new Error(`no server ${node}`);
    return found;
  }

  /** A client commits on a member that has applied everything, another one each time. */
  write(): void {
    const newest = Math.max(0, ...this.memberServers().map(({ data }) => data?.length ?? 0));
    const able = this.memberServers().filter(({ data, frozen }) => !frozen && data?.length === newest);
    const server = able[this.turn++ % Math.max(1, able.length)];
    if (server) {
      const sequence = (server.data?.at(-1)?.sequence ?? 0) + 1;
      server.data = [...(server.data ?? []), { domainId: 0, serverId: server.serverId, sequence }];
    }
    this.pump();
  }

  /** The server process dies; what it had received but not applied stays in its relay log. */
  kill(node: string): void {
    const server = this.server(node);
    if (!server.running) return;
    server.running = false;
    server.serving = false;
    server.died = 'killed by SIGKILL';
    this.agree();
    this.notify(node, 'peer.changed', this.status(server));
  }

  /** The peer was away for a moment, and its server went on: the ring wants to know what it did. */
  refuse(node: string): void {
    const server = this.server(node);
    server.refused = true;
    this.agree();
    this.notify(node, 'peer.changed', this.status(server));
  }

  private memberServers(): ModelServer[] {
    return this.servers.filter(({ node }) => this.members.includes(node));
  }

  /** A new view, where a majority of the last one is there: its members follow each other, nobody else is written to. */
  private agree(): void {
    const willing = this.servers.filter(
      (each) => each.running && each.serving && !each.left && !each.refused && each.data,
    );
    const there = willing.filter(({ node }) => this.agreed.includes(node)).length;
    const whole = this.agreed.length === 0 || 2 * there > this.agreed.length;
    const names = whole ? willing.map(({ node }) => node) : [];
    if (names.join() === this.members.join()) return;
    this.members = names;
    if (names.length > 0) {
      this.agreed = names;
      this.ringId++;
    }
    for (const server of this.servers) server.readOnly = !names.includes(server.node);
    willing.forEach((server, index) => {
      if (names.length === 0) return;
      this.apply(server, Number.MAX_SAFE_INTEGER);
      const predecessor = willing.at(index - 1);
      server.following = willing.length > 1 ? (predecessor?.address ?? null) : null;
      server.received = server.data ?? [];
    });
  }

  private ringStatus(server: ModelServer): RingStatus {
    const inside = this.members.includes(server.node);
    return {
      member: server.serverId,
      state: server.left ? 'left' : inside ? 'operational' : 'gather',
      words: inside ? 'member' : 'looks for a view',
      lastReason: null,
      view: inside
        ? {
            ringId: this.ringId,
            name: `${this.ringId}.1`,
            members: this.memberServers().map(({ node, serverId }) => ({
              member: serverId,
              node,
              arbiter: false,
            })),
            start: 0,
          }
        : null,
      ready: inside,
      views: 1,
      holds: false,
      holder: null,
      passes: 0,
      rotationsPerSecond: 0,
      rotationMs: null,
      position: { received: 0, applied: 0 },
      safe: null,
      refused: server.refused ? 'needs-copy' : null,
      delivered: 0,
      stalls: { count: 0, longestMs: 0 },
      writes: { count: 0, longestMs: 0 },
      others: [],
    };
  }

  connect(node: string): PeerControl {
    return {
      call: async (name, params) => {
        this.fault(node, name);
        this.write();
        const result = this.answer(this.server(node), name, params);
        this.pump();
        return result as never;
      },
      onNotice: (name, listener) => this.listen(node, name, listener),
      onClosed: () => () => undefined,
      close: () => undefined,
    };
  }

  private listen<Name extends NoticeName>(
    node: string,
    name: Name,
    listener: (notice: PeerNotices[Name]) => void,
  ): () => void {
    const key = `${node} ${name}`;
    const listeners = this.listeners.get(key) ?? new Set();
    listeners.add(listener);
    this.listeners.set(key, listeners);
    return () => listeners.delete(listener);
  }

  private notify<Name extends NoticeName>(node: string, name: Name, notice: PeerNotices[Name]): void {
    for (const listener of this.listeners.get(`${node} ${name}`) ?? []) listener(notice as never);
  }

  /** Moves changes along the ring until nothing moves any more. */
  private pump(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const server of this.servers) moved = this.advance(server) || moved;
    }
  }

  private advance(server: ModelServer): boolean {
    if (!server.running || !server.data) return false;
    const source = this.servers.find((other) => other.address.port === server.following?.port);
    let moved = false;
    if (source?.running && source.data) {
      const fresh = source.data.filter((change) => change.sequence > (server.received.at(-1)?.sequence ?? 0));
      if (fresh.length > 0) {
        server.received = [...server.received, ...fresh];
        moved = true;
      }
    }
    if (!server.frozen && server.following) moved = this.apply(server, Number.MAX_SAFE_INTEGER) || moved;
    return moved;
  }

  private apply(server: ModelServer, upTo: number): boolean {
    const last = server.data?.at(-1)?.sequence ?? 0;
    const next = server.received.filter((change) => change.sequence > last && change.sequence <= upTo);
    server.data = [...(server.data ?? []), ...next];
    return next.length > 0;
  }

  private position(server: ModelServer): ServerPosition | null {
    if (!server.running || !server.data) return null;
    const last = server.data.at(-1);
    const state = new Map(server.data.map((change) => [change.serverId, change]));
    const binlog = last ? formatGtidList([last]) : '';
    return { binlog, applied: binlog, binlogState: formatGtidList([...state.values()]), oldestBinlog: '' };
  }

  private status(server: ModelServer): PeerStatus {
    return {
      node: server.node,
      serverId: server.serverId,
      server: server.running
        ? { kind: 'running', pid: 1, version: '10.11.19-MariaDB', readOnly: server.readOnly }
        : server.data
          ? { kind: 'stopped', unexpected: server.died !== null, reason: server.died ?? 'stopped' }
          : { kind: 'no-data' },
      position: this.position(server),
      follow: server.running ? this.follow(server) : null,
      dataBytes: 1_000_000,
      disk: { freeBytes: 100e9, totalBytes: 200e9 },
      preparedCopy: server.copy !== null,
      ring: this.ringStatus(server),
    };
  }

  private follow(server: ModelServer): FollowStatus {
    const received = server.received.at(-1);
    return {
      predecessor: server.following,
      receiver: server.following ? 'running' : 'stopped',
      applier: server.following ? (server.frozen ? 'frozen' : 'running') : 'stopped',
      received: received ? formatGtidList([received]) : '',
      secondsBehind: 0,
      errorNumber: 0,
      errorText: '',
    };
  }

  private alive(server: ModelServer): ServerPosition {
    const position = this.position(server);
    if (!position) throw new RingmasterError('server.not-running', { node: server.node });
    return position;
  }

  /** Answers one call. Every method of the contract is here, so that a new one cannot be forgotten. */
  private answer<Name extends MethodName>(
    server: ModelServer,
    name: Name,
    params: MethodParams<Name>,
  ): MethodResult<MethodName> {
    const method: MethodName = name;
    switch (method) {
      case 'peer.status':
        return this.status(server);
      case 'server.initialise':
        server.data ??= [];
        return null;
      case 'server.start':
        return this.start(server);
      case 'peer.end':
      case 'server.stop':
        if (!server.frozen) this.apply(server, Number.MAX_SAFE_INTEGER);
        Object.assign(server, { running: false, died: null, following: null, frozen: false, received: [] });
        server.serving = false;
        this.agree();
        return null;
      case 'server.set-read-only':
        this.alive(server);
        server.readOnly = (params as MethodParams<'server.set-read-only'>).readOnly;
        return null;
      case 'server.configure': {
        const { options } = params as MethodParams<'server.configure'>;
        const before = server.options;
        server.options = { ...before, ...options };
        return Object.fromEntries(Object.keys(options).map((name) => [name, before[name] ?? null]));
      }
      case 'server.set-lossless':
        this.alive(server);
        return null;
      case 'ring.serve':
        this.alive(server);
        server.serving = true;
        this.agree();
        return null;
      case 'ring.rejoin':
        server.left = false;
        this.agree();
        return null;
      case 'ring.leave':
        // The last one of a view takes the membership with it; of more the rest goes on without counting it.
        server.left = true;
        if (this.agreed.length > 1) this.agreed = this.agreed.filter((name) => name !== server.node);
        this.agree();
        return { agreed: true };
      case 'ring.copied':
        server.refused = false;
        return null;
      case 'ring.submit':
      case 'sessions.place':
        return null;
      case 'server.set-quota':
        return { applied: false, why: 'a model has no processor' };
      case 'sessions.count':
        return { sessions: 0 };
      case 'sessions.close':
        this.alive(server);
        return { moved: 0, closed: 0 };
      case 'disk.space':
        return { freeBytes: 100e9, dataBytes: 1_000_000 };
      case 'data.checksums':
        return this.checksums(server);
      case 'commits.pause':
        return { sequence: sequenceOf(this.alive(server).binlog) };
      case 'commits.resume':
        return { heldMs: 12, unbroken: true };
      case 'compare.prepare':
        this.alive(server);
        return null;
      case 'compare.open':
        return this.openComparison(server, (params as MethodParams<'compare.open'>).sequence);
      case 'compare.ranges':
        return {
          tables: [{ table: 'bank.accounts', key: { column: 'id', kind: 'number' }, edges: ['1000'] }],
        };
      case 'compare.sums':
        return this.comparison(server);
      case 'compare.close':
        server.snapshot = null;
        return null;
      default:
        return method.startsWith('copy.')
          ? this.answerCopy(
              server,
              method as MethodName & `copy.${string}`,
              params as MethodParams<MethodName>,
            )
          : this.answerReplication(
              server,
              method as MethodName & `replication.${string}`,
              params as MethodParams<MethodName>,
            );
    }
  }

  /** A snapshot at exactly this change: in the model, where each call is a moment, one of the past can be taken too. */
  private openComparison(server: ModelServer, sequence: number): MethodResult<'compare.open'> {
    const stands = sequenceOf(this.alive(server).binlog);
    if (stands < sequence) {
      const cause = `it is ${sequence - stands} changes behind`;
      throw new RingmasterError('verification.snapshot-missed', { node: server.node, sequence, cause });
    }
    server.snapshot = (server.data ?? []).filter((change) => change.sequence <= sequence);
    return { tables: [{ table: 'bank.accounts', definition: 'id', unreadable: null }] };
  }

  private comparison(server: ModelServer): MethodResult<'compare.sums'> {
    this.alive(server);
    if (!server.snapshot)
      throw new RingmasterError('verification.snapshot-gone', {
        node: server.node,
        cause: 'none was opened',
      });
    const last = server.snapshot.at(-1);
    const sums = [
      { rows: server.snapshot.length, sum: formatGtidList(server.snapshot) },
      { rows: 1, sum: server.tampered },
    ];
    return {
      position: last ? formatGtid(last) : '',
      tables: [{ table: 'bank.accounts', sums, problem: null }],
    };
  }

  private start(server: ModelServer): PeerStatus {
    if (!server.data) throw new RingmasterError('server.no-data', { node: server.node });
    Object.assign(server, {
      running: true,
      died: null,
      readOnly: true,
      frozen: false,
      following: null,
      received: [],
    });
    return this.status(server);
  }

  private checksums(server: ModelServer): MethodResult<'data.checksums'> {
    this.alive(server);
    const data = server.data ?? [];
    const seen = data.slice(0, Math.max(0, data.length - (this.snapshotsBehind.shift() ?? 0)));
    const last = seen.at(-1);
    const table = { table: 'bank.accounts', checksum: formatGtidList(seen), rows: seen.length };
    return { position: last ? formatGtid(last) : '', tables: [table] };
  }

  private answerReplication(
    server: ModelServer,
    method: MethodName & `replication.${string}`,
    params: MethodParams<MethodName>,
  ): MethodResult<MethodName> {
    const position = this.alive(server);
    switch (method) {
      case 'replication.follow': {
        // Re-pointing drops the relay log: what was received is applied first.
        this.apply(server, Number.MAX_SAFE_INTEGER);
        server.following = (params as MethodParams<'replication.follow'>).predecessor;
        server.received = server.data ?? [];
        server.frozen = false;
        return this.follow(server);
      }
      case 'replication.stop':
        if (!server.frozen) this.apply(server, Number.MAX_SAFE_INTEGER);
        Object.assign(server, { following: null, frozen: false, received: [] });
        return null;
      case 'replication.freeze':
        server.frozen = true;
        return null;
      case 'replication.unfreeze':
        server.frozen = false;
        return null;
      case 'replication.drain-relay-log':
        this.apply(server, Number.MAX_SAFE_INTEGER);
        return this.alive(server);
      case 'replication.apply-until':
        this.apply(server, sequenceOf((params as MethodParams<'replication.apply-until'>).position));
        return this.alive(server);
      case 'replication.wait-for': {
        const wanted = (params as MethodParams<'replication.wait-for'>).position;
        this.pump();
        if (sequenceOf(this.alive(server).binlog) < sequenceOf(wanted)) {
          throw new RingmasterError('replication.not-caught-up', {
            node: server.node,
            position: wanted,
            seconds: 30,
            reached: position.binlog,
          });
        }
        return this.alive(server);
      }
    }
  }

  private answerCopy(
    server: ModelServer,
    method: MethodName & `copy.${string}`,
    params: MethodParams<MethodName>,
  ): MethodResult<MethodName> {
    switch (method) {
      case 'copy.receive':
        server.copy = [];
        return { address: server.address, token: copyToken };
      case 'copy.received':
        return { bytes: 1_000_000 };
      case 'copy.send': {
        const { binlogState } = this.alive(server);
        const joiner = this.servers.find(
          (other) => other.address.port === (params as MethodParams<'copy.send'>).to.port,
        );
        if (joiner) joiner.copy = server.data;
        return { bytes: 1_000_000, binlogState };
      }
      case 'copy.prepare':
        return { position: formatGtidList(server.copy?.slice(-1) ?? []) };
      case 'copy.swap':
        server.before = server.data;
        server.data = server.copy;
        server.copy = null;
        return null;
      case 'copy.set-position':
        this.alive(server);
        return null;
      case 'copy.discard':
        if (server.copy) server.copy = null;
        else server.data = server.before;
        server.before = null;
        return null;
      case 'copy.accept':
        server.before = null;
        return null;
    }
  }
}
