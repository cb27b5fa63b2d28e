// Writes an LSTM with a softmax as an ONNX model, by hand: field numbers from onnx.proto3 (ONNX IR version 8).

/** Unsigned LEB128. */
function varint(value) {
  const bytes = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return Buffer.from(bytes);
}

const integer = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);

function bytes(field, content) {
  const buffer = Buffer.from(content);
  return Buffer.concat([varint(field * 8 + 2), varint(buffer.length), buffer]);
}

const message = (field, ...parts) => bytes(field, Buffer.concat(parts));

const float32 = 1;

/** GraphProto.initializer: a TensorProto. */
function initializer(name, dims, values) {
  const raw = Buffer.from(Float32Array.from(values).buffer);
  return message(5, ...dims.map(dim => integer(1, dim)), integer(2, float32), bytes(8, name), bytes(9, raw));
}

/** GraphProto.input (11) or output (12): a ValueInfoProto with a tensor type. */
function value(field, name, dims) {
  const shape = message(2, ...dims.map(dim => message(1, integer(1, dim))));
  return message(field, bytes(1, name), message(2, message(1, integer(1, float32), shape)));
}

/** NodeProto.attribute of type INT (2). */
const attribute = (name, number) => message(5, bytes(1, name), integer(3, number), integer(20, 2));

/** GraphProto.node. */
function node(operator, inputs, outputs, ...attributes) {
  return message(
    1,
    ...inputs.map(name => bytes(1, name)),
    ...outputs.map(name => bytes(2, name)),
    bytes(4, operator),
    ...attributes,
  );
}

/** PyTorch has gates i, f, g, o; ONNX has i, o, f, c (its operator LSTM; c is PyTorch's g). */
export const onnxOrder = [0, 3, 1, 2];

function reorder(rows, gateLength, order) {
  return order.flatMap(gate => [...rows.subarray(gate * gateLength, (gate + 1) * gateLength)]);
}

/**
 * X (1 × 1 × inputs), h0 and c0 (1 × 1 × H) to P (1 × classes), h1 and c1.
 *
 * @param weights by PyTorch's names, gates in PyTorch's order
 */
export function writeLstm({ inputs, hidden: h, classes }, weights, order = onnxOrder) {
  const {
    weight_ih_l0: wx,
    weight_hh_l0: wh,
    bias_ih_l0: bx,
    bias_hh_l0: bh,
    'readout.weight': v,
    'readout.bias': c,
  } = weights;
  const graph = message(
    7,
    node('LSTM', ['X', 'W', 'R', 'B', '', 'h0', 'c0'], ['', 'h1', 'c1'], attribute('hidden_size', h)),
    node('Flatten', ['h1'], ['flat'], attribute('axis', 1)),
    node('Gemm', ['flat', 'V', 'c'], ['o'], attribute('transB', 1)),
    node('Softmax', ['o'], ['P'], attribute('axis', 1)),
    bytes(2, 'lstm'),
    initializer('W', [1, 4 * h, inputs], reorder(wx, h * inputs, order)),
    initializer('R', [1, 4 * h, h], reorder(wh, h * h, order)),
    initializer('B', [1, 8 * h], [...reorder(bx, h, order), ...reorder(bh, h, order)]),
    initializer('V', [classes, h], v),
    initializer('c', [classes], c),
    value(11, 'X', [1, 1, inputs]),
    value(11, 'h0', [1, 1, h]),
    value(11, 'c0', [1, 1, h]),
    value(12, 'P', [1, classes]),
    value(12, 'h1', [1, 1, h]),
    value(12, 'c1', [1, 1, h]),
  );
  const opset = message(8, integer(2, 17));
  return Buffer.concat([integer(1, 8), bytes(2, 'eddy-bench'), graph, opset]);
}
