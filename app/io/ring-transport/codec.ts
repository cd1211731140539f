/** Ring messages as JSON. Everything is checked against bounds before the protocol sees it. */
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
import type { Decoded } from './greeting.js';
import type { MessageCodec } from './options.js';

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
const marks = z.array(count).max(membersMax);
/** What members have applied; -1 for one that has not spoken, null (as JSON writes infinity) for an arbiter. */
const appliedMarks = z
  .array(
    z
      .number()
      .int()
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
  applied: appliedMarks,
  controlSeen: marks,
  controlDelivered: marks,
  wants: z
    .number()
    .int()
    .min(0)
    .max(2 ** membersMax - 1),
  control: z.array(controlEntry).max(controlPendingMax),
});
/** -1 while unknown. */
const mark = z.number().int().min(-1).max(Number.MAX_SAFE_INTEGER);
const stalledMs = count;
const position = { ringId: count, received: count, applied: count };

const message = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('token'), ringId: count, token }),
  z.object({
    kind: z.literal('pulse'),
    ringId: count,
    number: count,
    sequence: count,
    safe: mark,
    acknowledged: count,
    why: z.enum(['parked', 'waiting', 'committing', 'storing']),
    stalledMs,
  }),
  z.object({
    kind: z.literal('here'),
    ...position,
    number: count,
    answers: count,
    stalledMs,
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

/** Text -> a ring message, or what is wrong with it. */
function decodeMessage(text: string): Decoded<RingMessage> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'not JSON' };
  }
  const result = (message as z.ZodType<RingMessage>).safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    return { ok: false, problem: `${issue?.path.join('.') || 'message'}: ${issue?.message ?? 'malformed'}` };
  }
  const { data: value } = result;
  if (value.kind === 'token' && value.token.ringId !== value.ringId)
    return { ok: false, problem: 'token.ringId: not that of the message' };
  return { ok: true, value };
}

/** A proposal with full history, attempts and control log stays below the largest frame. */
export const ringCodec: MessageCodec<RingMessage> = {
  encode: (value) => Buffer.from(JSON.stringify(value), 'utf8'),
  decode: (bytes) => decodeMessage(bytes.toString('utf8')),
};
