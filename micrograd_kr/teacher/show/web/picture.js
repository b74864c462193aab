// The picture: boxes in columns, lines between them, and what lights up in a step. Where the boxes stand in their
// columns comes with the data; how large they are depends on the numbers.

const SVG = "http://www.w3.org/2000/svg";
const ROW = 17; // heights and distances in pixels
const PADDING = 8;
const MARK = 13; // width of ✓
const CROWDED = 8; // boxes in a column
const GAP = { column: 20, box: 12, empty: 10 };

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Low and high indices, W₅⁺, are set as such: their own characters are dots in many a Korean font.
const INDICES = { low: "₀₁₂₃₄₅₆₇₈₉", high: "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁽⁾" };
const LEVEL = "0123456789+()";
const levelled = (text) =>
  text.replace(/[₀-₉⁰¹²³⁴-⁹⁺⁽⁾]/g, (each) => LEVEL[Math.max(...Object.values(INDICES).map((all) => all.indexOf(each)))]);

// A text in pieces: what stands low, high and level, each as `set` makes it.
function pieces(text, set) {
  const level = (piece) => Object.keys(INDICES).find((each) => INDICES[each].includes(piece[0])) ?? "";
  return (text.match(/[₀-₉]+|[⁰¹²³⁴-⁹⁺⁽⁾]+|[^₀-₉⁰¹²³⁴-⁹⁺⁽⁾]+/g) ?? []).map((each) => set(levelled(each), level(each)));
}

// In the picture an index is moved, and what comes after it is moved back.
function indexed(text) {
  const MOVED = { low: 3, high: -4, "": 0 };
  let at = 0;
  return pieces(text, (piece, level) => {
    const made = svg("tspan", { dy: MOVED[level] - at, ...(level && { class: "index" }) }, piece);
    at = MOVED[level];
    return made;
  });
}

// The rows of a box: the key of each number that some step gives, its kind, and what it is called there.
// In a crowded column only quantities and their gradients have room.
function rowsOf({ rows, names, flow }, { shown, symbol }, crowded) {
  const room = ([key, kind]) => shown.has(key) && !(crowded && names.length && ["local", "flow"].includes(kind));
  const called = ([key, kind]) => (kind === "flow" ? `← ${symbol(flow[0])}` : symbol(key));
  return rows.filter(room).map(([key, kind]) => ({ key, kind, label: called([key, kind]) }));
}

const measure = document.createElement("canvas").getContext("2d");
function widthOf(text, font) {
  measure.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
  return measure.measureText(text).width;
}

// Every box with its rows, place and size: Map from its key to {box, rows, x, y, width, height}; y is its middle.
function layout(data, text) {
  const placed = new Map();
  let x = 2;
  for (const column of data.columns) {
    let widest = 0;
    for (const key of column) {
      const box = data.boxes.get(key);
      const rows = box ? rowsOf(box, data, column.length > CROWDED) : [];
      const widths = rows.map(
        (row) => widthOf(levelled(row.label), row.kind === "value" ? "bold 13px" : "12px") + widthOf(text(row.key), "bold 12px"),
      );
      const width = rows.length ? Math.max(...widths) + 2 * PADDING + MARK + 8 : 0;
      placed.set(key, { box, rows, x, y: 0, width, height: rows.length ? rows.length * ROW + 2 * PADDING - 4 : 0 });
      widest = Math.max(widest, width);
    }
    for (const key of column) Object.assign(placed.get(key), { width: widest });
    x += widest + GAP.column;
  }
  spread(data, placed);
  const bottom = Math.max(...[...placed.values()].map(({ y, height }) => y + height / 2));
  return { placed, width: x - GAP.column + 2, height: bottom + 4 };
}

// Heights: each box moves towards the middle of what it is joined to, and boxes of a column keep their order and
// distance; from the right, from the left, and again.
function spread({ columns, routes }, placed) {
  const joined = new Map([...placed.keys()].map((key) => [key, []]));
  for (const [from, places] of routes) {
    places.reduce((before, after) => (joined.get(before).push(after), joined.get(after).push(before), after), from);
  }
  for (const column of columns) pack(column.map((key) => placed.get(key)));
  const sweep = [...columns.keys()];
  for (const i of [...sweep.reverse(), ...sweep.reverse(), ...sweep.reverse(), ...sweep.reverse()]) {
    for (const key of columns[i]) {
      const others = joined.get(key).map((each) => placed.get(each).y);
      if (others.length) placed.get(key).y = others.reduce((a, b) => a + b) / others.length;
    }
    pack(columns[i].map((key) => placed.get(key)));
  }
  const top = Math.min(...[...placed.values()].map(({ y, height }) => y - height / 2));
  for (const each of placed.values()) each.y += 4 - top;
}

// Boxes of one column in their order without overlap: halfway between pushing down from the top and up from the bottom.
function pack(boxes) {
  const apart = (one, other) => (one.height + other.height) / 2 + (one.height && other.height ? GAP.box : GAP.empty);
  const down = boxes.map(({ y }) => y);
  const up = [...down];
  for (let i = 1; i < boxes.length; i++) down[i] = Math.max(down[i], down[i - 1] + apart(boxes[i - 1], boxes[i]));
  for (let i = boxes.length - 1; i > 0; i--) up[i - 1] = Math.min(up[i - 1], up[i] - apart(boxes[i - 1], boxes[i]));
  boxes.forEach((box, i) => (box.y = (down[i] + up[i]) / 2));
}

// A curve from the right side of one box through empty places to the left side of another.
function curve(from, places, width) {
  let path = `M${from.x + from.width},${from.y}`;
  let [x, y] = [from.x + from.width, from.y];
  for (const to of places) {
    const middle = (x + to.x) / 2;
    path += ` C${middle},${y} ${middle},${to.y} ${to.x},${to.y}`;
    if (to.height === 0) path += ` H${to.x + to.width}`;
    [x, y] = [to.x + to.width, to.y];
  }
  return path;
}

// Draw everything; returns what a step changes: the drawn rows, lines and boxes by key.
function draw(picture, data, text, title) {
  const { placed, width, height } = layout(data, text);
  const drawn = { rows: new Map(), lines: new Map(), boxes: new Map(), placed };
  picture.replaceChildren(svg("title", {}, title));
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.style.setProperty("--width", width);
  picture.style.setProperty("--height", height);
  for (const [from, places] of data.routes) {
    const line = svg("path", {
      class: "line",
      d: curve(
        placed.get(from),
        places.map((each) => placed.get(each)),
      ),
    });
    drawn.lines.set(`${from}>${places.at(-1)}`, line);
    picture.append(line);
  }
  for (const [key, place] of placed) {
    if (!place.box) continue;
    const box = drawBox(place, data, text, drawn.rows);
    drawn.boxes.set(key, box);
    picture.append(box);
  }
  drawn.dot = svg("circle", { class: "dot", r: 6, visibility: "hidden", "aria-hidden": "true" });
  picture.append(drawn.dot);
  return drawn;
}

function drawBox({ box, rows, x, y, width, height }, { symbol }, text, drawnRows) {
  const top = y - height / 2;
  const group = svg("g", { class: `box ${box.kind}` }, svg("rect", { x, y: top, width, height, rx: 8 }));
  rows.forEach(({ key, label, kind }, i) => {
    const base = top + PADDING + i * ROW + 11;
    const number = svg("text", { class: "number", x: x + width - PADDING - MARK, y: base }, `${text(key)} `);
    const mark = svg("text", { class: "mark", x: x + width - PADDING - MARK + 3, y: base });
    const back = svg("rect", { class: "back", x: x + 3, y: base - 13.5, width: width - 6, height: ROW - 1, rx: 4 });
    const row = svg(
      "g",
      { class: `row ${kind}` },
      back,
      svg("text", { class: "label", x: x + PADDING, y: base }, ...indexed(`${label} `)),
      number,
      mark,
    ); // the blanks are heard, not seen
    drawnRows.set(key, { row, number, mark });
    group.append(row);
  });
  if (box.names.length) {
    group.setAttribute("role", "button");
    group.setAttribute("tabindex", "0");
    group.dataset.names = box.names.join(" ");
  }
  return group;
}

// The lines along which a contribution travels from a target back to a source: keys of lines, in that order.
function way(data, source, target) {
  const stop = [...data.boxes].find(([, { flow }]) => flow && flow[0] === source && flow[1] === target)?.[0];
  const [from, to] = [data.home.get(source), data.home.get(target)];
  return (stop ? [`${stop}>${to}`, `${from}>${stop}`] : [`${from}>${to}`]).filter((key) => data.lines.has(key));
}

// The dot travels once along lines, from their ends to their beginnings (or the other way).
function travel(dot, lines, backwards, milliseconds) {
  const lengths = lines.map((line) => line.getTotalLength());
  const began = performance.now();
  dot.setAttribute("visibility", "visible");
  let frame = 0;
  const move = (now) => {
    const part = Math.max(0, Math.min(1, (now - began) / milliseconds)) * lines.length;
    const i = Math.min(lines.length - 1, Math.floor(part));
    const { x, y } = lines[i].getPointAtLength((backwards ? 1 - (part - i) : part - i) * lengths[i]);
    dot.setAttribute("transform", `translate(${x},${y})`);
    if (part < lines.length) frame = requestAnimationFrame(move);
    else dot.setAttribute("visibility", "hidden");
  };
  frame = requestAnimationFrame(move);
  return () => (cancelAnimationFrame(frame), dot.setAttribute("visibility", "hidden"));
}
