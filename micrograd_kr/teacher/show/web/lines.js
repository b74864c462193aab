// Worked lines, 0.3 - 0.5*0.02 = 0.3 - 0.01 = 0.29: arithmetic first, then the quantity.

// What stands in a worked line, with how far it is known: a number, or what a name stands for, in a later pass that of
// its own. exact: what is exact wherever it is written, besides ½ and what the exercise starts from.
function leafOf(sheet, asked, number, name, exact = []) {
  const { reading, start, asked: all, quantities } = sheet.exercise;
  if (number) {
    const { decimals, unit, number: value } = reading.number(number);
    const isExact = !decimals || [0.5, ...start.values(), ...exact].some((each) => isClose(value, each));
    return { value, unit: isExact ? 0 : unit };
  }
  const meant = inPass(sheet.exercise, name, asked.stage[0]);
  if (start.has(meant)) return { value: start.get(meant), unit: 0 };
  const written = sheet.hands.get(meant);
  if (written) return { value: written.hand.number, unit: knownBy(sheet, written) };
  const value = all.get(meant)?.value ?? quantities.get(meant)?.value;
  if (value === undefined) throw new NotRead();
  return { value, unit: 0 };
}

function inPass({ marks }, name, pass) {
  if (!pass || name.includes("@")) return name;
  if (name.includes("/")) return `${name}@${pass}`;
  return marks.has(name) ? later(name, marks.get(name), pass) : name;
}

// How far a number on the sheet is known; what is right and has lost its zeros better than to its decimals.
function knownBy(sheet, { hand, asked }) {
  const apart = off(hand, asked.value);
  if (apart <= 4 * ulp(asked.value)) return 0;
  return sheet.kept ? Math.min(hand.unit, Math.max(sheet.step(asked), apart)) : hand.unit;
}

const isClose = (a, b) => Math.abs(a - b) <= NOISE * Math.max(Math.abs(a), Math.abs(b));

// What a worked line makes of its number: whether it is wrong, since an "=" does not hold or a part is none of the
// quantity's; whether that explains a wrong number; whether a part is off by rounding.
function lineOf(sheet, judged) {
  const { sides, hand, verdict, value } = judged;
  if (sides.length < 2) return { isRead: true, isWrong: verdict === "wrong", explains: judged.decimals > 0 };
  const parts = readOr(null, () => readParts(sheet, judged));
  if (!parts) return { isRead: false };
  const leaf = { name: "#0", value: hand.number, unit: hand.unit };
  const all = [...parts, { form: leaf, value: leaf.value, unit: leaf.unit, leaves: [leaf] }];
  const slip = parts.findIndex((part, i) => !areOne(sheet, part, all[i + 1]));
  const agree = parts.map((part) => agrees(sheet, part, judged));
  const apart = (part) => (verdict === "wrong" ? Math.abs(part.value - value) : off(hand, part.value));
  return {
    isRead: true,
    isWrong: verdict === "wrong" || slip >= 0 || !agree.every(Boolean),
    explains: (slip >= 0 && agree[slip]) || judged.decimals > 0,
    isRounded: parts.some((part) => apart(part) > hand.unit / 2 + 4 * ulp(part.value)),
  };
}

// The parts before the number: each as a form in leaves of its own, what it comes to, and how far its leaves are known.
function readParts(sheet, { sides, asked }) {
  const exact = [];
  return sides.slice(0, -1).map((text) => {
    const leaves = [];
    const form = sheet.exercise.reading.expression(text, (number, name) => {
      leaves.push({ ...leafOf(sheet, asked, number, name, exact), name: `#${leaves.length}` });
      return leaves.at(-1);
    });
    exact.push(...exactIn(form));
    return { form, value: form.value, unit: Math.max(0, ...leaves.map(({ unit }) => unit)), leaves };
  });
}

// What the operations of a form come to that have nothing but exact numbers in them.
function exactIn(form) {
  const isExact = ({ rule, of, unit }) => (rule ? of.every(isExact) : !unit);
  return [...(isExact(form) ? [form.value] : []), ...(form.of ?? []).flatMap(exactIn)];
}

// How far rounding may have moved a side, where what lies between is rounded to a unit.
function errorOf(sheet, { form, leaves }, unit = 0) {
  const known = new Map(leaves.map((leaf) => [leaf.name, leaf.unit]));
  const precision = new Precision(unit);
  return new RunningError(sheet.exercise.quantities, known, sameEverywhere(precision)).of(form, precision, true);
}

// Whether two sides are one number, within rounding.
function areOne(sheet, left, right) {
  const apart = Math.abs(left.value - right.value);
  const slack = NOISE * Math.max(Math.abs(left.value), Math.abs(right.value));
  if (!Number.isFinite(apart)) return false;
  return apart <= slack || apart + slack < errorOf(sheet, left, right.unit || left.unit) + errorOf(sheet, right);
}

// Whether a side comes to the quantity, within the rounding of both.
function agrees(sheet, side, { value, error }) {
  const apart = Math.abs(side.value - value);
  return Number.isFinite(apart) && apart <= error + errorOf(sheet, side) + NOISE * Math.abs(value);
}
