// The problems of a text as a list; choosing one tells which line it is about.
function render({ model, el }) {
  const list = document.createElement("ol");
  list.className = "simlib-problems";
  list.setAttribute("aria-live", "polite");
  list.setAttribute("aria-label", "Problems and warnings");
  el.append(list);
  const choose = (line) => {
    model.set("chosen", { line, n: model.get("chosen").n + 1 });
    model.save_changes();
  };
  const show = () => list.replaceChildren(...model.get("problems").map(({ line, text, kind }) => {
    const item = document.createElement("li");
    item.className = `simlib-${kind}`;
    if (line > 0) {
      const link = document.createElement("button");
      link.type = "button";
      link.dataset.lmSuppressShortcuts = "true";
      link.textContent = `line ${line}`;
      link.addEventListener("click", () => choose(line));
      item.append(link, " ");
    }
    item.append(text);
    return item;
  }));
  model.on("change:problems", show);
  show();
  return () => model.off("change:problems", show);
}

export default { render };
