import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteCursor, MemorySource } from '../../src/checkpoint/bytes';
import { readPickle } from '../../src/checkpoint/pickle-read';
import { pickleWithStorages } from '../../src/checkpoint/pickle-write';
import {
  plainFromPython,
  PythonFloat,
  PythonName,
  PythonNamespace,
  PythonOrderedDict,
  PythonTuple,
  type PythonValue,
} from '../../src/checkpoint/python-values';
import { TorchMeaning } from '../../src/checkpoint/torch-meaning';

describe('reading what Python pickled', () => {
  const expected = new Map<PythonValue, PythonValue>([
    ['a', [1, -1, new PythonFloat(2), 0.5, true, null, 'text', new PythonTuple([1]), 2 ** 40, new Uint8Array(Buffer.from('ab'))]],
  ]);
  // pickle.dumps({'a': [1, -1, 2.0, 0.5, True, None, 'text', (1,), 2**40, b'ab']}, protocol) of Python 3.
  const pickles: readonly [protocol: number, hex: string][] = [
    [
      1,
      '7d710058010000006171015d7102284b014affffffff474000000000000000473fe00000000000004930310a4e5804000000746578747103284b017471044c313039393531313632373737364c0a635f636f646563730a656e636f64650a71052858020000006162710658060000006c6174696e31710774710852710965732e',
    ],
    [
      2,
      '80027d710058010000006171015d7102284b014affffffff474000000000000000473fe0000000000000884e58040000007465787471034b018571048a06000000000001635f636f646563730a656e636f64650a710558020000006162710658060000006c6174696e31710786710852710965732e',
    ],
    [
      3,
      '80037d710058010000006171015d7102284b014affffffff474000000000000000473fe0000000000000884e58040000007465787471034b018571048a0600000000000143026162710565732e',
    ],
    [
      4,
      '8004953f000000000000007d948c0161945d94284b014affffffff474000000000000000473fe0000000000000884e8c0474657874944b0185948a06000000000001430261629465732e',
    ],
  ];

  it.each(pickles)('in protocol %i', (_protocol, hex) => {
    expect(read(Buffer.from(hex, 'hex'))).toEqual(expected);
  });
});

it('a complex number, a range and a slice are shown as texts', () => {
  // pickle.dumps([1+2j, slice(1, None), range(3)], 2)
  const pickle =
    '\x80\x02]q\0(c__builtin__\ncomplex\nq\x01G\x3f\xf0\0\0\0\0\0\0G\x40\0\0\0\0\0\0\0\x86q\x02Rq\x03c__builtin__\nslice\nq\x04K\x01NN\x87q\x05Rq\x06c__builtin__\nxrange\nq\x07K\0K\x03K\x01\x87q\x08Rq\te.';
  expect(read(Buffer.from(pickle, 'latin1'))).toEqual(['complex(1, 2)', 'slice(1, None, None)', 'xrange(0, 3, 1)']);
});

describe('writing', () => {
  it('makes the bytes that Python makes', () => {
    // pickle.dumps({'epoch': 12, 'best': 1.0, 'args': None}, 2)
    const value = new Map<PythonValue, PythonValue>([
      ['epoch', 12],
      ['best', new PythonFloat(1)],
      ['args', null],
    ]);
    expect(Buffer.from(pickleWithStorages(value).pickle).toString('latin1')).toBe(
      '\x80\x02}q\0(X\x05\0\0\0epochq\x01K\x0cX\x04\0\0\0bestq\x02G\x3f\xf0\0\0\0\0\0\0X\x04\0\0\0argsq\x03Nu.',
    );
  });

  it.each<[string, PythonValue]>([
    [
      'ints of every size',
      [0, 255, 256, 65_535, 65_536, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53 - 1, 2n ** 70n, -(2n ** 200n)],
    ],
    ['floats', [0.1, new PythonFloat(3), new PythonFloat(-0), Infinity, -Infinity, NaN, 5e-324]],
    ['text', ['', 'é', '👋', 'a\nb']],
    ['bytes', new Uint8Array([0, 1, 128, 255])],
    ['nested tuples', new PythonTuple([new PythonTuple([]), new PythonTuple([1]), new PythonTuple([1, 2, 3, 4])])],
    [
      'an OrderedDict',
      new PythonOrderedDict([
        ['b', 1],
        ['a', 2],
      ] satisfies [PythonValue, PythonValue][]),
    ],
    ['a name', new PythonName('torch', 'float32')],
    ['more than 256 memoised texts', Array.from({ length: 300 }, (_, index) => `text ${index % 290}`)],
  ])('keeps %s', (_what, value) => {
    expect(roundTrip(value)).toEqual(value);
  });

  it('keeps the attributes of namespaces and ordered dicts', () => {
    const namespace = new PythonNamespace();
    namespace.attributes = new Map<PythonValue, PythonValue>([['lr', 0.5]]);
    const ordered = new PythonOrderedDict();
    ordered.attributes = new Map<PythonValue, PythonValue>([['_metadata', 1]]);
    expect(roundTrip([namespace, ordered])).toEqual([namespace, ordered]);
  });

  it('keeps what is shared shared, and circles circular', () => {
    const shared = ['x'];
    const circle: PythonValue[] = [shared, shared];
    circle.push(circle);
    const result = roundTrip(circle);
    if (!Array.isArray(result)) throw new Error('no list');
    expect(result[0]).toBe(result[1]);
    expect(result[2]).toBe(result);
  });

  it('keeps any tree of plain values', () => {
    const trees = fc.letrec<{ tree: PythonValue }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constant(null),
        fc.boolean(),
        fc.maxSafeInteger(),
        fc.bigInt({ min: 2n ** 60n, max: 2n ** 90n }),
        fc.double({ noInteger: true }),
        fc.integer().map((value) => new PythonFloat(value)),
        fc.string({ unit: 'grapheme' }),
        fc.array(tie('tree'), { maxLength: 5 }),
        fc.array(tie('tree'), { maxLength: 5 }).map((items) => new PythonTuple(items)),
        fc.array(fc.tuple(fc.string(), tie('tree')), { maxLength: 5 }).map((items) => new Map<PythonValue, PythonValue>(items)),
      ),
    })).tree;
    fc.assert(
      fc.property(trees, (tree) => {
        expect(roundTrip(tree)).toEqual(tree);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('refuses nesting that would end in a stack overflow', () => {
    let nested: PythonValue = [];
    for (let depth = 0; depth < 10_000; depth++) nested = [nested];
    expect(() => pickleWithStorages(nested)).toThrow('nested deeper than 500');
  });
});

describe('a hostile pickle', () => {
  it.each<[string, string, RegExp]>([
    ['a call of os.system', 'cposix\nsystem\n(X\x02\0\0\0lstR.', /mentions posix\.system.*Nothing was run/],
    ['a call of eval', 'c__builtin__\neval\n(X\x01\0\0\x001tR.', /mentions __builtin__\.eval/],
    ['a name from the stack', '\x80\x04\x8c\x02os\x8c\x06system\x93.', /mentions os\.system/],
    [
      'an object of an unknown class',
      'cmodels\nNet\n)\x81.',
      /whole pickled object of the class models\.Net.*state_dict.*not in \('args', 'config'\).*vars\(args\)/,
    ],
    ['an extension code', '\x82\x01.', /instruction 0x82/],
    ['an old-style instance', '(iposix\nsystem\n.', /instruction 0x69/],
    ['a call of a type that may only be mentioned', 'c__builtin__\nint\n)R.', /makes an object of __builtin__\.int/],
    ['a call of a value', 'K\x01)R.', /calls something that is no name/],
    ['state for a dict', '}}b.', /sets the state of something that has none/],
    ['an unknown reference', 'X\x01\0\0\0aQ.', /refers to something that is no storage/],
    ['a stack that is empty', '.', /takes a value where there is none/],
    ['a value below the mark', 'K\x01(0.', /takes a value where there is none/],
    ['a mark that is missing', 't.', /goes back to a mark/],
    ['a memo that is empty', 'h\x07.', /recalls value 7/],
    ['a key without a value', '}(K\x01u.', /key without a value/],
    ['an item for no list', 'K\x01K\x02a.', /appends to something that is not a list/],
    ['text longer than the file', 'X\xff\xff\xff\xffabc', /ends in the middle of a value/],
    ['a length of 2⁶⁴', '\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc', /ends in the middle of a value/],
    ['a number of many digits', `L${'9'.repeat(5000)}L\n.`, /a line of over 1024/],
    ['an end that is cut off', '}q\0', /ends in the middle of a value/],
    ['protocol 5', '\x80\x05N.', /has protocol 5/],
    ['no end of instructions', 'N0'.repeat(500_001), /more than 1000000 instructions/],
  ])('is refused for %s', (_what, pickle, message) => {
    expect(() => read(Buffer.from(pickle, 'latin1'))).toThrow(message);
  });

  it('cannot grow without bound by recalling one long text again and again', () => {
    const text = Buffer.alloc(1_000_000, 'a').toString();
    const encode = 'h\x01h\0X\x06\0\0\0latin1\x86R0';
    const pickle = `X\x40\x42\x0f\0${text}q\x00c_codecs\nencode\nq\x01${encode.repeat(200)}N.`;
    expect(() => read(Buffer.from(pickle, 'latin1'))).toThrow('it is forged');
  });

  it('leaves prototypes alone', () => {
    const polluting = read(Buffer.from('}(X\x09\0\0\0__proto__}X\x08\0\0\0pollutedK\x01su.', 'latin1'));
    expect(() => plainFromPython(polluting)).toThrow('__proto__');
    expect({}).not.toHaveProperty('polluted');
  });

  it('cannot expand shared values into billions of plain ones', () => {
    const doubling = `]q\0${Array.from({ length: 40 }, (_, level) => `](h${String.fromCharCode(level)}h${String.fromCharCode(level)}eq${String.fromCharCode(level + 1)}`).join('')}.`;
    const value = read(Buffer.from(doubling, 'latin1'));
    expect(() => plainFromPython(value)).toThrow(/more than 200000 values/);
  });

  it('cannot bring a terminal to obey the error message', () => {
    expect(() => read(Buffer.from('c\x1b[2Jevil\nrun\n.', 'latin1'))).toThrow('mentions \ufffd[2Jevil.run');
  });
});

function read(pickle: Uint8Array): PythonValue {
  const meaning = new TorchMeaning(pickle.length, () => {
    throw new Error('no storages here');
  });
  return readPickle(new ByteCursor(new MemorySource(pickle)), meaning);
}

function roundTrip(value: PythonValue): PythonValue {
  return read(pickleWithStorages(value).pickle);
}
