// The page: takes snapshots from the server and puts their words and numbers where they belong.
// Strings may come from a device or from somebody else's file: they are only ever set as text.

import { Plot, exact, histogramView, make, short, timeView } from "./charts.js";

const byId = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const CALM_MS = 5000; // between two changes of the page, for those who want little to move
const BRIDGED = 4; // bins without a reading that a line goes on over
const NEAR = 0.005; // of what was asked for: a regulator has steps
const SUMMARY_MS = 30000; // a screen reader is not told every second
const WORDS = { running: ["being written", "good"], silent: ["silent", "bad"], sealed: ["sealed", "not resolved"] };
const KINDS = { original: "as it was before", set: "set", restored: "put back", made_safe: "made safe" };

let source = null;
let held = false;
let newest = null;
let shownAt = -Infinity;
let summaryAt = -Infinity;
let lastState = "";
let waiting = 0;

const plots = {
  rate: plot("rate", "Share rate, per second",
    "Distinct proofs that hold, a second, in each stretch of time; dotted lines: points of the plan."),
  intervals: plot("intervals", "Intervals between shares",
    "Counted (bars) beside what an exponential law of the same mean would give (orange line, 95 % of counts in "
    + "the shade). A chip on its own line follows its scan order, which is no Poisson process."),
  cv: plot("cv", "CV of the intervals",
    "Standard deviation over mean; 1 for a Poisson process. A stretch with two points of a plan in it mixes both."),
  errors: plot("errors", "Invalid share, %",
    "Proofs that do not hold, or could not be read, of all that were checked."),
  temperature: plot("temperature", "Temperature, °C", "Mean of the readings; shaded from the lowest to the highest."),
  power: plot("power", "Power, W", "Mean of the readings; shaded from the lowest to the highest."),
};

function plot(id, title, caption) {
  return new Plot(byId("figures"), id, title, caption);
}

function say(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

function show(snapshot) {
  say("name", snapshot.name);
  document.title = `${snapshot.name}: asicrc`;
  byId("notice").hidden = !snapshot.problem;
  document.body.classList.toggle("is-old", Boolean(snapshot.problem));
  if (snapshot.problem) {
    say("problem", snapshot.problem.message);
    say("try", snapshot.problem.try ? `Try: ${snapshot.problem.try}` : "");
    chip("nothing to read", "bad");
    say("state-words", byId("content").hidden ? "" : "what is below was seen before");
    return;
  }
  byId("content").hidden = false;
  const { words, numbers } = snapshot;
  chip(...WORDS[snapshot.state]);
  say("state-words", words.state);
  say("device", snapshot.device);
  say("remark", snapshot.remark);
  say("counted", words.counted);
  say("now-title", snapshot.state === "sealed" ? "At its end" : "Now");
  tiles(words, numbers);
  plan(words.point, numbers.point);
  charts(snapshot);
  settings(numbers.settings);
  log(numbers.log);
  summary(words.summary, snapshot.state);
}

function chip(text, verdict) {
  say("state", text);
  byId("state").dataset.verdict = verdict;
}

function tiles(words, { rate_per_s: rate, cv, invalid_share: errors, readings }) {
  const others = words.readings.filter((text) => !/ (degC|W)$/.test(text)).join(", ");
  const beside = (found, scale, unit) => found
    && `95 %: ${short(scale * found.low, 3)} to ${short(scale * found.high, 3)}${unit}; n = ${found.n}, ${words.window}`;
  const found = [ // name, value, what stands below it, and what instead where there is no value
    ["share rate", rate && `${short(rate.estimate, 3)}/s`, beside(rate, 1, ""), "no time was recorded yet"],
    ["CV of the intervals", cv && short(cv.estimate), beside(cv, 1, ""), "fewer than 20 intervals in this time"],
    ["invalid", errors && `${short(100 * errors.estimate, 3)} %`, beside(errors, 100, " %"),
      "no event was checked in this time"],
    ["temperature", "temperature_c" in readings && `${short(readings.temperature_c)} °C`, "newest reading"],
    ["power", "power_w" in readings && `${short(readings.power_w)} W`, "newest reading"],
    ["other readings", null, others],
  ];
  const list = byId("tiles");
  if (!list.children.length) {
    for (const [name] of found) {
      const tile = make("div", list, "tile");
      make("dt", tile, "", name);
      const value = make("dd", tile);
      make("span", value, "value");
      make("span", value, "beside words");
    }
  }
  found.forEach(([name, value, below, otherwise], i) => {
    const [big, small] = list.children[i].querySelectorAll("span");
    const isOthers = name === "other readings";
    list.children[i].hidden = isOthers && !below;
    big.textContent = value || (isOthers ? "" : "–");
    small.textContent = value || isOthers ? below : otherwise ?? "the device has not told it";
  });
}

function plan(text, point) {
  byId("sweep").hidden = !text;
  if (!text) return;
  say("point", text);
  const share = point.share_left === null ? point.taken / point.planned : 1 - point.share_left;
  byId("progress").value = share;
  byId("progress").textContent = `${Math.round(100 * share)} %`;
}

function charts({ series, histogram, points }) {
  plots.intervals.show(histogram && histogramView(histogram), "fewer than 20 intervals so far");
  const overTime = (name, list, unit, nothing, more = {}) => {
    const common = series && { width: series.width_s, span: series.span_s, marks: points.map((point) => point.t_s) };
    const view = series && list.length ? timeView({ ...common, series: list, unit, ...more }) : null;
    plots[name].show(view, series ? nothing : "reading the file from its beginning");
  };
  const columns = (label, found) => (series ? [{ label, columns: found(series) }] : []);
  const readings = (pattern) => Object.entries(series?.readings ?? {})
    .filter(([name]) => pattern.test(name)).map(([label, found]) => ({ label, columns: found }));
  overTime("rate", columns("rate", (s) => s.rate_per_s), "/s", "no share so far", { fromZero: true });
  overTime("cv", columns("CV", (s) => s.cv), "", "fewer than 20 intervals so far",
    { bound: { value: 1, label: "Poisson process" } });
  overTime("errors", columns("invalid", (s) => inPercent(s.invalid_share)), " %", "no event was checked so far",
    { fromZero: true });
  overTime("temperature", readings(/^temperature/), " °C", "the device tells no temperature", { bridged: BRIDGED });
  overTime("power", readings(/^power/), " W", "the device tells no power", { bridged: BRIDGED });
}

function inPercent({ estimate, low, high, n }) {
  const scaled = (values) => values.map((value) => (value === null ? null : 100 * value));
  return { estimate: scaled(estimate), low: scaled(low), high: scaled(high), n };
}

function settings(list) {
  const body = byId("settings");
  body.replaceChildren();
  for (const { name, requested, read_back: readBack, kind } of list) {
    const row = make("tr", body);
    make("th", row, "words", name).setAttribute("scope", "row");
    make("td", row, "number", exact(requested));
    make("td", row, "number", exact(readBack));
    make("td", row, "words", (KINDS[kind] ?? kind) + remark(requested, readBack));
  }
  if (!list.length) make("td", make("tr", body), "", "none was written").setAttribute("colspan", "4");
}

function remark(requested, readBack) {
  if (requested === null) return "";
  if (readBack === null) return ": not told";
  return Math.abs(readBack - requested) > NEAR * Math.abs(requested) ? ": NOT as asked" : "";
}

function log(lines) {
  const list = byId("log");
  if (list.dataset.shown === JSON.stringify(lines)) return;
  list.dataset.shown = JSON.stringify(lines);
  list.replaceChildren();
  for (const line of [...lines].reverse()) make("li", list, /^(warning|error)/.test(line) ? "loud" : "", line);
  if (!lines.length) make("li", list, "", "nothing was logged");
}

function summary(text, state) {
  const now = performance.now();
  if (state === lastState && now - summaryAt < SUMMARY_MS) return;
  [lastState, summaryAt] = [state, now];
  say("summary", text);
}

function taken(snapshot) {
  newest = snapshot;
  say("connection", `up to date at ${new Date().toLocaleTimeString()}`);
  const wait = calm.matches ? shownAt + CALM_MS - performance.now() : 0;
  if (held || waiting) return;
  if (wait <= 0) showNewest();
  else waiting = setTimeout(showNewest, wait);
}

function showNewest() {
  waiting = 0;
  if (held || !newest) return;
  shownAt = performance.now();
  show(newest);
}

function connect() {
  if (source || document.hidden) return;
  source = new EventSource("/events");
  source.onopen = () => say("connection", "connected, reading the capture");
  source.onmessage = (event) => taken(JSON.parse(event.data));
  source.addEventListener("ended", () => {
    disconnect();
    say("connection", "asicrc serve was ended: what is here was seen before");
    setTimeout(connect, 5000);
  });
  source.onerror = async () => {
    say("connection", "asicrc serve does not answer: what is here was seen before");
    if (source?.readyState !== EventSource.CLOSED) return; // else the browser tries again by itself
    disconnect();
    setTimeout(connect, 5000);
    const answer = await fetch("/snapshot.json").catch(() => null);
    if (answer && !answer.ok) say("connection", await answer.text());
  };
}

function disconnect() {
  source?.close();
  source = null;
}

byId("pause").addEventListener("click", () => {
  held = !held;
  byId("pause").setAttribute("aria-pressed", String(held));
  showNewest();
});
// A browser has few connections to one place: a page that nobody sees needs none.
document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
connect();
