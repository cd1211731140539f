/**
 * The load generator's process. It is forked, talks JSON-RPC over the IPC channel, and ends with it: a console that
 * dies leaves no load behind.
 */
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  ResponseError,
} from 'vscode-jsonrpc/node';
import type { z } from 'zod';
import { systemClock } from '../../base/clock.js';
import { type ErrorView, RingmasterError, toRingmasterError } from '../../base/errors.js';
import { systemRandom } from '../../base/random.js';
import { loadSettingsSchema } from '../../model/cluster.js';
import * as contract from './contract.js';
import { LoadGenerator } from './generator.js';

const statsEveryMs = 1_000;

let generator: LoadGenerator | null = null;

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));

/** Errors cross as values of the error table. */
async function answer<Reply>(work: () => Reply | Promise<Reply>): Promise<Reply | ResponseError<ErrorView>> {
  try {
    return await work();
  } catch (thrown) {
    const error = toRingmasterError(thrown);
    return new ResponseError(1, error.message, error.view());
  }
}

function parse<Schema extends z.ZodType>(name: string, schema: Schema, payload: unknown): z.output<Schema> {
  const parsed = schema.safeParse(payload);
  if (!parsed.success) throw new RingmasterError('request.invalid', { name, problem: parsed.error.message });
  return parsed.data;
}

function started(): LoadGenerator {
  if (!generator) throw new RingmasterError('load.failed', { cause: 'it was not started' });
  return generator;
}

connection.onRequest(contract.startRequest, (payload) =>
  answer(() => {
    const { login, settings } = parse('load.start', contract.loadStartSchema, payload);
    generator ??= new LoadGenerator(systemClock, systemRandom(), login, settings);
    systemClock.every(statsEveryMs, () => {
      connection.sendNotification(contract.statsNotification, started().stats()).catch(() => process.exit(0));
    });
    return null;
  }),
);
connection.onRequest(contract.setTargetsRequest, (payload) =>
  answer(async () => {
    await started().setTargets(parse('load.set-targets', contract.loadTargetsSchema, payload));
    return null;
  }),
);
connection.onRequest(contract.setSettingsRequest, (payload) =>
  answer(() => {
    started().setSettings(parse('load.set-settings', loadSettingsSchema, payload));
    return null;
  }),
);
connection.onRequest(contract.prepareSchemaRequest, (payload) =>
  answer(() => {
    const { writer } = parse('load.prepare-schema', contract.loadSchemaSchema, payload);
    return started().prepareSchema(writer);
  }),
);
connection.onRequest(contract.stopRequest, () =>
  answer(async () => {
    await started().stop();
    return null;
  }),
);
connection.listen();

process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group; whoever forked this decides when it ends.
process.on('SIGINT', () => {});
