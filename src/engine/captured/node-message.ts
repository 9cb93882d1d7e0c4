import { attributeMessage } from './attribute-message';
import { graphMessages, type NodeMessage } from './graph-messages';
import type { FunctionNode } from './recording';

/** A node as the message that a graph or a function of one holds. */
export function nodeMessage({
  name,
  operation,
  inputs,
  attributes,
  device,
}: FunctionNode & { readonly device?: string | undefined }): NodeMessage {
  const node = new graphMessages.NodeDef();
  node.setName(name);
  node.setOp(operation);
  node.setInputList([...inputs]);
  if (device !== undefined) node.setDevice(device);
  for (const [attribute, value] of Object.entries(attributes)) node.getAttrMap().set(attribute, attributeMessage(value));
  return node;
}
