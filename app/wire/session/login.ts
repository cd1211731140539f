/**
 * From the node's greeting to its OK. The client proves its password to the node itself: the machine passes challenge
 * and answer through and learns neither. It changes capability bits only, and the connection id.
 *
 *   greeting --> client: [SSLRequest, TLS] login --> node: OK, ERR, or a switch to another plugin, back and forth
 *
 * TLS ends here: with it, the client's packets are numbered one higher than the node's.
 */
import { type Fault, faultOf, headerBytes } from '../framer.js';
import { authAnswer, decodeAuthSwitch } from '../packets/auth.js';
import {
  capability,
  extendedCapability,
  isMalformed,
  withBits,
  withoutBits,
} from '../packets/capabilities.js';
import {
  decodeGreeting,
  decodeLogin,
  encodeGreeting,
  type Greeting,
  isSslRequest,
  type Login as LoginPacket,
  patchLogin,
} from '../packets/greeting.js';
import { decodeOk, encodeOk, framed } from '../packets/responses.js';
import type { Output } from './output.js';
import type { SessionOptions } from './protocol.js';
import type { Agreed } from './response.js';

/** Capabilities that would change what travels in a way that the machine does not follow. */
const masked = capability.compress | capability.zstdCompression | capability.queryAttributes;
const maskedExtended = extendedCapability.progress;

export interface LoggedIn {
  readonly client: Agreed;
  readonly backend: Agreed;
  readonly status: number;
  readonly serverVersion: number;
}

/** How the client logged in: what the machine needs to do the same on another node. */
export interface Credentials {
  /** The login as the node got it. Its answer is that to the first challenge. */
  readonly login: LoginPacket;
  /** The plugin, challenge and answer by which the client was accepted. */
  plugin: string;
  scramble: Buffer;
  answer: Buffer;
}

type Step = 'greeting' | 'login' | 'secured' | 'proving' | 'done';

export class Login {
  step: Step = 'greeting';
  result: LoggedIn | null = null;
  /** The node refused: it closes the connection itself. */
  refused = false;
  private greeting: Greeting | null = null;
  private offered = 0;
  private client: Agreed = { capabilities: 0, extendedCapabilities: 0 };
  private backend: Agreed = { capabilities: 0, extendedCapabilities: 0 };
  /** How much higher the client counts than the node: 1 behind an SSLRequest. */
  private shift = 0;
  user = '';
  credentials: Credentials | null = null;
  /** The client asked for TLS and the rim was not told yet. */
  wantsTls = false;

  constructor(
    private readonly out: Output,
    private readonly options: SessionOptions,
  ) {}

  get backendId(): number {
    return this.greeting?.connectionId ?? 0;
  }

  /** A packet of the node. */
  fromBackend(raw: Buffer): Fault | undefined {
    const payload = raw.subarray(headerBytes);
    if (this.step === 'greeting') return this.greet(payload, raw);
    if (this.step !== 'proving') return faultOf('unexpected', 'the node spoke before the client logged in');
    const answer = authAnswer(payload[0] ?? -1);
    if (!answer) return faultOf('unexpected', `byte ${payload[0]} during the login`);
    const sequence = (raw[3] as number) + this.shift;
    if (answer !== 'accepted') {
      if (answer === 'switch') this.noteSwitch(payload);
      this.out.toClient(framed(payload, sequence));
      if (answer === 'refused') this.refused = true;
      return undefined;
    }
    const ok = decodeOk(payload, this.backend.capabilities);
    if (isMalformed(ok)) return faultOf('malformed', ok.malformed);
    this.out.toClient(framed(encodeOk(ok, this.client.capabilities), sequence));
    const { client, backend } = this;
    this.step = 'done';
    this.result = {
      client,
      backend,
      status: ok.status,
      serverVersion: versionNumber(this.greeting?.serverVersion ?? ''),
    };
    return undefined;
  }

  private noteSwitch(payload: Buffer): void {
    const asked = decodeAuthSwitch(payload);
    const { credentials } = this;
    if (isMalformed(asked) || !credentials) return;
    credentials.plugin = asked.plugin;
    // The challenge ends with a zero byte that is no part of it.
    credentials.scramble = Buffer.from(asked.data.subarray(0, 20));
  }

  private greet(payload: Buffer, raw: Buffer): Fault | undefined {
    if (payload[0] === 0xff) {
      // "Too many connections" and the like: said in place of a greeting.
      this.out.toClient(raw);
      this.refused = true;
      return undefined;
    }
    const greeting = decodeGreeting(payload);
    if (isMalformed(greeting)) return faultOf('malformed', greeting.malformed);
    const capabilities = withoutBits(greeting.capabilities, masked | capability.ssl);
    this.greeting = greeting;
    this.offered = this.options.tls ? withBits(capabilities, capability.ssl) : capabilities;
    const shown: Greeting = {
      ...greeting,
      capabilities: this.offered,
      extendedCapabilities: withoutBits(greeting.extendedCapabilities, maskedExtended),
      connectionId: this.options.connectionId ?? greeting.connectionId,
    };
    this.out.toClient(framed(encodeGreeting(shown), raw[3] as number));
    this.step = 'login';
    return undefined;
  }

  /** A packet of the client. */
  fromClient(raw: Buffer): Fault | undefined {
    const payload = raw.subarray(headerBytes);
    const sequence = raw[3] as number;
    if (this.step === 'proving') {
      if (this.credentials) this.credentials.answer = Buffer.from(payload);
      this.out.toBackend(framed(payload, sequence - this.shift));
      return undefined;
    }
    if (this.step !== 'login' && this.step !== 'secured') {
      return faultOf('unexpected', 'the client spoke before the greeting');
    }
    if (sequence !== 1 + this.shift) return faultOf('sequence', `a login with number ${sequence}`);
    if (this.step === 'login' && isSslRequest(payload)) {
      if (!this.options.tls) return faultOf('unexpected', 'TLS was not offered');
      this.shift = 1;
      this.step = 'secured';
      this.wantsTls = true;
      return undefined;
    }
    return this.logIn(payload, sequence);
  }

  private logIn(payload: Buffer, sequence: number): Fault | undefined {
    const login = decodeLogin(payload);
    if (isMalformed(login)) return faultOf('malformed', login.malformed);
    // Only bits that were offered can be agreed on; TLS ends here.
    const clear = masked | capability.ssl;
    const greeting = this.greeting as Greeting;
    const set = greeting.capabilities & capability.sessionTrack;
    const patched = patchLogin(payload, set, clear, maskedExtended);
    const understood = decodeLogin(patched);
    if (isMalformed(understood)) return faultOf('malformed', understood.malformed);
    const extended = understood.extendedCapabilities & greeting.extendedCapabilities;
    // What counts is what both know: a bit that the server never offered means nothing.
    const capabilities = understood.capabilities & greeting.capabilities;
    this.backend = { capabilities: capabilities >>> 0, extendedCapabilities: extended };
    const asked = login.capabilities & capability.sessionTrack;
    this.client = {
      capabilities: asked ? capabilities >>> 0 : withoutBits(capabilities, capability.sessionTrack),
      extendedCapabilities: extended,
    };
    this.user = login.user;
    this.credentials = {
      login: {
        ...understood,
        authResponse: Buffer.alloc(0),
        attributes: Buffer.from(understood.attributes),
      },
      plugin: understood.authPlugin ?? greeting.authPlugin,
      scramble: greeting.scramble.subarray(0, 20),
      answer: Buffer.from(understood.authResponse),
    };
    this.step = 'proving';
    this.out.toBackend(framed(patched, sequence - this.shift));
    return undefined;
  }
}

/** "5.5.5-10.11.19-MariaDB-log" -> 101119, as in executable comments. */
function versionNumber(serverVersion: string): number {
  const parts = /^(?:5\.5\.5-)?(\d+)\.(\d+)\.(\d+)/.exec(serverVersion);
  if (!parts) return 100_000;
  return Number(parts[1]) * 10_000 + Number(parts[2]) * 100 + Number(parts[3]);
}
