// How far rounding may carry a number: the running error of the form it is worked by. What an operation computes, its
// slopes and what is rounded inside it is in RULES, which micrograd_kr writes; here errors are summed up.

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
    if (this.base === 2 || !Number.isFinite(value)) return false;
    const left = Math.abs(value - step * Math.round(value / step));
    return left <= 8 * ulp(value) && remainder(value, step) <= 4 * ulp(value); // exactly, where that matters
  }
}

const FLOAT32 = new Precision(2 ** -23, 2);
const FLOAT64 = new Precision(2 ** -52, 2);
const sameEverywhere = (precision) => [precision, precision, precision]; // of passes, gradients, updates
const product = (numbers) => numbers.reduce((so, each) => so * each, 1);

// The error that a form may carry before its own result is rounded. known: those of the numbers on the sheet so far;
// kept: what of each group of numbers; afresh: no gradient on the sheet is used.
class RunningError {
  constructor(quantities, known, kept, afresh = false) {
    Object.assign(this, { quantities, known, kept, afresh, names: new Map(), done: new Map(), asked: new Map() });
  }

  keptOf(name) {
    return this.kept[this.quantities.get(name).group];
  }

  ofQuantity(name, form, last = true) {
    return this.of(form, this.keptOf(name), last);
  }

  of(form, precision, last = false) {
    if (form.isNumber) return 0;
    if (!form.rule) return this.ofName(form.name);
    if (last) return this.ofOperation(form, precision, last);
    if (!this.done.has(form)) this.done.set(form, this.ofOperation(form, precision, last));
    return this.done.get(form);
  }

  ofName(name) {
    if (this.isOnSheet(name)) return this.known.get(name) ?? 0;
    if (!this.names.has(name)) {
      const { form } = this.quantities.get(name);
      this.names.set(name, form ? this.ofQuantity(name, form, false) : this.ofStart(name));
    }
    return this.names.get(name);
  }

  // What an exercise starts from is rounded only by a float of 32 bits.
  ofStart(name) {
    return this.kept[0] === FLOAT32 ? FLOAT32.step(this.quantities.get(name)?.value ?? 0) : 0;
  }

  // On the sheet, or so many updates after it that nobody rounds the working.
  isOnSheet(name) {
    if (!this.asked.has(name)) this.asked.set(name, this.isKnown(name));
    return this.asked.get(name);
  }

  isKnown(name) {
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

// The errors of the numbers on a sheet so far, and how far rounding may carry the next ones.
class Errors {
  constructor({ quantities, forms }) {
    Object.assign(this, { quantities, forms, known: new Map(), working: new Map() });
    this.inFloats = new RunningError(quantities, new Map(), sameEverywhere(FLOAT64));
  }

  // A number is on the sheet from now on; what was worked without it is worked again.
  know(key, error) {
    this.known.set(key, Math.max(this.known.get(key) ?? 0, error));
    for (const [kind, each] of this.working) if (each.asked.has(key)) this.working.delete(kind);
  }

  worked(kept, afresh) {
    const kind = JSON.stringify([kept, afresh]);
    if (!this.working.has(kind)) this.working.set(kind, new RunningError(this.quantities, this.known, kept, afresh));
    return this.working.get(kind);
  }

  // The largest running error among the forms of a quantity, worked afresh from the forward pass, too.
  of(key, kept) {
    const forms = usable(this.forms.get(key), this.known);
    if (!forms.length) return 0;
    const errors = forms.map((form) => this.worked(kept, false).ofQuantity(key, form));
    return Math.max(this.known.get(key) ?? 0, ...errors, this.worked(kept, true).ofQuantity(key, forms[0]));
  }

  // How far the floats of a program may carry a quantity that it works from the start.
  ofFloats(key) {
    const form = this.quantities.get(key)?.form;
    return form ? this.inFloats.ofQuantity(key, form) : 0;
  }
}

// The forms that a person may have worked, given what else is on the sheet.
function usable(forms, sheet) {
  const isUsable = ([, either]) => !either.length || either.some((each) => sheet.has(each));
  return (forms ?? []).filter(isUsable).map(([form]) => form);
}
