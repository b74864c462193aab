"use strict";
// The engine: a tape of scalar operations, run forward and back. The numbers are those of micrograd_kr's own engine.
//
// A rule is an operation and, for each input, how a gradient g that arrived at the output goes on to that input; `out`
// is what the forward pass computed, x and y what it was computed from. Kinks are as in micrograd_kr/ops.py.

const sigmoid = (x) => (x >= 0 ? 1 : Math.exp(-Math.abs(x))) / (1 + Math.exp(-Math.abs(x)));
const tied = (x, y, g) => (x === y ? 0.5 * g : 0);

const RULES = new Map(
  Object.entries({
    "+": { out: (x, y) => x + y, dx: (g) => g, dy: (g) => g },
    "−": { out: (x, y) => x - y, dx: (g) => g, dy: (g) => -g },
    "×": { out: (x, y) => x * y, dx: (g, out, x, y) => g * y, dy: (g, out, x, y) => g * x },
    "÷": { out: (x, y) => x / y, dx: (g, out, x, y) => g / y, dy: (g, out, x, y) => (-g * out) / y },
    "**": {
      out: (x, y) => (x === 1 ? 1 : x ** y), // in JavaScript 1 ** Infinity is NaN
      dx: (g, out, x, y) => g * (y * x ** (y === 0 && x === 0 ? 0 : y - 1)),
      dy: (g, out, x) => g * (out * Math.log(x === 0 ? 1 : x)),
    },
    neg: { out: (x) => -x, dx: (g) => -g },
    "=": { out: (x) => x, dx: (g) => g },
    exp: { out: Math.exp, dx: (g, out) => g * out },
    log: { out: Math.log, dx: (g, out, x) => g / x },
    "√": { out: Math.sqrt, dx: (g, out) => g / (2 * out) },
    abs: { out: Math.abs, dx: (g, out, x) => g * Math.sign(x) },
    sin: { out: Math.sin, dx: (g, out, x) => g * Math.cos(x) },
    cos: { out: Math.cos, dx: (g, out, x) => -g * Math.sin(x) },
    tanh: { out: Math.tanh, dx: (g, out) => g * (1 - out * out) },
    sigmoid: { out: sigmoid, dx: (g, out) => g * (out * (1 - out)) },
    softplus: { out: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), dx: (g, out, x) => g * sigmoid(x) },
    relu: { out: (x) => (x <= 0 ? 0 : x), dx: (g, out, x) => (x > 0 ? g : 0) },
    leaky_relu: { out: (x, slope) => (x > 0 ? x : slope * x), dx: (g, out, x, slope) => (x > 0 ? g : slope * g) },
    step: { out: (x) => (x > 0 ? 1 : 0), dx: (g) => g * 0 },
    max: {
      out: (x, y) => (x >= y || x !== x ? x : y),
      dx: (g, out, x, y) => (x > y ? g : tied(x, y, g)),
      dy: (g, out, x, y) => (y > x ? g : tied(x, y, g)),
    },
    min: {
      out: (x, y) => (x <= y || x !== x ? x : y),
      dx: (g, out, x, y) => (x < y ? g : tied(x, y, g)),
      dy: (g, out, x, y) => (y < x ? g : tied(x, y, g)),
    },
  }),
);

// One entry of a tape is {number} for what is given, or {rule, inputs}: the places of what it is computed from.
// A name, where it has one, makes it a quantity that a person works out. `numbers` replaces numbers by name.
function forward(tape, numbers) {
  const outs = [];
  for (const { name, number, rule, inputs } of tape) {
    outs.push(rule ? RULES.get(rule).out(...inputs.map((i) => outs[i])) : (numbers.get(name) ?? number));
  }
  return outs;
}

// What a gradient g at one entry hands to each of its inputs: [place, contribution].
function contributions(tape, outs, at, g) {
  const { dx, dy } = RULES.get(tape[at].rule);
  const [x, y] = tape[at].inputs;
  const numbers = tape[at].inputs.map((i) => outs[i]);
  const found = [[x, dx(g, outs[at], ...numbers)]];
  if (dy) found.push([y, dy(g, outs[at], ...numbers)]);
  return found.filter(([i]) => tape[i].rule || tape[i].name); // a constant has no gradient
}

// The gradient that arrives at each entry, from 1 at `root`; `stops(i)` says where it goes no further.
function backward(tape, outs, root, stops) {
  const arrived = new Map([[root, 1]]);
  for (let at = root; at >= 0; at--) {
    if (!arrived.has(at) || !tape[at].rule || (at !== root && stops(at))) continue;
    for (const [i, r] of contributions(tape, outs, at, arrived.get(at))) {
      arrived.set(i, arrived.has(i) ? arrived.get(i) + r : r);
    }
  }
  return arrived;
}

// A quantity's number has a key: z1, dE/dW5 (of the loss), ∂z3/∂h1 (local, along one line), ←h1,z3 (what flows back
// along it), W5+ (after the update), z1' (in the second pass).
const gradientKey = (loss, name) => `d${loss}/d${name}`;
const localKey = (target, source) => `∂${target}/∂${source}`;
const flowKey = (source, target) => `←${source},${target}`;

// Every number of an exercise: forward, back, one step of gradient descent, forward again.
function solve({ tape, loss, parameters }, numbers, lr) {
  const found = new Map();
  const named = tape.map((entry, i) => [entry.name, i]).filter(([name]) => name);
  const places = new Map(named);
  const outs = forward(tape, numbers);
  const gradients = backward(tape, outs, places.get(loss), () => false);
  for (const [name, at] of named) {
    found.set(name, outs[at]);
    found.set(gradientKey(loss, name), gradients.get(at) ?? 0);
  }
  for (const [target, at] of named) {
    if (!tape[at].rule) continue;
    for (const [i, local] of backward(tape, outs, at, (each) => tape[each].name)) {
      if (i === at || !tape[i].name) continue;
      found.set(localKey(target, tape[i].name), local);
      found.set(flowKey(tape[i].name, target), found.get(gradientKey(loss, target)) * local);
    }
  }
  if (lr === null) return found;
  const updated = new Map(numbers);
  for (const name of parameters) {
    updated.set(name, found.get(name) - lr * found.get(gradientKey(loss, name)));
    found.set(`${name}+`, updated.get(name));
  }
  const after = forward(tape, updated);
  for (const [name, at] of named) if (tape[at].rule) found.set(`${name}'`, after[at]);
  return found;
}
