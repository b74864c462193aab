// The check: a person's numbers, judged as `micrograd-kr check` does, from what it hands over of the exercise.

// What is handed over, once for all sheets: the rows of the table as they are worked, with what each comes to.
function readExercise(data) {
  const quantities = new Map();
  for (const [key, value, pass, group, place] of data.quantities) {
    quantities.set(key, { value, pass, group, isGradient: group === 1, place });
  }
  const nodes = [];
  for (const row of data.nodes) {
    if (typeof row === "number") nodes.push({ value: row, isNumber: true });
    else if (typeof row === "string") nodes.push({ name: row, value: quantities.get(row).value });
    else nodes.push(operation(RULES[row[0]], row.slice(1).map((place) => nodes[place])));
  }
  for (const each of quantities.values()) each.form = nodes[each.place] ?? null;
  const readForms = ([key, forms]) => [key, forms.map(([place, ...either]) => [nodes[place], either])];
  return {
    quantities,
    forms: new Map(data.forms.map(readForms)),
    ways: new Map(data.ways.map(readForms)),
    asked: new Map(data.asked.map((each, place) => [each.name, { ...each, place }])),
    reading: new Reading(data.reading),
    start: new Map(data.start),
    marks: new Map(data.marks),
    mistakes: readMistakes(data.mistakes, nodes),
  };
}

// --- what a person keeps of a number ---------------------------------------------------------------------------------

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

// Significant digits if more of the rounded numbers have equally many of these than decimals; of passes and of
// gradients, and what an update makes has the decimals of either.
function habitOf(cells) {
  const groups = [0, 1, 2].map((group) => cells.filter(({ asked }) => asked.group === group));
  const rounded = groups.map((group) => group.filter(isRounded));
  const { usual } = decimalsOf(cells);
  const decimals = [0, 1].map((i) => (rounded[i].length >= 3 ? decimalsOf(groups[i]).usual : usual));
  const [passes, gradients] = decimals.map((each) => rounded[2].filter(({ hand }) => hand.decimals === each).length);
  decimals.push(decimals[Number(gradients > passes)]);
  const explained = total(rounded.map((group, i) => group.filter(({ hand }) => hand.decimals === decimals[i]).length));
  const counts = counted(rounded.flat().flatMap(({ hand }) => (hand.number ? hand.digits : [])));
  const [digits, count] = counts[0] ?? [0, 0];
  if (count >= 3 && count > explained) return sameEverywhere(new Precision(Number(`1e${1 - digits}`), 10));
  return decimals.map((each) => new Precision(unitOf(each)));
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

// A sheet: the numbers that a person wrote for an exercise, judged in working order. cells: [name, text], in the
// person's order; isFloat32: whether they were worked in floats of 32 bits.
class Sheet {
  constructor(exercise, cells, isFloat32 = false) {
    Object.assign(this, { exercise, errors: new Errors(exercise), hands: new Map(), unread: new Set() });
    Object.assign(this, { judged: new Map(), names: new Map() });
    this.readCells(cells.map(([name, text]) => ({ asked: exercise.asked.get(name), text })));
    this.cells = [...this.hands.values()];
    this.decimals = decimalsOf(this.cells);
    this.kept = isFloat32 ? sameEverywhere(FLOAT32) : habitOf(this.cells);
    for (const cell of workingOrder(this.cells)) {
      const { key, name } = cell.asked;
      const judged = this.judge(cell);
      this.judged.set(name, judged);
      if (key) this.errors.know(key, this.carried(judged));
      if (!this.names.has(key)) this.names.set(key, name);
    }
  }

  // The number of each cell; what is left to be worked is worked in those that are numbers. Others are unread.
  readCells(cells) {
    const { reading } = this.exercise;
    const [found, expressions] = [this.hands, []];
    for (const cell of cells) {
      cell.sides = readOr(null, () => reading.sides(cell.text, cell.asked.name));
      if (cell.sides && !cell.sides.length) continue;
      const hand = cell.sides && readOr(null, () => reading.number(cell.sides.at(-1)));
      if (hand) found.set(cell.asked.name, { ...cell, hand });
      else expressions.push(cell);
    }
    for (const cell of expressions) {
      const leaf = (number, name) => leafOf(this, cell.asked, number, name);
      const form = cell.sides && readOr(null, () => reading.expression(cell.sides.at(-1), leaf));
      const hand = form && readOr(null, () => worked(form.value, knownTo(form)));
      if (hand) found.set(cell.asked.name, { ...cell, hand });
      else this.unread.add(cell.asked.name);
    }
    const inOrder = cells.filter(({ asked }) => found.has(asked.name));
    this.hands = new Map(inOrder.map(({ asked }) => [asked.name, found.get(asked.name)]));
  }

  // What the last digit is worth that the person keeps of such a number as a rule.
  step({ key, value }) {
    return this.kept[this.exercise.quantities.get(key)?.group ?? 0].step(value);
  }

  judge(cell) {
    const judged = { ...cell, value: cell.asked.value, decimals: 0, ...this.verdict(cell) };
    judged.decimals = decimalsToTell(judged);
    if (judged.decimals) judged.verdict = this.hadBetter(judged) ? "wrong" : "undecided";
    return judged;
  }

  // A number with fewer decimals than usual is taken as one whose zeros were dropped; where that does not explain it,
  // it may have been rounded to its own. That the steps before were so coarse is believed only of who often writes so.
  verdict({ hand, asked }) {
    const { key, value } = asked;
    let error = this.errors.of(key, this.kept);
    if (this.kept[0] === FLOAT32) {
      const unit = Math.max(hand.unit, FLOAT32.step(value));
      return { verdict: verdictOf(hand, value, error, unit), error, unit };
    }
    const step = this.step(asked) || hand.unit;
    let unit = Math.min(step, hand.unit);
    let verdict = verdictOf(hand, value, error, unit);
    const isPrinted = hand.digits >= 15; // by a program, whose floats round, too
    if (isPrinted && off(hand, value) <= this.errors.ofFloats(key) + hand.unit) verdict = "match";
    if (hand.unit > step && (verdict === "wrong" || off(hand, value) >= error + unit)) {
      unit = hand.unit;
      const isHabit = this.decimals.habits.includes(hand.decimals);
      if (isHabit) error = this.errors.of(key, sameEverywhere(new Precision(unit)));
      verdict = verdictOfCoarse(hand, value, error, unit);
    }
    return { verdict, error, unit };
  }

  // A parameter that stands as it was, beside the gradient that changes it, and was not merely rounded.
  hadBetter({ hand, asked }) {
    if (asked.slope === undefined || this.lostZeros({ hand, asked })) return false;
    const slope = this.judged.get(this.names.get(asked.slope));
    return !this.roundedTo().has(hand.decimals) && ["match", "rounding"].includes(slope?.verdict);
  }

  // To how many decimals numbers are rightly rounded on this sheet; what stands as it was is none of them.
  roundedTo() {
    const isTold = ({ hand, asked: { old } }) =>
      [0, old].every((other) => other === undefined || off(hand, other) > hand.unit / 2);
    const isRight = ({ hand, asked: { value } }) => {
      return off(hand, value) <= hand.unit / 2 && off(hand, value) > 4 * ulp(value);
    };
    return new Set(this.cells.filter((each) => isTold(each) && isRight(each)).map(({ hand }) => hand.decimals));
  }

  lostZeros({ hand, asked }) {
    return off(hand, asked.value) < this.errors.of(asked.key, this.kept) + this.step(asked);
  }

  // The error of what is worked on with. Who wrote down next to nothing had more than that to go on with.
  carried(judged) {
    if (judged.verdict === "wrong") return judged.error;
    if (judged.verdict === "undecided" && !this.lostZeros(judged)) return this.errors.of(judged.asked.key, this.kept);
    return Math.max(judged.error, off(judged.hand, judged.value));
  }
}

// The decimals that a number needs to say anything, 0 where it does: if it is right only as far as 0 or the value
// before the update would be, too, or if what rounding explains is as much as the value itself, it says nothing.
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


// --- the whole of it -------------------------------------------------------------------------------------------------

// A person's numbers with their verdicts, "more" where it takes micrograd-kr to read one, and how far rounding may have
// carried each; few: the decimals that it needs to tell anything.
function judged(exercise, cells) {
  const sheet = new Sheet(exercise, cells);
  const lines = new Map([...sheet.judged].map(([name, judged]) => [name, lineOf(sheet, judged)]));
  const rows = [...sheet.judged].map(([name, judged]) => {
    const { hand, value, verdict, error, unit, decimals } = judged;
    const { isRead, isWrong, isRounded } = lines.get(name);
    const worst = isWrong ? "wrong" : verdict === "match" && isRounded ? "rounding" : verdict;
    const notes = { isWorking: isWrong && verdict !== "wrong", few: decimals, isCoarse: isCoarse(sheet, judged) };
    return { name, hand, value, verdict: isRead ? worst : "more", bound: error + unit, notes };
  });
  const more = [...sheet.unread].map((name) => ({ name, verdict: "more", notes: {} }));
  return { sheet, lines, cells, rows: [...rows, ...more] };
}

// Whether a number has fewer decimals than the others, and would not be the same with all of them.
function isCoarse({ decimals: { usual } }, { hand, value, verdict }) {
  if (["wrong", "undecided"].includes(verdict) || hand.decimals >= usual) return false;
  return off(hand, value) > Math.max(unitOf(usual), 4 * ulp(value));
}

// The same rows with what there is to say of the wrong ones: the number that one follows from, or its cause where that
// is likely, or that it needs none; and the first that is wrong by itself.
function explained({ sheet, lines, cells, rows }) {
  const floats = inFloat32(sheet.exercise, cells, sheet);
  const known = new Known(sheet);
  const needsNone = (name) => floats.has(name) || lines.get(name).explains;
  const roots = rootsOf(sheet, known, needsNone);
  const causes = causesOf(sheet, known, roots);
  const told = rows.map((row) => {
    if (!sheet.judged.has(row.name)) return row;
    const why = { follows: roots.get(row.name), cause: causes.get(row.name), isFloat: floats.has(row.name) };
    return { ...row, ...why, needsNone: needsNone(row.name) };
  });
  const first = told.find(({ verdict, follows }) => verdict === "wrong" && !follows);
  return { rows: told, firstWrong: first?.name ?? null, areFloats: floats.size > 1 };
}

const checked = (exercise, cells) => explained(judged(exercise, cells));

// The wrong numbers that only a float of 32 bits has, and that are not wrong for one: one that is printed to more
// digits than those tell. Where all are such that may be, less digits are enough.
function inFloat32(exercise, cells, sheet) {
  const chances = new Map();
  let tried = 0;
  for (const [name, { hand }] of sheet.hands) {
    const step = FLOAT32.step(hand.number);
    if (hand.unit >= step || Math.abs(hand.number) >= 2 ** 128) continue;
    tried += 1;
    if (off(hand, Math.fround(hand.number)) <= hand.unit / 2) chances.set(name, hand.unit / step);
  }
  const areAll = chances.size === tried && product([...chances.values()]) < 1e-6;
  const wrong = [...chances.keys()].filter((name) => sheet.judged.get(name).verdict === "wrong");
  const found = wrong.filter((name) => areAll || chances.get(name) < 0.01);
  const anew = found.length ? new Sheet(exercise, cells, true) : null;
  return new Set(found.filter((name) => anew.judged.get(name).verdict !== "wrong"));
}

// What explains wrong numbers, where that is likely: told with few digits it is not, nor where there are many causes.
function causesOf(sheet, known, roots) {
  const { mistakes } = sheet.exercise;
  const found = together(sheet, known, roots);
  const named = new Map();
  for (const [name, each] of asOneStory(mistakes, found)) {
    const judged = sheet.judged.get(name);
    const { groups, odds } = asItTells(mistakes, judged, each);
    if (!groups.length || groups.length > SHOWN) continue;
    if (odds >= mistakes.odds.likely && judged.hand.digits >= SURE) named.set(name, groups[0]);
  }
  const causes = new Map();
  for (const [name, hits] of named) {
    const [hit] = hits;
    const line = mistakes.names.get(sheet.judged.get(name).asked.key);
    const said = inBoth((lang) => asOnTheSheet(mistakes, name, sentenceOf(mistakes, hits, line, lang)));
    const same = [...named].flatMap(([other, [{ sort }]]) => (other !== name && sort === hit.sort ? [other] : []));
    const { name: kind, isOfAPen } = mistakes.kinds[hit.kind];
    if (said.en) causes.set(name, { kind, value: hit.value, said, same, isOfAPen });
  }
  return causes;
}

const SHOWN = 2; // causes of a number
const SURE = 4; // digits
const LAST = 100; // units that a number is off, at most, which differs in its last digits only

const kindOf = (name) => (name.endsWith("+") ? "+" : stem(name));

// What is found for numbers of one kind, W1+, W2+, …, together. Where most are wrong by themselves, a rule is broken, and
// only what explains nearly all of them is named; where fewer are, a cause that no other number has is doubtful, and
// makes those of its kind doubtful.
function together(sheet, known, roots) {
  const { mistakes } = sheet.exercise;
  const found = new Map(known.causes);
  const isRoot = (name) => roots.has(name) && roots.get(name) === undefined;
  const kinds = new Map([...sheet.judged.keys()].map((name) => [kindOf(name), { names: [], roots: [] }]));
  for (const name of sheet.judged.keys()) {
    const kind = kinds.get(kindOf(name));
    kind.names.push(name);
    if (isRoot(name)) kind.roots.push(name);
  }
  const ruled = [...kinds].filter(([, { names, roots }]) => roots.length > Math.max(2, names.length / 2));
  for (const [, { roots }] of ruled) {
    if (!roots.every((name) => found.has(name))) {
      for (const name of roots) found.delete(name); // of some is not known what would explain them
      continue;
    }
    const explained = inCommon(mistakes, roots.map((name) => found.get(name)));
    roots.forEach((name, i) => found.set(name, explained[i]));
  }
  const isExplained = (name) => Boolean(found.get(name)?.groups.length);
  const broken = new Set(ruled.flatMap(([kind, { roots }]) => (roots.every(isExplained) ? [] : [kind])));
  const met = timesMet(found);
  const isSingle = (name) => sortsOf(found.get(name)).every((sort) => met.get(sort) < 2);
  const isRuled = new Set(ruled.map(([kind]) => kind));
  const isDoubted = (kind) => !isRuled.has(kind) && kinds.get(kind).roots.length > 1 && kinds.get(kind).roots.some(isSingle);
  for (const [name, each] of found) {
    const { key } = sheet.judged.get(name).asked;
    const unwritten = each.hits.length ? [...mistakes.of.get(key).plan.keys()].filter((other) => other !== key) : [];
    const others = [...new Set(unwritten.map(kindOf))];
    if (others.some((kind) => broken.has(kind))) found.set(name, certain(mistakes, each));
    else if (isDoubted(kindOf(name)) || (isSingle(name) && others.some((kind) => kinds.get(kind)?.roots.length))) {
      found.set(name, doubtful(mistakes, each));
    }
  }
  return found;
}

// What explains a number best, as what it has in common with others; and how many numbers have it.
const sortsOf = (found) => [...new Set((found?.groups[0] ?? []).map(({ sort }) => sort))];
function timesMet(found) {
  return new Map(counted([...found.values()].flatMap(sortsOf)));
}

// The same, with that name of each cause first which explains most numbers.
function asOneStory(mistakes, found) {
  const met = timesMet(found);
  const told = (hits, line) => {
    const likely = comparable(mistakes, hits);
    const among = [...likely, ...hits.filter((hit) => isAtHand(mistakes, hit, line))];
    const first = among.reduce((best, hit) => ((met.get(hit.sort) ?? 0) > (met.get(best.sort) ?? 0) ? hit : best));
    return [first, ...hits.filter((hit) => hit !== first)];
  };
  return new Map(
    [...found].map(([name, each]) => [name, { ...each, groups: each.groups.map((hits) => told(hits, each.line)) }]),
  );
}

// What is found as far as the digits of the number tell it: not where a pen may have slipped anywhere, and less where a
// parameter moves less than it is off.
function asItTells({ kinds }, { hand, value, unit, asked }, found) {
  const apart = off(hand, value);
  const isInTheLast = apart < LAST * unit && apart < Math.abs(value) / LAST;
  const areSlips = found.groups.length > SHOWN && found.groups.every(([{ kind }]) => kinds[kind].isOfAPen);
  const groups = areSlips && isInTheLast ? [] : found.groups;
  if (asked.group !== 2 || asked.old === undefined) return { ...found, groups };
  const step = off(hand, asked.old);
  const share = step < unit ? Number(apart > 10 ** (SURE - 1) * unit) : Math.min(step / apart, 1);
  return { ...found, groups, odds: found.odds * share };
}
