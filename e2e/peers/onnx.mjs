// ONNX models of a node or three, written by hand: protobuf is tags, lengths and bytes.
//
// Field numbers are those of onnx.proto; a model here is its graph, its opsets and nothing else.

const FLOAT = 1;
const UINT8 = 2;

const utf8 = new TextEncoder();

/** An integer in base 128, lowest digits first. */
function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest ? low | 128 : low);
  } while (rest);
  return Uint8Array.from(bytes);
}

function join(parts) {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

const integer = (field, value) => join([varint(field << 3), varint(value)]);
const bytes = (field, value) => join([varint((field << 3) | 2), varint(value.length), value]);
const text = (field, value) => bytes(field, utf8.encode(value));
const float = (field, value) => join([varint((field << 3) | 5), new Uint8Array(Float32Array.of(value).buffer)]);

/** Whole numbers are INT attributes; `{ float: 1 }` is a FLOAT, an array a list of INTs. */
function attribute(name, value) {
  const [FLOAT_KIND, INT_KIND, INTS_KIND] = [1, 2, 7];
  if (Array.isArray(value)) {
    return join([text(1, name), ...value.map((one) => integer(8, one)), integer(20, INTS_KIND)]);
  }
  if (typeof value === "object") return join([text(1, name), float(2, value.float), integer(20, FLOAT_KIND)]);
  return join([text(1, name), integer(3, value), integer(20, INT_KIND)]);
}

function node({ op, domain = "", inputs, outputs, attributes = {} }) {
  return join([
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
    text(7, domain),
  ]);
}

/** A constant of the graph. */
function tensor(name, { data, shape }) {
  const type = data instanceof Uint8Array ? UINT8 : FLOAT;
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return join([...shape.map((length) => integer(1, length)), integer(2, type), text(8, name), bytes(9, raw)]);
}

/** What goes in or out: a name and the shape of its floats. */
function value(name, shape) {
  const dimensions = join(shape.map((length) => bytes(1, integer(1, length))));
  const type = bytes(1, join([integer(1, FLOAT), bytes(2, dimensions)]));
  return join([text(1, name), bytes(2, type)]);
}

/** A model: nodes in order, shapes of inputs and outputs by name, constants by name. */
export function model({ nodes, inputs, outputs, constants = {} }) {
  const graph = join([
    ...nodes.map((one) => bytes(1, node(one))),
    text(2, "case"),
    ...Object.entries(constants).map(([name, constant]) => bytes(5, tensor(name, constant))),
    ...Object.entries(inputs).map(([name, shape]) => bytes(11, value(name, shape))),
    ...Object.entries(outputs).map(([name, shape]) => bytes(12, value(name, shape))),
  ]);
  const opset = (domain, version) => bytes(8, join([text(1, domain), integer(2, version)]));
  return join([integer(1, 8), bytes(7, graph), opset("", 17), opset("com.microsoft", 1)]);
}
