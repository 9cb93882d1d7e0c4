import { expect, it } from '@jest/globals';
import { MessageWriter } from '../../../src/engine/captured/message-writer';

/** What is written, in hexadecimal digits. */
function hexOf(write: (out: MessageWriter) => void): string {
  const out = new MessageWriter();
  write(out);
  return Buffer.from(out.bytes()).toString('hex');
}

it.each<[string, (out: MessageWriter) => void, string]>([
  // The examples of https://protobuf.dev/programming-guides/encoding/.
  [
    'a number',
    (out) => {
      out.integer(1, 150);
    },
    '089601',
  ],
  [
    'a text',
    (out) => {
      out.text(2, 'testing');
    },
    '120774657374696e67',
  ],
  [
    'a message',
    (out) => {
      out.within(3, () => {
        out.integer(1, 150);
      });
    },
    '1a03089601',
  ],
  [
    'numbers one behind the other',
    (out) => {
      out.integers(6, [3, 270, 86942]);
    },
    '3206038e029ea705',
  ],
  [
    'a negative number',
    (out) => {
      out.integer(1, -2);
    },
    '08feffffffffffffffff01',
  ],
  [
    'a number of more than 32 bits',
    (out) => {
      out.integer(1, 2 ** 40 + 5);
    },
    '088580808080' + '20',
  ],
  [
    'a float',
    (out) => {
      out.float(4, 1);
    },
    '250000803f',
  ],
  [
    'a field of a large number',
    (out) => {
      out.truth(16, true);
    },
    '800101',
  ],
  [
    'letters of several bytes',
    (out) => {
      out.text(1, 'ü€');
    },
    '0a05c3bce282ac',
  ],
  [
    'an entry of a map',
    (out) => {
      out.entry(5, 'a', () => {
        out.integer(2, 7);
      });
    },
    '2a050a01611007',
  ],
])('writes %s as protocol buffers hold it', (_, write, hex) => {
  expect(hexOf(write)).toBe(hex);
});

it('puts a length of several bytes before a long message, and has room for it', () => {
  const content = new Uint8Array(70_000).fill(9);
  const inner = `12f0a204${'09'.repeat(70_000)}`;
  expect(
    hexOf((out) => {
      out.integer(1, 1);
      out.within(3, () => {
        out.content(2, content);
      });
    }),
  ).toBe(`08011af4a204${inner}`);
});

it('keeps all of it wherever its memory is full', () => {
  for (const shift of [0, 1, 2, 3])
    expect(
      hexOf((out) => {
        out.content(1, new Uint8Array(shift));
        for (let count = 0; count < 20_000; count++) out.text(3, 'TI');
      }),
    ).toBe(`0a0${shift}${'00'.repeat(shift)}${'1a025449'.repeat(20_000)}`);
});
