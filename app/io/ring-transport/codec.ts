/**
 * Frames between peers: four bytes of length (big endian), then one JSON value. The first frame of a connection is the
 * hello; every later one a ring message. Everything is checked against bounds before the protocol sees it.
 */
import { z } from 'zod';
import {
  ambiguousMax,
  controlPayloadMax,
  controlPendingMax,
  controlTailMax,
  historyMax,
  memberIdMax,
  membersMax,
  type RingMessage,
} from '../../ring/model.js';

/** Changes with every incompatible change of the messages. */
export const ringProtocolVersion = 1;
/** Largest frame, bytes: a proposal with full history, attempts and control log stays below. */
export const frameBytesMax = 256 * 1024;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const memberId = z.number().int().min(1).max(memberIdMax);
const voter = z.object({ id: memberId, life: count });
const member = z.object({ id: memberId, life: count, arbiter: z.boolean() });
/** Leavers attest beside the members. */
const votersMax = 2 * membersMax;
const view = z.object({
  ringId: count,
  members: z.array(member).min(1).max(membersMax),
  voters: z.array(voter).min(1).max(votersMax),
  start: count,
  base: count,
});
const history = z.array(z.object({ ringId: count, start: count })).max(historyMax);
const controlEntry = z.object({
  number: count,
  from: memberId,
  payload: z.string().max(controlPayloadMax),
});
const controlLog = z.object({
  last: count,
  tail: z.array(controlEntry).max(controlTailMax),
  delivered: count,
  lineage: count,
});
const data = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('arbiter') }),
  z.object({ kind: z.literal('down') }),
  z.object({ kind: z.literal('fencing') }),
  z.object({ kind: z.literal('ready'), received: count, lineage: count, certain: z.boolean() }),
]);
const info = z.object({
  id: memberId,
  life: count,
  version: count,
  wantsIn: z.boolean(),
  promised: count,
  primary: view.nullable(),
  ambiguous: z.array(view).max(ambiguousMax),
  history,
  data,
  dead: z.array(voter).max(votersMax),
  control: controlLog,
});
const proposal = z.object({
  view,
  base: view,
  unresolved: z.array(view).max(ambiguousMax),
  history,
  gives: z.array(z.object({ to: memberId, from: memberId, after: count, upTo: count })).max(membersMax),
  control: controlLog,
  versions: z.array(z.object({ id: memberId, version: count })).max(votersMax),
});
/** Marks of members; -1 for one that has not spoken, null (as JSON writes infinity) for an arbiter. */
const marks = z
  .array(
    z
      .number()
      .min(-1)
      .nullable()
      .transform((mark) => mark ?? Number.POSITIVE_INFINITY),
  )
  .max(membersMax);
const token = z.object({
  ringId: count,
  number: count,
  rotation: count,
  sequence: count,
  by: z.number().int().min(0).max(memberIdMax),
  received: marks,
  applied: marks,
  controlSeen: marks,
  controlDelivered: marks,
  wants: z
    .number()
    .int()
    .min(0)
    .max(2 ** membersMax - 1),
  control: z.array(controlEntry).max(controlPendingMax),
});
const position = { ringId: count, received: count, applied: count };

const message = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('token'), ringId: count, token }),
  z.object({
    kind: z.literal('pulse'),
    ringId: count,
    number: count,
    sequence: count,
    safe: count,
    acknowledged: count,
    why: z.enum(['parked', 'waiting', 'committing']),
  }),
  z.object({
    kind: z.literal('here'),
    ...position,
    number: count,
    holding: z.boolean(),
    wants: z.boolean(),
  }),
  z.object({ kind: z.literal('report'), ...position }),
  z.object({ kind: z.literal('probe'), ringId: count, number: count }),
  z.object({ kind: z.literal('want'), ringId: count }),
  z.object({ kind: z.literal('join'), info, sees: z.array(memberId).max(memberIdMax) }),
  z.object({ kind: z.literal('propose'), proposal }),
  z.object({ kind: z.literal('recovering'), ringId: count, received: count }),
  z.object({ kind: z.literal('attest'), ringId: count }),
  z.object({ kind: z.literal('install'), ringId: count }),
  z.object({ kind: z.literal('outdated'), ringId: count }),
  z.object({ kind: z.literal('refuse'), ringId: count, reason: z.enum(['needs-copy', 'needs-catch-up']) }),
]);

/** Who speaks, and what it speaks. */
const hello = z.object({
  protocol: z.string().max(64),
  version: z.number().int(),
  cluster: z.string().max(128),
  id: memberId,
  life: count,
  network: z.number().int().min(0).max(7),
});
export type Hello = z.infer<typeof hello>;

/** What came out of a frame. Malformed is a value: the connection that brought it is closed. */
export type Decoded<T> = { readonly value: T } | { readonly problem: string };

function parse<T>(schema: z.ZodType<T>, text: string): Decoded<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: 'not JSON' };
  }
  const result = schema.safeParse(json);
  if (result.success) return { value: result.data };
  const [issue] = result.error.issues;
  return { problem: `${issue?.path.join('.') || 'frame'}: ${issue?.message ?? 'malformed'}` };
}

/** A frame's text -> a ring message. */
export function decodeMessage(text: string): Decoded<RingMessage> {
  const decoded = parse(message as z.ZodType<RingMessage>, text);
  if ('problem' in decoded || decoded.value.kind !== 'token') return decoded;
  const { ringId, token: inner } = decoded.value;
  return inner.ringId === ringId ? decoded : { problem: 'token.ringId: not that of the message' };
}

/** A frame's text -> a hello. */
export const decodeHello = (text: string): Decoded<Hello> => parse(hello, text);

/** A value -> its frame. @throws RangeError when it is larger than a frame may be. */
export function encodeFrame(value: Hello | RingMessage): Buffer {
  const body = Buffer.from(JSON.stringify(value), 'utf8');
  if (body.length > frameBytesMax) throw new RangeError(`a frame of ${body.length} bytes is too large`);
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  return frame;
}

/** Cuts a stream of bytes into frames. After a fatal error it refuses further use. */
export interface FrameReader {
  /** Adds bytes; answers the complete frames, or what is wrong with them. */
  push(chunk: Buffer): Decoded<readonly string[]>;
}

export function createFrameReader(): FrameReader {
  let rest: Buffer = Buffer.alloc(0);
  let broken: string | null = null;
  return {
    push(chunk) {
      if (broken) return { problem: broken };
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const frames: string[] = [];
      let at = 0;
      while (rest.length - at >= 4) {
        const length = rest.readUInt32BE(at);
        if (length === 0 || length > frameBytesMax) {
          broken = `a frame of ${length} bytes`;
          return { problem: broken };
        }
        if (rest.length - at - 4 < length) break;
        frames.push(rest.toString('utf8', at + 4, at + 4 + length));
        at += 4 + length;
      }
      rest = at === rest.length ? Buffer.alloc(0) : rest.subarray(at);
      return { value: frames };
    },
  };
}
