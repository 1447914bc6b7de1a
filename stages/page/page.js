"use strict";
(() => {
const { words, variants } = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const say = word => words[word][root.lang];
const number = value => value.toLocaleString(root.lang, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const escape = text => text.replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);
const redraws = [], REPORT = " report";
root.classList.add("scripted");

// --- language and theme, remembered where the browser allows it for files
const memory = { get: key => { try { return localStorage.getItem(key) } catch { return null } },
  set: (key, value) => { try { localStorage.setItem(key, value) } catch { /* only for this visit */ } } };
const asked = new URLSearchParams(location.search);
function setLanguage(language) {
  root.lang = language;
  document.title = document.querySelector("h1").innerText;
  for (const element of document.querySelectorAll("[data-label-es]"))
    element.setAttribute("aria-label", element.dataset[language === "es" ? "labelEs" : "labelEn"]);
  redraws.forEach(draw => draw());
}
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";
document.getElementById("language").onclick = () => {
  setLanguage(root.lang === "en" ? "es" : "en");
  memory.set("language", root.lang);
};
document.getElementById("theme").onclick = () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  memory.set("theme", root.dataset.theme);
};
const theme = asked.get("theme") || memory.get("theme");
if (theme) root.dataset.theme = theme;

// --- tables: those that can be sorted, and what names the values of a card
document.querySelectorAll(".leaderboard thead button").forEach(button => button.onclick = () => {
  const table = button.closest("table");
  const head = button.closest("th"), place = head.cellIndex, body = table.tBodies[0];
  const descending = head.ariaSort ? head.ariaSort === "ascending" : head.classList.contains("number");
  table.querySelectorAll("thead th").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const value = row => row.cells[place].dataset.value;
  const isNumber = head.classList.contains("number");
  const compare = (a, b) => isNumber ? a - b : a.localeCompare(b, "en", { numeric: true });
  [...body.rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
    return compare(x, y) * (descending ? -1 : 1);
  }).forEach(row => body.append(row));
});
redraws.push(() => document.querySelectorAll(".cards td").forEach(cell => {
  const head = cell.closest("table").tHead.rows[0].cells[cell.cellIndex];
  cell.dataset.label = (head.querySelector(`:lang(${root.lang})`) ?? head).textContent;
}));

// --- charts: loss and accuracy side by side, with one cursor and one legend
function curve(name, place) {
  const { epochs, loss, accuracy, bands } = variants[name];
  return { epochs, loss: loss[place], accuracy: accuracy[place],
    bands: { loss: bands.loss?.[place], accuracy: bands.accuracy?.[place] } };
}
function lines(names) {
  if (names.length > 1) return names.flatMap(name => {
    const line = place => ({ name, style: variants[name].style, ...curve(name, place) });
    return [{ ...line(0), training: true }, line(1)];
  });
  return ["training", "validation"].map((word, place) => ({ word, style: place, ...curve(names[0], place) }));
}
function ticks(low, high, most, whole) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  let step = power * [1, 2, 5, 10].find(factor => factor * power >= rough);
  if (whole) step = Math.max(1, Math.round(step));
  const found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) found.push(tick);
  if (!whole) return found;  // the first and the last epoch always have a tick
  return [low, ...found.filter(tick => tick > low + step / 2 && tick < high - step / 2), ...(high > low ? [high] : [])];
}
function chart(figure) {
  const names = figure.dataset.variants.split(" "), all = lines(names), several = names.length > 1;
  const first = Math.min(...all.map(line => line.epochs[0])), last = Math.max(...all.map(line => line.epochs.at(-1)));
  const state = { from: first, at: null, hidden: new Set(), training: false };
  const shown = () => all.filter(line => !state.hidden.has(line.name || line.word) && (!line.training || state.training));
  const levels = key => names.filter(name => ![REPORT, name].some(id => state.hidden.has(id)) && variants[name].reported?.[key] !== undefined)
    .map(name => ({ label: several ? `${name}, ${say("report")}` : say("report"), value: variants[name].reported[key], kind: several ? `s${variants[name].style % 7}` : "" }))
    .sort((a, b) => b.value - a.value);
  const panels = document.createElement("div"), legend = document.createElement("div");
  panels.className = "panels"; legend.className = "legend"; legend.setAttribute("role", "group");
  figure.querySelector("noscript").replaceWith(panels, legend);
  const parts = ["loss", "accuracy"].map(key => {
    const panel = document.createElement("div");
    panel.className = "panel";
    panel.innerHTML = '<p></p><svg height="250" tabindex="0" role="slider"></svg><div class="readout" hidden></div>';
    panels.append(panel);
    const [title, svg, readout] = panel.children;
    listen(svg);
    return { key, panel, title, svg, readout };
  });
  const LEFT = 46, RIGHT = 12, TOP = 8, BOTTOM = 30, HEIGHT = 250;

  function listen(svg) {
    const epoch = event => {
      const { left, width } = svg.getBoundingClientRect();
      const share = (event.clientX - left - LEFT) / (width - LEFT - RIGHT);
      return Math.round(Math.min(last, Math.max(state.from, state.from + share * (last - state.from))));
    };
    svg.onpointermove = event => { state.at = epoch(event); state.panel = svg; draw(); };
    svg.onpointerleave = () => { if (document.activeElement !== svg) { state.at = null; draw(); } };
    svg.onblur = () => { state.at = null; draw(); };
    svg.onfocus = () => { state.panel = svg; state.at ??= last; draw(); };
    svg.onkeydown = event => {
      const move = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10, Home: -1e9, End: 1e9 }[event.key];
      if (!move) return;
      state.at = Math.min(last, Math.max(state.from, (state.at ?? last) + move));
      event.preventDefault();
      draw();
    };
  }
  function drawPanel({ key, panel, title, svg, readout }) {
    const width = Math.max(260, panel.clientWidth), drawn = shown();
    const isInside = (line, column, place) => column[place] !== null && line.epochs[place] >= state.from && line.epochs[place] <= last;
    const values = drawn.flatMap(line => [line[key], ...(line.bands[key] ?? [])].flatMap(column => column.filter((_, place) => isInside(line, column, place))));
    const visible = [...values, ...levels(key).map(level => level.value)];
    let low = visible.length ? Math.min(...visible) : 0, high = visible.length ? Math.max(...visible) : 1;
    const room = (high - low || .1) * .05;
    low = Math.max(0, low - room); high += room;
    const x = epoch => LEFT + (epoch - state.from) / (last - state.from || 1) * (width - LEFT - RIGHT);
    const y = value => TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let marks = "";
    for (const tick of ticks(low, high, 5)) {
      const label = tick.toLocaleString(root.lang, { maximumFractionDigits: 3 });
      marks += `<path class="grid" d="M${LEFT} ${y(tick)}H${width - RIGHT}"/><text x="${LEFT - 6}" y="${y(tick) + 4}" text-anchor="end">${label}</text>`;
    }
    for (const tick of ticks(state.from, last, 6, true))
      marks += `<path class="grid" d="M${x(tick)} ${HEIGHT - BOTTOM}v5"/><text x="${x(tick)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${tick}</text>`;
    for (const line of drawn) {
      const points = column => line.epochs.flatMap((epoch, place) => isInside(line, column, place) ? [`${x(epoch).toFixed(1)} ${y(column[place]).toFixed(1)}`] : []);
      const drawable = points(line[key]), path = drawable.length ? `M${drawable.join("L")}` : "";
      const kind = `s${line.style % 7} d${line.style % 4}`;
      const [below, above] = (line.bands[key] ?? []).map(points);
      if (below?.length > 1) marks += `<path class="band ${kind}" d="M${[...above, ...below.reverse()].join("L")}z"/>`;
      marks += `<path class="curve ${kind}${line.training ? " training" : ""}" d="${path}"/>`;
      if (line.epochs.length === 1 && path) marks += `<circle class="dot ${kind}" cx="${x(line.epochs[0])}" cy="${y(line[key][0])}" r="4"/>`;
    }
    let aside = 0;
    levels(key).forEach(({ value, kind }, place, all) => {
      const above = all[place - 1]?.value;
      if (above === value) return;
      aside = y(value) - y(above) < 13 ? aside + 96 : 0;  // names of levels give way to the right
      marks += `<path class="level ${kind}" d="M${LEFT} ${y(value)}H${width - RIGHT}"/><text class="level-name" x="${LEFT + 3 + aside}" y="${y(value) - 3}">${say("report")} ${number(value)}</text>`;
    });
    const read = [];
    if (state.at !== null) {
      marks += `<path class="cursor" d="M${x(state.at)} ${TOP}V${HEIGHT - BOTTOM}"/>`;
      for (const line of drawn) {
        const value = line[key][line.epochs.indexOf(state.at)];
        if (value === undefined || value === null) continue;
        const label = line.word ? say(line.word) : line.name + (line.training ? ` (${say("training")})` : "");
        marks += `<circle class="dot s${line.style % 7}" cx="${x(state.at)}" cy="${y(value)}" r="3.5"/>`;
        read.push({ label, value, kind: `s${line.style % 7} d${line.style % 4}` });
      }
      read.push(...levels(key).map(level => ({ ...level, kind: `level-swatch ${level.kind}` })));
      read.sort((a, b) => b.value - a.value);
    }
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    svg.innerHTML = marks;
    title.textContent = say(several && !state.training ? `${key}Validation` : key);
    svg.ariaLabel = `${title.textContent}, ${say("slider")}`;
    svg.ariaValueMin = state.from; svg.ariaValueMax = last; svg.ariaValueNow = state.at ?? last;
    svg.ariaValueText = `${say("epoch")} ${state.at ?? last}${read.length ? ": " : ""}${read.map(({ label, value }) => `${label} ${number(value)}`).join("; ")}`;
    readout.hidden = state.panel !== svg || !read.length;
    if (!readout.hidden) {
      readout.innerHTML = `<b>${say("epoch")} ${state.at}</b>` + read.map(({ label, value, kind }) =>
        `<div><span><span class="swatch ${kind}"></span>${escape(label)}</span><span>${number(value)}</span></div>`).join("");
      const place = x(state.at) * svg.clientWidth / width, half = svg.clientWidth / 2;
      readout.style.left = place > half ? "auto" : `${place + 12}px`;
      readout.style.right = place > half ? `${svg.clientWidth - place + 12}px` : "auto";
    }
  }
  function drawLegend() {
    const focused = [...legend.children].indexOf(document.activeElement);
    const button = (label, pressed, action) => {
      const made = document.createElement("button");
      made.type = "button"; made.innerHTML = label; made.onclick = action; made.ariaPressed = pressed;
      legend.append(made);
      return made;
    };
    legend.textContent = "";
    for (const line of all) {
      if (line.training) continue;
      const id = line.name || line.word;
      button(`<span class="swatch s${line.style % 7} d${line.style % 4}"></span>${escape(line.word ? say(line.word) : line.name)}`,
        !state.hidden.has(id), () => { state.hidden.delete(id) || state.hidden.add(id); draw(true); });
    }
    const choice = (word, chosen, action) =>
      button(`${chosen ? "☑" : "☐"} ${say(word)}`, chosen, () => { action(); draw(true); }).classList.add("plain");
    if (several) choice("showTraining", state.training, () => { state.training = !state.training; });
    if (names.some(name => variants[name].reported)) button(`<span class="swatch level-swatch"></span>${say("reportTest")}`,
      !state.hidden.has(REPORT), () => { state.hidden.delete(REPORT) || state.hidden.add(REPORT); draw(true); });
    if (last - first > 3) choice("laterHalf", state.from > first,
      () => { state.from = state.from > first ? first : Math.ceil((first + last) / 2); });
    if (focused >= 0) legend.children[focused]?.focus();
  }
  function draw(withLegend) { parts.forEach(drawPanel); if (withLegend) drawLegend(); }
  const full = () => draw(true);
  new ResizeObserver(() => draw()).observe(panels);
  redraws.push(full);
  full();
}

// --- confusion matrices of few classes: a square per pair, darker for more images
function matrix(figure) {
  const { names, images } = variants[figure.dataset.variant].confusion;
  const CELL = 20, LABEL = 125, size = names.length * CELL;
  let marks = `<rect class="frame" x="${LABEL}" y="0" width="${size}" height="${size}"/>`;
  const totals = images.map(row => row.reduce((sum, n) => sum + n, 0) || 1);
  const short = name => escape(name.length > 16 ? `${name.slice(0, 15)}…` : name.replaceAll("_", " "));
  images.forEach((row, i) => {
    marks += `<text x="${LABEL - 5}" y="${i * CELL + 14}" text-anchor="end">${short(names[i])}</text>`;
    marks += `<text transform="translate(${LABEL + i * CELL + 14} ${size + 6}) rotate(-90)" text-anchor="end">${short(names[i])}</text>`;
    row.forEach((n, j) => {
      if (n) marks += `<rect x="${LABEL + j * CELL}" y="${i * CELL}" width="${CELL}" height="${CELL}" fill-opacity="${(n / totals[i]).toFixed(3)}"/>`;
    });
  });
  figure.insertAdjacentHTML("beforeend", `<svg viewBox="0 0 ${LABEL + size + 2} ${size + LABEL}" aria-hidden="true">${marks}</svg><output></output>`);
  const svg = figure.querySelector("svg"), output = figure.querySelector("output");
  const hint = () => { output.textContent = say("hint"); };
  svg.onpointermove = event => {
    const { left, top, width } = svg.getBoundingClientRect(), scale = (LABEL + size + 2) / width;
    const j = Math.floor(((event.clientX - left) * scale - LABEL) / CELL), i = Math.floor((event.clientY - top) * scale / CELL);
    if (names[i] && names[j]) output.textContent = `${names[i]} ${say("as")} ${names[j]}: ${images[i][j]} ${say("of")} ${totals[i]}`;
    else hint();
  };
  svg.onpointerleave = hint;
  redraws.push(hint);
  hint();
}

// --- what is inside a closed variant is drawn when it is opened, also by a link to it
function show(place) {
  for (const figure of place.querySelectorAll("figure.chart, figure.matrix")) {
    const details = figure.closest("details.variant");
    if (figure.dataset.drawn || (details && !details.open)) continue;
    figure.dataset.drawn = "yes";
    (figure.classList.contains("chart") ? chart : matrix)(figure);
  }
}
function open() {
  const place = document.getElementById(location.hash.slice(1));
  if (place?.matches("details.variant")) { place.open = true; show(place); place.scrollIntoView(); }
}
if (innerWidth < 1200) document.querySelector("nav details").open = false;
setLanguage(asked.get("lang") || memory.get("language") || (navigator.language?.startsWith("es") ? "es" : "en"));
show(document);
for (const details of document.querySelectorAll("details.variant")) details.ontoggle = () => show(details);
addEventListener("hashchange", open);
addEventListener("beforeprint", () => { document.getElementById("reading").open = true; });
document.addEventListener("click", event => { if (event.target.closest('a[href^="#variant-"]')) setTimeout(open); });
open();
})();
