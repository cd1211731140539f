import { expect, test } from 'vitest';
import { newDurable, type RingMessage } from '../../ring/model.js';
import { ringCodec } from './codec.js';

const decodeText = (text: string) => ringCodec.decode(Buffer.from(text, 'utf8'));

test('what a message carries comes back as it was', () => {
  const { primary, history, control } = newDurable(1, [
    { id: 1, life: 1, arbiter: false },
    { id: 2, life: 1, arbiter: true },
  ]);
  const message: RingMessage = {
    kind: 'join',
    sees: [2],
    info: {
      id: 1,
      life: 1,
      version: 3,
      wantsIn: true,
      promised: 1,
      primary,
      ambiguous: primary ? [primary] : [],
      history,
      data: { kind: 'ready', received: 4, lineage: 1, certain: true },
      dead: [],
      control,
    },
  };
  expect(decodeText(JSON.stringify(message))).toEqual({ ok: true, value: message });
  expect(decodeText(JSON.stringify({ ...message, sees: [0] }))).toMatchObject({ ok: false });
  expect(decodeText('{"kind":"jump"}')).toMatchObject({ ok: false });
});
