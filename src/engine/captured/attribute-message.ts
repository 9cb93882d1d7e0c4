import { functionName } from './function-name';
import { graphMessages, type AttributeMessage, type ListMessage, type ShapeMessage, type TensorMessage } from './graph-messages';
import { DataType, type AttributeValue, type Constant } from './recording';

const { AttrValue, NameAttrList, Tensor, TensorShape } = graphMessages;

/** An operation's attribute as the message that a graph holds; a function is told by its name. */
export function attributeMessage(attribute: AttributeValue): AttributeMessage {
  const message = new AttrValue();
  switch (attribute.kind) {
    case 'type':
      message.setType(attribute.value);
      break;
    case 'int':
      message.setI(attribute.value);
      break;
    case 'float':
      message.setF(attribute.value);
      break;
    case 'bool':
      message.setB(attribute.value);
      break;
    case 'string':
      message.setS(Buffer.from(attribute.value));
      break;
    case 'shape':
      message.setShape(shapeMessage(attribute.value));
      break;
    case 'tensor':
      message.setTensor(tensorMessage(attribute.value));
      break;
    case 'function': {
      const called = new NameAttrList();
      called.setName(functionName(attribute.value));
      message.setFunc(called);
      break;
    }
    case 'types':
    case 'ints':
    case 'floats':
    case 'shapes':
      message.setList(listMessage(attribute));
      break;
  }
  return message;
}

function listMessage(attribute: Extract<AttributeValue, { kind: 'types' | 'ints' | 'floats' | 'shapes' }>): ListMessage {
  const list = new AttrValue.ListValue();
  switch (attribute.kind) {
    case 'types':
      list.setTypeList(attribute.value);
      break;
    case 'ints':
      list.setIList(attribute.value);
      break;
    case 'floats':
      list.setFList(attribute.value);
      break;
    case 'shapes':
      list.setShapeList(attribute.value.map(shapeMessage));
      break;
  }
  return list;
}

function tensorMessage({ dtype, shape, bytes }: Constant): TensorMessage {
  const tensor = new Tensor();
  tensor.setDtype(dtype);
  tensor.setTensorShape(shapeMessage(shape));
  if (dtype === DataType.string) tensor.addStringVal(bytes);
  else tensor.setTensorContent(bytes);
  return tensor;
}

/** A shape as the message that a graph holds. */
export function shapeMessage(shape: readonly number[]): ShapeMessage {
  const message = new TensorShape();
  message.setDimList(
    shape.map((size) => {
      const dimension = new TensorShape.Dim();
      dimension.setSize(size);
      return dimension;
    }),
  );
  return message;
}
