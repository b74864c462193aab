// The page: steps in words and formulas, the controls, and what a person changes.

const data = readData(JSON.parse(document.getElementById("data").textContent));
const at = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const SECONDS_PER_STEP = 2;

// What is shown now. `numbers` and `lr` are the last usable ones in the fields; `found` all that follows from them.
const now = { language: document.documentElement.lang, step: 0, chosen: "", playing: 0, digits: data.digits };
Object.assign(now, { numbers: new Map(data.numbers), lr: data.lr, found: new Map() });
let drawn = null;
let stop = () => {}; // ends what still travels
const steps = allSteps();
data.shown = new Set(steps.flatMap(({ gives }) => gives)); // the keys of what the steps come to

// Objects with names from an exercise become Maps: "constructor" is as good a name as any.
function readData(read) {
  for (const key of ["boxes", "home", "numbers", "names", "math", "partials", "forms", "derivations", "uses"]) {
    read[key] = new Map(read[key]);
  }
  // Each line of the picture, by its ends, with the key of what comes back along it.
  read.lines = new Map(
    read.routes.map(([from, places]) => {
      const flow = read.boxes.get(from).flow ?? read.boxes.get(places.at(-1)).flow;
      return [`${from}>${places.at(-1)}`, flowKey(...flow)];
    }),
  );
  read.kinds = new Map([...read.boxes.values()].flatMap(({ rows }) => rows)); // of each number in the picture
  read.places = new Map(read.asked.map((each, place) => [each.name, { ...each, place }]));
  read.symbol = (key) => read.names.get(key) ?? key;
  return read;
}

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A text with its indices set: W₅ as W<sub>5</sub>.
const TAGS = { low: "sub", high: "sup" };
const set = (text) => pieces(text, (piece, level) => (level ? make(TAGS[level], {}, piece) : piece));

// --- numbers ---------------------------------------------------------------------------------------------------------

function number(key) {
  if (key === "lr") return now.lr;
  if (!now.found.has(key)) now.found.set(key, derivative(key)); // dA/dB of any two
  return now.found.get(key);
}

function derivative(key) {
  const [name, step] = key.split("@");
  const [of, by] = name.split("/").map((each) => data.order.indexOf(each.slice(1)));
  return backward(LINES, now.found.passes[step ?? 0], of).get(by) ?? 0;
}

// A number as micrograd-kr writes it: so many decimals; short where it has at most four, in powers of ten where nothing
// else would be left of it.
function shown(value, digits) {
  const short = String(Number(value.toPrecision(12)));
  const decimals = (short.split(".")[1] ?? "").length;
  if (!short.includes("e") && decimals <= Math.min(4, digits) && Math.abs(value - short) <= 1e-14 * Math.abs(value))
    return short;
  const fixed = value.toFixed(digits);
  return Number(fixed) !== 0 && Math.abs(value) < 1e16 ? fixed : value.toExponential(Math.max(digits, 1) - 1);
}

// What is given keeps the decimals it has.
function exact(value) {
  return String(Number(value.toPrecision(15)));
}

const signed = (text) => text.replaceAll("-", "−");
const HIDDEN = "?";
function text(key) {
  if (isHidden(key)) return HIDDEN;
  return signed(key === "lr" || data.numbers.has(key) ? exact(number(key)) : shown(number(key), now.digits));
}
const bracketed = (key) => (text(key).startsWith("−") ? `(${text(key)})` : text(key));

// A template's slots: in text ⟦key⟧, ⟦(key⟧ where a negative number stands in brackets; in MathML elements.
const filled = (template) => template.replace(/⟦(\(?)([^⟧]+)⟧/g, (_, tight, key) => (tight ? bracketed : text)(key));

// A number as elements of MathML, in brackets where it is negative and that would be read wrongly.
function mathOf(text, tight) {
  const element = (tag, ...children) => {
    const made = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
    made.append(...children);
    return made;
  };
  const [mantissa, exponent] = text.replace("−", "").split("e");
  const parts = [element("mn", text.startsWith("−") ? mantissa : text.split("e")[0])];
  if (exponent)
    parts.push(element("mo", "×"), element("msup", element("mn", "10"), element("mn", exponent.replace("+", ""))));
  if (!text.startsWith("−")) return parts;
  const minus = element("mo", "−");
  minus.setAttribute("form", "prefix");
  parts.unshift(minus);
  return tight ? [element("mo", "("), ...parts, element("mo", ")")] : parts;
}

// --- words -----------------------------------------------------------------------------------------------------------

function word(key, values = {}) {
  return data.words[now.language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// What a phase is called: of several updates no forward pass is the second more than another.
const phaseWord = (phase) => word(phase === "second" && data.steps > 1 ? "again" : phase);

// --- the steps -------------------------------------------------------------------------------------------------------

// A step: its phase, its kind (a key of the words), the keys of the numbers it uses and gives, and what it is about.
function step(phase, kind, uses, gives, about = {}) {
  return { phase, kind, uses, gives, ...about };
}

function allSteps() {
  const { loss, parameters, uses } = data;
  const gradient = (name, step = 0) => gradientKey(loss, name) + (step ? `@${step}` : "");
  const after = (name, step) => (data.given.includes(name) ? name : later(name, parameters.includes(name) ? "+" : "'", step));
  const steps = [
    step("start", "start", [], [...data.numbers.keys()]),
    ...data.forward.map((name) => step("forward", "forward", uses.get(name), [name], { target: name })),
    step("backward", "seed", [loss], [gradient(loss)], { target: loss }),
    ...backwardSteps(),
  ];
  if (!data.steps) return [...steps, step("end", "stop", [], [loss])];
  const change = (name, k) => {
    const uses = [k > 1 ? later(name, "+", k - 1) : name, gradient(name, k - 1)];
    const gives = data.updates.map((line) => later(line === "p" ? name : `${line}_${name}`, "+", k));
    return step("update", "update", uses, gives, { target: name });
  };
  const pass = (name, k) =>
    step("second", "second", uses.get(name).map((each) => after(each, k)), [later(name, "'", k)], { target: name });
  const passes = data.passes
    .slice(1)
    .flatMap((k) => [...parameters.map((name) => change(name, k)), ...data.forward.map((name) => pass(name, k))]);
  return [...steps, ...passes, step("end", "end", [], [loss, later(loss, "'", data.steps)])];
}

// One step for each line that a gradient goes back along, one more (Σ) where several have arrived.
function backwardSteps() {
  const steps = [];
  const arrived = new Map();
  for (const [source, target] of data.arcs) {
    const all = data.arcs.filter(([from]) => from === source);
    const about = { source, target, count: all.length };
    const gives = [localKey(target, source), flowKey(source, target)];
    const gradient = gradientKey(data.loss, source);
    const upstream = gradientKey(data.loss, target);
    if (all.length === 1) {
      steps.push(step("backward", "edge", [upstream], [...gives, gradient], about));
      continue;
    }
    steps.push(step("backward", "several", [upstream], gives, about));
    arrived.set(source, (arrived.get(source) ?? 0) + 1);
    if (arrived.get(source) === all.length) {
      const flows = all.map(([, to]) => flowKey(source, to));
      steps.push(step("backward", "sum", flows, [gradient], { ...about, target: source }));
    }
  }
  return steps;
}

function wordsOf({ kind, target, source, count, uses, gives }) {
  if (kind === "end" && gives.some(isHidden)) return word("still hidden");
  const { symbol } = data;
  const last = later(data.loss, "'", data.steps);
  const change = () => number(last) - number(data.loss);
  const said = { update: data.usual ? "update" : "rule", end: data.steps > 1 ? "end of many" : "end" }[kind] ?? kind;
  return word(`say ${said}`, {
    target: target && symbol(target),
    source: source && symbol(source),
    sources: uses.map(symbol).join(", "),
    upstream: target && symbol(gradientKey(data.loss, target)),
    local: source && symbol(localKey(target, source)),
    gradient: source && symbol(gradientKey(data.loss, source)),
    loss: symbol(data.loss),
    updates: data.steps,
    count,
    ...(kind === "end" && {
      before: text(data.loss),
      after: text(last),
      change: word(change() < 0 ? "down" : data.usual ? "up" : "risen", { by: signed(shown(Math.abs(change()), now.digits)) }),
    }),
  });
}

// --- formulas --------------------------------------------------------------------------------------------------------

const slot = (key, tight) => `<mrow data-of="${key}"${tight ? " data-tight" : ""}></mrow>`;
const mark = (key, tight) => `⟦${tight ? "(" : ""}${key}⟧`;

// A step's formulas: each a list of equal sides, [MathML, text], with slots for numbers.
function formulasOf({ kind, source, target, count, gives, uses }) {
  const { loss } = data;
  if (kind === "sum") return [equation(gives[0], { sign: "+", keys: uses }, gives[0])];
  if (kind === "edge" || kind === "several") {
    const keys = [gradientKey(loss, target), localKey(target, source)];
    return [data.partials.get(keys[1]), equation(count === 1 ? gives[2] : "", { sign: "·", keys }, gives[1])];
  }
  if (kind === "seed" || kind === "end") return gives.map((key) => equation(key, null, key));
  if (kind === "start") return [];
  return gives.map((key) => (data.forms.has(key) ? data.written[data.forms.get(key)][1] : equation(key, null, key)));
}

// left = a·b = number × number = result, or left = number + number = result; no left side where it has no name.
function equation(left, operation, result) {
  const sides = left ? [[data.math.get(left), data.names.get(left)]] : [];
  if (operation) {
    const { sign, keys } = operation;
    const names = [keys.map((key) => data.math.get(key)).join("<mo>·</mo>"), keys.map(data.symbol).join("·")];
    const between = sign === "·" ? "×" : sign;
    const [math, says] = [slot, mark].map((place) => keys.map((key, i) => place(key, i > 0)));
    sides.push(...(sign === "·" ? [names] : []), [math.join(`<mo>${between}</mo>`), says.join(` ${between} `)]);
  }
  return [...sides, [slot(result, false), mark(result, false)]];
}

// A formula in which each side may begin a new row. The MathML is made by Python and above: of an exercise it holds
// numbers and names, which are letters and digits.
function formula(sides) {
  const texts = sides.map(([, says]) => filled(says));
  const shown = sides.filter((_, i) => texts.indexOf(texts[i]) === i); // what looks the same stands once
  const made = make("div", { class: "formula", "data-text": [...new Set(texts)].join(" = ") });
  const math = ([side], i) => `<math displaystyle="true"><mrow>${i ? "<mo>=</mo>" : ""}${side}</mrow></math>`;
  made.innerHTML = shown.map(math).join(" ");
  for (const each of made.querySelectorAll("[data-of]")) {
    each.replaceChildren(...mathOf(text(each.dataset.of), "tight" in each.dataset));
  }
  return made;
}

// Copied MathML has lost the bars of its fractions: of formulas the text is copied, as a sheet reads it.
function copied(event) {
  const selection = getSelection();
  if (selection.isCollapsed || !at("formulas").contains(selection.getRangeAt(0).commonAncestorContainer)) return;
  const chosen = [...at("formulas").children].filter((each) => selection.containsNode(each, true));
  event.clipboardData.setData("text/plain", chosen.map((each) => each.dataset.text).join("\n"));
  event.preventDefault();
}

// --- hand numbers ----------------------------------------------------------------------------------------------------

const MARKS = { match: "✓", rounding: "≈", undecided: "?", wrong: "✗", more: "…" };
const SELDOM = ["undecided", "more"];
const handOf = (key) => (changed() ? [] : answers.rows.filter((row) => row.key === key));
const changed = () => now.lr !== data.lr || [...data.numbers].some(([name, value]) => now.numbers.get(name) !== value);

function difference({ difference, value }) {
  if (Math.abs(difference) <= 1e-15 * Math.abs(value)) return "0"; // no more than a float's own rounding
  return signed(Math.abs(difference) < 1e-4 ? difference.toExponential(1) : shown(difference, 6));
}

function verdict({ verdict }) {
  return make("strong", { class: `verdict ${verdict}` }, `${MARKS[verdict]} `, make("span", {}, word(verdict)));
}

function showHand() {
  at("write").textContent = word(data.practice ? "practice" : "write");
  at("list").replaceChildren(answerTable());
  at("list").setAttribute("aria-label", word("hand"));
  showAnswers();
}

function showCounts() {
  const count = (verdict) => answers.rows.filter((row) => row.verdict === verdict).length;
  const told = Object.keys(MARKS).filter((each) => !SELDOM.includes(each) || count(each));
  const counts = told.map((each) => `${MARKS[each]} ${word(each)} ${count(each)}`).join(" · ");
  const parts = [make("p", {}, counts)];
  for (const each of answers.remarks) parts.push(make("p", { class: "note" }, each[now.language]));
  if (changed()) parts.push(make("p", { class: "note" }, word("other numbers")));
  const first = answerTo(answers.first);
  if (first) parts.push(firstWrong(first));
  const lead = first ? [" · ", make("strong", {}, `${word("first wrong")}: `), jump(first)] : [];
  at("summary").replaceChildren(...(answers.rows.length && !changed() ? [`${word("hand")}: ${counts}`, ...lead] : []));
  at("counts").replaceChildren(...parts);
}

function firstWrong(row) {
  const list = make("ul", {}, ...saidOf(row).map((each) => make("li", {}, each)));
  return make(
    "div",
    { class: "note wrong" },
    make("p", {}, make("strong", {}, `✗ ${word("first wrong")}: `), jump(row)),
    list,
  );
}

const saidOf = (row) => [
  ...row.said.map((each) => each[now.language]),
  ...row.parts
    .filter((part) => part.verdict === "wrong")
    .map((part) => `${part.text} = ${shown(part.value, now.digits)}${part.remedy ? `: ${part.remedy}` : ""}`),
  ...(row.follows ? [levelled(word("follows", { from: data.symbol(row.follows) }))] : []),
];

// The name of a hand number; pressed, it goes to the step in which the number comes up.
function jump(row) {
  const name = data.symbol(row.name);
  const step = steps.findIndex(({ gives }) => gives.includes(row.key));
  if (step < 0) return make("span", {}, ...set(name));
  const label = levelled(word("to step", { name }));
  const button = make("button", { type: "button", class: "link", "aria-label": label }, ...set(name));
  button.addEventListener(
    "click",
    () => (go(step), scrollTo({ top: 0, behavior: still.matches ? "auto" : "smooth" })),
  );
  return button;
}

// --- showing a step --------------------------------------------------------------------------------------------------

function redraw() {
  stop();
  drawn = draw(at("picture"), data, text, word("picture"));
  for (const [key, box] of drawn.boxes) {
    const { names } = data.boxes.get(key);
    if (!names.length) continue;
    box.addEventListener("click", () => choose(names.at(-1)));
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ")
        (event.preventDefault(), event.stopPropagation(), choose(names.at(-1)));
    });
  }
  show();
}

function show() {
  const step = steps[now.step];
  at("slider").value = now.step;
  at("slider").setAttribute("aria-valuetext", `${now.step + 1} / ${steps.length}: ${phaseWord(step.phase)}`);
  at("count").textContent = `${now.step + 1} / ${steps.length}`;
  at("phase").textContent = phaseWord(step.phase);
  at("words").replaceChildren(...set(wordsOf(step)));
  at("formulas").replaceChildren(...formulasShown(now.step));
  at("compared").replaceChildren(...(changed() ? [] : namesAt(step.gives).map(answerAt)));
  at("near").replaceChildren(...neighbourhood(step));
  at("live").textContent = [
    `${now.step + 1}.`,
    levelled(wordsOf(step)),
    ...[...at("formulas").children].map((each) => each.dataset.text),
  ].join(" ");
  for (const id of ["first", "back"]) at(id).setAttribute("aria-disabled", now.step === 0);
  for (const id of ["next", "last"]) at(id).setAttribute("aria-disabled", now.step === steps.length - 1);
  for (const item of at("phases").children) {
    const current = item.dataset.phase === step.phase;
    item.firstChild.setAttribute("aria-current", current ? "step" : "false");
    if (current) at("phases").scrollLeft = item.offsetLeft - item.parentNode.offsetLeft - 40;
  }
  paint(step);
  arrange();
}

// In practice a step has only the form, or nothing, until a number was tried.
function formulasShown(step) {
  const sides = formulasOf(steps[step]);
  const much = shownOf(step);
  if (!much && sides.length) return [make("p", {}, word("try"))];
  return sides.map((each) => formula(much > 1 ? each : each.slice(0, 2)));
}

const remark = (said) => make("p", { class: "remark" }, said);

// The numbers of a step, for who cannot read them in the picture: what it uses, and what it comes to.
function neighbourhood({ uses, gives, kind }) {
  const chips = (keys, when) =>
    keys.map((key) => {
      const shown = make("span", { class: `chip ${data.kinds.get(key) ?? "value"} ${when}` });
      const [hand] = handOf(key);
      const [source] = key.startsWith("←") ? key.slice(1).split(/,(?![^[]*\])/) : []; // no comma of an entry, W[0,1]
      shown.append(...set(source ? `← ${data.symbol(source)}` : data.symbol(key)), ` ${text(key)}`, hand && when ? ` ${MARKS[hand.verdict]}` : "");
      return shown;
    });
  if (kind === "start") return chips(gives, "");
  return [...chips(uses, ""), ...(uses.length ? ["→"] : []), ...chips(gives, "new")];
}

// The picture takes what the step leaves, beside it where it is higher than wide. Where that is too little for its text
// to be read, it is shown at its own size around what the step is about, or small, with the step's own numbers beside.
const SMALLEST = 0.6; // of its size, what is shown at its own: of a larger picture too little would be seen

function arrange() {
  const { width, height } = at("picture").viewBox.baseVal;
  const [theatre, frame, near] = [at("theatre"), at("scroll"), at("near")];
  theatre.style.setProperty("--taken", `${theatre.offsetTop + at("controls").offsetHeight + 8}px`);
  theatre.classList.toggle("beside", innerWidth >= 960 && width < 1.4 * height);
  theatre.classList.remove("close");
  near.hidden = true;
  tighten();
  const [room, high] = [frame.clientWidth - MARGIN, frame.clientHeight - MARGIN];
  const size = Math.min(room / width, high / height);
  const [left, top, right, bottom] = focus(steps[now.step]);
  const close = size < 1 && size >= SMALLEST && right - left <= room && bottom - top <= high;
  near.hidden = size >= 1 || close;
  tighten();
  theatre.classList.toggle("close", close);
  const behavior = still.matches ? "auto" : "smooth";
  if (close) frame.scrollTo({ left: (left + right - room) / 2, top: (top + bottom - high) / 2, behavior });
}

// What is too long for its place is set smaller.
function tighten() {
  const step = at("step");
  step.classList.remove("tight");
  step.classList.toggle("tight", step.scrollHeight > step.clientHeight + 1);
  for (const each of at("formulas").children) {
    let size = 1;
    each.style.removeProperty("--size");
    for (let turns = 0; turns < 4 && each.scrollWidth > each.clientWidth; turns++) {
      size *= (each.clientWidth - 2) / each.scrollWidth; // mathematics does not shrink evenly
      each.style.setProperty("--size", size);
    }
  }
}

// Where the boxes are that a step is about: left, top, right and bottom; nowhere at the start.
const MARGIN = 16;
function focus({ kind, uses, gives }) {
  const keys = new Set(kind === "start" ? [] : [...uses, ...gives]);
  const places = [...drawn.placed.values()].filter(({ rows }) => rows.some(({ key }) => keys.has(key)));
  const edge = (choose, of) => (places.length ? choose(...places.map(of)) : 0);
  return [
    edge(Math.min, ({ x }) => x),
    edge(Math.min, ({ y, height }) => y - height / 2),
    edge(Math.max, ({ x, width }) => x + width),
    edge(Math.max, ({ y, height }) => y + height / 2),
  ];
}

// Which numbers are known by now, which are new, which lines they came along.
function paint(step) {
  const known = new Set(steps.slice(0, now.step + 1).flatMap(({ gives }) => gives));
  for (const [key, { row, mark }] of drawn.rows) {
    row.classList.toggle("known", known.has(key));
    row.classList.toggle("new", step.gives.includes(key) && step.kind !== "start");
    row.classList.toggle("used", step.uses.includes(key));
    const [hand] = handOf(key);
    mark.textContent = hand && known.has(key) ? MARKS[hand.verdict] : "";
    mark.setAttribute("class", `mark ${hand?.verdict ?? ""}`);
  }
  const path = pathTo(now.chosen);
  const active = new Set(linesOf(step));
  const largest = Math.max(...data.arcs.map(([source, target]) => Math.abs(number(flowKey(source, target)))));
  for (const [key, line] of drawn.lines) {
    const flow = data.lines.get(key);
    const width = known.has(flow) && largest > 0 && !isHidden(flow) ? 1.2 + 4 * Math.sqrt(Math.abs(number(flow)) / largest) : 1.2;
    line.setAttribute("stroke-width", active.has(key) ? Math.max(width, 2.5) : width);
    line.setAttribute("class", `line ${active.has(key) ? step.phase : ""} ${path.lines.has(key) ? "lit" : ""}`);
  }
  for (const [key, box] of drawn.boxes) {
    box.classList.toggle("lit", path.boxes.has(key));
    box.classList.toggle(
      "current",
      drawn.placed.get(key).rows.some((row) => step.gives.includes(row.key)) && step.kind !== "start",
    );
    if (box.dataset.names) {
      box.setAttribute("aria-pressed", String(data.boxes.get(key).names.includes(now.chosen)));
      box.setAttribute("aria-description", word("show derivation"));
    }
  }
}

// The lines a step runs along: forward all that lead to its quantity, back the one that the gradient takes.
function linesOf({ kind, source, target }) {
  if (kind === "edge" || kind === "several") return way(data, source, target);
  if (kind !== "forward" && kind !== "second") return [];
  return data.uses.get(target).flatMap((each) => way(data, each, target));
}

function go(to, moving = false) {
  stop();
  now.step = Math.max(0, Math.min(steps.length - 1, to));
  show();
  if (moving && !still.matches) animate(steps[now.step]);
}

// Along what a dot travels in a step: back from the line's end; forward from the first that something is computed from.
function animate({ kind, source, target }) {
  const along = (keys, backwards) => {
    const lines = keys.map((key) => drawn.lines.get(key));
    if (keys.length) stop = travel(drawn.dot, lines, backwards, 700 * SECONDS_PER_STEP);
  };
  if (kind === "edge" || kind === "several") along(way(data, source, target), true);
  if (kind === "forward" || kind === "second") {
    const ways = data.uses.get(target).map((name) => way(data, name, target).reverse());
    along(ways.find((keys) => keys.length) ?? [], false);
  }
}

// --- a derivation ----------------------------------------------------------------------------------------------------

function choose(name) {
  now.chosen = name;
  at("chosen").value = name;
  const lines = (isTried(name) ? (data.derivations.get(name) ?? []) : []).map((place) => data.written[place]);
  const parts = lines.flatMap(([kind, sides], i) => {
    const caption = kind === lines[i - 1]?.[0] ? "" : data.captions[now.language][kind];
    return [...(caption ? [make("h3", {}, caption)] : []), formula(sides)];
  });
  const open = !name || isTried(name) ? "ask" : "try first";
  at("lines").replaceChildren(...(lines.length ? parts : [make("p", {}, word(open, { name: levelled(data.symbol(name)) }))]));
  at("lead").hidden = !name;
  at("lead").replaceChildren(`${word("derivation")}: `, ...set(data.symbol(name)), " ↓");
  paint(steps[now.step]);
}

// The boxes and lines between a quantity and the loss.
function pathTo(name) {
  const boxes = new Set();
  const lines = new Set();
  const waiting = name ? [data.home.get(name)] : [];
  while (waiting.length) {
    const box = waiting.pop();
    if (boxes.has(box)) continue;
    boxes.add(box);
    for (const [from, places] of data.routes) {
      if (from === box) (lines.add(`${from}>${places.at(-1)}`), waiting.push(places.at(-1)));
    }
  }
  return { boxes, lines };
}

// --- what a person changes -------------------------------------------------------------------------------------------

function field(key, label, value) {
  const input = make("input", {
    type: "text",
    inputmode: "decimal",
    id: `field-${key}`,
    "data-key": key,
    "aria-describedby": "trouble",
    value,
    autocomplete: "off",
    spellcheck: "false",
  });
  input.addEventListener("input", () => (readFields(), refresh()));
  return make("label", {}, make("span", {}, ...set(label)), input);
}

function showFields() {
  const groups = [
    [word("given"), data.given.map((name) => field(name, data.symbol(name), data.numbers.get(name)))],
    [word("parameters"), data.parameters.map((name) => field(name, data.symbol(name), data.numbers.get(name)))],
    [
      word("settings"),
      [...(data.lr === null ? [] : [field("lr", word("lr"), data.lr)]), field("/digits", word("digits"), data.digits)],
    ],
  ];
  const sets = groups
    .filter(([, fields]) => fields.length)
    .map(([name, fields]) => make("fieldset", {}, make("legend", {}, name), ...fields));
  at("fields").replaceChildren(...sets);
}

// What is wrong with a field's text, as a key of the words, or nothing.
function troubleWith(key, value) {
  if (!Number.isFinite(value)) return "no number";
  if (key === "lr" && value <= 0) return "no rate";
  if (key === "/digits" && !(Number.isInteger(value) && value >= 1 && value <= 15)) return "no digits";
  return "";
}

// A number as people type it: 0.5, −0.5, 0,5. NaN for none, and for 1,000, which is a thousand to some and one to others.
function numberIn(text) {
  if (!/^[-+−]?[\d.,]+(e[-+−]?\d+)?$/i.test(text) || /^[-+−]?[1-9]\d{0,2},\d{3}$/.test(text)) return NaN;
  return Number(text.replaceAll("−", "-").replace(",", "."));
}

// Take over what the fields say if all of it is usable; else say what is wrong and leave the numbers as they were.
function readFields() {
  const read = new Map();
  let trouble = "";
  for (const input of at("fields").querySelectorAll("input")) {
    const value = numberIn(input.value.trim());
    const found = troubleWith(input.dataset.key, value);
    input.setAttribute("aria-invalid", Boolean(found));
    if (found) trouble ||= word(found, { name: input.previousSibling.textContent, text: input.value });
    read.set(input.dataset.key, value);
  }
  at("trouble").textContent = trouble || takeOver(read);
}

function takeOver(read) {
  const numbers = new Map([...data.numbers.keys()].map((name) => [name, read.get(name)]));
  const lr = data.lr === null ? null : read.get("lr");
  const found = solve(LINES, data, numbers, lr, UPDATES);
  const [endless] = [...found].find(([, value]) => !Number.isFinite(value)) ?? [];
  if (endless) return word("infinite", { name: data.symbol(endless) });
  Object.assign(now, { numbers, lr, found, digits: read.get("/digits") });
  return "";
}

// Show everything that depends on the numbers or the language.
function refresh() {
  redraw();
  choose(now.chosen);
  showHand();
}

// --- controls --------------------------------------------------------------------------------------------------------

function play(on) {
  clearInterval(now.playing);
  now.playing = 0;
  if (on) {
    if (now.step === steps.length - 1) go(0);
    const advance = () => (go(now.step + 1, true), now.step === steps.length - 1 && play(false));
    now.playing = setInterval(advance, SECONDS_PER_STEP * 1000);
    advance();
  }
  showPlay();
}

function showPlay() {
  const label = word(now.playing ? "pause" : "play");
  at("play").classList.toggle("playing", now.playing > 0);
  at("play").setAttribute("aria-label", label);
  at("play").title = label;
}

const KEYS = {
  ArrowRight: () => go(now.step + 1, true),
  ArrowLeft: () => go(now.step - 1),
  Home: () => go(0),
  End: () => go(steps.length - 1),
  " ": () => play(!now.playing),
  Escape: () => choose(""),
};

function pressed(event) {
  const busy =
    event.target.closest("input, select, textarea") || (event.key === " " && event.target.closest("button, a"));
  if (busy || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  if (event.key !== " ") play(false);
  KEYS[event.key]();
}

function connect() {
  const controls = {
    first: () => go(0),
    back: () => go(now.step - 1),
    next: () => go(now.step + 1, true),
    last: () => go(steps.length - 1),
  };
  for (const [id, move] of Object.entries(controls)) at(id).addEventListener("click", () => (play(false), move()));
  at("slider").addEventListener("input", () => (play(false), go(Number(at("slider").value))));
  at("play").addEventListener("click", () => play(!now.playing));
  at("chosen").addEventListener("change", () => choose(at("chosen").value));
  at("reset").addEventListener("click", () => (showFields(), readFields(), refresh()));
  at("large").addEventListener("click", () => (toggle("large", at("theatre").classList.toggle("large")), arrange()));
  addEventListener("resize", arrange);
  at("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme !== "dark"));
  at("language").addEventListener("click", () => setLanguage(now.language === "ko" ? "en" : "ko"));
  document.addEventListener("keydown", pressed);
  document.addEventListener("copy", copied);
  for (const [id, act] of Object.entries({ save, erase })) at(id).addEventListener("click", act);
  at("load").addEventListener("click", () => at("file").click());
  at("file").addEventListener("change", () => load(at("file").files[0]).then(() => (at("file").value = "")));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => setTheme(dark.matches));
  setTheme(dark.matches);
}

const toggle = (id, on) => at(id).setAttribute("aria-pressed", String(on));

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  toggle("theme", dark);
}

// --- language --------------------------------------------------------------------------------------------------------

function setLanguage(language) {
  now.language = language;
  document.documentElement.lang = language;
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = word(each.dataset.word);
  for (const each of document.querySelectorAll("[data-label]"))
    each.setAttribute("aria-label", word(each.dataset.label));
  for (const each of document.querySelectorAll("[data-title]")) each.title = word(each.dataset.title);
  at("language").textContent = language === "ko" ? "English" : "한국어";
  at("language").lang = language === "ko" ? "en" : "ko";
  const seed = data.seed === null ? "" : word("seed", { seed: data.seed });
  at("whose").textContent = [data.student, seed].filter(Boolean).map((each) => ` · ${each}`).join("");
  showPhases();
  showLegend();
  showChoices();
  const fields = () => at("fields").querySelectorAll("input");
  const typed = new Map([...fields()].map(({ dataset, value }) => [dataset.key, value]));
  showFields();
  for (const each of fields()) each.value = typed.get(each.dataset.key) ?? each.value;
  readFields();
  refresh();
  showPlay();
}

function showPhases() {
  const phases = [...new Set(steps.map(({ phase }) => phase))];
  const items = phases.map((phase) => {
    const button = make("button", { type: "button" }, phaseWord(phase));
    const next = () => steps.findIndex((step, i) => i > now.step && step.phase === phase && steps[i - 1].phase !== phase);
    const first = () => steps.findIndex((step) => step.phase === phase);
    button.addEventListener("click", () => (play(false), go(next() < 0 ? first() : next())));
    return make("li", { "data-phase": phase }, button);
  });
  at("phases").replaceChildren(...items);
}

function showLegend() {
  const kinds = ["value", ...(data.steps ? [data.steps > 1 ? "later" : "second"] : []), "local", "gradient"];
  const passes = data.laterPasses.join(", ");
  const marks = data.asked.length
    ? Object.keys(MARKS).filter((each) => each !== "more").map((each) => make("li", { class: each }, `${MARKS[each]} ${word(each)}`))
    : [];
  at("legend").replaceChildren(...kinds.map((kind) => make("li", { class: kind === "later" ? "second" : kind }, ...set(word(`legend ${kind}`, { passes })))), ...marks);
}

function showChoices() {
  const options = [...data.derivations.keys()].map((name) => make("option", { value: name }, levelled(data.symbol(name))));
  at("chosen").replaceChildren(make("option", { value: "" }, word("nothing")), ...options);
}

at("slider").max = steps.length - 1;
startAnswers();
connect();
setLanguage(now.language);
