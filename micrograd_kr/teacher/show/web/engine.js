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
  softmax: (...inputs) => Math.exp(LACKING.log_softmax(...inputs)), // of its inputs, then which of them
  log_softmax: (...inputs) => {
    const i = inputs.pop();
    const top = Math.max(...inputs);
    return inputs[i] - top - Math.log(inputs.reduce((sum, x) => sum + Math.exp(x - top), 0));
  },
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
// along it), W5+ (after an update), z1' (in the pass after it), W5++ and z1'', then W5+@3 and z1@3.
const later = (name, mark, step) =>
  name + (step <= 2 ? mark.repeat(step) : (mark === "+" ? mark : "") + `@${step}`);
const gradientKey = (loss, name) => `d${loss}/d${name}`;
const localKey = (target, source) => `∂${target}/∂${source}`;
const flowKey = (source, target) => `←${source},${target}`;

// Every number of an exercise: forward, back, an update, forward again, as many steps as there are. Where a line is too
// long to be read, LINES has it in parts; their numbers have no local derivatives and no later ones. `updates` changes each
// parameter: [place, formula, name of the line], over what is given, the parameter p, its gradient, the step, lr, states.
function solve(lines, { order, loss, given, parameters, forward: names, steps }, numbers, lr, updates) {
  const found = new Map();
  const places = new Map(order.map((name, at) => [name, at]));
  const own = new Set([...numbers.keys(), ...names]);
  const passes = [forward(lines, order, numbers)];
  const [v] = passes;
  let gradients = backward(lines, v, places.get(loss));
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
  const start = given.map((name) => numbers.get(name));
  const states = new Map(parameters.map((name) => [name, updates.slice(1).map(() => 0)]));
  let changed = numbers;
  for (let step = 1; step <= steps; step++) {
    const next = new Map(changed);
    for (const name of parameters) {
      const slope = gradients.get(places.get(name)) ?? 0;
      const w = [...start, changed.get(name), slope, step, lr, ...states.get(name)];
      for (const [at, formula, line] of updates) {
        w[at] = formula(w);
        found.set(later(line === "p" ? name : `${line}_${name}`, "+", step), w[at]);
      }
      next.set(name, w[given.length]);
      states.set(name, w.slice(given.length + 4));
    }
    changed = next;
    passes.push(forward(lines, order, changed));
    for (const name of names) found.set(later(name, "'", step), passes[step][places.get(name)]);
    if (step < steps) gradients = backward(lines, passes[step], places.get(loss));
  }
  return Object.assign(found, { passes });
}
