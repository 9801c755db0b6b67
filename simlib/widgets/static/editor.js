// A plain text area for YAML with line numbers; lines with problems are marked, and a problem leads to its line.
function render({ model, el }) {
  el.classList.add("simlib-editor");
  const gutter = document.createElement("div");
  gutter.className = "simlib-gutter";
  gutter.setAttribute("aria-hidden", "true");
  const area = document.createElement("textarea");
  Object.assign(area, { spellcheck: false, wrap: "off", autocomplete: "off" });
  area.setAttribute("aria-label", "Scenario in YAML. Tab indents; Escape and then Tab leaves the text.");
  area.dataset.lmSuppressShortcuts = "true";
  const box = document.createElement("div");
  box.className = "simlib-page";
  box.append(gutter, area);
  const list = document.createElement("ol");
  list.className = "simlib-problems";
  list.setAttribute("aria-live", "polite");
  el.append(box, list);

  const number = () => {
    const marked = new Set(model.get("problems").map((problem) => problem.line));
    const count = area.value.split("\n").length;
    gutter.replaceChildren(...Array.from({ length: count }, (_, k) => {
      const line = document.createElement("div");
      line.textContent = k + 1;
      if (marked.has(k + 1)) line.className = "simlib-marked";
      return line;
    }));
    gutter.scrollTop = area.scrollTop;
  };
  const go = (line) => {
    const lines = area.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(start, start + (lines[line - 1] || "").length);
    area.scrollTop = (line - 6) * parseFloat(getComputedStyle(area).lineHeight);
  };
  const problems = () => {
    list.replaceChildren(...model.get("problems").map(({ line, text, kind }) => {
      const item = document.createElement("li");
      item.className = `simlib-${kind}`;
      if (line > 0) {
        const link = document.createElement("button");
        link.type = "button";
        link.dataset.lmSuppressShortcuts = "true";
        link.textContent = `line ${line}`;
        link.addEventListener("click", () => go(line));
        item.append(link, " ");
      }
      item.append(text);
      return item;
    }));
    number();
  };

  let timer = null;
  const send = () => {
    clearTimeout(timer);
    timer = null;
    if (model.get("text") === area.value) return;
    model.set("text", area.value);
    model.save_changes();
  };
  area.addEventListener("input", () => {
    number();
    clearTimeout(timer);
    timer = setTimeout(send, 150);
  });
  area.addEventListener("blur", send);
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
  let leaving = false;
  area.addEventListener("keydown", (event) => {
    if (event.key === "Tab" && !leaving && !event.shiftKey) {
      event.preventDefault();
      area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
      area.dispatchEvent(new Event("input"));
    }
    leaving = event.key === "Escape";
    event.stopPropagation();
  });
  const take = () => {
    if (timer !== null || area.value === model.get("text")) return;
    area.value = model.get("text");
    number();
  };
  const watch = { "change:text": take, "change:problems": problems };
  for (const [event, handler] of Object.entries(watch)) model.on(event, handler);
  take();
  problems();
  return () => {
    send();
    for (const [event, handler] of Object.entries(watch)) model.off(event, handler);
  };
}

export default { render };
