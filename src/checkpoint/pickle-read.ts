import { type ByteCursor, MalformedCheckpoint } from './bytes';
import { CONTAINERS, damagedPickle, OPCODE, PickleStack, readLength64, SCALARS } from './pickle-instructions';
import { PythonName, PythonTuple, type PythonValue } from './python-values';

/** What a pickle's names and references stand for; the machine itself knows only plain data. */
export interface PickleMeaning {
  /**
   * Lets a name pass.
   * @param instance whether an object of a class of this name is made next, without arguments.
   * @throws MalformedCheckpoint for a name that is not allowed.
   */
  admit(name: PythonName, instance: boolean): void;
  /** What the function or class of an admitted name would make of these arguments, as inert data. */
  rebuild(name: PythonName, args: readonly PythonValue[]): PythonValue;
  /** Gives an object its state. */
  setState(target: PythonValue, state: PythonValue): void;
  /** What a reference to something outside the pickle stands for. */
  persistent(reference: PythonValue): PythonValue;
}

/**
 * Reads one pickle (protocol 1 to 4) as inert data; the cursor ends behind it. Nothing is imported or called, whatever the pickle says.
 * @throws MalformedCheckpoint for a name that is not allowed, an instruction that no checkpoint needs, damage, or a pickle of more than a million instructions.
 */
export function readPickle(cursor: ByteCursor, meaning: PickleMeaning): PythonValue {
  return new PickleMachine(cursor, meaning).run();
}

const MOST_INSTRUCTIONS = 1_000_000;
const LONGEST_NAME = 256;

class PickleMachine {
  readonly stack = new PickleStack();

  constructor(
    readonly cursor: ByteCursor,
    readonly meaning: PickleMeaning,
  ) {}

  run(): PythonValue {
    const { cursor, stack } = this;
    for (let count = 0; count < MOST_INSTRUCTIONS; count++) {
      const opcode = cursor.byte();
      if (opcode === OPCODE.STOP) return stack.pop();
      const instruction = INSTRUCTIONS[opcode];
      if (instruction === undefined)
        throw damagedPickle(
          `has the instruction 0x${opcode.toString(16).padStart(2, '0')} at byte ${cursor.position - 1}, which no checkpoint needs`,
        );
      instruction(this);
    }
    throw new MalformedCheckpoint(`its pickle has more than ${MOST_INSTRUCTIONS} instructions, far more than any checkpoint.`);
  }

  admit(module: PythonValue, name: PythonValue): PythonName {
    if (typeof module !== 'string' || typeof name !== 'string') throw damagedPickle('has a name that is not text');
    const mentioned = new PythonName(module, name);
    this.meaning.admit(mentioned, this.instanceFollows());
    return mentioned;
  }

  /** Whether `[memo] EMPTY_TUPLE NEWOBJ` comes next: the name just read is the class of a pickled object. */
  private instanceFollows(): boolean {
    const next = this.cursor.peek(7);
    const memo = next[0] === OPCODE.BINPUT ? 2 : next[0] === OPCODE.LONG_BINPUT ? 5 : next[0] === OPCODE.MEMOIZE ? 1 : 0;
    return next[memo] === OPCODE.EMPTY_TUPLE && next[memo + 1] === OPCODE.NEWOBJ;
  }

  rebuild(): PythonValue {
    const [name, args] = this.stack.popSeveral(2);
    if (!(name instanceof PythonName) || !(args instanceof PythonTuple)) throw damagedPickle('calls something that is no name');
    return this.meaning.rebuild(name, args.items);
  }

  build(): PythonValue {
    const [target = null, state = null] = this.stack.popSeveral(2);
    this.meaning.setState(target, state);
    return target;
  }
}

type Instruction = (machine: PickleMachine) => void;

/** Those that make or recall a value, which is pushed. */
const MAKERS: readonly (readonly [opcode: number, make: (machine: PickleMachine) => PythonValue])[] = [
  [OPCODE.NONE, () => null],
  [OPCODE.DUP, ({ stack }) => stack.top()],
  [OPCODE.BINGET, ({ cursor, stack }) => stack.recall(cursor.byte())],
  [OPCODE.LONG_BINGET, ({ cursor, stack }) => stack.recall(cursor.uint32())],
  [OPCODE.GLOBAL, (machine) => machine.admit(machine.cursor.line(LONGEST_NAME), machine.cursor.line(LONGEST_NAME))],
  [
    OPCODE.STACK_GLOBAL,
    (machine) => {
      const [module = null, name = null] = machine.stack.popSeveral(2);
      return machine.admit(module, name);
    },
  ],
  [OPCODE.REDUCE, (machine) => machine.rebuild()],
  [OPCODE.NEWOBJ, (machine) => machine.rebuild()],
  [OPCODE.BUILD, (machine) => machine.build()],
  [OPCODE.BINPERSID, ({ meaning, stack }) => meaning.persistent(stack.pop())],
  ...[...SCALARS].map(([opcode, read]) => [opcode, ({ cursor }: PickleMachine) => read(cursor)] as const),
  ...[...CONTAINERS].map(([opcode, make]) => [opcode, ({ stack }: PickleMachine) => make(stack)] as const),
];

/** Those that push nothing. */
const ARRANGERS: readonly (readonly [opcode: number, arrange: Instruction])[] = [
  [
    OPCODE.MARK,
    ({ stack }) => {
      stack.mark();
    },
  ],
  [
    OPCODE.POP,
    ({ stack }) => {
      stack.pop();
    },
  ],
  [
    OPCODE.POP_MARK,
    ({ stack }) => {
      stack.popToMark();
    },
  ],
  [
    OPCODE.MEMOIZE,
    ({ stack }) => {
      stack.remember();
    },
  ],
  [
    OPCODE.BINPUT,
    ({ cursor, stack }) => {
      stack.remember(cursor.byte());
    },
  ],
  [
    OPCODE.LONG_BINPUT,
    ({ cursor, stack }) => {
      stack.remember(cursor.uint32());
    },
  ],
  [
    OPCODE.PROTO,
    ({ cursor }) => {
      requireProtocol(cursor.byte());
    },
  ],
  [
    OPCODE.FRAME,
    ({ cursor }) => {
      readLength64(cursor);
    },
  ],
];

/** What each instruction does, by its opcode; undefined for one that no checkpoint needs. */
const INSTRUCTIONS: readonly (Instruction | undefined)[] = instructionTable();

function instructionTable(): (Instruction | undefined)[] {
  const table = new Array<Instruction | undefined>(256).fill(undefined);
  for (const [opcode, make] of MAKERS)
    table[opcode] = (machine) => {
      machine.stack.push(make(machine));
    };
  for (const [opcode, arrange] of ARRANGERS) table[opcode] = arrange;
  return table;
}

function requireProtocol(protocol: number): void {
  if (protocol > 4)
    throw new MalformedCheckpoint(`its pickle has protocol ${protocol}: save it with pickle_protocol=2, the default of torch.save.`);
}
