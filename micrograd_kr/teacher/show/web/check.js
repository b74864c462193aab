// The check: a person's numbers, judged as `micrograd-kr check` does. What an operation computes, how it rounds and what
// a quantity may be worked from is in RULES and in the data, which micrograd_kr writes. Here is what is done with them:
// numbers are read, how far rounding may carry them is summed up, and each gets its verdict.

// --- what a person keeps of a number ---------------------------------------------------------------------------------

// So many decimals (base 0), or so many digits of a base; unit: what the last is worth in a number of size 1.
class Precision {
  constructor(unit, base = 0) {
    Object.assign(this, { unit, base });
  }

  step(size) {
    if (!this.base) return this.unit;
    if (!size || !Number.isFinite(size)) return 0;
    return this.unit * this.base ** Math.floor((this.base === 2 ? Math.log2 : Math.log10)(Math.abs(size)));
  }

  // How far rounded partial products, in any order, move a product; the last of them is not counted.
  roundedAway(sizes) {
    const largest = [...sizes].sort((a, b) => b - a).slice(0, Math.max(sizes.length - 2, 0));
    if (this.base) return this.unit * largest.length * product(sizes);
    let [moved, so] = [0, 1];
    for (const each of largest) moved += so *= each;
    return this.unit * moved;
  }

  roundedSums(sizes, value) {
    return (sizes.length - 2) * this.step(total(sizes)) + this.step(value);
  }

  holds(value) {
    const step = this.step(value) || 1;
    return this.base !== 2 && Math.abs(value - step * Math.round(value / step)) <= 4 * ulp(value);
  }
}

const FLOAT64 = new Precision(2 ** -52, 2);
const sameEverywhere = (precision) => ({ passes: precision, gradients: precision });
const product = (numbers) => numbers.reduce((so, each) => so * each, 1);

// How many of each there are, the commonest first, of equally common ones the largest.
function counted(numbers) {
  const counts = new Map();
  for (const each of numbers) counts.set(each, (counts.get(each) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || b - a);
}

const isRounded = ({ hand, asked }) => !hand.known && off(hand, asked.value) > 4 * ulp(asked.value);

// The decimals that a person writes as a rule, and those that are common enough to be a way of working.
function decimalsOf(cells) {
  const rounded = cells.filter(isRounded);
  const counts = counted(rounded.map(({ hand }) => hand.decimals));
  const habits = counts.filter(([, count]) => count >= Math.max(2, rounded.length / 5)).map(([decimals]) => decimals);
  const all = cells.filter(({ hand }) => !hand.known).map(({ hand }) => hand.decimals);
  const few = rounded.length < Math.max(3, cells.length / 10);
  return { usual: few ? (all.length ? Math.max(...all) : 15) : counts[0][0], habits };
}

// Significant digits if more of the rounded numbers have equally many of these than decimals; of gradients and others.
function habitOf(cells) {
  const groups = [false, true].map((kind) => cells.filter(({ asked }) => asked.isGradient === kind));
  const rounded = groups.map((group) => group.filter(isRounded));
  const { usual } = decimalsOf(cells);
  const decimals = groups.map((group, i) => (rounded[i].length >= 3 ? decimalsOf(group).usual : usual));
  const explained = total(rounded.map((group, i) => group.filter(({ hand }) => hand.decimals === decimals[i]).length));
  const [[digits, count] = [0, 0]] = counted(rounded.flat().filter(({ hand }) => hand.number).map(({ hand }) => hand.digits));
  if (count >= 3 && count > explained) return sameEverywhere(new Precision(Number(`1e${1 - digits}`), 10));
  const [passes, gradients] = decimals.map((each) => new Precision(unitOf(each)));
  return { passes, gradients };
}

// --- how far rounding may carry a number -----------------------------------------------------------------------------

// The rows of the table as they are worked: of: operands, value: what each comes to.
function readForms(data) {
  const nodes = [];
  const quantities = new Map(data.quantities.map(([key, value, pass, isGradient, form]) => [key, { value, pass, isGradient, form }]));
  for (const row of data.nodes) {
    if (typeof row === "number") nodes.push({ value: row, isNumber: true });
    else if (typeof row === "string") nodes.push({ name: row, value: quantities.get(row).value });
    else nodes.push(operation(RULES[row[0]], row.slice(1).map((place) => nodes[place])));
  }
  const form = (place) => nodes[place] ?? null;
  for (const each of quantities.values()) each.form = form(each.form);
  const formsOf = (pairs) => new Map(pairs.map(([key, found]) => [key, found.map(([place, ...either]) => [form(place), either])]));
  return { quantities, forms: formsOf(data.forms), ways: formsOf(data.ways) };
}

// The error that a form may carry before its own result is rounded. known: those of the numbers on the sheet so far;
// kept: what of each number; afresh: no gradient on the sheet is used.
class RunningError {
  constructor(quantities, known, kept, afresh = false) {
    Object.assign(this, { quantities, known, kept, afresh, names: new Map(), done: new Map() });
  }

  keptOf(name) {
    return this.quantities.get(name).isGradient ? this.kept.gradients : this.kept.passes;
  }

  ofQuantity(name, form, last = true) {
    return this.of(form, this.keptOf(name), last);
  }

  of(form, precision, last = false) {
    if (form.isNumber) return 0;
    if (!form.rule) return this.ofName(form.name);
    if (last) return this.ofOperation(form, precision, last);
    if (!this.done.has(precision)) this.done.set(precision, new Map());
    const done = this.done.get(precision);
    if (!done.has(form)) done.set(form, this.ofOperation(form, precision, last));
    return done.get(form);
  }

  ofName(name) {
    if (this.isOnSheet(name)) return this.known.get(name) ?? 0;
    if (!this.names.has(name)) {
      const { form } = this.quantities.get(name);
      this.names.set(name, form ? this.ofQuantity(name, form, false) : 0);
    }
    return this.names.get(name);
  }

  // On the sheet, or so many updates after it that nobody rounds the working.
  isOnSheet(name) {
    const { pass, isGradient } = this.quantities.get(name) ?? {};
    if (this.known.has(name) && !(this.afresh && isGradient && !pass)) return true;
    const near = (each) => pass - 10 <= this.quantities.get(each).pass && this.quantities.get(each).pass <= pass;
    return pass > 10 && ![...this.known.keys()].some(near);
  }

  ofOperation(form, precision, last) {
    const { kind } = form.rule;
    if (kind === "sum") return this.ofSum(termsOf(form), form.value, precision);
    if (kind === "product") return this.ofProduct(form, precision, last);
    if (kind === "choice") return this.ofChoice(form, precision);
    return kind === "share" ? this.ofShare(form, precision, last) : this.ofFunction(form, precision, last);
  }

  ofSum(terms, value, precision) {
    const errors = terms.map((each) => this.of(each, precision));
    if (isExact(errors, value, precision)) return 0;
    return total(errors) + precision.roundedSums(terms.map((each) => Math.abs(each.value)), value);
  }

  ofProduct(form, precision, last) {
    const [constant, factors] = this.factorsOf(form);
    if (constant === 1 && factors.length === 1) return this.of(factors[0], precision, last);
    const sizes = factors.map((each) => Math.abs(each.value));
    const errors = factors.map((each) => this.of(each, precision));
    if (constant !== 1) sizes.push(constant), errors.push(0);
    if (isExact(errors, form.value, precision)) return 0;
    const carried = product(sizes.map((size, i) => size + errors[i])) - product(sizes);
    return carried + precision.roundedAway(sizes) + (last ? 0 : precision.step(form.value));
  }

  // The size of a product's constant and its factors, through products that are worked in place.
  factorsOf(form) {
    if (form.isNumber) return [Math.abs(form.value), []];
    if (form.rule?.kind === "product") {
      const parts = form.of.map((each) => this.factorsOf(each));
      return [product(parts.map(([constant]) => constant)), parts.flatMap(([, factors]) => factors)];
    }
    const inner = form.rule || this.isOnSheet(form.name) ? null : this.quantities.get(form.name)?.form;
    return inner?.rule?.kind === "product" ? this.factorsOf(inner) : [1, [form]];
  }

  // A derivative with a kink: within rounding of it, either side may have been taken.
  ofChoice({ of: [mask, yes, no] }, precision) {
    const [one, other] = mask.value ? [yes, no] : [no, yes];
    const [x, y] = mask.of;
    const unsure = this.of(x, precision) + this.of(y, precision);
    if (!unsure || Math.abs(x.value - y.value) > unsure) return this.of(one, precision);
    return Math.max(this.of(one, precision), this.of(other, precision)) + Math.abs(one.value - other.value);
  }

  ofFunction({ rule, of, value }, precision, last) {
    const numbers = of.map((each) => each.value);
    const errors = of.map((each) => this.of(each, precision));
    const isIrrational = rule.rational !== undefined && numbers[0] !== rule.rational;
    if (!isIrrational && isExact(errors, value, precision)) return 0;
    let error = total(errors.map((each, i) => (each ? moved(rule, [...numbers, value], i, each) : 0)));
    for (const [slope, size] of rule.inside ?? []) {
      error += slope([...numbers, value]) * precision.step(size([...numbers, value]));
    }
    return error + (last ? 0 : precision.step(value));
  }

  // One entry of softmax, or its logarithm: the powers of e and their sum are rounded, too.
  ofShare({ rule, of, value }, precision, last) {
    const v = [...of.map((each) => each.value), value];
    const powers = of.map((each) => Math.exp(Math.min(each.value, 700)));
    const whole = total(powers);
    const rounded = total(powers.map((each) => precision.step(each))) + (powers.length - 1) * precision.step(whole);
    const carried = total(of.map((each, i) => Math.abs(rule.slopes[i](v)) * this.of(each, precision)));
    return carried + rounded / whole + (last ? 0 : precision.step(value));
  }
}

const termsOf = (form) => (form.rule?.kind === "sum" ? form.of.flatMap(termsOf) : [form]);
const isExact = (errors, value, precision) => errors.every((each) => !each) && precision.holds(value);

// How far the result moves with one input's error: by its slope, or by what the function does around a kink.
function moved(rule, v, which, error) {
  const at = (input) => Math.abs(rule.of(v.with(which, input)) - v.at(-1));
  return Math.max(Math.abs(rule.slopes[which](v)) * error, at(v[which] - error), at(v[which] + error));
}

// --- verdicts --------------------------------------------------------------------------------------------------------

function verdictOf(hand, value, error, unit) {
  if (!Number.isFinite(value)) return "wrong";
  const slack = 4 * ulp(value);
  if (off(hand, value) <= hand.unit / 2 + slack) return "match";
  return off(hand, value) + slack < error + unit ? "rounding" : "wrong";
}

// A number with fewer decimals than usual: rounded, or cut off, from one with all of them.
function verdictOfCoarse(hand, value, error, unit) {
  const verdict = verdictOf(hand, value, error, unit);
  const size = hand.number * (value < 0 || Object.is(value, -0) ? -1 : 1);
  const isCutOff = 0 <= size && size <= Math.abs(value);
  return verdict === "rounding" && !isCutOff && off(hand, value) > error + unit / 2 ? "wrong" : verdict;
}

// A sheet: the numbers that a person wrote, judged in working order. cells: [name, text], in the person's order.
class Sheet {
  constructor(data, cells) {
    Object.assign(this, readForms(data), { reading: new Reading(data.reading), start: new Map(data.start), marks: new Map(data.marks) });
    Object.assign(this, { known: new Map(), judged: new Map(), hands: new Map(), names: new Map(), unread: new Set() });
    this.asked = new Map(data.asked.map((asked, place) => [asked.name, { ...asked, place }]));
    this.read(cells.map(([name, text]) => ({ asked: this.asked.get(name), text })));
    this.cells = [...this.hands.values()];
    this.decimals = decimalsOf(this.cells);
    this.kept = habitOf(this.cells);
    this.inFloats = new RunningError(this.quantities, new Map(), sameEverywhere(FLOAT64));
    for (const cell of workingOrder(this.cells)) {
      const judged = this.judge(cell);
      const { key, name } = cell.asked;
      this.judged.set(name, judged);
      if (key) this.known.set(key, Math.max(this.known.get(key) ?? 0, this.carried(judged)));
      if (!this.names.has(key)) this.names.set(key, name);
    }
    for (const judged of this.judged.values()) this.judgeLine(judged);
    this.trace();
  }

  // Each number with its verdict and, if it is wrong, the first number that it follows from; "more" where it takes
  // micrograd-kr to read it. The first wrong number is wrong by itself.
  report() {
    const rows = [...this.judged].map(([name, { hand, value, verdict, error, unit, follows }]) => {
      return { name, hand, value, verdict: this.unread.has(name) ? "more" : verdict, bound: error + unit, follows };
    });
    for (const name of this.unread) if (!this.judged.has(name)) rows.push({ name, verdict: "more" });
    return { rows, firstWrong: rows.find(({ verdict, follows }) => verdict === "wrong" && !follows)?.name ?? null };
  }

  // Of each wrong number the root that it follows from, if it agrees with one of its forms in the person's own numbers.
  trace() {
    const known = new Known(this);
    for (const judged of this.judged.values()) {
      if (judged.own !== "wrong") known.know(judged, known.asCarried(judged));
      else known.trace(judged);
    }
  }

  // The number of each cell, numbers first: what is left to be worked is worked in these. What cannot be read is unread.
  read(cells) {
    const expressions = [];
    const attempt = (cell, read) => {
      try {
        read();
      } catch (error) {
        if (!(error instanceof NotRead)) throw error;
        this.unread.add(cell.asked.name);
      }
    };
    const found = new Map();
    for (const cell of cells) {
      attempt(cell, () => {
        cell.sides = this.reading.sides(cell.text, cell.asked.name);
        if (!cell.sides.length) return;
        try {
          found.set(cell.asked.name, { ...cell, hand: this.reading.number(cell.sides.at(-1)) });
        } catch (error) {
          if (!(error instanceof NotRead)) throw error;
          expressions.push(cell);
        }
      });
    }
    this.hands = found;
    for (const cell of expressions) {
      attempt(cell, () => {
        const form = this.reading.expression(cell.sides.at(-1), (number, name) => this.leaf(cell, number, name));
        this.hands.set(cell.asked.name, { ...cell, hand: worked(form.value, knownTo(form)) });
      });
    }
    this.hands = new Map(cells.map(({ asked }) => [asked.name, found.get(asked.name)]).filter(([, cell]) => cell));
  }

  // What stands in a worked line, with how far it is known: a number, or what a name stands for.
  leaf({ asked, exact = [] }, number, name) {
    if (number) {
      const { decimals, unit, number: value } = this.reading.number(number);
      const isExact = !decimals || [0.5, ...this.start.values(), ...exact].some((each) => isClose(value, each));
      return { value, unit: isExact ? 0 : unit, decimals };
    }
    const [pass] = asked.stage;
    const mark = pass && this.marks.get(name);
    const meant = mark ? later(name, mark, pass) : pass && name.includes("/") && !name.includes("@") ? `${name}@${pass}` : name;
    if (this.start.has(meant)) return { value: this.start.get(meant), unit: 0 };
    const on = this.hands.get(meant);
    if (on) {
      const apart = off(on.hand, on.asked.value);
      const step = this.kept ? Math.max(this.keptOf(on.asked).step(on.asked.value), apart) : Infinity;
      return { value: on.hand.number, unit: apart > 4 * ulp(on.asked.value) ? Math.min(on.hand.unit, step) : 0 };
    }
    const value = this.asked.get(meant)?.value ?? this.quantities.get(meant)?.value;
    if (value === undefined) throw new NotRead();
    return { value, unit: 0 };
  }

  // A worked line is arithmetic first: each "=" is checked by itself, then each part against the quantity.
  judgeLine(judged) {
    const { sides, asked, hand } = judged;
    judged.own = judged.verdict;
    if (sides.length < 2) return;
    const exact = [];
    const read = (text) => {
      const leaves = [];
      const form = this.reading.expression(text, (number, name) => {
        const leaf = { ...this.leaf({ asked, exact }, number, name), name: `#${leaves.length}` };
        leaves.push(leaf);
        return leaf;
      });
      exact.push(...exactIn(form));
      return { form, value: form.value, unit: Math.max(0, ...leaves.map(({ unit }) => unit)), leaves };
    };
    try {
      const parts = sides.slice(0, -1).map(read);
      const leaf = { name: "#0", value: hand.number, unit: hand.unit };
      const all = [...parts, { form: leaf, value: leaf.value, unit: leaf.unit, leaves: [leaf] }];
      judged.slip = parts.findIndex((part, i) => !this.holds(part, all[i + 1]));
      const agree = parts.map((part) => this.agrees(part, judged));
      judged.explained = judged.slip >= 0 && agree[judged.slip];
      if (judged.slip >= 0 || !agree.every(Boolean)) judged.verdict = "wrong";
      else if (judged.verdict === "match" && parts.some(({ value }) => off(hand, value) > hand.unit / 2 + 4 * ulp(value))) judged.verdict = "rounding";
    } catch (error) {
      if (!(error instanceof NotRead)) throw error;
      this.unread.add(asked.name);
    }
  }

  sideError({ form, leaves }, unit = 0) {
    const known = new Map(leaves.map((leaf) => [leaf.name, leaf.unit]));
    const precision = new Precision(unit);
    return new RunningError(this.quantities, known, sameEverywhere(precision)).of(form, precision, true);
  }

  // Whether two sides are one number, within rounding.
  holds(left, right) {
    const apart = Math.abs(left.value - right.value);
    const slack = NOISE * Math.max(Math.abs(left.value), Math.abs(right.value));
    if (!Number.isFinite(apart)) return false;
    return apart <= slack || apart + slack < this.sideError(left, right.unit || left.unit) + this.sideError(right);
  }

  // Whether a side comes to the quantity, within the rounding of both.
  agrees(side, { value, error }) {
    const apart = Math.abs(side.value - value);
    return Number.isFinite(apart) && apart <= error + this.sideError(side) + NOISE * Math.abs(value);
  }

  // The largest running error among the forms of a quantity, worked afresh from the forward pass, too.
  error(key, kept) {
    const [usual] = this.forms.get(key) ?? [];
    if (!usual) return 0;
    const working = new RunningError(this.quantities, this.known, kept);
    const usable = this.forms.get(key).filter(([, either]) => !either.length || either.some((each) => this.known.has(each)));
    const afresh = new RunningError(this.quantities, this.known, kept, true);
    const errors = usable.map(([form]) => working.ofQuantity(key, form));
    return Math.max(this.known.get(key) ?? 0, ...errors, afresh.ofQuantity(key, usual[0]));
  }

  keptOf({ key }) {
    return this.quantities.get(key)?.isGradient ? this.kept.gradients : this.kept.passes;
  }

  judge(cell) {
    const judged = { ...cell, value: cell.asked.value, decimals: 0, ...this.verdict(cell) };
    judged.decimals = decimalsToTell(judged);
    if (judged.decimals) judged.verdict = this.hadBetter(judged) ? "wrong" : "undecided";
    return judged;
  }

  verdict({ hand, asked }) {
    const { key, value } = asked;
    const step = this.keptOf(asked).step(value) || hand.unit;
    let unit = Math.min(step, hand.unit);
    let error = this.error(key, this.kept);
    let verdict = verdictOf(hand, value, error, unit);
    if (verdict !== "match" && hand.digits >= 15 && off(hand, value) <= this.floatError(key) + hand.unit) verdict = "match";
    if (hand.unit <= step || (verdict !== "wrong" && off(hand, value) < error + unit)) return { verdict, error, unit };
    unit = hand.unit;
    if (this.decimals.habits.includes(hand.decimals)) error = this.error(key, sameEverywhere(new Precision(unit)));
    return { verdict: verdictOfCoarse(hand, value, error, unit), error, unit };
  }

  floatError(key) {
    const form = this.quantities.get(key)?.form;
    return form ? this.inFloats.ofQuantity(key, form) : 0;
  }

  // A parameter that stands as it was, beside the gradient that changes it, and was not merely rounded.
  hadBetter({ hand, asked, ...judged }) {
    if (asked.slope === undefined || this.lostZeros({ hand, asked }) || this.roundedTo().has(hand.decimals)) return false;
    return ["match", "rounding"].includes(this.judged.get(this.names.get(asked.slope))?.verdict);
  }

  // To how many decimals numbers are rightly rounded on this sheet; what stands as it was is none of them.
  roundedTo() {
    const isTold = ({ hand, asked }) => [0, asked.old].every((other) => other === undefined || off(hand, other) > hand.unit / 2);
    const isRight = ({ hand, asked }) => 4 * ulp(asked.value) < off(hand, asked.value) && off(hand, asked.value) <= hand.unit / 2;
    return new Set(this.cells.filter((each) => isTold(each) && isRight(each)).map(({ hand }) => hand.decimals));
  }

  lostZeros({ hand, asked }) {
    return off(hand, asked.value) < this.error(asked.key, this.kept) + this.keptOf(asked).step(asked.value);
  }

  // The error of what is worked on with. Who wrote down next to nothing had more than that to go on with.
  carried(judged) {
    if (judged.verdict === "wrong") return judged.error;
    if (judged.verdict === "undecided" && !this.lostZeros(judged)) return this.error(judged.asked.key, this.kept);
    return Math.max(judged.error, off(judged.hand, judged.value));
  }
}

// The decimals that a number needs to say anything, 0 where it does: if it is right only as far as 0 or the value before
// the update would be, too, or if what rounding explains is as much as the value itself, it says nothing.
function decimalsToTell({ hand, asked, verdict, error, unit }) {
  const { value, old } = asked;
  const slack = 4 * ulp(value);
  if (verdict === "wrong" || off(hand, value) <= slack) return 0;
  const units = verdict === "match" ? 1 : (error + unit) / unit;
  const bound = units * (verdict === "match" ? hand.unit : unit);
  const others = [0, old].filter((other) => other !== undefined && Math.abs(other - value) > slack);
  const isTold = others.every((other) => off(hand, other) > hand.unit / 2);
  if ((bound < Math.abs(value) || !value) && isTold) return 0;
  const nearest = others.length ? Math.min(...others.map((other) => Math.abs(other - value))) : 1;
  return Math.max(Math.floor(Math.log10(units / nearest)) + 1, hand.decimals + 1);
}

const isClose = (a, b) => Math.abs(a - b) <= NOISE * Math.max(Math.abs(a), Math.abs(b));

// What the operations of a form come to that have nothing but exact numbers in them.
function exactIn(form) {
  const isAllExact = ({ rule, of, unit }) => (rule ? of.every(isAllExact) : !unit);
  return [...(isAllExact(form) ? [form.value] : []), ...(form.rule ? form.of.flatMap(exactIn) : [])];
}

// The order a person works in: each number after those it may be worked from; otherwise as it was written.
function workingOrder(cells) {
  const byStage = (a, b) => a.asked.stage[0] - b.asked.stage[0] || a.asked.stage[1] - b.asked.stage[1];
  const waiting = [...cells].sort(byStage);
  const due = new Map(waiting.map(({ asked }) => [asked.place, 0]));
  for (const { asked } of waiting) for (const then of asked.later) if (due.has(then)) due.set(then, due.get(then) + 1);
  const order = [];
  while (waiting.length) {
    const [next] = waiting.splice(waiting.findIndex(({ asked }) => !due.get(asked.place)), 1);
    order.push(next);
    for (const then of next.asked.later) if (due.has(then)) due.set(then, due.get(then) - 1);
  }
  return order;
}

// --- what follows from what ------------------------------------------------------------------------------------------

const namesIn = (form, found = new Set()) => {
  if (form.name) found.add(form.name);
  for (const each of form.of ?? []) namesIn(each, found);
  return found;
};
const operationsIn = (form, found = new Set()) => {
  if (form.rule && form.rule.kind !== "comparison") found.add(form);
  for (const each of form.of ?? []) operationsIn(each, found);
  return found;
};

// What is known when the next number is looked at. numbers: what names stand for, carried, with exact numbers where the
// person's are right, and by hand. origins: wrong numbers, by their keys, and the roots they come from.
class Known {
  constructor(sheet) {
    const wrong = [...sheet.judged.values()].filter(({ own }) => own === "wrong").map(({ asked, hand }) => [asked.key, hand.unit]);
    const errors = new RunningError(sheet.quantities, new Map([...sheet.known, ...wrong]), sheet.kept);
    const numbers = new Map([...sheet.start].map(([name, number]) => [name, [number, number]]));
    Object.assign(this, { sheet, errors, numbers, names: new Set(), coarse: [], shortest: [new Map(), new Map()] });
    Object.assign(this, { origins: new Map(), due: new Map(), others: new Map() });
    this.place = new Map([...sheet.judged.keys()].map((name, i) => [name, i]));
  }

  know({ asked: { key }, hand }, carried) {
    if (!key || this.names.has(key)) return;
    this.names.add(key);
    this.numbers.set(key, [carried, hand.number]);
  }

  instead(key, number) {
    const numbers = new Map(this.numbers).set(key, [number, number]);
    return Object.assign(Object.create(Known.prototype), this, { numbers, shortest: [new Map(), new Map()] });
  }

  // What a person who carried everything had for a number that is not wrong; one with few decimals is as it is.
  asCarried(judged) {
    const { hand, value, unit, asked } = judged;
    const usual = unitOf(this.sheet.decimals.usual);
    const comesFromCoarse = this.coarse.some((each) => this.depends(asked.key, each));
    if (off(hand, value) < 2 * usual || !(unit > usual || comesFromCoarse)) return value;
    this.coarse.push(asked.key);
    for (const { values: [again] } of this.workings(judged)) if (off(hand, again) < unit) return again;
    return hand.number;
  }

  depends(name, on, seen = new Set()) {
    if (name === on) return true;
    seen.add(name);
    const { form } = this.sheet.quantities.get(name) ?? {};
    return Boolean(form) && [...namesIn(form)].some((each) => !seen.has(each) && this.depends(each, on, seen));
  }

  trace(judged) {
    const { asked: { key, name }, hand } = judged;
    const found = judged.explained || judged.decimals ? null : this.followed(judged);
    judged.follows = found?.root;
    this.origins.set(key, found?.root ?? name);
    if (!found) this.due.set(key, judged.explained || judged.decimals ? judged.value : this.workings(judged).next().value.values[0]);
    if (this.names.has(key)) this.others.set(key, [...(this.others.get(key) ?? []), hand.number]);
    this.know(judged, found?.carried ?? hand.number);
  }

  // The root that a wrong number follows from, and what it comes to, carried; null for a root.
  followed(judged) {
    const { asked: { key }, hand, unit } = judged;
    if (this.names.has(key)) { // written twice, under two names
      const [carried, byHand] = this.numbers.get(key);
      return this.origins.has(key) && Math.abs(hand.number - byHand) <= unit ? { root: this.origins.get(key), carried } : null;
    }
    const used = new Set();
    const agreed = (known, replaced) => {
      for (const working of known.workings(judged)) {
        const wrong = [...working.leaves].filter((each) => this.origins.has(each) && each !== replaced);
        const sources = wrong.length ? wrong : replaced ? [replaced] : [];
        if (sources.length && this.agrees(judged, working)) {
          const [root] = sources.map((each) => this.origins.get(each)).sort((a, b) => this.place.get(a) - this.place.get(b));
          return { root, carried: working.values[0] };
        }
        if (!replaced) for (const each of sources) used.add(each);
      }
      return null;
    };
    const plainly = agreed(this);
    if (plainly) return plainly;
    // then with the right number in the place of a wrong one, after a slip of the pen, or with its other name's
    for (const number of ["due", "others"]) {
      for (const each of used) {
        for (const instead of [this[number].get(each) ?? []].flat()) {
          const found = agreed(this.instead(each, instead), each);
          if (found) return found;
        }
      }
    }
    return null;
  }

  agrees({ hand, error, unit }, { values, form }) {
    const apart = Math.min(...values.map((each) => off(hand, each)));
    if (apart < unit) return true;
    const { passes, gradients } = this.sheet.kept;
    const precision = gradients.unit > passes.unit ? gradients : passes;
    return apart <= 1000 * (error + unit) && apart < this.errors.of(form, precision, true) + unit;
  }

  // The ways a quantity may have been worked: the shortest first, afresh from the forward pass last.
  *workings({ asked: { key }, value }) {
    const forms = this.usable(key);
    if (!forms.length) {
      yield { values: [value, value], form: { value, isNumber: true }, leaves: new Set() };
      return;
    }
    const length = (plan) => total([...plan.values()].map((form) => operationsIn(form).size || 1));
    const plans = forms.map((form) => this.plan(key, form)).sort((a, b) => length(a) - length(b));
    for (const plan of [...plans, this.plan(key, forms[0], true)]) yield this.working(key, plan);
  }

  usable(name) {
    const ways = this.sheet.ways.get(name) ?? [];
    return ways.filter(([, either]) => !either.length || either.some((each) => this.numbers.has(each))).map(([form]) => form);
  }

  // A form and, before it, the shortest of each quantity that it needs and that is not on the sheet.
  plan(name, form, isAfresh = false) {
    const shortest = this.shortest[Number(isAfresh)];
    const isGradient = (each) => this.sheet.quantities.get(each)?.isGradient && !this.sheet.quantities.get(each).pass;
    const isUnknown = (each) => !this.numbers.has(each) || (isAfresh && isGradient(each));
    const unknown = (way) => [...namesIn(way)].filter(isUnknown);
    const isWritten = (each) => this.numbers.has(each) && isGradient(each);
    const shorten = (each) => {
      if (shortest.has(each)) return shortest.get(each);
      const [usual, ...others] = this.usable(each);
      const ways = [usual, ...(isAfresh ? [] : others.filter((way) => [...namesIn(way)].some(isWritten)))];
      const sized = ways.map((way) => [operationsIn(way).size + total(unknown(way).map((inner) => shorten(inner)[0])), way]);
      shortest.set(each, sized.reduce((best, way) => (way[0] < best[0] ? way : best)));
      return shortest.get(each);
    };
    const plan = new Map();
    const add = (each) => {
      if (plan.has(each)) return;
      const [, way] = shorten(each);
      unknown(way).forEach(add);
      plan.set(each, way);
    };
    unknown(form).forEach(add);
    return plan.set(name, form);
  }

  // A plan in the person's numbers: the form, what it comes to, carried and by hand, and the numbers it starts from.
  working(name, plan) {
    const leaves = new Set();
    const inNumbers = (which) => {
      const [roots, copies] = [new Map(), new Map()];
      const leaf = (each) => {
        if (roots.has(each)) return roots.get(each);
        leaves.add(each);
        return { name: each, value: this.numbers.get(each)[which] };
      };
      const copy = (node) => {
        if (node.isNumber) return node;
        if (!copies.has(node)) copies.set(node, node.rule ? operation(node.rule, node.of.map(copy)) : leaf(node.name));
        return copies.get(node);
      };
      for (const [each, form] of plan) roots.set(each, copy(form));
      return roots.get(name);
    };
    const [carried, form] = [inNumbers(0), inNumbers(1)];
    return { form, leaves, values: [carried.value, form.value] };
  }
}
