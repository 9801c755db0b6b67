// The problems of a text as a list. A click on a problem selects its line in the editor.
function render({ model, el }) {
  const list = make("ol", "simlib-problems");
  list.setAttribute("aria-live", "polite");
  list.setAttribute("aria-label", "Problems and warnings");
  el.append(list);
  const choose = (line) => {
    model.set("chosen", { line, n: model.get("chosen").n + 1 });
    model.save_changes();
  };
  const show = () => list.replaceChildren(...model.get("problems").map(({ line, text, kind }) => {
    const item = make("li", `simlib-${kind}`);
    if (line > 0) {
      const link = make("button", "", `line ${line}`);
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
