/**
 * The first frame of each side. Whoever dials says who it is and whom it wants; whoever listens answers with its own
 * hello, or with a refusal that names what does not fit. A refusal has the same form in every version, and so has the
 * beginning of a hello.
 */
import { ByteReader, ByteWriter } from '../../base/bytes.js';
import { RingmasterError } from '../../base/errors.js';

/** Raised with every change of frames, greeting or ring messages that an older peer would misread. */
export const protocolVersion = 2;

/** "RMRT" */
const magic = 0x54_52_4d_52;
/** Bytes of a name in a greeting, at most. */
const nameBytesMax = 64;

/** A member's process: a peer that lost its store has another life, one that restarted a higher boot. */
export interface MemberIdentity {
  /** Unique in the cluster; 1 to 64 printable ASCII characters. */
  readonly name: string;
  /** Drawn when its store was created; whole, not negative. */
  readonly life: number;
  /** How often a peer started from that store; whole, not negative. */
  readonly boot: number;
}

export interface Hello {
  readonly version: number;
  readonly cluster: string;
  readonly from: MemberIdentity;
  /** Name of the member that is meant to hear this. */
  readonly to: string;
  readonly network: number;
}

/** What did not fit, in the order in which it is looked at. */
const mismatches = ['version', 'cluster', 'to', 'member', 'network', 'boot'] as const;
type Mismatch = (typeof mismatches)[number];

export interface Refusal {
  readonly mismatch: Mismatch;
  /** What the one who refuses has. */
  readonly mine: string;
  /** What the other one said. */
  readonly yours: string;
}

export type Decoded<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: string };

/** Can this text be a name in a greeting? */
export const isName = (text: string): boolean => /^[!-~]{1,64}$/.test(text);

/** u32 magic, u16 version, then in version 1: cluster, name, to (string<lenenc>), life, boot (int<lenenc>), u8 network */
export function encodeHello(hello: Hello): Buffer {
  const text = (value: string) => Buffer.from(value, 'latin1');
  return new ByteWriter(128)
    .u32(magic)
    .u16(hello.version)
    .lengthEncodedBytes(text(hello.cluster))
    .lengthEncodedBytes(text(hello.from.name))
    .lengthEncodedBytes(text(hello.to))
    .lengthEncoded(hello.from.life)
    .lengthEncoded(hello.from.boot)
    .u8(hello.network)
    .finish();
}

/** Of another version only the number is read: the rest of its hello is empty. */
export function decodeHello(bytes: Buffer): Decoded<Hello> {
  const reader = new ByteReader(bytes);
  if (reader.u32() !== magic) return { ok: false, problem: 'it does not begin like a hello' };
  const version = reader.u16();
  if (!reader.ok) return { ok: false, problem: 'a hello that was cut' };
  if (version !== protocolVersion) {
    const from = { name: '', life: 0, boot: 0 };
    return { ok: true, value: { version, cluster: '', from, to: '', network: 0 } };
  }
  const cluster = readName(reader);
  const name = readName(reader);
  const to = readName(reader);
  const life = reader.lengthEncoded();
  const boot = reader.lengthEncoded();
  const network = reader.u8();
  if (!reader.ok || reader.left > 0) return { ok: false, problem: 'a hello of the wrong length' };
  if (typeof life !== 'number' || typeof boot !== 'number' || ![cluster, name, to].every(isName))
    return { ok: false, problem: 'a hello with impossible values' };
  return { ok: true, value: { version, cluster, from: { name, life, boot }, to, network } };
}

/** Latin-1, so that a cut or foreign byte cannot make the text longer than it was. */
const readName = (reader: ByteReader): string => reader.lengthEncodedBytes().toString('latin1');

/** u32 magic, u8 mismatch, mine, yours (string<lenenc>): the same in every version */
export function encodeRefusal(refusal: Refusal): Buffer {
  const text = (value: string) => Buffer.from(value.slice(0, nameBytesMax), 'latin1');
  return new ByteWriter(128)
    .u32(magic)
    .u8(mismatches.indexOf(refusal.mismatch))
    .lengthEncodedBytes(text(refusal.mine))
    .lengthEncodedBytes(text(refusal.yours))
    .finish();
}

export function decodeRefusal(bytes: Buffer): Decoded<Refusal> {
  const reader = new ByteReader(bytes);
  if (reader.u32() !== magic) return { ok: false, problem: 'it does not begin like a refusal' };
  const mismatch = mismatches[reader.u8()];
  const mine = readName(reader);
  const yours = readName(reader);
  if (!reader.ok || reader.left > 0) return { ok: false, problem: 'a refusal of the wrong length' };
  if (mismatch === undefined || ![mine, yours].every((text) => /^[ -~]{0,64}$/.test(text)))
    return { ok: false, problem: 'a refusal with impossible values' };
  return { ok: true, value: { mismatch, mine, yours } };
}

/** What a hello must say. Who is a member, and which boots are over, is asked of `member` and `bootMin`. */
export interface Expectation {
  readonly cluster: string;
  readonly self: string;
  readonly network: number;
  /** The member that was dialled; null for one who listens. */
  readonly dialled: string | null;
  isMember(name: string): boolean;
  /** Boots of this life below that number are over. */
  bootMin(name: string, life: number): number;
}

/** Looks at a hello of the right form. null: it may come in. */
export function checkHello(hello: Hello, expected: Expectation): Refusal | null {
  const refuse = (mismatch: Mismatch, mine: string | number, yours: string | number): Refusal => ({
    mismatch,
    mine: String(mine),
    yours: String(yours),
  });
  const { from } = hello;
  if (hello.version !== protocolVersion) return refuse('version', protocolVersion, hello.version);
  if (hello.cluster !== expected.cluster) return refuse('cluster', expected.cluster, hello.cluster);
  if (hello.to !== expected.self) return refuse('to', expected.self, hello.to);
  if (!expected.isMember(from.name) || from.name === expected.self)
    return refuse('member', expected.self, from.name);
  if (expected.dialled !== null && from.name !== expected.dialled)
    return refuse('member', expected.self, from.name);
  if (hello.network !== expected.network) return refuse('network', expected.network, hello.network);
  const bootMin = expected.bootMin(from.name, from.life);
  if (from.boot < bootMin) return refuse('boot', bootMin, from.boot);
  return null;
}

/** A refusal as an error of the table. `weRefused`: it was sent by us, not to us. */
export function refusalError(refusal: Refusal, address: string, weRefused: boolean): RingmasterError {
  const ours = weRefused ? refusal.mine : refusal.yours;
  const theirs = weRefused ? refusal.yours : refusal.mine;
  switch (refusal.mismatch) {
    case 'version':
      return new RingmasterError('ring.version-differs', { address, ours, theirs });
    case 'cluster':
      return new RingmasterError('ring.cluster-differs', { address, ours, theirs });
    case 'to':
      return new RingmasterError('ring.member-differs', {
        address,
        expected: refusal.yours,
        found: refusal.mine,
      });
    case 'member':
      return new RingmasterError('ring.member-unknown', {
        address,
        member: refusal.yours,
        by: refusal.mine,
      });
    case 'network':
      return new RingmasterError('ring.network-differs', { address, ours, theirs });
    case 'boot':
      return new RingmasterError('ring.boot-over', { address });
  }
}
