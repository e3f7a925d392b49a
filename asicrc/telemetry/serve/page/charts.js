// Charts as SVG, drawn anew with each snapshot: a line with its interval over time, and a histogram.
// Every text goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 50, right: 12, top: 16, bottom: 24 };
const STEPS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400];

export function make(tag, parent, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  parent.append(element);
  return element;
}

function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function draw(tag, parent, attributes) {
  const element = put(document.createElementNS(SVG, tag), attributes);
  parent.append(element);
  return element;
}

export function short(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  const rounded = Number(value.toPrecision(digits));
  const size = Math.abs(rounded);
  return size >= 1e6 || (size && size < 1e-4) ? rounded.toExponential() : String(rounded);
}

export function exact(value) {
  return value === null ? "–" : String(Number(value.toPrecision(12)));
}

export function duration(seconds) {
  const s = Math.round(seconds * 100) / 100;
  if (s < 120) return `${s} s`;
  const [days, hours, minutes] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  const rest = Math.floor(s % 60);
  if (days) return `${days} d${hours ? ` ${hours} h` : ""}`;
  if (hours) return `${hours} h${minutes ? ` ${minutes} min` : ""}`;
  return `${minutes} min${rest ? ` ${rest} s` : ""}`;
}

// `series` of a time chart: [{ label, columns: { estimate, low, high, n } }], one entry a bin of `width` seconds.
export function timeView({ width, span, series, unit, bound, fromZero, marks, bridged }) {
  const bins = series[0].columns.estimate.length;
  const at = (i) => Math.min((i + 0.5) * width, (i * width + span) / 2); // the last bin is not full yet
  const text = (c, i) => `${short(c.estimate[i])}${unit} [${short(c.low[i])}, ${short(c.high[i])}]`;
  return {
    xs: Array.from({ length: bins }, (_, i) => at(i)),
    xRange: [0, Math.max(span, 1)],
    xTicks: (pixels) => timeTicks(Math.max(span, 1), pixels),
    yRange: yRange(series, bound, fromZero),
    series, bound, marks, bridged,
    newest: Math.max(...series.map(({ columns }) => columns.estimate.findLastIndex((v) => v !== null))),
    isEmpty: series.every(({ columns }) => columns.estimate.every((v) => v === null)),
    says: (i) => `${duration(i * width)} to ${duration(Math.min((i + 1) * width, span))}: `
      + series.map(({ label, columns }) => (series.length > 1 ? `${label} ` : "") + text(columns, i)).join("; "),
    head: ["from", ...series.flatMap(({ label }) => [label, "low", "high", "n"])],
    rows: () => Array.from({ length: bins }, (_, i) => [duration(i * width), // the newest comes first
      ...series.flatMap(({ columns: c }) => [...[c.estimate[i], c.low[i], c.high[i]].map((v) => short(v)), exact(c.n[i])]),
    ]).reverse(),
  };
}

export function histogramView(found) {
  const { count, expected, low, high, n } = found;
  const step = found.edges_s[1];
  const edges = [...found.edges_s, found.edges_s.at(-1) + step];
  const edge = (i) => short(edges[i], 3);
  const range = (i) => (i === count.length - 1 ? `above ${edge(i)} s` : `${edge(i)} to ${edge(i + 1)} s`);
  return {
    xs: count.map((_, i) => (edges[i] + edges[i + 1]) / 2),
    xRange: [0, edges.at(-1)],
    xTicks: (pixels) => ticks(0, found.edges_s.at(-1), pixels / 75).map((v) => [v, `${short(v)} s`]),
    yRange: [0, Math.max(...count, ...high) * 1.06],
    histogram: { edges, count, expected, low, high },
    newest: 0,
    isEmpty: false,
    says: (i) => `${range(i)}: ${count[i]} of ${n}, expected ${short(expected[i])}, `
      + `95 % within ${low[i]} to ${high[i]}`,
    head: ["interval", "counted", "expected", "low", "high"],
    rows: () => count.map((c, i) => [range(i), String(c), short(expected[i]), String(low[i]), String(high[i])]),
  };
}

export class Plot {
  constructor(parent, id, title, caption) {
    this.figure = make("figure", parent, "chart");
    this.figure.id = id;
    make("h3", this.figure, "", title).id = `${id}-title`;
    this.said = make("span", this.figure, "reading");
    this.frame = make("div", this.figure);
    put(this.frame, {
      role: "slider", tabindex: "0", "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-caption`,
      "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0", "aria-valuetext": "nothing yet",
    });
    this.svg = draw("svg", this.frame, { "aria-hidden": "true" });
    this.caption = make("figcaption", this.figure, "", caption);
    this.caption.id = `${id}-caption`;
    this.details = make("details", this.figure);
    make("summary", this.details, "", `Numbers of “${title}”`);
    const box = make("div", this.details, "table");
    put(box, { tabindex: "0", role: "region", "aria-label": `Numbers of ${title}` });
    this.table = make("table", box);
    this.view = null;
    this.chosen = null;
    this.details.addEventListener("toggle", () => this.#fillTable());
    this.frame.addEventListener("keydown", (event) => this.#key(event));
    this.frame.addEventListener("focus", () => this.#choose(this.chosen ?? this.#newest()));
    this.frame.addEventListener("blur", () => this.#choose(null));
    this.svg.addEventListener("pointermove", (event) => this.#choose(this.#nearest(event)));
    this.svg.addEventListener("pointerleave", () => {
      if (document.activeElement !== this.frame) this.#choose(null);
    });
    new ResizeObserver(() => this.#draw()).observe(this.frame);
  }

  show(view, nothing = "nothing to show yet") {
    this.view = view;
    this.nothing = nothing;
    if (this.chosen !== null && (!view || this.chosen >= view.xs.length)) this.chosen = null;
    this.frame.setAttribute("aria-valuemax", String(Math.max(0, (view?.xs.length ?? 1) - 1)));
    this.#draw();
    this.#fillTable();
  }

  #draw() {
    this.svg.replaceChildren();
    this.figure.classList.toggle("is-empty", !this.view || this.view.isEmpty);
    const [width, height] = [this.frame.clientWidth, this.svg.clientHeight];
    if (!width || !height) return;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const box = { left: MARGIN.left, top: MARGIN.top, right: width - MARGIN.right, bottom: height - MARGIN.bottom };
    if (!this.view || this.view.isEmpty) {
      this.#text(width / 2, height / 2, this.nothing, "none", "middle");
      this.said.textContent = "";
      return;
    }
    const { xRange, yRange: [yLow, yHigh], xs } = this.view;
    const x = (v) => box.left + ((v - xRange[0]) / (xRange[1] - xRange[0])) * (box.right - box.left);
    const y = (v) => box.bottom - ((v - yLow) / (yHigh - yLow)) * (box.bottom - box.top);
    this.x = x;
    for (const v of ticks(yLow, yHigh, 4)) {
      this.#path(this.svg, "grid", `M${box.left} ${round(y(v))}H${box.right}`);
      this.#text(box.left - 6, y(v) + 4, short(v), "", "end");
    }
    for (const [v, label] of this.view.xTicks(box.right - box.left)) {
      this.#path(this.svg, "grid", `M${round(x(v))} ${box.bottom}v4`);
      const anchor = x(v) > box.right - 20 ? "end" : x(v) < box.left + 12 ? "start" : "middle";
      this.#text(x(v), height - 6, label, "", anchor);
    }
    const area = [0, box.top - 3, width, box.bottom - box.top + 6];
    const inner = draw("svg", this.svg, { // a nested one clips
      x: area[0], y: area[1], width: area[2], height: area[3], viewBox: area.join(" "),
    });
    if (this.view.histogram) this.#histogram(inner, x, y);
    else this.#lines(inner, x, y, box);
    this.cursor = this.#path(this.svg, "cursor", "");
    this.box = box;
    this.#showChosen();
  }

  #lines(inner, x, y, box) {
    const { series, bound, marks, bridged, xs } = this.view;
    this.#path(inner, "mark", (marks ?? []).map((v) => `M${round(x(v))} ${box.top}V${box.bottom}`).join(""));
    series.forEach(({ columns: { estimate, low, high } }, which) => {
      const group = draw("g", inner, { class: which ? "second" : "first" });
      const point = (i, v) => `${round(x(xs[i]))} ${round(y(v))}`;
      const pieces = runs(estimate, bridged ?? 0);
      const kept = (v) => Math.max(-1e4, Math.min(1e4, v)); // an interval may be open
      const edge = (run, of) => run.map((i) => `${round(x(xs[i]))} ${round(kept(y(of(i))))}`);
      const band = (run) => [...edge(run, (i) => high[i] ?? Number.MAX_VALUE), ...edge(run, (i) => low[i] ?? 0).reverse()];
      const dot = (run) => (run.length === 1 ? `M${point(run[0], estimate[run[0]])}h0` : "");
      this.#path(group, "band", pieces.map((run) => `M${band(run).join("L")}Z`).join(""));
      this.#path(group, "line", pieces.map((run) => `M${run.map((i) => point(i, estimate[i])).join("L")}`).join(""));
      this.#path(group, "dots", pieces.map(dot).join(""));
    });
    if (bound) {
      this.#path(inner, "bound", `M${box.left} ${round(y(bound.value))}H${box.right}`);
      this.#text(box.right, y(bound.value) - 5, bound.label, "bound-label", "end");
    }
  }

  #histogram(inner, x, y) {
    const { edges, count, expected, low, high } = this.view.histogram;
    const left = (i) => round(x(edges[i]));
    const bar = (i, from, to) => `M${left(i)} ${round(y(from))}V${round(y(to))}H${left(i + 1)}V${round(y(from))}Z`;
    const step = (v, i) => `${i ? "L" : "M"}${left(i)} ${round(y(v))}H${left(i + 1)}`;
    this.#path(inner, "bars", count.map((c, i) => bar(i, 0, c)).join(""));
    this.#path(inner, "expected-band", count.map((_, i) => bar(i, low[i], high[i])).join(""));
    this.#path(inner, "expected", expected.map(step).join(""));
    this.#text(x(edges.at(-1)), y(Math.max(count.at(-1), high.at(-1))) - 5, "longer", "", "end");
  }

  #newest() {
    return this.view && !this.view.isEmpty ? this.view.newest : null;
  }

  #nearest(event) {
    if (this.#newest() === null) return null;
    const at = event.clientX - this.svg.getBoundingClientRect().left;
    const distance = this.view.xs.map((v) => Math.abs(this.x(v) - at));
    return distance.indexOf(Math.min(...distance));
  }

  #key(event) {
    const last = this.#newest() === null ? null : this.view.xs.length - 1;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10,
      Home: -Infinity, End: Infinity };
    if (last === null || !(event.key in steps)) return;
    event.preventDefault();
    this.#choose(Math.max(0, Math.min(last, (this.chosen ?? this.#newest()) + steps[event.key])));
  }

  #choose(index) {
    this.chosen = index;
    this.#showChosen();
    if (index === null) return;
    this.frame.setAttribute("aria-valuenow", String(index));
    this.frame.setAttribute("aria-valuetext", this.view.says(index));
  }

  #showChosen() {
    if (!this.cursor || !this.view || this.view.isEmpty) return;
    const index = this.chosen ?? this.#newest();
    this.said.textContent = this.view.says(index);
    const at = round(this.x(this.view.xs[index]));
    this.cursor.setAttribute("d", this.chosen === null ? "" : `M${at} ${this.box.top}V${this.box.bottom}`);
  }

  #fillTable() {
    if (!this.details.open) return;
    this.table.replaceChildren();
    if (!this.view || this.view.isEmpty) return;
    const head = make("tr", make("thead", this.table));
    this.view.head.forEach((name, i) => make("th", head, i ? "number" : "", name).setAttribute("scope", "col"));
    const body = make("tbody", this.table);
    for (const [first, ...others] of this.view.rows()) {
      const row = make("tr", body);
      make("th", row, "", first).setAttribute("scope", "row");
      for (const value of others) make("td", row, "number", value);
    }
  }

  #path(parent, name, d) {
    return draw("path", parent, { class: name, d });
  }

  #text(x, y, text, name, anchor) {
    draw("text", this.svg, { x: round(x), y: round(y), class: name, "text-anchor": anchor }).textContent = text;
  }
}

const round = (v) => Math.round(v * 10) / 10;

// Indices of the values in pieces; a gap of up to `bridged` is none, for what is read less often than it is drawn.
function runs(values, bridged) {
  const found = [];
  values.forEach((v, i) => {
    if (v === null) return;
    if (found.length && i - found.at(-1).at(-1) <= bridged + 1) found.at(-1).push(i);
    else found.push([i]);
  });
  return found;
}

// The interval of few events reaches far: the scale holds nine in ten of them, and all values.
function yRange(series, bound, fromZero) {
  const known = (name) => series.flatMap(({ columns }) => columns[name]).filter((v) => v !== null);
  const values = [...known("estimate"), ...(bound ? [bound.value] : [])];
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const quantile = (all, share) => all.sort((a, b) => a - b)[Math.round(share * (all.length - 1))];
  high = Math.max(high, quantile(known("high"), 0.9));
  low = fromZero ? 0 : Math.min(low, quantile(known("low"), 0.1));
  if (!(high > low)) [low, high] = fromZero ? [0, high || 1] : [low - 1, low + 1];
  const room = (high - low) * 0.08;
  return [fromZero ? 0 : low - room, high + room];
}

function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((s) => s * power >= rough) * power;
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i += 1) found.push(i * step);
  return found;
}

function timeTicks(span, pixels) {
  const rough = span / Math.max(1, Math.floor(pixels / 80));
  const step = STEPS_S.find((s) => s >= rough) ?? 86400 * Math.ceil(rough / 86400);
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => [i * step, duration(i * step)]);
}
