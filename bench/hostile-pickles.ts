/** A pickle that somebody made to do harm. */
export interface HostilePickle {
  readonly title: string;
  readonly pickle: Uint8Array;
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const pickle = (...parts: readonly (string | Uint8Array)[]): Uint8Array =>
  Buffer.concat([latin1('\x80\x02'), ...parts.map((part) => (typeof part === 'string' ? latin1(part) : part)), latin1('.')]);
const uint32 = (value: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString('latin1');
};

/** A float32 tensor whose storage claims `length` values, of a shape and strides that are pickled as they are given. */
function tensor(length: string, offset: string, shape: string, strides: string): string {
  return `ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu${length}tQ${offset}${shape}${strides}\x89NtR`;
}

/** What calls a function in Python: each would run a program, read a file or reach a network if it were ever called. */
const CALLS: readonly (readonly [name: string, args: string])[] = [
  ['posix\nsystem', 'X\x04\0\0\0true\x85'],
  ['os\nsystem', 'X\x04\0\0\0true\x85'],
  ['nt\nsystem', 'X\x04\0\0\0true\x85'],
  ['subprocess\nPopen', 'X\x04\0\0\0true\x85'],
  ['builtins\neval', 'X\x01\0\0\x001\x85'],
  ['__builtin__\nexec', 'X\x01\0\0\x001\x85'],
  ['builtins\ngetattr', 'X\x01\0\0\0aX\x01\0\0\0b\x86'],
  ['builtins\n__import__', 'X\x02\0\0\0os\x85'],
  ['torch\nload', 'X\x01\0\0\0x\x85'],
  ['torch.hub\nload_state_dict_from_url', 'X\x01\0\0\0x\x85'],
  ['runpy\n_run_code', 'X\x01\0\0\0x\x85'],
  ['webbrowser\nopen', 'X\x01\0\0\0x\x85'],
  ['collections\nOrderedDict.__reduce__', ')'],
  ['torch._utils\n__builtins__', ')'],
  ['functools\npartial', 'X\x01\0\0\0x\x85'],
  ['operator\nattrgetter', 'X\x01\0\0\0x\x85'],
  ['numpy\nload', 'X\x01\0\0\0x\x85'],
  ['numpy.core.multiarray\nfromfile', 'X\x01\0\0\0x\x85'],
];

/** Hand-made pickles; each is to be refused or read as inert data, quickly and in little memory. */
export const hostilePickles: readonly HostilePickle[] = [
  ...CALLS.flatMap(([name, args]) => [
    { title: `a call of ${name.replace('\n', '.')}`, pickle: pickle(`c${name}\n${args}R`) },
    { title: `an object of ${name.replace('\n', '.')}`, pickle: pickle(`c${name}\n)\x81}b`) },
    { title: `${name.replace('\n', '.')} named on the stack`, pickle: pickle(stackName(name), `${args}R`) },
  ]),
  { title: 'an INST of os.system', pickle: pickle('(X\x04\0\0\0trueios\nsystem\n') },
  { title: 'an OBJ', pickle: pickle('(cos\nsystem\nX\x04\0\0\0trueo') },
  { title: 'an extension code', pickle: pickle('\x82\x01') },
  { title: 'a persistent name', pickle: pickle('Pevil\n') },
  { title: 'a build of a dict', pickle: pickle('}}b') },
  { title: 'a state for an OrderedDict that is none', pickle: pickle('ccollections\nOrderedDict\n)RX\x01\0\0\0xb') },
  {
    title: 'attributes named __class__ and __proto__',
    pickle: pickle('cargparse\nNamespace\n)\x81}(X\x09\0\0\0__class__NX\x09\0\0\0__proto__}ub'),
  },
  {
    title: 'keys named __proto__ and constructor',
    pickle: pickle('}(X\x06\0\0\0config}(X\x09\0\0\0__proto__}X\x01\0\0\0aK\x01sX\x0b\0\0\0constructorK\x01uu'),
  },
  { title: 'a list that holds itself', pickle: pickle(']q\0h\0ah\0a') },
  { title: 'a dict that holds itself', pickle: pickle('}q\0(X\x06\0\0\0configh\0X\x05\0\0\0modelh\0u') },
  { title: 'a hundred thousand lists in each other', pickle: pickle(']'.repeat(100_000), 'a'.repeat(99_999)) },
  {
    title: 'settings of a hundred thousand levels',
    pickle: pickle(
      '}(X\x06\0\0\0config',
      ']'.repeat(100_000),
      'a'.repeat(99_999),
      'X\x05\0\0\0model}X\x01\0\0\0w',
      tensor('K\x01', 'K\0', 'K\x01\x85', 'K\x01\x85'),
      'su',
    ),
  },
  { title: 'a hundred thousand marks', pickle: pickle('('.repeat(100_000)) },
  {
    title: 'lists that double thirty times',
    pickle: pickle(']q\0', ...Array.from({ length: 30 }, (_, level) => `](h${byte(level)}h${byte(level)}eq${byte(level + 1)}`)),
  },
  {
    title: 'a list that is rebuilt again and again',
    pickle: pickle('](', 'K\x01'.repeat(20_000), 'eq\0', 'ccollections\nCounter\nq\x01', 'h\x01h\0\x85R0'.repeat(20_000)),
  },
  { title: 'more instructions than any checkpoint has', pickle: pickle('N0'.repeat(600_000)) },
  { title: 'a text of 4 GB', pickle: pickle(`X${uint32(0xffffffff)}abc`) },
  { title: 'a text of 2^63 bytes', pickle: pickle('\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc') },
  { title: 'bytes of 4 GB', pickle: pickle(`B${uint32(0xffffffff)}abc`) },
  { title: 'a whole number of 2 GB', pickle: pickle(`\x8b${uint32(0x7fffffff)}abc`) },
  { title: 'a whole number of a million digits', pickle: pickle(`L${'9'.repeat(1_000_000)}L\n`) },
  { title: 'a name without an end', pickle: pickle(`c${'a'.repeat(100_000)}`) },
  { title: 'a memo of the largest number', pickle: pickle(`Nr${uint32(0xffffffff)}j${uint32(0xffffffff)}`) },
  { title: 'a memo that was never written', pickle: pickle('h\x07') },
  { title: 'an empty stack', pickle: pickle('') },
  {
    title: 'a tensor of 2^60 values in no storage',
    pickle: pickle(tensor('K\x01', 'K\0', `\x8a\x08${uint32(0)}\0\0\0\x10\x85`, 'K\0\x85')),
  },
  { title: 'a storage of 2^62 values', pickle: pickle(tensor(`\x8a\x08${uint32(0)}\0\0\0\x40`, 'K\0', 'K\x01\x85', 'K\x01\x85')) },
  { title: 'a tensor at a negative offset', pickle: pickle(tensor('K\x01', `J${uint32(0xffffffff)}`, 'K\x01\x85', 'K\x01\x85')) },
  { title: 'a tensor with negative strides', pickle: pickle(tensor('K\x01', 'K\0', 'K\x02\x85', `J${uint32(0xffffffff)}\x85`)) },
  {
    title: 'a tensor of a thousand dimensions',
    pickle: pickle(tensor('K\x01', 'K\0', `(${'K\x01'.repeat(1000)}t`, `(${'K\x01'.repeat(1000)}t`)),
  },
  { title: 'a million views of one value', pickle: pickle(tensor('K\x01', 'K\0', 'J\0\0\0\x40\x85', 'K\0\x85')) },
  { title: 'a tensor with attributes within itself', pickle: pickle('ctorch._tensor\n_rebuild_from_type_v2\nq\0(h\0h\0h\0)t)tR') },
  {
    title: 'a numpy scalar of the wrong size',
    pickle: pickle(
      'cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\0\0\0f8K\0K\x01tRc_codecs\nencode\n(X\x01\0\0\0aX\x06\0\0\0latin1tRtR',
    ),
  },
  { title: 'a protocol of the future', pickle: Buffer.from('\x80\xffN.', 'latin1') },
];

/** The name pushed as two texts, the way that protocol 4 names it. */
function stackName(name: string): Uint8Array {
  const [module = '', attribute = ''] = name.split('\n');
  const text = (value: string): string => `X${uint32(value.length)}${value}`;
  return latin1(`${text(module)}${text(attribute)}\x93`);
}

function byte(value: number): string {
  return String.fromCharCode(value);
}
