"use strict";
// The engine: the lines of an exercise, run forward and back. What each computes, and its derivatives, is in LINES, which
// micrograd_kr writes from its rules: [place, formula, [[place of what it uses, derivative by that], …]], in order, each
// a function of v, the numbers by their places. Here is only what JavaScript's Math lacks, and the chain rule.

const sigmoid = (x) => (x >= 0 ? 1 : Math.exp(-Math.abs(x))) / (1 + Math.exp(-Math.abs(x)));
const LACKING = {
  sigmoid,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  relu: (x) => (x <= 0 ? 0 : x),
  leaky_relu: (x, slope) => (x > 0 ? x : slope * x),
  step: (x) => (x > 0 ? 1 : 0),
  power: (x, y) => (x === 1 ? 1 : x ** y), // in JavaScript 1 ** Infinity is NaN
};

// Every number, from those that are given.
function forward(lines, order, numbers) {
  const v = order.map((name) => numbers.get(name));
  for (const [at, formula] of lines) v[at] = formula(v);
  return v;
}

// The derivative of the number at `root` by each that it is computed from; the way back ends where `stops` says so.
function backward(lines, v, root, stops = () => false) {
  const arrived = new Map([[root, 1]]);
  for (const [at, , partials] of [...lines].reverse()) {
    if (!arrived.has(at) || (at !== root && stops(at))) continue;
    for (const [used, partial] of partials) {
      const contribution = arrived.get(at) * partial(v);
      arrived.set(used, arrived.has(used) ? arrived.get(used) + contribution : contribution);
    }
  }
  return arrived;
}

// A quantity's number has a key: z1, dE/dW5 (of the loss), ∂z3/∂h1 (local, along one line), ←h1,z3 (what flows back
// along it), W5+ (after the update), z1' (in the second pass).
const gradientKey = (loss, name) => `d${loss}/d${name}`;
const localKey = (target, source) => `∂${target}/∂${source}`;
const flowKey = (source, target) => `←${source},${target}`;

// Every number of an exercise: forward, back, one step of gradient descent, forward again. Where a line is too long to be
// read, LINES has it in parts; their numbers have no local derivatives and no second ones.
function solve(lines, { order, loss, parameters, forward: names }, numbers, lr) {
  const found = new Map();
  const places = new Map(order.map((name, at) => [name, at]));
  const own = new Set([...numbers.keys(), ...names]);
  const v = forward(lines, order, numbers);
  const gradients = backward(lines, v, places.get(loss));
  for (const [name, at] of places) {
    found.set(name, v[at]);
    found.set(gradientKey(loss, name), gradients.get(at) ?? 0);
  }
  for (const target of names) {
    for (const [at, local] of backward(lines, v, places.get(target), (each) => own.has(order[each]))) {
      const source = order[at];
      if (source === target || !own.has(source)) continue;
      found.set(localKey(target, source), local);
      found.set(flowKey(source, target), found.get(gradientKey(loss, target)) * local);
    }
  }
  if (lr === null) return found;
  const updated = new Map(numbers);
  for (const name of parameters) {
    updated.set(name, found.get(name) - lr * found.get(gradientKey(loss, name)));
    found.set(`${name}+`, updated.get(name));
  }
  const after = forward(lines, order, updated);
  for (const name of names) found.set(`${name}'`, after[places.get(name)]);
  return found;
}
