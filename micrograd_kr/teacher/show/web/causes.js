// The mistakes that explain a wrong number: the edits of its working that micrograd_kr hands over, worked in the
// person's own numbers, and slips of a pen. Named is what is likely: how common a mistake is, by the ways to make one
// of its kind, and how well it comes to the number; it competes with chance.

// What is handed over of each quantity's working: `plan`, its forms; `root`, all of it; and what people do wrong in it.
function readMistakes({ of, names, called, kinds, ...said }, nodes) {
  const all = (places) => places.map((place) => nodes[place]);
  const read = ({ key, plan, root, form, edits, taken, uses }) => [
    key,
    {
      plan: new Map(plan.map(([name, place]) => [name, nodes[place]])),
      root: nodes[root],
      form,
      edits: edits.map(([kind, throughout, places, said, form, once = said]) => {
        const changes = all(places);
        const pairs = changes.flatMap((each, i) => (i % 2 ? [] : [[each, changes[i + 1]]]));
        return { kind, throughout, changes: new Map(pairs), said, form, once };
      }),
      taken: taken.map(([kind, due, some, others, form]) => {
        return { kind, due: nodes[due], nodes: all(some), others: all(others), form };
      }),
      uses: uses.map(([operand, some, form]) => ({ operand: nodes[operand], nodes: all(some), form })),
    },
  ];
  const kindsRead = kinds.map(([name, common, isOrdinary, isMistake, isOfAPen, template]) => {
    return { name, common, isOrdinary, isMistake, isOfAPen, template };
  });
  return { ...said, kinds: kindsRead, names: new Map(names), called: new Map(called), of: new Map(of.map(read)) };
}

const shortening = (more) => ({
  kind: "function",
  of: ([x, decimals]) => (Math.sign(x) * Math.floor(Math.abs(x) * 10 ** decimals + more + 1e-6)) / 10 ** decimals,
  slopes: [() => 1, () => 0],
});
const SHORTENED = [shortening(0.5), shortening(0)];
const isWrittenAs = ({ number }, value, unit, cutsOff) => {
  const slack = 1e-14 * Math.max(1, Math.abs(value));
  if (!cutsOff) return Math.abs(number - value) <= unit / 2 + slack;
  const more = number ? Math.sign(number) * value - Math.abs(number) : Math.abs(value);
  return -slack <= more && more < unit;
};

class Search {
  constructor(known, judged, working) {
    Object.assign(this, { known, judged, working, ways: new Map(), hits: [] });
    this.mistakes = known.sheet.exercise.mistakes;
    this.kinds = new Map(this.mistakes.kinds.map(({ name }, place) => [name, place]));
    this.decimals = Math.max(judged.hand.decimals, known.sheet.decimals.usual);
    this.values = [0, 1].map((which) => this.built(working.root, which).value);
  }

  // A working with other operations for some, or with another operand in some, in the person's numbers: carried (0) or
  // by hand (1). What is put for an operation may have that in it, as it was.
  built(root, which, { changes, swap } = {}) {
    const done = new Map();
    const { numbers, quantities } = this.known;
    const leaf = (name) => ({ name, value: numbers.get(name)?.[which] ?? quantities.get(name).value });
    const made = (node, within) => {
      const put = within.includes(node) ? undefined : changes?.get(node);
      if (put) return build(put, [...within, node]);
      if (node.isNumber) return node;
      return node.rule ? operation(node.rule, node.of.map((each) => build(taken(node, each), within))) : leaf(node.name);
    };
    const other = swap && this.built(swap.other, which);
    const taken = (node, each) => (swap && each === swap.operand && swap.nodes.includes(node) ? other : each);
    const build = (node, within = []) => {
      if (node === other || (swap && node === swap.operand && swap.nodes.includes(node))) return other;
      if (within.length) return made(node, within);
      if (!done.has(node)) done.set(node, made(node, within));
      return done.get(node);
    };
    return build(root);
  }

  found() {
    const { judged, mistakes } = this;
    this.misspelt();
    for (const edit of this.edits()) {
      this.count(edit.kind, edit.throughout, false);
      this.try(edit);
    }
    this.misread();
    for (const hit of this.hits) {
      hit.weight = mistakes.kinds[hit.kind].common / this.ways.get(hit.way);
      hit.score = hit.weight * hit.likely;
      hit.sort = sortOf(mistakes, hit);
    }
    const { magnitudes, unforeseen, possible } = mistakes.odds;
    const apart = Math.min(...this.values.map((each) => off(judged.hand, each))) / judged.unit;
    const line = mistakes.names.get(judged.asked.key);
    const chance = 1 / (magnitudes * Math.max(apart, 1));
    const odds = total(this.hits.map(({ score }) => score)) / chance / unforeseen;
    return { odds, groups: odds > possible ? likeliest(mistakes, this.hits) : [], hits: this.hits, chance, line };
  }

  count(kind, throughout, isMisspelt, by = 1) {
    const way = `${kind}/${throughout}/${isMisspelt}`;
    this.ways.set(way, (this.ways.get(way) ?? 0) + by);
  }

  // Every edit; one name for another is tried at each of its places, and at all.
  *edits() {
    const { working, known, mistakes, kinds } = this;
    const { key } = this.judged.asked;
    const leaves = new Set(namesIn(working.root));
    const isKnown = ({ name }) => known.names.has(name) || leaves.has(name);
    const isNear = (kind, other) =>
      kind !== kinds.get("operand") || !known.quantities.get(other.name)?.isGradient || isKnown(other);
    const tried = new Map(working.uses.map(({ operand }) => [operand, new Set(["lr", operand.name])]));
    yield* working.edits;
    for (const { kind, due, nodes, others, form } of working.taken) {
      for (const other of others.filter((each) => isNear(kind, each))) {
        tried.get(due)?.add(other.name);
        yield { kind, throughout: 0, swap: { operand: due, nodes, other }, pair: [due, other], form };
      }
    }
    for (const use of working.uses) {
      for (const name of [...known.sheet.exercise.start.keys(), ...known.names]) {
        if (tried.get(use.operand).has(name) || known.depends(name, key)) continue;
        yield* this.swaps("far", use, { name });
      }
    }
    for (const name of known.names) {
      if (name === key || known.wrong.has(name) || known.depends(name, key)) continue;
      yield this.inTheEnd("copied", { name });
    }
    // numbers that lose decimals, before they are used or in the end
    for (const use of working.uses) {
      if (known.sheet.exercise.start.has(use.operand.name)) continue;
      for (const other of this.shortened(use.operand)) yield* this.swaps("rounded", use, other);
    }
    for (const put of this.shortened(working.root)) yield this.inTheEnd("rounded", put);
  }

  *swaps(name, { operand, nodes, form }, other, slip) {
    const kind = this.kinds.get(name);
    for (const some of nodes.length > 1 ? [...nodes.map((each) => [each]), nodes] : [nodes]) {
      yield { kind, throughout: 0, swap: { operand, nodes: some, other }, pair: [operand, other], slip, form };
    }
  }

  inTheEnd(name, put) {
    const { root, form } = this.working;
    return { kind: this.kinds.get(name), throughout: 0, changes: new Map([[root, put]]), pair: [{ name: this.judged.asked.key }, put], form };
  }

  shortened(operand) {
    const { value } = this.built(operand, 0);
    const decimals = Array.from({ length: Math.max(this.decimals - 1, 0) }, (_, i) => i + 1);
    const left = (rule) => decimals.filter((each) => rule.of([value, each]));
    const by = (rule) => (each) => ({ rule, of: [operand, { isNumber: true, value: each }] });
    return SHORTENED.flatMap((rule) => left(rule).map(by(rule)));
  }

  try(edit) {
    const { judged, working, values } = this;
    const { value } = this.built(working.root, 0, edit);
    if (!Number.isFinite(value) || Math.abs(value - values[0]) < judged.unit / 2) return;
    if (!this.isNear(judged.hand.number, value, values[0])) return;
    const form = this.built(working.root, 1, edit);
    this.hit(edit, value, this.likely(judged.hand, [value, form.value], form), false);
  }

  hit(edit, value, likely, isMisspelt) {
    const way = `${edit.kind}/${edit.throughout}/${isMisspelt}`;
    if (likely) this.hits.push({ ...edit, value, likely, way });
  }

  isNear(number, value, due) {
    const grown = 1 + (due ? Math.abs(value / due) : 0);
    return Math.abs(number - value) < 20 * grown * (this.judged.error + this.judged.unit);
  }

  likely(hand, values, form) {
    const { judged, known } = this;
    const { own: little } = this.mistakes.odds;
    const usual = unitOf(Math.max(hand.decimals, known.sheet.decimals.usual));
    const own = judged.unit * 10 ** (judged.hand.decimals - hand.decimals);
    for (const [likely, unit] of [[Math.sqrt(Math.max(own / usual, 1)), usual], [little, own]]) {
      if (values.some((value) => isWrittenAs(hand, value, unit, known.cutsOff))) return likely;
    }
    const bound = known.errorOf(form) + judged.unit;
    return Math.min(...values.map((value) => off(hand, value))) < bound ? (little * judged.unit) / bound : 0;
  }

  // Slips in writing the number down.
  misspelt() {
    const { judged, values, working } = this;
    for (const [name, meant] of meantBy(judged.hand.text, this.decimals)) {
      const edit = { kind: this.kinds.get(name), throughout: 0, slip: [meant, judged.hand.text], form: working.form };
      this.count(edit.kind, 0, true);
      const hand = written(meant);
      if (!values.every((value) => this.isNear(hand.number, value, hand.number))) continue;
      this.hit(edit, judged.hand.number, this.likely(hand, values, this.built(working.root, 1)), true);
    }
  }

  // Slips in a number that is taken over.
  misread() {
    for (const use of this.working.uses) {
      const { value } = this.built(use.operand, 0);
      for (const [name, text, as] of value ? slipsOf(this.known.textsOf(use.operand.name, value, this.decimals)) : []) {
        this.count(this.kinds.get(name), 0, false);
        for (const edit of this.swaps(name, use, { isNumber: true, value: Number(as) }, [text, as])) this.try(edit);
      }
    }
  }
}

// Hits that come to one value, the likeliest first, and of these groups the likeliest first.
function likeliest(mistakes, hits) {
  const { worse, own } = mistakes.odds;
  const groups = [];
  for (const hit of [...hits].sort((a, b) => b.score - a.score || a.kind - b.kind)) {
    const isSame = ([{ value }]) => Math.abs(value - hit.value) <= Math.max(1e-12 * Math.abs(value), 1e-15);
    const group = groups.find(isSame);
    if (group) group.push(hit);
    else groups.push([hit]);
  }
  const scored = groups.map((group) => ({ group, score: total(group.map(({ score }) => score)) }));
  const most = Math.max(...scored.map(({ score }) => score));
  const exact = Math.max(0, ...scored.filter(({ group }) => group[0].likely >= own).map(({ score }) => score));
  const kept = scored.filter(({ group, score }) => score > (group[0].likely >= own ? most / worse : exact));
  return kept.sort((a, b) => b.score - a.score).map(({ group }) => withoutNoise(mistakes, group));
}

// Beside a mistake nobody is told of a slip that comes to the same.
function withoutNoise(mistakes, hits) {
  const { kinds } = mistakes;
  const isMistake = kinds[hits[0].kind].isMistake || comparable(mistakes, hits).some(({ kind }) => kinds[kind].isOrdinary);
  return isMistake ? hits.filter(({ kind }) => kinds[kind].isMistake) : hits;
}

const comparable = ({ odds }, hits) => hits.filter(({ score }) => score > hits[0].score / odds.worse);

// --- numbers of one kind, together -----------------------------------------------------------------------------------

const stem = (name) => name.replace(/[0-9]/g, "");
const lineIn = ({ texts }, { form }) => texts[form].split(" = ")[0];

// What two hits have in common that are the same mistake with other indices, or in the update of a bias.
function sortOf(mistakes, hit) {
  const { kind, once, said = once, ...others } = hit;
  const { isOfAPen } = mistakes.kinds[kind];
  const told = doneIn(mistakes, { ...others, kind, said: once ?? said }, "en") ?? "";
  const text = told.replace(/∂[\p{L}\p{N}_]+\/∂/gu, "∂/∂");
  const line = lineIn(mistakes, hit);
  if (isOfAPen) return `${kind} ${stem(line)} ${text}`;
  if (!line.endsWith("⁺")) return `${kind} ${stem(line)} ${stem(text)}`;
  const own = line.slice(0, -1);
  const isOwn = (word) => word === own || word.startsWith("∂/∂");
  const words = text.replace(/∂\/∂[\p{L}\p{N}_]+|[\p{L}\p{N}_]+/gu, (word) =>
    isOwn(word) ? (word === own ? "" : "∂/∂") : word,
  );
  return `${kind} + ${stem(words)}`;
}

// What explains numbers of one kind all alike, or nearly all; what explains only some of them is met by chance.
function inCommon(mistakes, analogous) {
  const { unforeseen, possible, worse, nearly_all: nearlyAll } = mistakes.odds;
  const bySort = analogous.map(({ hits }) => {
    return new Map([...hits].sort((a, b) => a.score - b.score).map((hit) => [hit.sort, hit]));
  });
  const odds = new Map();
  for (const sort of new Set(bySort.flatMap((each) => [...each.keys()]))) {
    const places = bySort.flatMap((each, i) => (each.has(sort) ? [i] : []));
    if (places.length < nearlyAll * analogous.length) continue;
    const hits = places.map((i) => bySort[i].get(sort));
    const fit = Math.exp(total(hits.map(({ likely }) => Math.log(likely))) / hits.length);
    const chance = Math.min(...places.map((i) => analogous[i].chance));
    odds.set(sort, (Math.min(...hits.map(({ weight }) => weight)) * fit) / chance / unforeseen);
  }
  const most = Math.max(0, ...odds.values());
  const kept = new Set([...odds].flatMap(([sort, each]) => (each > Math.max(most / worse, possible) ? [sort] : [])));
  return analogous.map((found) => {
    const hits = found.hits.filter(({ sort }) => kept.has(sort));
    return hits.length ? { ...found, groups: likeliest(mistakes, hits), odds: most } : certain(mistakes, found);
  });
}

// What is named although it does not explain others like it; and what only with a caveat.
const certain = ({ odds: { certain } }, found) => (found.odds > certain ? found : { ...found, groups: [], odds: 0 });
const doubtful = ({ odds: { certain, likely } }, found) =>
  found.odds > certain ? found : { ...found, odds: Math.min(found.odds, likely / 2) };

// What is said of hits that come to one value, two names at most, with the line as it ought to be; null where the words
// are not handed over.
function sentenceOf(mistakes, hits, name, lang) {
  const { texts, either, told } = mistakes;
  const likely = comparable(mistakes, hits);
  const [first] = likely;
  const line = lineIn(mistakes, first);
  const alike = likely.filter(({ throughout }) => throughout === first.throughout);
  const own = line === name ? [] : hits.filter((hit) => isAtHand(mistakes, hit, name)).slice(0, 1);
  const named = new Map();
  for (const hit of [first, ...own, ...alike]) {
    const done = doneIn(mistakes, hit, lang);
    if (!named.has(done)) named.set(done, hit);
  }
  const two = [...named].slice(0, 2);
  if (two.some(([done]) => done === null)) return null;
  const inLine = ([mistake, { form }]) => inWords(mistakes, lang, told, { mistake, form: texts[form] });
  const [one, other] = two;
  if (!other) return inLine(one);
  if (lineIn(mistakes, other[1]) !== line) return inWords(mistakes, lang, either, { one: inLine(one), other: inLine(other) });
  return inLine([inWords(mistakes, lang, either, { one: one[0], other: other[0] }), first]);
}

// A sentence in a number's own row, which calls it as the sheet does: ∂E/∂b where it is ∂E/∂z elsewhere.
function asOnTheSheet({ called }, name, sentence) {
  const renamed = (text, [there, here]) => text.replace(new RegExp(`${there}(?![\\p{L}\\p{N}′⁺_@])`, "gu"), here);
  return sentence && (called.get(name) ?? []).reduce(renamed, sentence);
}

// Whether a hit is a common mistake, made once, in the line of the number itself.
const isAtHand = (mistakes, hit, name) =>
  lineIn(mistakes, hit) === name && !hit.throughout && mistakes.kinds[hit.kind].isOrdinary;

// In both languages.
const inBoth = (say) => ({ en: say("en"), ko: say("ko") });

const inWords = ({ templates }, lang, template, words) =>
  templates[lang][template].replace(/\{(\w+)\}/g, (_, name) => words[name]);

function doneIn(mistakes, { kind, said, pair, slip }, lang) {
  const { gaps, texts, names, kinds } = mistakes;
  const of = (row) => {
    if (!Array.isArray(row)) return texts[row];
    const [template, ...words] = row;
    return inWords(mistakes, lang, template, Object.fromEntries(gaps[template].map((name, i) => [name, of(words[i])])));
  };
  if (said !== undefined) return of(said);
  const { name, template, isOfAPen } = kinds[kind];
  const [due, done] = (pair ?? []).map((each) => names.get(each.name));
  if (pair && due === undefined) return null;
  if (isOfAPen) {
    const [meant, written] = slip.map((each) => each.replace(/(?<!e)-/gi, "−"));
    const at = digitsOf(mistakes, lang, name, slip);
    return inWords(mistakes, lang, template, { due: (pair ? `${due} = ` : "") + meant, done: written, at });
  }
  const [, put] = pair;
  if (name === "rounded") {
    const decimals = put.of[1].value;
    return inWords(mistakes, lang, template, { due, done: decimals, s: decimals > 1 ? "s" : "" });
  }
  return done === undefined ? null : inWords(mistakes, lang, template, { due, done, was: "was", is_: "is", s: "" });
}

// Which digits a slip concerns.
function digitsOf({ digits, ...mistakes }, lang, kind, slip) {
  const [meant, written] = slip.map((each) => each.replace(/^[+-]+/, ""));
  const point = `${meant}.`.indexOf(".");
  const length = Math.min(meant.length, written.length);
  const apart = [...meant.slice(0, length)].flatMap((each, i) => (each === written[i] ? [] : [i]));
  if (!apart.length) apart.push(length);
  const first = apart[0] - Number(kind === "doubled");
  if (first < point) return inWords(mistakes, lang, digits.before, { n: point - first });
  if (kind !== "digits") return inWords(mistakes, lang, digits.after, { n: first - point });
  return inWords(mistakes, lang, digits.exchanged, { one: first - point, other: apart.at(-1) - point });
}

// --- slips of a pen --------------------------------------------------------------------------------------------------

const LOOK_ALIKES = ["60", "06", "17", "71", "38", "83", "49", "94"];

// All slips that a number can suffer: [kind, what is written]. Nobody mistakes the nought before a point.
function misreadAs(text) {
  const [mantissa, power] = text.split("e");
  const found = [];
  const isNought = (i) => mantissa.replace(/^[+-]/, "").startsWith("0.") && i === mantissa.indexOf("0");
  [...mantissa].forEach((digit, i) => {
    if (!/[0-9]/.test(digit) || isNought(i)) return;
    const [before, behind] = [mantissa.slice(0, i), mantissa.slice(i + 1)];
    for (const other of "0123456789") {
      found.push([LOOK_ALIKES.includes(digit + other) ? "look-alike" : "digit", before + other + behind]);
    }
    for (const over of [1, 2]) {
      if (/^[0-9]+$/.test(behind.slice(0, over)) && behind.length >= over) {
        found.push(["digits", before + behind[over - 1] + behind.slice(0, over - 1) + digit + behind.slice(over)]);
      }
    }
    if (before.includes(".") && digit !== behind[0]) {
      if (before.at(-1) + behind !== ".") found.push(["left out", before + behind]);
      found.push(["doubled", before + digit + digit + behind]);
    }
  });
  for (const by of [-2, -1, 1, 2]) found.push(["point", shifted(mantissa, by)]);
  const tail = power === undefined ? "" : `e${power}`;
  return found.map(([kind, each]) => [kind, each + tail]).filter(([, each]) => Number(each) !== Number(text));
}

function shifted(text, by) {
  const [sign, digits] = [text.match(/^[+-]?/)[0], text.replace(/^[+-]/, "")];
  const [whole, fraction = ""] = digits.split(".");
  const decimals = fraction.length - by;
  const all = (whole + fraction).padStart(Math.max(decimals, 0) + 1, "0") + "0".repeat(Math.max(-decimals, 0));
  const point = all.length - Math.max(decimals, 0);
  return sign + all.slice(0, point).replace(/^0+(?=.)/, "") + (decimals > 0 ? `.${all.slice(point)}` : "");
}

// The numbers of so many decimals, or fewer, that a slip makes the written one of: [kind, what was meant].
function meantBy(text, decimals) {
  const found = misreadAs(text).filter(([kind]) => kind !== "left out" && kind !== "doubled");
  const [whole, fraction] = text.split(".");
  if (fraction === undefined || text.includes("e")) return found;
  for (let i = 0; i <= fraction.length; i++) {
    const [before, behind] = [fraction.slice(0, i), fraction.slice(i)];
    if (before.slice(-1) === behind.slice(0, 1) && behind.slice(0, 1) !== behind.slice(1, 2)) {
      found.push(["doubled", `${whole}.${before}${behind.slice(1)}`]);
    }
    if (fraction.length < decimals) {
      for (const digit of "0123456789") found.push(["left out", `${whole}.${before}${digit}${behind}`]);
    }
  }
  return found;
}

// Each number once that a slip makes of some texts: [kind, text, what is written].
function slipsOf(texts) {
  const found = new Map();
  for (const text of texts) {
    for (const [kind, as] of misreadAs(text)) if (Number(as)) found.set(Number(as), [kind, text, as]);
  }
  return [...found.values()];
}
