"use strict";
// The lossproof protocol for Node.js: JSON Lines on stdin and stdout. See docs/protocol.md.

const { once } = require("events");
const readline = require("readline");

const BYTES = { float64: 8, float32: 4 };

/** The numbers of a base64 array as a typed array; float64 and float32 only. */
function unpack(array) {
  const bytes = Buffer.from(array.base64, "base64");
  const Kind = array.dtype === "float32" ? Float32Array : Float64Array;
  const numbers = new Kind(bytes.length / BYTES[array.dtype]);
  new Uint8Array(numbers.buffer).set(bytes); // little-endian, as this machine
  return { dtype: array.dtype, shape: array.shape, numbers };
}

/** A typed array, or an array of numbers, as the protocol wants it. */
function pack({ dtype, shape, numbers }) {
  const Kind = dtype === "float32" ? Float32Array : Float64Array;
  const bytes = Buffer.from(Kind.from(numbers).buffer);
  return { dtype, shape, base64: bytes.toString("base64") };
}

function each(object, change) {
  return Object.fromEntries(Object.entries(object).map(([k, v]) => [k, v && change(v)]));
}

/** Answer requests until stdin ends. `call` takes and returns unpacked arrays. */
async function serve(hello, call) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    let reply = hello;
    if (request.op === "call") {
      try {
        const { value, gradients } = call({
          ...request,
          arguments: each(request.arguments, unpack),
          cotangent: request.cotangent && unpack(request.cotangent),
        });
        reply = { value: pack(value), gradients: each(gradients, pack) };
      } catch (error) {
        reply = { error: error.message };
      }
    }
    if (!process.stdout.write(JSON.stringify(reply) + "\n")) await once(process.stdout, "drain");
  }
}

module.exports = { serve };
