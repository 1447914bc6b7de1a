// Runs inside the page: uses it as a person does, and leaves what it saw in an element for the test to read.
window.refused = [];
document.addEventListener("securitypolicyviolation", event => refused.push(event.blockedURI));
window.addEventListener("error", event => refused.push(event.message));
window.addEventListener("load", async () => {
  const root = document.documentElement, seen = {};
  const click = selector => document.querySelector(selector).click();
  const svg = document.querySelector("figure.chart svg"), figure = svg.closest("figure");
  const accuracy = figure.querySelectorAll("svg")[1], legend = word => [...figure.querySelectorAll(".legend button")].find(button => word.test(button.textContent));
  const key = name => svg.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
  const names = () => [...document.querySelectorAll(".leaderboard tbody tr:not([hidden]) th")].map(cell => cell.dataset.value);
  const shown = element => getComputedStyle(element).display !== "none";
  const box = svg.getBoundingClientRect();
  const move = share => svg.dispatchEvent(new PointerEvent("pointermove", {
    clientX: box.left + 46 + share * (box.width - 58), clientY: box.top + 50, bubbles: true }));

  seen.language = root.lang;
  seen.width = innerWidth;
  seen.shown = [...document.querySelectorAll(".leaderboard thead th")].filter(shown).map(cell => cell.innerText.trim());
  seen.card = [...document.querySelectorAll(".cards td")].map(cell => getComputedStyle(cell, "::before").content.replace(/^(none|normal)$/, "").replaceAll('"', ""));
  seen.levels = [...accuracy.querySelectorAll(".level-name")].map(name => name.textContent);
  accuracy.focus();
  seen.report = accuracy.parentElement.querySelector(".readout").innerText;
  accuracy.blur();
  legend(/report|informe/).click();
  seen.levelsAfterToggle = figure.querySelectorAll(".level").length;
  seen.curvesAfterReport = svg.querySelectorAll(".curve").length;
  legend(/report|informe/).click();
  seen.steps = [...document.querySelectorAll(".ladder li > svg")].map(drawn => drawn.getBoundingClientRect());
  seen.order = names();
  document.querySelectorAll(".leaderboard thead button")[1].click();
  seen.byAccuracy = names();
  seen.sorted = document.querySelectorAll(".leaderboard thead th")[1].getAttribute("aria-sort");
  seen.curves = svg.querySelectorAll(".curve").length;
  seen.bands = svg.querySelectorAll(".band").length;
  move(0.5);
  seen.readout = svg.parentElement.querySelector(".readout").innerText;
  figure.querySelector(".legend button").click();
  seen.curvesAfterToggle = svg.querySelectorAll(".curve").length;
  figure.querySelector(".legend button").click();
  seen.curvesAfterTwo = svg.querySelectorAll(".curve").length;
  svg.focus();
  key("End");
  seen.last = svg.getAttribute("aria-valuetext");
  key("ArrowLeft");
  seen.now = [svg.ariaValueMin, svg.ariaValueNow, svg.ariaValueMax];
  legend(/half|mitad/).click();
  seen.later = [svg.ariaValueMin, svg.ariaValueMax];
  legend(/half|mitad/).click();
  seen.whole = [svg.ariaValueMin, svg.ariaValueMax];
  svg.blur();
  const variant = [...document.querySelectorAll("details.variant")].find(found => found.querySelector("figure.chart"));
  const link = document.querySelector(`a[href="#${variant.id}"]`);
  link.click();
  await new Promise(resolve => setTimeout(resolve, 200));
  seen.opened = variant.open;
  seen.drawn = variant.querySelectorAll("figure.chart svg .curve").length;
  seen.cells = variant.querySelectorAll("figure.matrix rect").length;
  click("#language");
  seen.other = { language: root.lang, english: shown(document.querySelector('h1 [lang="en"]')),
    heading: document.querySelector("h1").innerText, title: document.title, chart: svg.parentElement.querySelector("p").innerText };
  click("#language");
  document.querySelectorAll("details").forEach(details => { details.open = true; });
  await new Promise(resolve => setTimeout(resolve, 200));
  seen.tooWide = root.scrollWidth - root.clientWidth;
  seen.cut = [...document.querySelectorAll(".scroll")].filter(frame => frame.scrollWidth > frame.clientWidth).map(frame => frame.innerText);
  seen.accessibility = [];
  if (window.axe) for (const theme of ["light", "dark"]) for (const language of ["en", "es"]) {
    if (root.lang !== language) click("#language");
    root.dataset.theme = theme;
    const found = await axe.run(document, { resultTypes: ["violations"] });
    seen.rules = found.passes.length;
    for (const { id, nodes } of found.violations)
      seen.accessibility.push(`${theme} ${language} ${id}: ${nodes.slice(0, 3).map(node => `${node.html} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
  }
  seen.loaded = performance.getEntriesByType("resource").map(entry => entry.name);
  seen.refused = refused;
  parent.postMessage(JSON.stringify(seen), "*");
});
