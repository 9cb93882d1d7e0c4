import { type ByteCursor, MalformedCheckpoint } from './bytes';
import { containerMaker, damagedPickle, OPCODE, PickleStack, readLength64, scalarReader } from './pickle-instructions';
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
  private readonly stack = new PickleStack();

  constructor(
    private readonly cursor: ByteCursor,
    private readonly meaning: PickleMeaning,
  ) {}

  run(): PythonValue {
    for (let count = 0; count < MOST_INSTRUCTIONS; count++) {
      const opcode = this.cursor.byte();
      if (opcode === OPCODE.STOP) return this.stack.pop();
      const made = this.make(opcode);
      if (made !== undefined) this.stack.push(made);
      else this.arrange(opcode);
    }
    throw new MalformedCheckpoint(`its pickle has more than ${MOST_INSTRUCTIONS} instructions, far more than any checkpoint.`);
  }

  /** What an instruction that makes or recalls a value pushes; undefined for one that does neither. */
  private make(opcode: number): PythonValue | undefined {
    const { cursor, stack } = this;
    switch (opcode) {
      case OPCODE.NONE:
        return null;
      case OPCODE.DUP:
        return stack.top();
      case OPCODE.BINGET:
        return stack.recall(cursor.byte());
      case OPCODE.LONG_BINGET:
        return stack.recall(cursor.view(4).getUint32(0, true));
      case OPCODE.GLOBAL:
        return this.admit(cursor.line(LONGEST_NAME), cursor.line(LONGEST_NAME));
      case OPCODE.STACK_GLOBAL:
        return this.admitFromStack();
      case OPCODE.REDUCE:
      case OPCODE.NEWOBJ:
        return this.rebuild();
      case OPCODE.BUILD:
        return this.build();
      case OPCODE.BINPERSID:
        return this.meaning.persistent(stack.pop());
      default:
        return scalarReader(opcode)?.(cursor) ?? containerMaker(opcode)?.(stack);
    }
  }

  /** The instructions that push nothing. */
  private arrange(opcode: number): void {
    const { cursor, stack } = this;
    switch (opcode) {
      case OPCODE.MARK:
        stack.mark();
        break;
      case OPCODE.POP:
        stack.pop();
        break;
      case OPCODE.POP_MARK:
        stack.popToMark();
        break;
      case OPCODE.MEMOIZE:
        stack.remember();
        break;
      case OPCODE.BINPUT:
        stack.remember(cursor.byte());
        break;
      case OPCODE.LONG_BINPUT:
        stack.remember(cursor.view(4).getUint32(0, true));
        break;
      case OPCODE.PROTO:
        requireProtocol(cursor.byte());
        break;
      case OPCODE.FRAME:
        readLength64(cursor);
        break;
      default:
        throw damagedPickle(
          `has the instruction 0x${opcode.toString(16).padStart(2, '0')} at byte ${cursor.position - 1}, which no checkpoint needs`,
        );
    }
  }

  private admit(module: string, name: string): PythonName {
    const mentioned = new PythonName(module, name);
    this.meaning.admit(mentioned, this.instanceFollows());
    return mentioned;
  }

  private admitFromStack(): PythonName {
    const [module, name] = this.stack.popSeveral(2);
    if (typeof module !== 'string' || typeof name !== 'string') throw damagedPickle('has a name that is not text');
    return this.admit(module, name);
  }

  /** Whether `[memo] EMPTY_TUPLE NEWOBJ` comes next: the name just read is the class of a pickled object. */
  private instanceFollows(): boolean {
    const next = this.cursor.peek(7);
    const memo = next[0] === OPCODE.BINPUT ? 2 : next[0] === OPCODE.LONG_BINPUT ? 5 : next[0] === OPCODE.MEMOIZE ? 1 : 0;
    return next[memo] === OPCODE.EMPTY_TUPLE && next[memo + 1] === OPCODE.NEWOBJ;
  }

  private rebuild(): PythonValue {
    const [name, args] = this.stack.popSeveral(2);
    if (!(name instanceof PythonName) || !(args instanceof PythonTuple)) throw damagedPickle('calls something that is no name');
    return this.meaning.rebuild(name, args.items);
  }

  private build(): PythonValue {
    const [target = null, state = null] = this.stack.popSeveral(2);
    this.meaning.setState(target, state);
    return target;
  }
}

function requireProtocol(protocol: number): void {
  if (protocol > 4)
    throw new MalformedCheckpoint(`its pickle has protocol ${protocol}: save it with pickle_protocol=2, the default of torch.save.`);
}
