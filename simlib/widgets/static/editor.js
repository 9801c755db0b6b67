// A plain text area for YAML with line numbers. Long lines wrap, and each number stands beside the first row of its line.
function render({ model, el }) {
  el.classList.add("simlib-editor");
  const gutter = make("div", "simlib-gutter");
  gutter.setAttribute("aria-hidden", "true");
  const area = make("textarea");
  Object.assign(area, { spellcheck: false, wrap: "soft", autocomplete: "off" });
  area.setAttribute("aria-label", "Scenario in YAML. Tab indents. Escape and then Tab leaves the text.");
  const mirror = make("div", "simlib-mirror");
  mirror.setAttribute("aria-hidden", "true");
  const box = make("div", "simlib-page");
  box.append(gutter, area, mirror);
  el.append(box);

  // Return the height of each line after wrapping, measured in a hidden copy of the text with the same width.
  const heights = (lines) => {
    mirror.style.width = `${area.clientWidth}px`;
    mirror.replaceChildren(...lines.map((text) => make("div", "", text || " ")));
    return [...mirror.children].map((row) => row.getBoundingClientRect().height);
  };
  const number = () => {
    const marked = new Set(model.get("problems").map((problem) => problem.line));
    gutter.replaceChildren(...heights(area.value.split("\n")).map((height, k) => {
      const line = make("div", marked.has(k + 1) ? "simlib-marked" : "", k + 1);
      line.style.height = `${height}px`;
      return line;
    }));
    gutter.scrollTop = area.scrollTop;
  };
  const go = () => {
    const { line } = model.get("go");
    if (!line) return;
    const lines = area.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(start, start + (lines[line - 1] || "").length);
    const above = heights(lines).slice(0, Math.max(line - 6, 0));
    area.scrollTop = above.reduce((sum, height) => sum + height, 0);
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
  area.addEventListener("change", send);
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
  let leaving = false;
  area.addEventListener("keydown", (event) => {
    if (event.key === "Tab" && !leaving && !event.shiftKey) {
      event.preventDefault();
      area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
      area.dispatchEvent(new Event("input"));
    }
    leaving = event.key === "Escape";
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
  const take = () => {
    if (timer !== null || area.value === model.get("text")) return;
    area.value = model.get("text");
    number();
  };
  const unwatch = listen(model, { "change:text": take, "change:problems": number, "change:go": go });
  const room = new ResizeObserver(() => number());
  take();
  number();
  room.observe(box);
  return () => {
    send();
    room.disconnect();
    unwatch();
  };
}

export default { render };
