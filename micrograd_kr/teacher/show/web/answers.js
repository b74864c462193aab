// The answers: what a person types for each number that is asked for is judged, kept, saved to a file and loaded from
// one; in practice the page's own numbers are hidden until then.

// texts: as typed. tried: what is judged of it; in practice what Enter was pressed for, else all. shown: the numbers whose
// answer was asked for. hints: how much of its working is shown. rows: each answer with its verdict and what is said.
const answers = { texts: new Map(), tried: new Map(), shown: new Set(), hints: new Map(), open: new Set() };
let exercise = null; // read once
const soon = window.requestIdleCallback ?? ((then) => setTimeout(then, 1));
const cancel = window.cancelIdleCallback ?? clearTimeout;
let waiting = 0; // for the causes

// --- judging ---------------------------------------------------------------------------------------------------------

const isAsGiven = () => data.asked.every(({ name, text }) => (answers.tried.get(name) ?? "") === text);

// Verdicts at once, causes when there is time. What stands on the sheet as it came was judged by micrograd-kr.
function judgeAnswers() {
  cancel(waiting);
  if (isAsGiven()) return take({ rows: data.hand, first: data.firstWrong, remarks: data.remarks });
  const cells = data.asked.flatMap(({ name }) => (answers.tried.get(name) ? [[name, answers.tried.get(name)]] : []));
  const found = judged(exercise, cells);
  const asTold = (rows) => rows.map((row) => rowOf(row, cells.length));
  take({ rows: inListOrder(asTold(found.rows)), first: null, remarks: [] });
  waiting = soon(() => {
    const { rows, firstWrong, areFloats } = explained(found);
    const list = inListOrder(asTold(rows));
    take({ rows: list, first: firstWrong, remarks: areFloats ? [noteOf("allInFloat32")] : [] });
    showAnswers();
  }, { timeout: 300 }); // milliseconds, however busy
}

// What is right opens the page's own number, but for one of so few digits that it may be guessed.
const TOLD = 3; // digits
function take(found) {
  Object.assign(answers, found);
  const isTold = ({ hand, difference, value }) =>
    Math.abs(difference) <= 4 * ulp(value) || hand.replace(/e.*|[^0-9]/gi, "").replace(/^0+/, "").length >= TOLD;
  const isRight = (row) => (row.verdict === "match" || row.verdict === "rounding") && isTold(row);
  answers.open = new Set([...answers.shown, ...found.rows.filter(isRight).map(({ name }) => name)]);
}

const inListOrder = (rows) => rows.sort((a, b) => data.places.get(a.name).place - data.places.get(b.name).place);

// A note of micrograd-kr's, or a sentence of the page's own.
const noteOf = (name, words = {}) => inBoth((lang) => inWords(exercise.mistakes, lang, exercise.mistakes.notes[name], words));
const wordOf = (key) => inBoth((lang) => data.words[lang][key]);

// A row as it is shown. What a slip of a pen was tells the number, which in practice is still to be found.
function rowOf({ name, hand, value, verdict, follows, cause, notes, needsNone, isFloat }) {
  const text = answers.tried.get(name);
  const said = [];
  if (cause) said.push(data.practice && cause.isOfAPen ? noteOf("aSlip") : causeOf(name, cause));
  if (notes.isWorking) said.push(noteOf("working"));
  if (verdict === "undecided") said.push(noteOf("fewDecimals", { due: notes.few }));
  if (notes.isCoarse) said.push(noteOf("fewerDecimals"));
  if (isFloat) said.push(noteOf("inFloat32"));
  else if (verdict === "wrong" && notes.few) said.push(noteOf("notUpdated"));
  if (verdict === "more") said.push(wordOf("knows more"));
  else if (needsNone === false && verdict === "wrong" && !follows && !cause) said.push(wordOf("knows the cause"));
  const { key } = data.places.get(name);
  const difference = hand ? value - hand.number : NaN;
  return { name, key, hand: hand?.text ?? text, value, difference, verdict, follows, said, parts: [] };
}

// One that stands above already is only referred to.
function causeOf(name, { said, same }) {
  const [first] = [name, ...same].sort((a, b) => data.places.get(a).place - data.places.get(b).place);
  if (first !== name) return noteOf("sameAs", { name: first });
  const { mistakes } = exercise;
  const and = (lang) => inWords(mistakes, lang, mistakes.notes.sameAt, { cause: said[lang], names: same.join(", ") });
  return same.length ? inBoth(and) : said;
}

// --- what is hidden in practice --------------------------------------------------------------------------------------

const namesAt = (keys) => data.asked.filter(({ key }) => keys.includes(key)).map(({ name }) => name);
const areOpen = (names) => names.every((name) => answers.open.has(name));

// What is asked for in a step, or else in the next that asks for anything; after the last everything.
function askedFrom(step) {
  const next = steps.slice(step).find(({ gives }) => namesAt(gives).length);
  return next ? namesAt(next.gives) : [...data.places.keys()];
}

// A number is open with its answer, one that nobody asks for with those of its step.
function isHidden(key) {
  if (!data.practice || key === "lr" || data.numbers.has(key)) return false;
  const own = namesAt([key]);
  if (own.length) return !own.some((name) => answers.open.has(name));
  const step = steps.findIndex(({ gives }) => gives.includes(key));
  return !areOpen(step < 0 ? [...data.places.keys()] : askedFrom(step));
}

// How much of a step is shown: 0 nothing, 1 the form, 2 what stands in it, too.
function shownOf(step) {
  if (!data.practice) return 2;
  const isDone = (name) => answers.tried.has(name) || answers.open.has(name);
  return Math.max(...askedFrom(step).map((name) => (isDone(name) ? 2 : (answers.hints.get(name) ?? 0))));
}

// Whether some number about a quantity was tried, so that its derivation may be read.
function isTried(name) {
  const gradient = gradientKey(data.loss, name);
  const about = data.asked.filter(({ key }) => [name, gradient, later(name, "+", 1)].includes(key));
  return !data.practice || about.some(({ name }) => answers.tried.has(name) || answers.open.has(name));
}

// --- fields ----------------------------------------------------------------------------------------------------------

function answerField(name) {
  const field = make("input", {
    type: "text",
    class: "pencil",
    "data-answer": name,
    "aria-label": levelled(`${data.symbol(name)}: ${word("by hand")}`),
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    enterkeyhint: "done",
  });
  field.value = answers.texts.get(name) ?? "";
  field.addEventListener("input", () => typed(field, name));
  field.addEventListener("change", () => data.practice && tried(name));
  return field;
}

function typed(field, name) {
  answers.texts.set(name, field.value);
  for (const other of fieldsOf(name)) if (other !== field) other.value = field.value;
  if (data.practice) answers.tried.delete(name);
  else tried(name);
}

const fieldsOf = (name) => [...document.querySelectorAll("[data-answer]")].filter(({ dataset }) => dataset.answer === name);

// A number is judged; in practice more of the page may open by it.
function tried(name) {
  const text = (answers.texts.get(name) ?? "").trim();
  if (text) answers.tried.set(name, text);
  else answers.tried.delete(name);
  keep();
  opening(judgeAnswers);
}

// What changes an answer, and shows what opens by it; where one was typed, one is typed on.
function opening(change) {
  const before = answers.open.size;
  change();
  if (!data.practice || (answers.open.size === before && !answers.tried.size)) return showAnswers();
  const { dataset: { answer } = {}, selectionStart } = document.activeElement ?? {};
  const isInStep = at("compared").contains(document.activeElement);
  redraw();
  choose(now.chosen);
  showHand();
  if (answer === undefined) return;
  const field = fieldsOf(answer).find((each) => at("compared").contains(each) === isInStep) ?? fieldsOf(answer)[0];
  field?.focus({ preventScroll: true });
  field?.setSelectionRange(selectionStart, selectionStart);
}

// --- showing ---------------------------------------------------------------------------------------------------------

const answerTo = (name) => answers.rows.find((row) => row.name === name);
const isOpen = (name) => !data.practice || answers.open.has(name);

// Everything that is said of the answers, where it stands.
function showAnswers() {
  for (const each of document.querySelectorAll("[data-outcome]")) showOutcome(each);
  showCounts();
  paint(steps[now.step]);
  at("near").replaceChildren(...neighbourhood(steps[now.step]));
  arrange();
}

function showOutcome(place) {
  const name = place.dataset.outcome;
  const row = answerTo(name);
  place.className = `${place.dataset.as} ${row?.verdict ?? ""}`;
  const show = { answer: showBeside, row: showInList, said: showBelow }[place.dataset.as];
  show(place, row, name);
}

// At its step: the field, then the engine's number and the verdict, and below what is said.
function answerAt(name) {
  const label = set(`${data.symbol(name)}: ${word("by hand")} `);
  const line = make("p", { class: "compared" }, ...label, answerField(name), make("span", { class: "outcome" }));
  const place = make("div", { "data-outcome": name, "data-as": "answer" }, line, make("div"));
  showOutcome(place);
  return place;
}

function showBeside(place, row, name) {
  const [line, below] = place.children; // the field stays where it is, since somebody types into it
  line.className = `compared ${row?.verdict ?? ""}`;
  const more = row?.verdict === "more" ? [pressing("save", save)] : [];
  line.lastChild.replaceChildren(...(row ? besides(row) : []), ...(data.practice ? helps(name) : []), ...more);
  below.replaceChildren(...(row ? saidOf(row).map(remark) : []));
}

const besides = (row) => [
  ...(isOpen(row.name) && row.verdict !== "more"
    ? [
        make("span", { class: "engine" }, ` · ${word("engine")} ${signed(shown(row.value, now.digits))} `),
        make("span", { class: "apart" }, `· ${word("difference")} ${difference(row)} `),
      ]
    : [" "]),
  verdict(row),
];

// A hint, as long as there is one; after a try the answer.
function helps(name) {
  if (answers.open.has(name)) return [];
  const isFailed = answers.tried.has(name);
  const more = !isFailed && (answers.hints.get(name) ?? 0) < 2;
  return [
    ...(more ? [pressing("hint", () => (answers.hints.set(name, (answers.hints.get(name) ?? 0) + 1), show()))] : []),
    ...(isFailed ? [pressing("reveal", () => (answers.shown.add(name), keep(), opening(judgeAnswers)))] : []),
  ];
}

function pressing(key, then, attributes = {}) {
  const button = make("button", { type: "button", class: `help ${key}`, ...attributes }, word(key));
  button.addEventListener("click", then);
  return button;
}

// In the list: a row for each number, and one below for what is said of it.
function showInList(place, row, name) {
  const [, , engine, apart, told] = place.children;
  const key = data.places.get(name).key;
  const isTold = row && row.verdict !== "more" && isOpen(name);
  engine.textContent = isTold ? signed(shown(row.value, now.digits)) : answers.shown.has(name) ? text(key) : "";
  apart.textContent = isTold ? difference(row) : "";
  told.replaceChildren(...(row ? [verdict(row)] : []));
}

function showBelow(place, row) {
  const said = row ? saidOf(row) : [];
  place.hidden = !said.length;
  place.replaceChildren(make("td", { colspan: "5", class: "said" }, ...said.map((each) => make("p", {}, each))));
}

function answerTable() {
  const head = ["quantity", "by hand", "engine", "difference", "verdict"].map((each) =>
    make("th", { scope: "col", class: each }, word(each)),
  );
  const rows = data.asked.flatMap(({ name }) => {
    const cells = [make("td", {}, answerField(name)), make("td"), make("td", { class: "difference" }), make("td")];
    const row = make("tr", { "data-outcome": name, "data-as": "row" }, make("th", { scope: "row" }, jump(data.places.get(name))), ...cells);
    return [row, make("tr", { "data-outcome": name, "data-as": "said" })];
  });
  return make(
    "table",
    {},
    make("caption", { class: "unseen" }, word("hand")),
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...rows),
  );
}

// --- kept, saved, loaded, erased -------------------------------------------------------------------------------------

// The exercise's own key: its title and its numbers, so that no two sheets of a class have one.
const storedAs = () => `micrograd-kr ${JSON.stringify([data.title, data.lr, data.practice, ...data.numbers])}`;

// A browser may refuse to keep anything: then it is gone with the page.
function stored(act) {
  try {
    return act(localStorage);
  } catch {
    return null;
  }
}

function keep() {
  const { texts, shown } = answers;
  stored((storage) => storage.setItem(storedAs(), JSON.stringify({ texts: [...texts], tried: [...answers.tried], shown: [...shown] })));
}

function startAnswers() {
  exercise ??= readExercise(data.check);
  const kept = JSON.parse(stored((storage) => storage.getItem(storedAs())) ?? "null");
  const asked = (pairs) => new Map(pairs.filter(([name]) => data.places.has(name)));
  const given = data.asked.filter(({ text }) => text).map(({ name, text }) => [name, text]);
  answers.texts = asked(kept?.texts ?? given);
  answers.tried = asked(kept?.tried ?? given);
  answers.shown = new Set(kept?.shown ?? []);
  answers.hints.clear();
  judgeAnswers();
}

function erase() {
  if (!confirm(word("erase?"))) return;
  stored((storage) => storage.removeItem(storedAs()));
  startAnswers();
  refresh();
  at("told").textContent = "";
}

// The sheet as a file that check reads.
function sheet() {
  const quoted = (text) => JSON.stringify(text).replaceAll("\u007f", "\\u007f");
  const lines = data.asked.flatMap(({ name, isOwn }) => {
    const text = (answers.texts.get(name) ?? "").trim();
    return text || isOwn ? [`${quoted(name)} = ${quoted(text)}\n`] : [];
  });
  return `${data.file.head}\n[hand]\n${lines.join("")}`;
}

function save() {
  const link = make("a", { href: URL.createObjectURL(new Blob([sheet()], { type: "text/plain" })), download: data.file.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function load(file) {
  const told = (key, words = {}) => (at("told").textContent = word(key, { file: file.name, ...words }));
  if (file.size > 1e6) return told("too large");
  const { lines, trouble } = handIn(await file.text());
  if (trouble) return told(...trouble);
  for (const [name, text] of lines) answers.texts.set(name, text), answers.tried.set(name, text);
  for (const [name, text] of lines) if (!text) answers.tried.delete(name);
  keep();
  judgeAnswers();
  refresh();
  told("loaded", { count: [...lines.values()].filter(Boolean).length });
}

// The lines of a sheet's [hand], and what is the trouble with it, if anything is.
const LINE = /^\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^\s="'#[]+)\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'#[{]+)\s*(?:#.*)?$/;
function handIn(text) {
  const all = text.split(/\r?\n/);
  const isTable = (line) => /^\s*\[/.test(line);
  const start = all.findIndex((line) => /^\s*\[\s*hand\s*\]\s*(#.*)?$/.test(line));
  if (start < 0) return { trouble: ["no table"] };
  const end = all.findIndex((line, i) => i > start && isTable(line));
  const lines = new Map();
  for (let i = start + 1; i < (end < 0 ? all.length : end); i++) {
    if (/^\s*(#.*)?$/.test(all[i])) continue;
    const [typedName, typedText] = (LINE.exec(all[i]) ?? []).slice(1).map(unquoted);
    if ((typedText ?? null) === null || typedName === null) return { trouble: ["no line", { line: i + 1, text: all[i].trim() }] };
    const name = [typedName, exercise.reading.spelled(typedName)].find((each) => data.places.has(each));
    if (!name) return { trouble: ["not asked", { line: i + 1, name: typedName }] };
    if (lines.has(name)) return { trouble: ["twice", { line: i + 1, name }] };
    lines.set(name, typedText);
  }
  return { lines };
}

// What a text of TOML says; null for one that cannot be read.
function unquoted(text) {
  if (text.startsWith("'")) return text.slice(1, -1);
  if (!text.startsWith('"')) return text;
  const wide = text.replace(/\\U0*([0-9a-fA-F]{1,6})/g, (_, code) => String.fromCodePoint(parseInt(code, 16)));
  try {
    return JSON.parse(wide.replace(/\t/g, "\\t").replace(/\\e/g, "\\u001b"));
  } catch {
    return null;
  }
}
