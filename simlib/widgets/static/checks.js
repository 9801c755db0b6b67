// Check boxes by group, in columns. The ids of the checked boxes go to the kernel as a list.
let serial = 0;

function render({ model, el }) {
  el.classList.add("simlib-checks");
  const prefix = `simlib-check-${++serial}`;
  const boxes = new Map();

  const build = () => {
    boxes.clear();
    el.replaceChildren();
    for (const group of model.get("groups")) {
      const set = make("fieldset");
      set.append(make("legend", "", group.title));
      for (const { id, label } of group.items) {
        const box = make("input");
        Object.assign(box, { type: "checkbox", id: `${prefix}-${boxes.size}` });
        const text = make("label", "", label);
        text.htmlFor = box.id;
        const line = make("div");
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
  const unwatch = listen(model, { "change:groups": build, "change:checked": place });
  build();
  return unwatch;
}

export default { render };
