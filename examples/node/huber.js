"use strict";
// Huber loss in Node.js, checked by
//   lossproof check "node examples/node/huber.js" --loss huber --backend program
//
// With r = prediction - target: r² / 2 where |r| <= delta, else delta · (|r| - delta / 2).

const ROUND = { float64: (x) => x, float32: Math.fround };

function checked(prediction, target, { delta, reduction }) {
  if (!(delta > 0)) throw new RangeError(`delta must be positive, got ${delta}`);
  if (!["none", "sum", "mean"].includes(reduction)) {
    throw new RangeError(`reduction must be none, sum or mean, got ${reduction}`);
  }
  if (String(prediction.shape) !== String(target.shape)) {
    throw new RangeError(`shapes [${prediction.shape}] and [${target.shape}] differ`);
  }
  return ROUND[prediction.dtype];
}

/** The loss: an array of the shape of `prediction`, or of shape [] where it is reduced. */
function huber(prediction, target, options) {
  const round = checked(prediction, target, options);
  const delta = round(options.delta);
  const { dtype, shape } = prediction;
  const losses = Array.from(prediction.numbers, (p, i) => {
    const size = Math.abs(round(p - target.numbers[i]));
    const near = Math.min(size, delta); // nan stays nan
    // one product of what is left of each branch: it overflows only where the loss does
    return round(near * round(size - near / 2));
  });
  if (options.reduction === "none") return { dtype, shape, numbers: losses };
  const count = options.reduction === "mean" ? losses.length : 1;
  return { dtype, shape: [], numbers: [round(round(total(losses)) / count)] };
}

/** The cotangent pulled back to `prediction` and `target`. */
function huberGradients(prediction, target, options, cotangent) {
  const round = checked(prediction, target, options);
  const delta = round(options.delta);
  const { dtype, shape, numbers } = prediction;
  const count = options.reduction === "mean" ? numbers.length : 1;
  const slopes = Array.from(numbers, (p, i) => {
    const r = round(p - target.numbers[i]);
    const slope = r > delta ? delta : r < -delta ? -delta : r;
    const upstream = cotangent.numbers[options.reduction === "none" ? i : 0];
    return round(round(upstream / count) * slope);
  });
  return {
    prediction: { dtype, shape, numbers: slopes },
    target: { dtype, shape, numbers: slopes.map((s) => -s) },
  };
}

/** A sum in pairs, whose error grows with the logarithm of the number of terms. */
function total(numbers, from = 0, to = numbers.length) {
  if (to - from <= 8) return numbers.slice(from, to).reduce((a, b) => a + b, 0);
  const middle = from + ((to - from) >> 1);
  return total(numbers, from, middle) + total(numbers, middle, to);
}

const HELLO = {
  protocol: 1,
  name: "huber.js",
  form: "base64",
  losses: {
    huber: {
      dtypes: ["float64", "float32"],
      options: ["delta"],
      reductions: ["none", "sum", "mean"],
      gradient: ["prediction", "target"],
      optional: [],
    },
  },
};

function call({ arguments: { prediction, target }, options, cotangent, differentiate }) {
  const value = huber(prediction, target, options);
  if (cotangent === null) return { value, gradients: {} };
  const all = huberGradients(prediction, target, options, cotangent);
  return { value, gradients: Object.fromEntries(differentiate.map((k) => [k, all[k]])) };
}

if (require.main === module) require("./protocol.js").serve(HELLO, call);

module.exports = { huber, huberGradients };
