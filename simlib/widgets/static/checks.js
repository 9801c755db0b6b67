// Check boxes by group, in columns; what is checked travels as a list of ids.
let serial = 0;

function render({ model, el }) {
  el.classList.add("simlib-checks");
  const prefix = `simlib-check-${++serial}`;
  const boxes = new Map();

  const build = () => {
    boxes.clear();
    el.replaceChildren();
    for (const group of model.get("groups")) {
      const set = document.createElement("fieldset");
      const legend = document.createElement("legend");
      legend.textContent = group.title;
      set.append(legend);
      for (const { id, label } of group.items) {
        const box = document.createElement("input");
        Object.assign(box, { type: "checkbox", id: `${prefix}-${boxes.size}` });
        box.dataset.lmSuppressShortcuts = "true";
        const text = document.createElement("label");
        text.htmlFor = box.id;
        text.textContent = label;
        const line = document.createElement("div");
        line.append(box, text);
        set.append(line);
        boxes.set(id, box);
        box.addEventListener("change", () => {
          model.set("checked", [...boxes].filter(([, each]) => each.checked).map(([name]) => name));
          model.save_changes();
        });
      }
      el.append(set);
    }
    place();
  };
  const place = () => {
    const checked = new Set(model.get("checked"));
    for (const [id, box] of boxes) box.checked = checked.has(id);
  };
  const watch = { "change:groups": build, "change:checked": place };
  for (const [event, handler] of Object.entries(watch)) model.on(event, handler);
  build();
  return () => { for (const [event, handler] of Object.entries(watch)) model.off(event, handler); };
}

export default { render };
