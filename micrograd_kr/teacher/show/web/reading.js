// Reading what a person typed: a number, a worked line, an expression that is left to be worked. The patterns are those
// that micrograd_kr reads a sheet with; what needs more than these is not read here.

const ulp = (x) => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -1022) - 52) || Number.MIN_VALUE;
const unitOf = (decimals) => Number(`1e-${decimals}`);
const total = (numbers) => numbers.reduce((sum, each) => sum + each, 0);
const NOISE = 1e-12;

class NotRead extends Error {}

// What is read, or something else where it cannot be.
function readOr(other, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof NotRead) return other;
    throw error;
  }
}

class Reading {
  constructor({ patterns, characters, spelling, functions, equals }) {
    for (const [name, pattern, flags] of patterns) this[name] = new RegExp(pattern, flags);
    Object.assign(this, { characters: new Map(characters), spelling: new Map(spelling) });
    Object.assign(this, { functions: new Map(functions), equals: new Set(equals) });
  }

  // What people type, in the characters of a formula: × − ½ x² 12 % 1.5×10^-3.
  plain(typed) {
    const raised = (each) => `**${each.normalize("NFKC").replace("−", "-")}`;
    const text = typed.replace(this.times, "*").replace(this.mixed, "($1+$2)").replace(this.raised, raised);
    const plain = [...text].map((each) => this.characters.get(each) ?? each).join("");
    const withExponent = (whole, before, digits, inner, power) =>
      before ? whole : `${digits}e${Number(inner ?? power)}`;
    return plain.replace(this.percent, "$1e-2").replace(this.powerOfTen, withExponent);
  }

  withPoints(text) {
    const grouped = text.replace(this.thousands, (whole, digits, point) => {
      if (!point && digits.split(",").length === 2) throw new NotRead(); // 1,234 may be either
      return digits.replaceAll(",", "") + (point ?? "");
    });
    return grouped.replace(this.comma, "$1.");
  }

  // A number with what its digits say: decimals, significant digits, what the last is worth.
  number(text) {
    if (this.digits.test(text)) return written(text);
    const typed = this.plain(text).replace(this.parted, "");
    const { sign = "", number } = this.cell.exec(typed)?.groups ?? {};
    const pointed = number && sign + this.withPoints(number);
    if (number && this.digits.test(pointed)) return written(pointed);
    const [, minus, above, below] = this.fraction.exec(typed) ?? [];
    if (!Number(below)) throw new NotRead();
    const quotient = Number(minus + above) / Number(below);
    const { digits } = written(String(quotient));
    return { ...worked(quotient), digits, exact: [BigInt(`${minus}1`) * BigInt(above), BigInt(below)] };
  }

  // The sides of a cell, without the name that it is the cell of; none where it is no answer.
  sides(cell, name) {
    const text = cell.replace(this.thin, "").trim().replace(/\s+/g, " ").replace(this.label, "").replace(/[=-]>/g, "=");
    const [pieces, depth] = [[""], { now: 0 }];
    for (const each of text) {
      depth.now += "([{".includes(each) - ")]}".includes(each);
      if (depth.now <= 0 && this.equals.has(each)) pieces.push("");
      else pieces.push(pieces.pop() + each);
    }
    const parts = pieces.map((each) => each.trim()).filter(Boolean);
    if (parts.length && this.spelled(parts[0]) === name) parts.shift();
    return parts.length && !this.notAnswered.test(this.plain(parts.at(-1))) ? parts : [];
  }

  // A name in the one spelling that is kept.
  spelled(name) {
    const typed = [...name.replace(/\s/g, "")].map((each) => this.spelling.get(each) ?? each);
    return typed.join("").normalize("NFKC");
  }

  // An expression, in leaves made of what stands in it: leaf(number, null) or leaf(null, name).
  expression(text, leaf) {
    const tokens = [...this.withPoints(this.plain(text)).matchAll(this.token)].filter(({ 0: each }) => each.trim());
    let at = 0;
    const next = () => tokens[at]?.[0].trim();
    const taken = (...signs) => (signs.includes(next()) ? tokens[at++][0].trim() : null);
    const needed = (sign) => taken(sign) ?? fail();
    const fail = () => {
      throw new NotRead();
    };
    const chain = (signs, below) => () => {
      let left = below();
      for (let sign = taken(...signs); sign; sign = taken(...signs)) {
        left = operation(RULES[OPERATORS[sign]], [left, below()]);
      }
      return left;
    };
    const signed = () => {
      if (taken("-")) return operation(RULES.neg, [signed()]);
      return taken("+") ? signed() : power();
    };
    const power = () => {
      const base = atom();
      return taken("**") ? operation(RULES["**"], [base, signed()]) : base;
    };
    const atom = () => {
      if (taken("(")) return closed(sum());
      const { groups: { number, name } = {} } = tokens[at++] ?? fail();
      if (number) return leaf(number, null);
      if (!name) return fail();
      const rule = RULES[this.functions.get(name)];
      if (!rule || !taken("(")) return leaf(null, this.spelled(name));
      const of = [sum()];
      while (taken(",")) of.push(sum());
      return of.length === rule.inputs ? closed(operation(rule, of)) : fail();
    };
    const closed = (found) => needed(")") && found;
    const sum = chain(["+", "-"], chain(["*", "/"], signed));
    const found = sum();
    return at < tokens.length ? fail() : found;
  }
}

const OPERATORS = { "+": "+", "-": "−", "*": "×", "/": "÷" };

function operation(rule, of) {
  return { rule, of, value: rule.of(of.map((each) => each.value)) };
}

function written(text) {
  const [mantissa, power = "0"] = text.toLowerCase().split("e");
  const fraction = mantissa.split(".")[1] ?? "";
  const decimals = Math.min(Math.max(fraction.length - Number(power), 0), 300);
  const digits = mantissa.replace(/[+.-]/g, "").replace(/^0+(?=.)/, "").length;
  const whole = BigInt(mantissa.replace(/[+.]/g, "")) * 10n ** BigInt(Math.max(Number(power) - fraction.length, 0));
  const exact = [whole, 10n ** BigInt(Math.max(fraction.length - Number(power), 0))];
  return { text, number: Number(text), exact, decimals, digits, known: 0, unit: unitOf(decimals) };
}

// |hand − value| without the rounding of a subtraction; exact: the hand number as a fraction.
function off({ number, exact }, value) {
  if (!exact || !Number.isFinite(value)) return Math.abs(number - value);
  const [whole, power] = dyadic(value);
  const apart = (exact[0] << power) - whole * exact[1];
  return Math.abs(Number(apart)) / Number(exact[1]) / 2 ** Number(power);
}

// A float as what it is, a whole number over a power of two.
function dyadic(value) {
  let power = 0;
  while (!Number.isInteger(value)) [value, power] = [value * 2, power + 1];
  return [BigInt(value), BigInt(power)];
}

// What is left of a number beyond the nearest whole multiple of a step, exactly.
function remainder(value, step) {
  const [[a, p], [b, q]] = [dyadic(value), dyadic(step)];
  const left = (a << q) - BigInt(Math.round(value / step)) * (b << p);
  return Math.abs(Number(left)) / 2 ** Number(p + q);
}

// A number that was left to be worked, from numbers that make it known to so much, or exactly.
function worked(number, unit = 0) {
  if (!Number.isFinite(number)) throw new NotRead();
  const places = [0, 1, 2, 3, 4, 5, 6, 7, 8].find((each) => Math.abs(number.toFixed(each) - number) <= 4 * ulp(number));
  const known = Math.max(unit, 8 * ulp(number));
  return { text: number.toFixed(places ?? 8), number, decimals: places ?? 8, digits: 17, known, unit: known };
}

// How far an expression is known: by its slopes, from how far its leaves are.
function knownTo({ rule, of, unit, value }, slope = 1) {
  if (!rule) return unit ? Math.abs(slope) * unit : 0;
  const v = [...of.map((each) => each.value), value];
  return total(of.map((each, i) => knownTo(each, slope * (rule.slopes[i]?.(v) ?? 0))));
}
