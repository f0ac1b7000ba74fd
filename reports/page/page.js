"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const losses = all("details.loss");

  // a link to a loss, or to a cell of one, opens it
  const open = () => {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { /* then as it stands */ }
    const target = name && byId(name);
    if (!target) return;
    const loss = target.closest("details.loss");
    if (loss) {
      loss.hidden = false;
      for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) {
        part.open = true;
      }
      target.scrollIntoView();
      (target === loss ? loss.querySelector("summary") : target).focus({ preventScroll: true });
    }
  };
  addEventListener("hashchange", open);
  // a second click on the same link opens it again
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) setTimeout(open);
  });

  const toggle = byId("_open");
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      const closed = losses.some((loss) => !loss.hidden && !loss.open);
      losses.forEach((loss) => { loss.open = closed; });
      toggle.textContent = closed ? "Close all" : "Open all";
    });
  }

  for (const button of all(".copy")) {
    button.hidden = false;
    const text = button.nextElementSibling;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
      } catch {
        getSelection().selectAllChildren(text);
        document.execCommand("copy");
        getSelection().removeAllRanges();
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  const theme = byId("_theme");
  const themes = ["auto", "light", "dark"];
  const wear = (name) => {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    theme.querySelector("span").textContent = name;
  };
  const kept = (name) => {
    try {
      if (name) localStorage.setItem("lossproof-theme", name);
      return localStorage.getItem("lossproof-theme");
    } catch { return null; }
  };
  theme.hidden = false;
  wear(themes.includes(kept()) ? kept() : "auto");
  theme.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || "auto";
    const next = themes[(themes.indexOf(now) + 1) % themes.length];
    kept(next);
    wear(next);
  });

  const table = byId("_table");
  const form = byId("_filter");
  // after the browser has gone to the fragment by itself, for that moves the focus
  open();
  addEventListener("load", () => setTimeout(open));
  if (!table || !form) return;
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const rows = [...table.tBodies[0].rows];

  // sorting: names and dtypes up first, numbers worst first
  heads.forEach((head, place) => {
    const button = head.querySelector(".sort");
    if (!button) return;
    button.addEventListener("click", () => {
      const up = place === 0 || "up" in head.dataset;
      const first = up ? "ascending" : "descending";
      const other = up ? "descending" : "ascending";
      const way = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", way);
      const sign = way === "ascending" ? 1 : -1;
      const key = place
        ? (row) => Number(row.cells[place].dataset.r)
        : (row) => rows.indexOf(row);
      const sorted = rows.map((row) => [key(row), row]).sort((a, b) => sign * (a[0] - b[0]));
      table.tBodies[0].append(...sorted.map((pair) => pair[1]));
    });
  });

  const isColumn = (head) => "column" in head.dataset;
  const failures = ["failed", "errored"];
  const filter = () => {
    const data = new FormData(form);
    const words = String(data.get("text")).toLowerCase().split(/\s+/).filter(Boolean);
    const status = data.get("status");
    const wanted = data.get("only") ? failures : status ? [status] : null;
    const subjects = form.elements.subject ? data.getAll("subject") : null;
    const dtypes = form.elements.dtype ? data.getAll("dtype") : null;
    const apart = data.get("apart");
    const { partial: also } = form.elements;
    if (also) also.closest("label").hidden = !apart;
    const partial = apart && also.checked;
    const columns = heads.map((head) => isColumn(head) === false
      || ((!subjects || subjects.includes(head.dataset.subject))
        && (!dtypes || !head.dataset.dtype || dtypes.includes(head.dataset.dtype))));
    heads.forEach((head, place) => { head.hidden = !columns[place]; });
    for (const group of all(".group", table.tHead)) {
      const span = heads.filter((head, place) =>
        columns[place] && head.dataset.subject === group.dataset.subject).length;
      group.hidden = !span;
      if (span) group.colSpan = span;
    }
    const has = (cell) => wanted.some((s) => (cell.dataset.s || "").split(" ").includes(s));
    const shown = new Set();
    for (const row of rows) {
      const text = row.dataset.text.toLowerCase();
      let found = false;
      [...row.cells].forEach((cell, place) => {
        cell.hidden = !columns[place];
        if (!isColumn(heads[place])) return;
        const fits = !wanted || has(cell);
        cell.classList.toggle("dim", !fits && cell.classList.contains("m"));
        found = found || (columns[place] && fits && cell.classList.contains("m"));
      });
      row.hidden = !found || !words.every((word) => text.includes(word))
        || Boolean(apart && !row.dataset.differs && !(partial && row.dataset.partial))
        || Boolean(dtypes && row.dataset.dtype && !dtypes.includes(row.dataset.dtype));
      if (!row.hidden) shown.add(row.dataset.loss);
    }
    losses.forEach((loss) => {
      loss.hidden = !shown.has(loss.dataset.loss);
      if (wanted === failures && loss.querySelector(".finding.failed, .finding.errored")) loss.open = true;
    });
    form.elements.shown.value = `${shown.size} of ${new Set(rows.map((row) => row.dataset.loss)).size} losses`;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
})();
