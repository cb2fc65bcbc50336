"use strict";
/* What the page can do beside being read: filter, search, sort, open a row, keep it all in the link. */
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (s, within = document) => within.querySelector(s), $$ = (s, within = document) => [...within.querySelectorAll(s)];
const el = (tag, props = {}, ...kids) => { const e = document.createElement(tag); for (const [k, v] of Object.entries(props)) k in e ? e[k] = v : e.setAttribute(k, v); e.append(...kids); return e; };
const percent = x => `${+(100 * x).toPrecision(6)} %`;
const FACTS = [["victim", "Victim", v => data.names[v] ?? v], ["share", "Fake users", percent], ["actions", "Actions", String], ["defense", "Defense", v => data.names[v] ?? v], ["simulator", "Simulator", v => data.names[v] ?? v]];
const blocks = $$("section.block").map(e => ({ e, body: $("tbody", e), rows: $$("tbody>tr", e).map(tr => ({ tr, n: +tr.dataset.n, text: (tr.cells[0].textContent + " " + data.rows[tr.dataset.n].attack + " " + data.rows[tr.dataset.n].simulator).toLowerCase() })) }));
const value = (r, id) => { const m = data.tables[r.t].metrics.indexOf(id); if (m >= 0) return r.metrics[m]?.[0] ?? null; const v = { gain: r.gain?.[0], rank: r.rank?.[1], failed: r.failed, placebo: r.effect?.[0], p: r.p, behind: r.behind ?? (r.rank ? 0 : null), behind_p: r.behind_p, seeds: r.seeds, samples: r.samples }[id]; return v ?? null; };
const state = { filters: {}, q: "", sort: null, down: true };
const boxes = $$(".columns input"), START = boxes.map(b => b.checked);

function matches(row) {
  return Object.entries(state.filters).every(([k, v]) => String(row[k]) === v);
}
function apply() {
  let rows = 0;
  const said = [];
  for (const b of blocks) {
    let some = 0;
    for (const r of b.rows) {
      const on = matches(data.rows[r.n]) && r.text.includes(state.q);
      if (r.tr.hidden === on) { r.tr.hidden = !on; const next = r.tr.nextElementSibling; if (next?.className === "detail") next.hidden = !on; }
      some += on;
    }
    b.e.hidden = !some;
    rows += some;
    if (some && b.e.dataset.said) said.push(`On ${$("h3", b.e).textContent}: ${b.e.dataset.said}`);
  }
  for (const h of $$("[data-table]")) h.hidden = !$$(`section.block:not([hidden])`).some(b => b.dataset.t === h.dataset.table);
  for (const p of $$(".panel[data-victim]")) p.hidden = "victim" in state.filters && p.dataset.victim !== state.filters.victim;
  $("#found").textContent = `${rows} of ${data.rows.length} rows. ` + (rows < data.rows.length && said.length <= 3 ? said.join(" ") : "");
}
function sort() {
  if (state.sort == null) return;
  const sign = state.down ? -1 : 1, key = state.sort;
  for (const b of blocks) {
    const order = b.rows.map((r, i) => [value(data.rows[r.n], data.columns[key].id), i, r]).sort((x, y) => (x[0] === null) - (y[0] === null) || (x[0] < y[0] ? -sign : x[0] > y[0] ? sign : x[1] - y[1]));
    const all = document.createDocumentFragment();
    for (const [, , r] of order) { const next = r.tr.nextElementSibling; all.append(r.tr); if (next?.className === "detail") all.append(next); }
    b.body.append(all);
  }
  for (const th of $$("table.rows>thead th")) th.setAttribute("aria-sort", +th.dataset.k === key ? state.down ? "descending" : "ascending" : "none");
  $("#sort").value = String(key);
  $("#way").textContent = state.down ? "highest first" : "lowest first";
}
function pick(key, down) { state.sort = key; state.down = down; sort(); keep(); }
function keep() {
  const p = new URLSearchParams();
  for (const [k, v] of Object.entries(state.filters)) p.set(k, v);
  if (state.q) p.set("q", state.q);
  if (state.sort != null) { p.set("sort", data.columns[state.sort].id); if (!state.down) p.set("up", "1"); }
  const turned = boxes.filter((b, i) => b.checked !== START[i]).map(b => data.columns[b.value].id);
  if (turned.length) p.set("columns", turned.join(" "));
  if ($("#metric")?.value > 0) p.set("metric", data.metrics[$("#metric").value]);
  const text = p.toString();
  history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
}
function read() {
  const p = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  state.filters = {};
  for (const [k] of FACTS) if (p.has(k)) state.filters[k] = p.get(k);
  $("#search").value = p.get("q") ?? "";
  state.q = $("#search").value.toLowerCase();
  const turned = (p.get("columns") ?? "").split(" ");
  boxes.forEach((b, i) => b.checked = START[i] !== turned.includes(data.columns[b.value].id));
  const at = data.columns.findIndex(c => c.id === p.get("sort"));
  if (at >= 0) { state.sort = at; state.down = !p.has("up"); }
  const m = data.metrics.indexOf(p.get("metric"));
  if (m > 0) { $("#metric").value = String(m); show(m); }
  chips(); apply(); sort();
}
function chips() {
  const box = $("#filters");
  box.replaceChildren();
  for (const [key, label, name] of FACTS) {
    const values = [...new Set(data.rows.map(r => r[key]))].sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
    if (values.filter(v => v !== "-").length < 2) continue;
    const group = el("div", { className: "chips", role: "group" }, el("span", { className: "name" }, label));
    group.setAttribute("aria-label", label);
    for (const v of [null, ...values]) {
      const b = el("button", { type: "button" }, v === null ? "all" : name(v));
      b.setAttribute("aria-pressed", String(v === null ? !(key in state.filters) : state.filters[key] === String(v)));
      b.onclick = () => {
        if (v === null) delete state.filters[key]; else state.filters[key] = String(v);
        for (const other of $$("button", group)) other.setAttribute("aria-pressed", String(other === b));
        apply(); keep();
      };
      group.append(b);
    }
    box.append(group);
  }
}
function show(m) {
  const column = data.columns.findIndex(c => c.id === data.metrics[m]);
  const box = boxes.find(b => +b.value === column);
  if (box) box.checked = true;
  const others = $(".others");
  if (others) { others.open = m > 0; for (const f of $$("figure", others)) f.hidden = m > 0 && f.dataset.metric !== data.metrics[m]; }
  state.sort = column; state.down = data.columns[column].high;
}
function detail(tr) {
  const r = data.rows[tr.dataset.n], of = x => x == null || x[0] === null ? "-" : Array.isArray(x) ? `${x[0]} of ${x[1]}` : `${x} of ${x}`;
  const heads = ["seed", "status", ...data.tables[r.t].metrics, "fake users", "events", "on targets", "queries", "surrogates"];
  const body = r.cells.map(c => el("tr", {}, ...[c[1], c[2] || "ok", ...c[3].map(v => v ?? "-"), of(c[4]), of(c[5]), c[6] ?? "-", of(c[7]), c[8] ?? "-"].map(x => el("td", {}, String(x)))));
  const table = el("table", {}, el("thead", {}, el("tr", {}, ...heads.map(h => el("th", { scope: "col" }, h)))), el("tbody", {}, ...body));
  const box = el("div", { className: "scroll", tabIndex: 0, role: "region" }, table);
  box.setAttribute("aria-label", "Seeds");
  const steps = r.cells.filter(c => c[9] !== undefined).map(c => { const list = el("ol", { className: "steps" }, ...data.sequences[c[9]].split("|").map(g => el("li", {}, String(g)))); list.setAttribute("aria-label", `groups of items that seed ${c[1]} learned to select`); return el("div", {}, `seed ${c[1]} learned to select:`, list); });
  return el("tr", { className: "detail" }, el("td", { colSpan: tr.cells.length }, box, el("p", {}, "To compute a cell again:"), el("ul", {}, ...r.cells.filter(c => c[0]).map(c => el("li", {}, `seed ${c[1]}: `, el("code", {}, `loki-bench reproduce ${c[0]}`)))), ...steps));
}
function save(name, text, type) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
function csv() {
  const quote = x => { let t = x == null ? "" : String(x); if (typeof x === "string" && t !== "-" && /^[=+\-@\t\r]/.test(t)) t = "'" + t; return /[",\n]/.test(t) ? `"${t.replaceAll('"', '""')}"` : t; };
  const three = n => [n, `${n}_low`, `${n}_high`];
  const out = [["victim", "fake_users", "actions", "defense", "attacker", "simulator", "n_seeds", ...data.metrics.flatMap(three), ...three("gain"), "p_value", "rank_low", "rank_high", ...three("placebo_effect")]];
  for (const b of blocks) for (const tr of b.body.rows) {
    if (tr.hidden || tr.className === "detail") continue;
    const r = data.rows[tr.dataset.n], ends = v => v ? v : ["", "", ""];
    const by = Object.fromEntries(data.tables[r.t].metrics.map((m, i) => [m, r.metrics[i]]));
    out.push([r.victim, r.share, r.actions, r.defense, r.attack + (r.placebo ? ", placebo" : ""), r.simulator, r.seeds, ...data.metrics.flatMap(m => ends(by[m])), ...ends(r.gain), r.p, r.rank?.[1], r.rank?.[2], ...ends(r.effect)]);
  }
  save(`${data.suite}.csv`, out.map(row => row.map(quote).join(",")).join("\n") + "\n", "text/csv");
}
function svg(figure) {
  const shown = $$(".panel:not([hidden]) svg", figure), marks = $$(".key li", figure);
  let y = 8, width = 0, inner = "";
  for (const s of shown) { const [, , w, h] = s.getAttribute("viewBox").split(" ").map(Number); inner += `<g transform="translate(8 ${y})">${s.innerHTML}</g>`; y += h + 16; width = Math.max(width, w + 16); }
  for (const li of marks) { inner += `<g transform="translate(8 ${y})">${document.getElementById($("use", li).getAttribute("href").slice(1)).innerHTML}<text x="18" y="10">${el("i", {}, li.textContent.trim()).innerHTML}</text></g>`; y += 18; }
  save(`${data.suite}-${figure.dataset.figure}.svg`, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" font-family="Helvetica,Arial,sans-serif" font-size="11" color="#1b1f24" fill="currentColor"><rect width="100%" height="100%" fill="#fff"/>${inner}</svg>\n`, "image/svg+xml");
}
function upgrade() {
  for (const box of $$(".controls")) box.hidden = false;
  for (const b of blocks) for (const { tr } of b.rows) {
    const name = $(".who", tr), button = el("button", { type: "button", className: "open" }, ...name.childNodes);
    button.setAttribute("aria-expanded", "false");
    name.append(button);
  }
  document.addEventListener("click", event => {
    const button = event.target.closest(".open");
    if (!button) return;
    const tr = button.closest("tr"), open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) tr.nextElementSibling.remove(); else tr.after(detail(tr));
  });
  for (const th of $$("table.rows>thead th")) {
    const key = +th.dataset.k, button = el("button", { type: "button" }, ...th.childNodes);
    th.append(button);
    button.onclick = () => pick(key, state.sort === key ? !state.down : data.columns[key].high);
  }
  const order = $("#sort");
  data.columns.forEach((c, i) => order.append(el("option", { value: String(i) }, c.head)));
  order.onchange = () => pick(+order.value, data.columns[order.value].high);
  $("#way").onclick = () => pick(state.sort ?? +order.value, !state.down);
  const metric = $("#metric");
  if (metric) { data.metrics.forEach((m, i) => metric.append(el("option", { value: String(i) }, data.names[m] ?? m))); metric.onchange = () => { show(+metric.value); sort(); keep(); }; }
  let wait;
  $("#search").oninput = () => { clearTimeout(wait); wait = setTimeout(() => { state.q = $("#search").value.toLowerCase(); apply(); keep(); }, 80); };
  for (const b of boxes) b.addEventListener("change", keep);
  $("#csv").onclick = csv;
  for (const f of $$("figure[data-figure]")) { const b = el("button", { type: "button", className: "save" }, "SVG"); b.setAttribute("aria-label", `Save as SVG: ${$("figcaption", f).textContent}`); b.onclick = () => svg(f); $("figcaption", f).append(" ", b); }
  let opened = [];
  addEventListener("beforeprint", () => { opened = $$("details.others:not([open])"); for (const d of opened) d.open = true; });
  addEventListener("afterprint", () => { for (const d of opened) d.open = false; });
  addEventListener("hashchange", () => { if (location.hash.includes("=")) read(); });
}
upgrade();
read();
document.body.dataset.ready = performance.now();
