/** One node's engine: the front end that applications use, and the order in which their commits reach the node. */
import { messageOf, type RingmasterError } from '../../base/errors.js';
import type { PeerSettings, SqlAddress } from '../../contract/control.js';
import { Admin } from '../../io/mariadb/admin.js';
import type { NodeFolder } from '../../io/mariadb/node-folder.js';
import type { Replication } from '../../io/mariadb/replication.js';
import type { MemberId } from '../../ring/model.js';
import { errorPacket } from '../../wire/session/errors.js';
import { ConflictWatch } from '../conflict/conflict-watch.js';
import { FrontEnd } from '../front-end/front-end.js';
import { openGate } from '../front-end/gate.js';
import type { Drained } from '../front-end/mover.js';
import type { PeerTools } from '../peer-tools.js';
import { emptyNode } from '../ring/empty-node.js';
import type { RingNode } from '../ring/ring-node.js';
import type { RingOfNode } from '../ring/runtime.js';
import { OrderedNode } from './ordered-node.js';
import { OtherFrontEnds } from './other-front-ends.js';

export interface NodeEngineTools extends PeerTools {
  readonly settings: PeerSettings;
  readonly folder: NodeFolder;
  readonly replication: Replication;
}

/** Changes of tables that may end a statement of one comparison, before it counts as being in the way. */
const readingEndsMax = 8;

export class NodeEngine {
  readonly #tools: NodeEngineTools;
  #frontEnd: FrontEnd | null = null;
  /** Null for members without a database, and before the ring was made. */
  #ordered: OrderedNode | null = null;
  #killer: Admin | null = null;
  #closed: RingmasterError | null = null;
  /** Sessions belong on this node. */
  #here = true;
  readonly #conflicts: ConflictWatch;
  /** Connections that read for a comparison: a change of a table does not wait for them. */
  readonly #readers = new Map<number, number>();
  readonly #others: OtherFrontEnds;

  constructor(tools: NodeEngineTools) {
    this.#tools = tools;
    const { settings, folder, clock, log } = tools;
    this.#others = new OtherFrontEnds(() => Admin.local(settings, folder), log);
    this.#conflicts = new ConflictWatch({
      connect: () => Admin.local(settings, folder),
      clock,
      log,
      ownUsers: [settings.admin.user, settings.replication.user],
      expendable: { has: (id) => this.#readers.has(id) },
      mayRollBack: (backendId) => this.#frontEnd?.findByBackendId(backendId)?.committing !== true,
      onBlocked: ({ backendIds }) => this.#giveWay(backendIds),
    });
  }

  /** The node's server answers queries, or does no longer. */
  serverChanged(up: boolean): void {
    if (up && this.#frontEnd) void this.#others.learnAccounts();
    if (this.#tools.settings.ring?.data !== 'server') return;
    if (up) this.#conflicts.start();
    else void this.#conflicts.stop();
  }

  /** Transactions rolled back because a change that was ordered first needed their locks, counted since the peer began. */
  get conflicts(): number {
    const { row, metadata } = this.#conflicts.counts;
    return row + metadata;
  }

  /** This connection of ours reads for a comparison, or does no longer: only its statement ends when it is in the way. */
  reads(backendId: number, reads: boolean): void {
    if (reads) this.#readers.set(backendId, 0);
    else this.#readers.delete(backendId);
  }

  get ordered(): OrderedNode | null {
    return this.#ordered;
  }

  get frontEnd(): FrontEnd | null {
    return this.#frontEnd;
  }

  /** What stands behind this peer's member of the ring. */
  makeNode(ring: RingOfNode): RingNode {
    const { settings, folder, replication, clock, log } = this.#tools;
    if (settings.ring?.data !== 'server') return emptyNode(ring.handle);
    this.#ordered = new OrderedNode({
      node: settings.node,
      member: settings.ring.member,
      configured: settings.ring.members.filter(({ sql }) => sql !== null).length,
      connect: () => Admin.local(settings, folder),
      connectTo: (member) =>
        Admin.neighbour(this.#nameOf(member), this.#addressOf(member), settings.replication),
      addressOf: (member) => this.#addressOf(member),
      replication,
      closed: (why) => this.#setClosed(why),
      expects: (sequence) => this.#conflicts.expect(sequence),
      reached: (sequence) => this.#conflicts.reached(sequence),
      holds: (backendId, holds) => {
        if (holds) this.#conflicts.hold(backendId);
        else this.#conflicts.release(backendId);
      },
      ...ring,
      clock,
      log,
    });
    return this.#ordered;
  }

  /** Opens the address for applications. @throws host.port-in-use, host.path-denied */
  async open(): Promise<void> {
    const { settings, clock, log } = this.#tools;
    if (!settings.frontEnd) return;
    this.#frontEnd = await FrontEnd.open({
      ...settings.frontEnd,
      node: settings.sql,
      nodeNumber: settings.serverId,
      tls: null,
      gate: this.#ordered?.queue ?? openGate,
      killQuery: (backendId) => this.#killQuery(backendId),
      elsewhere: this.#others,
      clock,
      log,
    });
    this.#setClosed(this.#closed);
  }

  /**
   * Where sessions belong from now on: those that had to leave this node come back when it takes sessions `here` again.
   */
  place({ here, others }: { readonly here: boolean; readonly others: readonly SqlAddress[] }): void {
    this.#others.set(others);
    const frontEnd = this.#frontEnd;
    if (!frontEnd) return;
    if (!here) {
      frontEnd.place(this.#others.all);
      this.#here = false;
      return;
    }
    if (this.#here) return;
    this.#here = true;
    frontEnd
      .comeHome()
      .catch((thrown: unknown) =>
        this.#tools.log.warn({ cause: messageOf(thrown) }, 'sessions stay elsewhere'),
      );
  }

  /** Moves the sessions of this front end to the other nodes that take sessions; those that cannot are ended in time. */
  async leaveNode(withinMs: number): Promise<Drained> {
    if (!this.#frontEnd || this.#others.all.length === 0) return { moved: 0, ended: 0 };
    return await this.#frontEnd.leaveHome(withinMs);
  }

  /** Once in a while: an account may be new, or have another password. */
  async keepHouse(admin: Admin): Promise<void> {
    if (this.#frontEnd) await this.#others.learnFrom(admin);
  }

  async close(): Promise<void> {
    await this.#conflicts.stop();
    await this.#frontEnd?.close(errorPacket('session.node-lost'));
    this.#killer?.destroy();
  }

  /** A change that was ordered before them needs what these hold. */
  #giveWay(backendIds: readonly number[]): void {
    const strangers: number[] = [];
    for (const id of backendIds) {
      const session = this.#frontEnd?.findByBackendId(id);
      if (session) session.rollBack();
      else if (this.#readers.has(id)) this.#endReading(id);
      else strangers.push(id);
    }
    if (strangers.length > 0)
      this.#conflicts
        .kill(strangers)
        .catch((thrown: unknown) => this.#tools.log.warn({ cause: messageOf(thrown) }, 'not ended'));
  }

  /** Its statement first; a connection that is still in the way after that ends whole. */
  #endReading(id: number): void {
    const asked = (this.#readers.get(id) ?? 0) + 1;
    this.#readers.set(id, asked);
    const ending = asked > readingEndsMax ? this.#conflicts.kill([id]) : this.#killQuery(id);
    ending.catch((thrown: unknown) =>
      this.#tools.log.warn({ cause: messageOf(thrown) }, 'a read for a comparison was not ended'),
    );
  }

  #setClosed(why: RingmasterError | null): void {
    this.#closed = why;
    this.#frontEnd?.turnAway(why && errorPacket(why.code, why.data));
  }

  async #killQuery(backendId: number): Promise<void> {
    const { settings, folder } = this.#tools;
    if (!this.#killer || this.#killer.lost) this.#killer = await Admin.local(settings, folder);
    await this.#killer.query('KILL QUERY ?', [backendId]);
  }

  #memberOf(member: MemberId) {
    const found = this.#tools.settings.ring?.members.find((each) => each.member === member);
    if (!found?.sql) throw new Error(`member ${member} has no database`);
    return { node: found.node, sql: found.sql };
  }

  #addressOf(member: MemberId): SqlAddress {
    return this.#memberOf(member).sql;
  }

  #nameOf(member: MemberId): string {
    return this.#memberOf(member).node;
  }
}
