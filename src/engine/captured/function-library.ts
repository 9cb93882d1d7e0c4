import { functionName } from './function-name';
import { graphMessages, type ArgumentMessage, type FunctionMessage } from './graph-messages';
import { nodeMessage } from './node-message';
import type { Attributes, GraphFunction } from './recording';

const { FunctionDef, FunctionDefLibrary, OpDef } = graphMessages;

/** The functions that a graph's nodes call, and those that these call. */
export class FunctionLibrary {
  readonly functions = new Map<string, GraphFunction>();

  /** Adds what a node with these attributes calls. */
  addCalledBy(attributes: Attributes): void {
    for (const attribute of Object.values(attributes)) {
      if (attribute.kind !== 'function') continue;
      this.functions.set(functionName(attribute.value), attribute.value);
      for (const node of attribute.value.nodes) this.addCalledBy(node.attributes);
    }
  }

  message(): InstanceType<typeof FunctionDefLibrary> {
    const library = new FunctionDefLibrary();
    for (const [name, definition] of this.functions) library.addFunction(functionMessage(name, definition));
    return library;
  }
}

function functionMessage(name: string, { inputs, nodes, outputs }: GraphFunction): FunctionMessage {
  const signature = new OpDef();
  signature.setName(name);
  signature.setInputArgList(inputs.map((dtype, place) => argument(`in${place}`, dtype)));
  signature.setOutputArgList(outputs.map(({ dtype }, place) => argument(`out${place}`, dtype)));
  const message = new FunctionDef();
  message.setSignature(signature);
  message.setNodeDefList(nodes.map(nodeMessage));
  outputs.forEach(({ value }, place) => message.getRetMap().set(`out${place}`, value));
  return message;
}

function argument(name: string, dtype: number): ArgumentMessage {
  const message = new OpDef.ArgDef();
  message.setName(name);
  message.setType(dtype);
  return message;
}
