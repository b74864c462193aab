// Which number is wrong first, and what only follows from it.

// What a form is made of, itself included; each once.
const PARTS = new WeakMap();
function partsOf(form) {
  if (!PARTS.has(form)) PARTS.set(form, new Set([form, ...(form.of ?? []).flatMap((each) => [...partsOf(each)])]));
  return PARTS.get(form);
}
const namesIn = (form) => [...partsOf(form)].flatMap(({ name }) => name ?? []);
const operationsIn = (form) => [...partsOf(form)].filter(({ rule }) => rule && rule.kind !== "comparison").length;

// Of each wrong number that follows from another the root that it follows from. isExplained: whether one is wrong for
// a reason of its own.
function rootsOf(sheet, known, isExplained) {
  const roots = new Map();
  for (const [name, judged] of sheet.judged) {
    if (judged.verdict === "wrong") roots.set(name, known.trace(judged, isExplained(name)));
    else known.know(judged, known.asCarried(judged));
  }
  return roots;
}

// What is known when the next number is looked at. numbers: what names stand for, carried, with exact numbers where the
// person's are right, and by hand. origins: wrong numbers, by their keys, and the roots they come from.
class Known {
  constructor(sheet) {
    const { quantities, ways, start } = sheet.exercise;
    const wrong = [...sheet.judged.values()].filter(({ verdict }) => verdict === "wrong");
    const known = new Map([...sheet.errors.known, ...wrong.map(({ asked, hand }) => [asked.key, hand.unit])]);
    const errors = new RunningError(quantities, known, sheet.kept);
    const numbers = new Map([...start].map(([name, number]) => [name, [number, number]]));
    Object.assign(this, { sheet, quantities, ways, errors, numbers, shortest: [new Map(), new Map()] });
    Object.assign(this, { names: new Set(), coarse: [], causes: new Map() });
    this.wrong = new Set(wrong.map(({ asked }) => asked.key));
    this.precision = sheet.kept.reduce((most, each) => (each.unit > most.unit ? each : most));
    const right = [...sheet.judged.values()].filter(({ verdict }) => verdict !== "wrong");
    const inexact = right.filter(({ hand, value }) => off(hand, value) > 4 * ulp(value));
    const larger = inexact.filter(({ hand, value }) => Math.abs(hand.number) > Math.abs(value)).length;
    this.cutsOff = inexact.length >= 6 && larger <= inexact.length / 10;
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
    const { form } = this.quantities.get(name) ?? {};
    return Boolean(form) && namesIn(form).some((each) => !seen.has(each) && this.depends(each, on, seen));
  }

  // The root that a wrong number follows from, if it agrees with one of its forms in the person's own numbers.
  trace(judged, isExplained) {
    const { asked: { key, name }, hand } = judged;
    const found = isExplained ? null : this.followed(judged);
    this.origins.set(key, found?.root ?? name);
    if (!found) this.due.set(key, isExplained ? judged.value : this.workings(judged).next().value.values[0]);
    if (this.names.has(key)) this.others.set(key, [...(this.others.get(key) ?? []), hand.number]);
    const cause = found || isExplained ? null : this.caused(judged);
    if (cause) this.causes.set(name, cause);
    this.know(judged, found?.carried ?? cause?.groups[0]?.[0].value ?? hand.number);
    return found?.root;
  }

  // The root that a wrong number follows from, and what it comes to, carried; null for a root.
  followed(judged) {
    const { asked: { key }, hand, unit } = judged;
    if (this.names.has(key)) { // written twice, under two names
      const [carried, byHand] = this.numbers.get(key);
      const isSame = this.origins.has(key) && Math.abs(hand.number - byHand) <= unit;
      return isSame ? { root: this.origins.get(key), carried } : null;
    }
    const used = new Set();
    const agreed = (known, replaced) => {
      for (const working of known.workings(judged)) {
        const wrong = [...working.leaves].filter((each) => this.origins.has(each) && each !== replaced);
        const sources = wrong.length ? wrong : replaced ? [replaced] : [];
        if (sources.length && this.agrees(judged, working)) {
          const roots = sources.map((each) => this.origins.get(each));
          const [root] = roots.sort((a, b) => this.place.get(a) - this.place.get(b));
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

  errorOf(form) {
    return this.errors.of(form, this.precision, true);
  }

  // What a number stands as on the sheet, or would.
  textsOf(name, number, decimals) {
    const [start, cell] = [this.sheet.exercise.start.get(name), this.sheet.hands.get(this.sheet.names.get(name))];
    if (start !== undefined) return [String(Number(start.toPrecision(15)))];
    if (!cell) return [...new Set(SHORTENED.map((rule) => rule.of([number, decimals]).toFixed(decimals)))].sort();
    const padded = cell.hand.number.toFixed(Math.max(decimals, cell.hand.decimals));
    return [...new Set([cell.hand.text, padded])].sort();
  }

  // What explains a root, if it was worked from numbers on the sheet.
  caused(judged) {
    const { key } = judged.asked;
    const mistakes = this.sheet.exercise.mistakes.of.get(key);
    if (!mistakes) return null;
    const plans = usable(this.ways.get(key), this.numbers).map((form) => this.plan(key, form));
    const length = (plan) => total([...plan.values()].map((form) => operationsIn(form) || 1));
    const [plan] = plans.sort((a, b) => length(a) - length(b));
    const isSame = [...plan].every(([name, form]) => mistakes.plan.get(name) === form);
    return isSame && plan.size === mistakes.plan.size ? new Search(this, judged, mistakes).found() : null;
  }

  agrees({ hand, error, unit }, { values, form }) {
    const apart = Math.min(...values.map((each) => off(hand, each)));
    if (apart < unit) return true;
    return apart <= 1000 * (error + unit) && apart < this.errorOf(form) + unit;
  }

  // The ways a quantity may have been worked: the shortest first, afresh from the forward pass last.
  *workings({ asked: { key }, value }) {
    const forms = usable(this.ways.get(key), this.numbers);
    if (!forms.length) {
      yield { values: [value, value], form: { value, isNumber: true }, leaves: new Set() };
      return;
    }
    const length = (plan) => total([...plan.values()].map((form) => operationsIn(form) || 1));
    const plans = forms.map((form) => this.plan(key, form)).sort((a, b) => length(a) - length(b));
    for (const plan of [...plans, this.plan(key, forms[0], true)]) yield this.working(key, plan);
  }

  // A form and, before it, the shortest of each quantity that it needs and that is not on the sheet.
  plan(name, form, isAfresh = false) {
    const shortest = this.shortest[Number(isAfresh)];
    const isGradient = (each) => this.quantities.get(each)?.isGradient && !this.quantities.get(each).pass;
    const isUnknown = (each) => !this.numbers.has(each) || (isAfresh && isGradient(each));
    const unknown = (way) => namesIn(way).filter(isUnknown);
    const isWritten = (each) => this.numbers.has(each) && isGradient(each);
    const shorten = (each) => {
      if (shortest.has(each)) return shortest.get(each);
      const [usual, ...others] = usable(this.ways.get(each), this.numbers);
      const ways = [usual, ...(isAfresh ? [] : others.filter((way) => namesIn(way).some(isWritten)))];
      const sized = ways.map((way) => [operationsIn(way) + total(unknown(way).map((inner) => shorten(inner)[0])), way]);
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
