import { CheckpointError, kindOf } from '../errors.js';
import { quote } from './safetensors-header.js';

/** Bits of one element, by the name safetensors gives its type (`Dtype::bitsize` there). */
export const bits = {
  F64: 64,
  I64: 64,
  U64: 64,
  C64: 64,
  F32: 32,
  I32: 32,
  U32: 32,
  F16: 16,
  BF16: 16,
  I16: 16,
  U16: 16,
  I8: 8,
  U8: 8,
  BOOL: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
} as const;

export type Dtype = keyof typeof bits;

/** One tensor: its element type, its sizes (row-major; `[]` is a scalar) and its bytes, little-endian. */
export interface Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Whether a file's dtype is one of ours. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(bits, name);
}

/** A tensor's type and sizes as a message shows them, cut short: `F32 [3, 2]`. */
export function describe(dtype: string, shape: readonly number[]): string {
  const sizes = shape.length > 8 ? `${shape.slice(0, 8).join(', ')}, … (${shape.length} sizes)` : shape.join(', ');
  return `${dtype} [${sizes}]`;
}

/** Bytes of a tensor of this type and shape; NaN when a product leaves the exact integers or ends inside a byte. */
export function byteLength(dtype: Dtype, shape: readonly number[]): number {
  let elements = 1;
  for (const size of shape) {
    elements *= size;
    if (!Number.isSafeInteger(elements)) return Number.NaN;
  }
  const total = elements * bits[dtype];
  return Number.isSafeInteger(total) && total % 8 === 0 ? total / 8 : Number.NaN;
}

const dtypeOf = {
  Float32Array: 'F32',
  Float64Array: 'F64',
  Int32Array: 'I32',
  Uint32Array: 'U32',
  BigInt64Array: 'I64',
  Uint8Array: 'U8',
} as const;

/** The typed arrays that become tensors without a conversion. */
export type Values = Float32Array | Float64Array | Int32Array | Uint32Array | BigInt64Array | Uint8Array;

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** A copy of the bytes, each element of `width` bytes turned round where the machine is big-endian. */
function copyElements(bytes: Uint8Array, width: number): ArrayBuffer {
  const copy = new Uint8Array(bytes);
  if (!littleEndian) {
    for (let start = 0; start < copy.byteLength; start += width) copy.subarray(start, start + width).reverse();
  }
  return copy.buffer;
}

/** Makes a tensor of a typed array (copied) and its sizes; one dimension when no shape is given. */
export function tensorOf(values: Values, shape: readonly number[] = [values?.length]): Tensor {
  if (!ArrayBuffer.isView(values)) throw new CheckpointError(`Expected a typed array, got ${kindOf(values)}`);
  if (!Array.isArray(shape)) throw new CheckpointError(`Expected a shape to be a list of sizes, got ${kindOf(shape)}`);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const data = new Uint8Array(copyElements(bytes, values.BYTES_PER_ELEMENT));
  const dtype = dtypeOf[values[Symbol.toStringTag]];
  const tensor: Tensor = { dtype, shape: [...shape], data };
  if (byteLength(dtype, shape) !== data.byteLength) {
    throw new CheckpointError(`Expected ${values.length} values for a tensor ${describe(dtype, shape)}`);
  }
  return tensor;
}

function elements(tensor: Tensor | undefined, name: string, dtype: Dtype, shape?: readonly number[]): ArrayBuffer {
  const fits =
    tensor?.dtype === dtype &&
    (shape === undefined || (tensor.shape.length === shape.length && shape.every((n, i) => n === tensor.shape[i])));
  if (!fits) {
    const expected = shape === undefined ? dtype : describe(dtype, shape);
    const found = tensor === undefined ? 'no such tensor' : describe(tensor.dtype, tensor.shape);
    throw new CheckpointError(`Expected tensor ${quote(name)} to be ${expected}, got ${found}`);
  }
  return copyElements(tensor.data, bits[dtype] / 8);
}

/**
 * The values of an F32 tensor, row-major, copied (a file's bytes are not aligned).
 *
 * @param shape when given, the sizes it must have
 * @throws CheckpointError that names the tensor when it is missing, of another type or of another shape
 */
export function floats(tensor: Tensor | undefined, name: string, shape?: readonly number[]): Float32Array<ArrayBuffer> {
  return new Float32Array(elements(tensor, name, 'F32', shape));
}

/** The values of an F64 tensor; else as `floats`. */
export function doubles(
  tensor: Tensor | undefined,
  name: string,
  shape?: readonly number[],
): Float64Array<ArrayBuffer> {
  return new Float64Array(elements(tensor, name, 'F64', shape));
}

/** The values of a U8 tensor; else as `floats`. */
export function octets(tensor: Tensor | undefined, name: string, shape?: readonly number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(elements(tensor, name, 'U8', shape));
}

/** The values of a U32 tensor; else as `floats`. */
export function words(tensor: Tensor | undefined, name: string, shape?: readonly number[]): Uint32Array<ArrayBuffer> {
  return new Uint32Array(elements(tensor, name, 'U32', shape));
}
