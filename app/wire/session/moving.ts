/**
 * A session goes to another node: the machine logs in there as the client did and restores what the session had.
 *
 *   greeting --login--> proving --[switch, answer]--OK--> restoring --the last step's answer--> done
 *
 * Anything unexpected is a fault: the session ends then, its client is told why.
 */
import { type Fault, type FrameSink, faultOf, headerBytes, type Treatment } from '../framer.js';
import { authAnswer, decodeAuthSwitch, nativeAnswer, nativePlugin, nativeSecret } from '../packets/auth.js';
import { capability, isMalformed, withBits, withoutBits } from '../packets/capabilities.js';
import { decodeGreeting, encodeLogin } from '../packets/greeting.js';
import { decodeError, decodeOk, framed } from '../packets/responses.js';
import type { Credentials } from './login.js';
import { type Agreed, ResponseTracker } from './response.js';
import type { RestoreStep } from './restore.js';

export interface MoveParts {
  readonly credentials: Credentials;
  /** SHA1(SHA1(password)) of every account that may be this one. */
  readonly passwordHashes: readonly Buffer[];
  /** What was agreed with the old node. */
  readonly agreed: Agreed;
  readonly schema: string | null;
  readonly steps: readonly RestoreStep[];
  readonly send: (bytes: Buffer) => void;
  /** All is restored. */
  readonly arrived: () => void;
}

type Step = 'greeting' | 'proving' | 'restoring' | 'done';

/**
 * Can this client be logged in elsewhere without its password? @returns null when not, else what proves it: an empty
 * password, or SHA1(password)
 */
export function secretOf(
  credentials: Credentials,
  passwordHashes: readonly Buffer[],
): { readonly secret: Buffer | null } | null {
  if (credentials.plugin !== nativePlugin) return null;
  if (credentials.answer.length === 0) return { secret: null };
  for (const stored of passwordHashes) {
    const secret = nativeSecret(credentials, stored);
    if (secret) return { secret };
  }
  return null;
}

export class Move implements FrameSink {
  step: Step = 'greeting';
  backendId = 0;
  status = 0;
  /** The new node's ids of the client's prepared statements. */
  readonly nodeIds = new Map<number, number>();
  private readonly proof: { readonly secret: Buffer | null } | null;
  private next = 0;
  private tracker: ResponseTracker | null = null;

  constructor(private readonly parts: MoveParts) {
    this.proof = secretOf(parts.credentials, parts.passwordHashes);
  }

  begin(length: number, first: number, sequence: number): Treatment | Fault {
    if (!this.tracker) return length === 0 ? faultOf('malformed', 'an empty packet') : 'collect';
    const treatment = this.tracker.begin(length, first, sequence);
    return treatment === 'relay' || treatment === 'follow' ? 'drop' : treatment;
  }

  passOver(_chunk: Buffer, at: number): number {
    return at;
  }

  inPlace(): boolean {
    return false;
  }

  overflow(): Fault {
    return faultOf('too-long', 'an answer of the new node');
  }

  relay(): void {}

  end(): Fault | undefined {
    if (this.tracker?.ended()) this.proceed();
    return undefined;
  }

  packet(raw: Buffer): Fault | undefined {
    const payload = raw.subarray(headerBytes);
    if (this.step === 'greeting') return this.logIn(payload);
    if (this.step === 'proving') return this.prove(payload, raw[3] as number);
    const step = this.parts.steps[this.next - 1];
    const answer = this.tracker?.packet(payload);
    if (!step || !answer) return faultOf('unexpected', 'a packet that answers nothing');
    if ('fault' in answer) return answer;
    if (answer.kind === 'error') return refusal(answer.error.message);
    if (answer.kind === 'prepared' && step.prepares !== null)
      this.nodeIds.set(step.prepares, answer.answer.statementId);
    if (answer.kind === 'ok') this.status = answer.ok.status;
    if (answer.last) this.proceed();
    return undefined;
  }

  private logIn(payload: Buffer): Fault | undefined {
    if (payload[0] === 0xff) return refused(payload);
    const greeting = decodeGreeting(payload);
    if (isMalformed(greeting)) return faultOf('malformed', greeting.malformed);
    const { agreed, credentials, schema, send } = this.parts;
    const lacks = withoutBits(agreed.capabilities, greeting.capabilities);
    const lacksExtended = withoutBits(agreed.extendedCapabilities, greeting.extendedCapabilities);
    if (lacks !== 0 || lacksExtended !== 0)
      return faultOf('unexpected', 'the other node speaks an older protocol');
    if (!this.proof) return faultOf('unexpected', 'the account cannot log in again without its password');
    this.backendId = greeting.connectionId;
    const { capabilities } = credentials.login;
    const login = {
      ...credentials.login,
      capabilities:
        schema === null
          ? withoutBits(capabilities, capability.connectWithDb)
          : withBits(capabilities, capability.connectWithDb),
      database: schema,
      authPlugin: nativePlugin,
      authResponse: nativeAnswer(this.proof.secret, greeting.scramble.subarray(0, 20)),
    };
    this.step = 'proving';
    send(framed(encodeLogin(login), 1));
    return undefined;
  }

  private prove(payload: Buffer, sequence: number): Fault | undefined {
    const answer = authAnswer(payload[0] ?? -1);
    if (answer === 'refused') return refused(payload);
    if (answer === 'switch') {
      const asked = decodeAuthSwitch(payload);
      if (isMalformed(asked) || asked.plugin !== nativePlugin || !this.proof)
        return faultOf('unexpected', 'the account logs in in another way now');
      this.parts.send(framed(nativeAnswer(this.proof.secret, asked.data.subarray(0, 20)), sequence + 1));
      return undefined;
    }
    if (answer !== 'accepted') return faultOf('unexpected', 'the account logs in in another way now');
    const ok = decodeOk(payload, this.parts.agreed.capabilities);
    if (isMalformed(ok)) return faultOf('malformed', ok.malformed);
    this.status = ok.status;
    this.step = 'restoring';
    this.proceed();
    return undefined;
  }

  private proceed(): void {
    const step = this.parts.steps[this.next++];
    if (!step) {
      this.tracker = null;
      this.step = 'done';
      this.parts.arrived();
      return;
    }
    this.tracker = new ResponseTracker(step.form, this.parts.agreed, 0);
    this.parts.send(framed(step.payload, 0));
  }
}

function refused(payload: Buffer): Fault {
  const error = decodeError(payload);
  return isMalformed(error) ? faultOf('malformed', error.malformed) : refusal(error.message);
}

const refusal = (message: string): Fault =>
  faultOf('unexpected', `the other node refuses what the session had: ${message}`);
