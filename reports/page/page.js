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
      loss.closest("section").hidden = false;
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

  // printed are what has failed and what the marks mean; afterwards they are closed again
  let printed = [];
  const telling = (part) => part.matches(".legend-of-marks")
    || part.querySelector(".finding.failed, .finding.errored");
  addEventListener("beforeprint", () => {
    printed = all(".loss, .legend-of-marks").filter((part) => !part.open && telling(part));
    printed.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => { printed.forEach((part) => { part.open = false; }); });

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
  const worst = heads.findIndex((head) => "worst" in head.dataset);

  // where the table fits the window, the page scrolls it, and its heads stay below the bar
  const region = table.closest(".scroll");
  const fit = () => region.classList.toggle("fits", table.offsetWidth <= region.clientWidth);
  new ResizeObserver(fit).observe(table);
  new ResizeObserver(fit).observe(region);

  // sorting: names and dtypes up first, numbers worst first
  const arrange = () => {
    const place = heads.findIndex((head) => head.hasAttribute("aria-sort"));
    const sign = heads[place].getAttribute("aria-sort") === "ascending" ? 1 : -1;
    const key = place
      ? (row) => Number(row.cells[place].dataset.r)
      : (row) => rows.indexOf(row);
    const sorted = rows.map((row) => [key(row), row]).sort((a, b) => sign * (a[0] - b[0]));
    table.tBodies[0].append(...sorted.map((pair) => pair[1]));
  };
  const sort = (head, way) => {
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", way);
    arrange();
  };
  heads.forEach((head, place) => {
    const up = place === 0 || "up" in head.dataset;
    const first = up ? "ascending" : "descending";
    const other = up ? "descending" : "ascending";
    head.querySelector(".sort").addEventListener("click", () =>
      sort(head, head.getAttribute("aria-sort") === first ? other : first));
  });

  const isColumn = (head) => "column" in head.dataset;
  const failures = ["failed", "errored"];
  const statuses = (cell) => (cell.dataset.s || "").split(" ");
  const failing = rows.some((row) =>
    [...row.cells].some((cell) => statuses(cell).some((status) => failures.includes(status))));
  const differing = rows.some((row) => row.dataset.differs);
  const nothing = byId("_nothing");
  nothing.querySelector("button").addEventListener("click", () => form.reset());

  // the worst of what is shown, in the cell that speaks of a whole row
  const tell = (cell, shown) => {
    const most = shown.reduce((one, other) =>
      Number(other.dataset.r) > Number(one.dataset.r) ? other : one);
    cell.className = most.className;
    cell.classList.remove("dim");
    cell.innerHTML = most.innerHTML;
    cell.title = most.title;
    cell.dataset.r = most.dataset.r;
  };

  const filter = () => {
    const data = new FormData(form);
    const words = String(data.get("text")).toLowerCase().split(/\s+/).filter(Boolean);
    const status = data.get("status");
    const wanted = data.get("only") ? failures : status ? [status] : null;
    const subjects = form.elements.subject ? data.getAll("subject") : null;
    const dtypes = form.elements.dtype ? data.getAll("dtype") : null;
    const apart = data.get("apart");
    const { partial } = form.elements;
    if (partial) partial.closest("label").hidden = !apart;
    const differs = (row) => row.dataset.differs || (partial.checked && row.dataset.partial);
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
    const has = (cell) => wanted.some((one) => statuses(cell).includes(one));
    const shown = new Set();
    for (const row of rows) {
      const text = row.dataset.text.toLowerCase();
      let found = false;
      const seen = [];
      [...row.cells].forEach((cell, place) => {
        cell.hidden = !columns[place];
        if (!isColumn(heads[place]) || !cell.classList.contains("m")) return;
        const fits = !wanted || has(cell);
        cell.classList.toggle("dim", !fits);
        if (!columns[place]) return;
        seen.push(cell);
        found = found || fits;
      });
      if (worst > 0 && seen.length) tell(row.cells[worst], seen);
      row.hidden = !found || !words.every((word) => text.includes(word))
        || Boolean(apart && !differs(row))
        || Boolean(dtypes && row.dataset.dtype && !dtypes.includes(row.dataset.dtype));
      if (!row.hidden) shown.add(row.dataset.loss);
    }
    losses.forEach((loss) => {
      loss.hidden = !shown.has(loss.dataset.loss);
      if (wanted === failures && loss.querySelector(".finding.failed, .finding.errored")) loss.open = true;
    });
    const none = !shown.size;
    nothing.hidden = !none;
    nothing.firstElementChild.textContent = wanted === failures && !failing ? "No failures."
      : apart && !differing ? "No differences." : "Nothing matches.";
    region.hidden = none;
    byId("_losses").closest("section").hidden = none;
    form.elements.shown.value = `${shown.size} of ${new Set(rows.map((row) => row.dataset.loss)).size} losses`;
    arrange();
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(() => {
    sort(heads[0], "ascending");
    filter();
  }));
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
})();
