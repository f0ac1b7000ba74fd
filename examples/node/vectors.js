"use strict";
// Tests huber.js with the vectors of
//   lossproof export --loss huber --dtype float32 -o huber.json
// as `node vectors.js huber.json`: no Python is needed to run it.

const fs = require("fs");
const path = require("path");

/** The number that a C99 hexadecimal float such as "-0x1.8p+1" stands for, exactly. */
function fromHex(text) {
  const found = /^(-?)(?:0x([01])(?:\.([0-9a-f]+))?p([+-]\d+)|(inf|nan))$/.exec(text);
  if (!found) throw new SyntaxError(`${text} is no hexadecimal float`);
  const [, sign, whole, digits = "", exponent, word] = found;
  const mantissa = word
    ? { inf: Infinity, nan: NaN }[word]
    : Number(BigInt(`0x${whole}${digits}`));
  const power = word ? 0 : Number(exponent) - 4 * digits.length;
  // in two steps, so that neither power leaves the range
  const half = Math.trunc(power / 2);
  return (sign ? -1 : 1) * mantissa * 2 ** half * 2 ** (power - half);
}

const unpack = ({ dtype, shape, hex }) => ({ dtype, shape, numbers: hex.map(fromHex) });

/** What is wrong with an answer, entry by entry. */
function* faults(name, { numbers }, expected) {
  for (const [i, { accept, exact, nearest }] of expected.entries()) {
    if (accept === null) continue; // nothing is promised here
    const [low, high] = accept.map(fromHex);
    if (low <= numbers[i] && numbers[i] <= high) continue;
    yield `${name}[${i}] is ${numbers[i]}, the exact value ${exact ? exact[0] : nearest}`;
  }
}

/** All faults of an implementation: functions `huber` and `huberGradients` as in huber.js. */
function* check({ huber, huberGradients }, { options, vectors }) {
  for (const vector of vectors) {
    const { prediction, target } = vector.arguments;
    const given = [unpack(prediction), unpack(target), { ...options, reduction: vector.reduction }];
    const gradients = huberGradients(...given, unpack(vector.cotangent));
    yield* faults(`${vector.id}: value`, huber(...given), vector.value);
    for (const [key, expected] of Object.entries(vector.gradients)) {
      yield* faults(`${vector.id}: gradient.${key}`, gradients[key], expected);
    }
  }
}

if (require.main === module) {
  const [file, module_ = "./huber.js"] = process.argv.slice(2);
  const found = [...check(require(path.resolve(__dirname, module_)), JSON.parse(fs.readFileSync(file)))];
  for (const fault of found) console.log(fault);
  console.log(found.length ? `${found.length} wrong numbers` : "conforms");
  process.exitCode = found.length ? 1 : 0;
}
