/** The front door before real servers, used as applications use it. */
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import mysql, { type Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, waitFor } from '../base/clock.js';
import { silentLog } from '../base/log.js';
import { type DoorTarget, FrontDoor } from './front-door.js';
import { TestServer, testLogin } from './testing/mariadb.js';

let db1: TestServer;
let db2: TestServer;
let door: FrontDoor;
let target: DoorTarget | null;
let chosenFor = '';
const clients: Connection[] = [];

const target1 = (): DoorTarget => ({ name: 'db1', address: db1.address });
const target2 = (): DoorTarget => ({ name: 'db2', address: db2.address });

/** Logs in through the door. */
async function client(): Promise<Connection> {
  const connection = await mysql.createConnection({ host: '127.0.0.1', port: door.port, ...testLogin });
  connection.on('error', () => {});
  clients.push(connection);
  return connection;
}

const portOf = async (connection: Connection) => {
  const [rows] = await connection.query('SELECT @@port AS port');
  return (rows as { port: number }[])[0]?.port;
};

const until = async (look: () => boolean) =>
  expect(await waitFor(systemClock, () => (look() ? true : undefined), { timeoutMs: 10_000 })).toBe(true);

const options = { host: '127.0.0.1', sessionsMax: 3, clock: systemClock, log: silentLog() };

beforeAll(async () => {
  [db1, db2] = await Promise.all([TestServer.create(22211, 'load-a'), TestServer.create(22212, 'load-b')]);
  const choose = (client: string) => {
    chosenFor = client;
    return target;
  };
  door = await FrontDoor.open({ ...options, port: 22210, choose });
});

afterEach(async () => {
  for (const connection of clients.splice(0)) connection.destroy();
  await until(() => door.sessionCount === 0);
});

afterAll(async () => {
  await door?.close();
  await Promise.all([db1?.remove(), db2?.remove()]);
});

describe('a session', () => {
  it('goes to the chosen node and stays there; the next one goes where the choice is then', async () => {
    target = target1();
    const first = await client();
    target = target2();
    const second = await client();
    expect([await portOf(first), await portOf(second)]).toEqual([db1.address.port, db2.address.port]);
    expect(Object.fromEntries(door.sessionsPerNode())).toEqual({ db1: 1, db2: 1 });
    await first.end();
    await until(() => !door.sessionsPerNode().has('db1'));
  });

  it('carries large results and large statements whole', async () => {
    target = target1();
    const connection = await client();
    const [rows] = await connection.query('SELECT SUM(LENGTH(REPEAT(seq, 1000))) AS sum FROM seq_1_to_9');
    expect(Number((rows as { sum: string }[])[0]?.sum)).toBe(9000);
    const long = 'x'.repeat(4_000_000);
    const [back] = await connection.query('SELECT ? AS text', [long]);
    expect((back as { text: string }[])[0]?.text === long).toBe(true);
  });

  it('hears of the death of its node at once, and the door goes on', async () => {
    target = target2();
    const connection = await client();
    const asleep = connection.query('SELECT SLEEP(60)');
    await Promise.all([expect(asleep).rejects.toThrow(/lost|closed|reset/i), db2.kill()]);
    await expect(client()).rejects.toMatchObject({ errno: 1047, message: /^db2 does not take the session/ });
    target = target1();
    expect(await portOf(await client())).toBe(db1.address.port);
    await db2.start();
  });
});

describe('the door', () => {
  it('names each client by its address and port when it asks where it goes', async () => {
    target = target1();
    const socket = connect(door.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('data', resolve));
    expect(chosenFor).toBe(`127.0.0.1:${socket.localPort}`);
    socket.destroy();
  });

  it('says in the protocol that no node takes sessions', async () => {
    target = null;
    await expect(client()).rejects.toMatchObject({
      errno: 1047,
      message: 'No node of this cluster takes sessions now',
    });
  });

  it('refuses sessions beyond its bound, and takes new ones when others left', async () => {
    target = target1();
    const [first] = await Promise.all([client(), client(), client()]);
    await expect(client()).rejects.toMatchObject({ errno: 1040 });
    await first.end();
    await until(() => door.sessionCount === 2);
    expect(await portOf(await client())).toBe(db1.address.port);
  });

  it('survives clients that vanish in the middle of anything', async () => {
    target = target1();
    for (let round = 0; round < 20; round++) {
      const socket = connect(door.port, '127.0.0.1');
      await new Promise((resolve) => socket.once(round % 2 === 0 ? 'connect' : 'data', resolve));
      if (round % 3 === 0) socket.write(Buffer.from([1, 2, 3]));
      socket.resetAndDestroy();
      await until(() => door.sessionCount === 0);
    }
    expect(await portOf(await client())).toBe(db1.address.port);
  });

  it('passes a half-closed connection on: the answer still arrives', async () => {
    // A program that speaks only when the other side has said everything.
    const lateAnswer = createServer({ allowHalfOpen: true }, (socket) => {
      let heard = 0;
      socket.on('data', (chunk) => {
        heard += chunk.length;
      });
      socket.on('end', () => socket.end(`heard ${heard}`));
    });
    await new Promise<void>((resolve) => lateAnswer.listen(22213, '127.0.0.1', resolve));
    target = { name: 'late', address: { host: '127.0.0.1', port: 22213 } };
    const socket = connect({ port: door.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.end(Buffer.alloc(1_000_000));
    const answer = await text(socket);
    expect(answer).toBe('heard 1000000');
    await until(() => door.sessionCount === 0);
    lateAnswer.close();
  });

  it('cuts a client that stays when its node has closed', async () => {
    const hangUp = createServer((socket) => socket.end('bye'));
    await new Promise<void>((resolve) => hangUp.listen(22213, '127.0.0.1', resolve));
    target = { name: 'hang-up', address: { host: '127.0.0.1', port: 22213 } };
    const socket = connect({ port: door.port, host: '127.0.0.1', allowHalfOpen: true });
    expect(await text(socket)).toBe('bye');
    await until(() => door.sessionCount === 0);
    socket.destroy();
    hangUp.close();
  });

  it('says whose port it wanted when another program has it', async () => {
    await expect(FrontDoor.open({ ...options, port: door.port, choose: () => null })).rejects.toMatchObject({
      code: 'host.port-in-use',
      data: { host: '127.0.0.1', port: door.port },
    });
  });
});
