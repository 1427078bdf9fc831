/**
 * Turns an F16 model file into Q8_0 or Q4_0, as llama.cpp does: blocks of 32 weights, each with a scale in F16. What a
 * provider does who sells the F16 weights and keeps smaller ones. Only for files whose tensors are F16 and F32.
 *
 * The head of the file keeps its size: the file type, and the type and place of each tensor, are written over.
 */

const [F32, F16, Q4_0, Q8_0] = [0, 1, 2, 8];
const fileTypes = { [Q4_0]: 2, [Q8_0]: 7 };
const typeOf = { q4_0: Q4_0, q8_0: Q8_0 };
const blockWeights = 32;
const blockBytes = { [F32]: 128, [F16]: 64, [Q4_0]: 18, [Q8_0]: 34 };
/** Bytes of the metadata values that have a fixed size, by their type. */
const valueBytes = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const [stringType, arrayType] = [8, 9];
const alignment = 32;
const { fround } = Math;

/** Bytes of the same model in `quantization`, `q8_0` or `q4_0`. */
export function requantised(bytes, quantization) {
  const type = typeOf[quantization];
  const head = readHead(bytes);
  const blobs = [];
  let offset = 0;
  const out = Buffer.from(bytes.subarray(0, head.dataAt));
  out.writeUInt32LE(fileTypes[type], head.fileTypeAt);
  for (const tensor of head.tensors) {
    const source = bytes.subarray(head.dataAt + tensor.offset);
    const wanted = tensor.type === F16 ? type : tensor.type;
    const blob = encodedTensor(source, tensor, wanted);
    out.writeUInt32LE(wanted, tensor.typeAt);
    out.writeBigUInt64LE(BigInt(offset), tensor.typeAt + 4);
    blobs.push(blob, Buffer.alloc(paddingOf(blob.length)));
    offset += blob.length + paddingOf(blob.length);
  }
  return Buffer.concat([out, ...blobs]);
}

const paddingOf = (size) => (alignment - (size % alignment)) % alignment;

/** Where the tensors stand, and the fields that change. */
function readHead(bytes) {
  let at = 24;
  let fileTypeAt = 0;
  const [tensorCount, valueCount] = [8, 16].map((place) => Number(bytes.readBigUInt64LE(place)));
  const text = () => {
    const size = Number(bytes.readBigUInt64LE(at));
    at += 8 + size;
    return bytes.toString('utf8', at - size, at);
  };
  const skip = (type) => {
    if (type === stringType) text();
    else if (type !== arrayType) at += valueBytes[type];
    else {
      const inner = bytes.readUInt32LE(at);
      const length = Number(bytes.readBigUInt64LE(at + 4));
      at += 12;
      for (let item = 0; item < length; item += 1) skip(inner);
    }
  };
  for (let value = 0; value < valueCount; value += 1) {
    const key = text();
    at += 4;
    if (key === 'general.file_type') fileTypeAt = at;
    skip(bytes.readUInt32LE(at - 4));
  }
  const tensors = Array.from({ length: tensorCount }, () => {
    text();
    const dimensions = bytes.readUInt32LE(at);
    const sizes = Array.from({ length: dimensions }, (_, place) =>
      Number(bytes.readBigUInt64LE(at + 4 + 8 * place)),
    );
    const typeAt = at + 4 + 8 * dimensions;
    at = typeAt + 12;
    const weights = sizes.reduce((product, size) => product * size, 1);
    const offset = Number(bytes.readBigUInt64LE(typeAt + 4));
    return { weights, typeAt, type: bytes.readUInt32LE(typeAt), offset };
  });
  return { fileTypeAt, tensors, dataAt: at + paddingOf(at) };
}

function encodedTensor(source, { weights, type }, wanted) {
  if (weights % blockWeights !== 0 || (type !== F16 && type !== F32)) {
    throw new Error(`a tensor of type ${type} with ${weights} weights cannot be requantised`);
  }
  const blocks = weights / blockWeights;
  if (wanted === type) return source.subarray(0, blocks * blockBytes[type]);
  const out = Buffer.alloc(blocks * blockBytes[wanted]);
  const encode = wanted === Q8_0 ? encodeQ8 : encodeQ4;
  const block = new Float32Array(blockWeights);
  for (let at = 0; at < blocks; at += 1) {
    for (let place = 0; place < blockWeights; place += 1) {
      block[place] = floatOfHalf(source.readUInt16LE(2 * (at * blockWeights + place)));
    }
    encode(block, out, at * blockBytes[wanted]);
  }
  return out;
}

/** The weight that is farthest from zero is 127 steps away. */
function encodeQ8(block, out, at) {
  const scale = fround(largestOf(block, Math.abs) / 127);
  const inverse = scale === 0 ? 0 : fround(1 / scale);
  out.writeUInt16LE(halfOfFloat(scale), at);
  for (const [place, weight] of block.entries()) {
    out.writeInt8(roundEven(fround(weight * inverse)), at + 2 + place);
  }
}

/** The weight that is farthest from zero is step -8 of -8 … 7; two steps in a byte. */
function encodeQ4(block, out, at) {
  const size = largestOf(block, Math.abs);
  const scale = fround((block.find((weight) => Math.abs(weight) === size) ?? 0) / -8);
  const inverse = scale === 0 ? 0 : fround(1 / scale);
  const step = (weight) => Math.min(15, Math.floor(fround(fround(weight * inverse) + 8.5)));
  out.writeUInt16LE(halfOfFloat(scale), at);
  for (let place = 0; place < blockWeights / 2; place += 1) {
    const high = step(block[place + blockWeights / 2]);
    out.writeUInt8(step(block[place]) | (high << 4), at + 2 + place);
  }
}

const largestOf = (block, of) => block.reduce((most, weight) => Math.max(most, of(weight)), 0);

function roundEven(value) {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

/** Value of a number in IEEE 754 half precision. */
export function floatOfHalf(half) {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1_024) * 2 ** (exponent - 15);
}

/** The half that is nearest to a number; at a tie the even one. Numbers here are far from the largest half. */
export function halfOfFloat(value) {
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  // Whole steps of the last place; a carry runs into the exponent, as it should.
  const steps = roundEven(size / 2 ** (exponent - 10));
  return sign | (exponent === -14 ? steps : ((exponent + 14) << 10) + steps);
}
