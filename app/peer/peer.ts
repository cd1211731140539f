/**
 * One node's peer: owns its server, watches it, and answers what the coordinator asks. It never decides by itself what
 * should happen to the node: it does, measures and tells.
 */
import { join } from 'node:path';
import type { Timer } from '../base/clock.js';
import { messageOf, RingmasterError } from '../base/errors.js';
import { Lane } from '../base/lane.js';
import type { FollowStatus, PeerSettings, PeerStatus, ServerPosition } from '../contract/control.js';
import { ProcessorQuota } from '../io/cgroup.js';
import { Admin } from '../io/mariadb/admin.js';
import { readStoppedPosition } from '../io/mariadb/binlog-file.js';
import { Binlogs } from '../io/mariadb/binlogs.js';
import type { CopyReceiver } from '../io/mariadb/copy.js';
import { CopyFolder } from '../io/mariadb/copy-folder.js';
import { dataBytes } from '../io/mariadb/data-size.js';
import { type NodeFolder, nodeFolder } from '../io/mariadb/node-folder.js';
import { followOf, Replication, readFollow, readPosition } from '../io/mariadb/replication.js';
import { Sampler } from '../io/mariadb/sampler.js';
import { ServerProcess } from '../io/mariadb/server-process.js';
import type { NodeSample } from '../model/metrics.js';
import { NodeEngine } from './engine/node-engine.js';
import type { PeerTools } from './peer-tools.js';
import { RingRuntime } from './ring/runtime.js';
import { StoppedWatch } from './stopped-watch.js';

const sampleEveryMs = 1_000;
/** Walking the data folder and the list of binlogs costs more than a sample and changes slowly. */
const housekeepingEveryMs = 10_000;

export class Peer {
  readonly settings: PeerSettings;
  readonly tools: PeerTools;
  readonly folder: NodeFolder;
  readonly server: ServerProcess;
  readonly replication: Replication;
  readonly copies: CopyFolder;
  readonly binlogs: Binlogs;
  readonly quota: ProcessorQuota;
  readonly engine: NodeEngine;
  /** The processor quota that is in force; null for none. */
  quotaCores: number | null = null;
  /** The quota that is wanted, applied at each start of the server. */
  wantedQuotaCores: number | null;
  /** The listener of the copy that is awaited. */
  receiver: CopyReceiver | null = null;
  readonly #sampler: Sampler;
  #watch: Admin | null = null;
  #timers: Timer[] = [];
  #sampling = false;
  #position: ServerPosition | null = null;
  #follow: FollowStatus | null = null;
  /** Looks at the running server so far, and the newest one that was answered: an older answer that comes late is dropped. */
  #looks = 0;
  #answeredLook = 0;
  #dataBytes: number | null = null;
  #disk: PeerStatus['disk'] = null;
  #preparedCopy = false;
  /** This peer's part in the token ring; null outside of any. */
  #ring: RingRuntime | null = null;
  /** The server was stopped before it had applied everything that it had received and, perhaps, acknowledged. */
  tailUncertain = false;
  /** The ring must not use the server before its data were looked at. */
  #heldBack = false;
  readonly #lifecycle = new Lane();

  constructor(settings: PeerSettings, tools: PeerTools) {
    this.settings = settings;
    this.tools = tools;
    this.folder = nodeFolder(settings.folder);
    this.binlogs = new Binlogs(tools.host, this.folder.data);
    this.wantedQuotaCores = settings.cpuQuotaCores;
    this.server = new ServerProcess(settings, this.folder, {
      ...tools,
      changed: () => this.#serverChanged(),
      died: () => this.#serverDied(),
    });
    this.replication = new Replication(settings, tools.clock);
    this.copies = new CopyFolder(settings, this.folder, tools.host);
    this.quota = new ProcessorQuota(tools.host, settings.node, settings.folder);
    this.engine = new NodeEngine({ ...tools, settings, folder: this.folder, replication: this.replication });
    this.#sampler = new Sampler(settings, tools.host, tools.clock);
  }

  /** Finds out how the node stands and begins to watch it. */
  async begin(): Promise<void> {
    await this.copies.recover();
    await this.server.discover();
    await this.#freeAdopted();
    await this.applyQuota();
    await this.refresh();
    this.#ring = this.#joinRing();
    await this.engine.open();
    const { clock } = this.tools;
    if (this.#ring) this.#timers.push(this.#watchStopped(this.#ring, this.settings));
    this.#timers.push(
      clock.every(sampleEveryMs, () => void this.#sample()),
      clock.every(housekeepingEveryMs, () => void this.#keepHouse()),
    );
  }

  /**
   * A server that went on without a peer: the ring closed around it, its successor follows another one, and whatever it
   * applies or was committing waits for an acknowledgement that never comes, with the binlog locked against everybody who
   * looks at it. No client can hear OK for any of this any more; what the ring did not receive shows when it joins.
   */
  async #freeAdopted(): Promise<void> {
    if (this.settings.ring?.data !== 'server' || this.server.status.kind !== 'running') return;
    await this.withAdmin((admin) => admin.query('SET GLOBAL rpl_semi_sync_master_enabled = OFF'));
  }

  /** Stops watching; the server goes on. */
  async end(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.engine.close();
    await this.#ring?.close();
    await this.receiver?.cancel();
    const watch = this.#watch;
    this.#watch = null;
    await watch?.close();
  }

  #watchStopped(ring: RingRuntime, { ring: settings }: PeerSettings): Timer {
    return new StoppedWatch({
      host: this.tools.host,
      clock: this.tools.clock,
      log: this.tools.log,
      pid: () => (ring.isShared && this.server.status.kind === 'running' ? this.server.pid : null),
      patienceMs: settings?.timings.expelAfterMs ?? 0,
      end: (why) => this.server.kill(why),
    }).begin();
  }

  get ring(): RingRuntime | null {
    return this.#ring;
  }

  #joinRing(): RingRuntime | null {
    const { ring: settings } = this.settings;
    if (!settings) return null;
    const { clock, log, notify } = this.tools;
    const ring = new RingRuntime({
      settings,
      storePath: join(this.folder.root, 'ring.json'),
      makeNode: (ringOfNode) => this.engine.makeNode(ringOfNode),
      changed: () => notify('peer.changed', this.status()),
      delivered: (entry) => notify('ring.delivered', entry),
      clock,
      log,
    });
    const { status } = this.server;
    if (status.kind === 'stopped') ring.serverChanged(false, !status.unexpected);
    ring.serverChanged(status.kind === 'running', true);
    this.engine.serverChanged(status.kind === 'running');
    return ring;
  }

  /** What is known without asking the server. */
  status(): PeerStatus {
    const { node, serverId } = this.settings;
    return {
      node,
      serverId,
      server: this.server.status,
      position: this.#position,
      follow: this.server.status.kind === 'running' ? this.#follow : null,
      dataBytes: this.#dataBytes,
      disk: this.#disk,
      preparedCopy: this.#preparedCopy,
      ring: this.#ring?.status() ?? null,
    };
  }

  /** Looks at everything again. */
  async refresh(): Promise<PeerStatus> {
    this.#preparedCopy = await this.copies.isPrepared();
    this.#dataBytes = await dataBytes(this.tools.host, this.folder.data);
    this.#disk = await this.tools.host.disk(this.folder.root).catch(() => null);
    if (this.server.status.kind !== 'running') {
      await this.#readStopped();
      return this.status();
    }
    return await this.withAdmin(async (admin) => {
      await this.server.refresh(admin);
      const look = ++this.#looks;
      const position = await readPosition(admin, await this.binlogs.oldestPosition());
      const follow = await readFollow(admin);
      this.#learn(look, position, follow);
      // Not what a sample has put in its place meanwhile.
      return { ...this.status(), position, follow };
    });
  }

  /** What look number `look` found; nothing when a later one was answered before it. */
  #learn(look: number, position: ServerPosition, follow: FollowStatus | null): void {
    if (look < this.#answeredLook) return;
    this.#answeredLook = look;
    this.#position = position;
    this.#follow = follow;
  }

  /** Where the node stands while its server does not run: its files tell. */
  async #readStopped(): Promise<void> {
    const { kind } = this.server.status;
    if (kind === 'no-data') this.#position = null;
    if (kind !== 'stopped') return;
    const position = await readStoppedPosition(
      this.tools.host,
      this.folder.data,
      this.#position?.applied ?? '',
    );
    if (this.server.status.kind === 'stopped') this.#position = position;
  }

  /** Looks at everything again and tells everybody. */
  async announce(): Promise<PeerStatus> {
    const status = await this.refresh();
    this.tools.notify('peer.changed', status);
    return status;
  }

  /** Runs `use` with a connection of its own. @throws server.not-running */
  async withAdmin<Result>(use: (admin: Admin) => Promise<Result>): Promise<Result> {
    this.server.requireRunning();
    const admin = await Admin.local(this.settings, this.folder);
    try {
      return await use(admin);
    } finally {
      await admin.close();
    }
  }

  /** One act on the server or its data after the other: a stop must not meet a start half-way. */
  exclusively<Result>(act: () => Promise<Result>): Promise<Result> {
    return this.#lifecycle.run(act);
  }

  /** Gives the running server the quota that is wanted. */
  async applyQuota(): Promise<{ applied: boolean; why: string }> {
    const { pid } = this.server;
    if (pid === null) return { applied: true, why: 'it will be set when the server starts' };
    const answer = await this.quota.apply(pid, this.wantedQuotaCores);
    this.quotaCores = answer.applied ? this.wantedQuotaCores : null;
    if (!answer.applied) this.tools.log.warn(answer, 'no processor quota');
    return answer;
  }

  #serverChanged(): void {
    const { kind } = this.server.status;
    if (kind === 'stopped') void this.quota.remove();
    if (kind !== 'running') {
      this.#follow = null;
      this.#sampler.reset();
      this.#watch?.destroy();
      this.#watch = null;
    }
    this.#tellRing();
    this.tools.notify('peer.changed', this.status());
    // The news goes first; where it stands follows as soon as its files are read.
    if (kind === 'stopped')
      void this.#readStopped().then(
        () => this.tools.notify('peer.changed', this.status()),
        (thrown: unknown) =>
          this.tools.log.warn({ cause: messageOf(thrown) }, 'no position of the stopped server'),
      );
  }

  /** The ring waits for nothing: it hears of it before anybody knows why. */
  #serverDied(): void {
    this.engine.serverChanged(false);
    this.#ring?.serverChanged(false, false);
  }

  /** The next start of the server is no news for the ring until `serve`. */
  holdBack(): void {
    if (this.server.status.kind !== 'running') this.#heldBack = true;
  }

  /** The ring may use the server. */
  serve(): void {
    this.#heldBack = false;
    this.#tellRing();
  }

  #tellRing(): void {
    const { status } = this.server;
    const clean = status.kind !== 'stopped' || !(status.unexpected || this.tailUncertain);
    if (status.kind === 'stopped') this.tailUncertain = false;
    this.engine.serverChanged(status.kind === 'running');
    this.#ring?.serverChanged(status.kind === 'running' && !this.#heldBack, clean);
  }

  /** The connection that stays open, so that watching costs no logins. */
  async #watching(): Promise<Admin> {
    if (this.#watch && !this.#watch.lost) return this.#watch;
    this.#watch = await Admin.local(this.settings, this.folder);
    return this.#watch;
  }

  async #sample(): Promise<void> {
    const { pid } = this.server;
    if (this.server.status.kind !== 'running' || pid === null) {
      if (this.#ring) this.tools.notify('peer.sampled', { status: this.status(), sample: null });
      return;
    }
    if (this.#sampling) {
      // The last one still waits for its answers: this second has no sample.
      this.tools.notify('peer.sampled', { status: this.status(), sample: null });
      return;
    }
    this.#sampling = true;
    let sample: NodeSample | null = null;
    try {
      sample = await this.#takeSample(pid);
    } catch (thrown) {
      this.#sampler.reset();
      this.tools.log.warn({ cause: messageOf(thrown) }, 'no sample');
    } finally {
      this.#sampling = false;
    }
    if (this.server.status.kind === 'running')
      this.tools.notify('peer.sampled', { status: this.status(), sample });
  }

  async #takeSample(pid: number): Promise<NodeSample> {
    const admin = await this.#watching();
    const look = ++this.#looks;
    const { sample, slaveStatus } = await this.#sampler.take(
      admin,
      pid,
      this.quotaCores,
      this.engine.conflicts,
    );
    const position = await readPosition(admin, this.#position?.oldestBinlog ?? '');
    const follow = slaveStatus ? followOf(slaveStatus) : null;
    const before = healthOf(this.#follow);
    this.#learn(look, position, follow);
    const changed = healthOf(this.#follow) !== before;
    this.engine.ordered?.seenPosition(position, follow);
    await this.server.refresh(admin);
    if (changed) this.tools.notify('peer.changed', this.status());
    return sample;
  }

  async #keepHouse(): Promise<void> {
    try {
      this.#dataBytes = await dataBytes(this.tools.host, this.folder.data);
      this.#disk = await this.tools.host.disk(this.folder.root);
      if (this.server.status.kind !== 'running') return;
      await this.withAdmin(async (admin) => {
        await this.binlogs.purge(admin);
        const look = ++this.#looks;
        const position = await readPosition(admin, await this.binlogs.oldestPosition());
        this.#learn(look, position, await readFollow(admin));
        await this.engine.keepHouse(admin);
      });
    } catch (thrown) {
      const error = thrown instanceof RingmasterError ? thrown.code : 'defect';
      this.tools.log.warn({ error, cause: messageOf(thrown) }, 'housekeeping failed');
    }
  }
}

/** What an operator must hear of at once when it changes. */
const healthOf = (follow: FollowStatus | null): string =>
  follow
    ? [
        follow.predecessor?.host,
        follow.predecessor?.port,
        follow.receiver,
        follow.applier,
        follow.errorNumber,
      ].join()
    : '';
