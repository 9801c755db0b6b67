// Sliders by group. Positions go to the kernel as they change. The page already has the text for every position, so the
// number beside a slider changes at once. Typed texts go to the kernel, because only the kernel can read units.
// A slider is ahead of the kernel while a pointer holds it, or until the kernel has heard its last move. Then it stays
// where the user put it, whatever the kernel says.
let serial = 0;

function render({ model, el }) {
  el.classList.add("simlib-sliders");
  const prefix = `simlib-slider-${++serial}`;
  const rows = new Map();
  const sections = [];
  const touched = new Map();  // groups that a person folded or unfolded

  const search = make("input", "simlib-search");
  search.type = "search";
  search.placeholder = "Search the assumptions";
  search.setAttribute("aria-label", "Search the assumptions");
  const list = make("div", "simlib-list");
  const about = make("div", "simlib-about");
  about.setAttribute("aria-live", "polite");
  const all = make("button", "simlib-all");
  const top = make("div", "simlib-line");
  top.append(search, all);
  about.append(make("p", "simlib-uses", "Each slider goes from the 5th to the 95th percentile of its assumption. The mark in the middle is the stated value. Reasons and sources appear here."));
  let inHand = null;
  el.append(top, list, about);

  const act = acting(model);
  const ahead = (row) => row.pressed || row.sent > heard(model);
  const isTyped = (row) => row.typed > heard(model);  // the kernel may refuse the text, or write it in another way

  // A field for the user's reason for a changed value, beside the reason in the scenario.
  const ownReason = (slider) => {
    const field = make("input", "simlib-reason");
    field.type = "text";
    field.dataset.lmSuppressShortcuts = "true";
    field.placeholder = "My reason for changing it";
    field.setAttribute("aria-label", `My reason for changing: ${slider.whole}`);
    field.value = model.get("reasons")[slider.id] || "";
    field.addEventListener("change", () => act({ what: "reason", id: slider.id, text: field.value }));
    return field;
  };

  const reason = (slider) => model.get("view_reasons")[slider.id] || slider.because;
  const because = (slider) => `Because: ${reason(slider)}`;
  const explain = (slider) => {
    if (inHand) inHand.classList.remove("simlib-inhand");
    inHand = rows.get(slider.id)?.node ?? null;
    if (inHand) inHand.classList.add("simlib-inhand");
    about.dataset.id = slider.id;
    about.replaceChildren(
      ...(model.get("own_reasons") ? [ownReason(slider)] : []),
      make("strong", "", slider.whole),
      make("p", "", because(slider)),
      make("p", "", slider.prior),
      ...(slider.sources.length ? [make("p", "", `Sources: ${slider.sources.join("; ")}`)] : []),
      make("p", "simlib-uses", slider.uses.join("; ")),
    );
  };

  const readout = (row) => {
    if (isTyped(row)) return;
    const given = model.get("overrides")[row.slider.id];
    const position = Number(row.input.value);
    const text = ahead(row) || given === undefined ? row.slider.texts[position] : given;
    if (row.said === text || model.get("refused")[row.slider.id]) return;
    row.said = text;
    if (document.activeElement !== row.text || !row.typing) row.text.value = text;
    row.input.setAttribute("aria-valuetext", text);
    row.text.title = text;
  };

  const addRow = (slider, parent) => {
    const id = `${prefix}-${rows.size}`;
    const node = make("div", "simlib-row");
    node.title = because(slider);
    const label = make("label", "", slider.label);
    label.htmlFor = id;
    const line = make("div", "simlib-line");
    const track = make("span", "simlib-track");
    const input = make("input");
    Object.assign(input, { type: "range", id, min: 0, max: slider.texts.length - 1, step: 1 });
    input.setAttribute("aria-label", slider.whole);
    track.append(input);
    if (slider.band) {  // positions that the band covers. The middle of the thumb stays 8px away from both ends of the slider
      const band = make("span", "simlib-band");
      const [from, to] = slider.band.map((place) => place / (slider.texts.length - 1));
      band.style.left = `calc(8px + (100% - 16px) * ${from})`;
      band.style.width = `calc((100% - 16px) * ${Math.max(to - from, 0)})`;
      track.append(band);
    }
    const text = make("input", "simlib-readout");
    text.type = "text";
    text.setAttribute("aria-label", `${slider.label}: value`);
    const reset = make("button", "simlib-reset", "↺");
    reset.title = "Reset to the value of the view";
    reset.setAttribute("aria-label", `Reset: ${slider.label}`);
    const note = make("div", "simlib-note");
    const reach = make("div", "simlib-reach");
    track.append(reach);
    line.append(track, text, reset);
    node.append(label, line, note);
    parent.append(node);
    const row = { slider, node, input, text, reset, note, reach, sent: 0, typed: 0, pressed: false, moved: false, typing: false };
    rows.set(slider.id, row);

    input.addEventListener("input", () => {
      row.sent = act({ what: "move", id: slider.id, position: Number(input.value) });
      row.moved = true;
      row.typed = 0;
      readout(row);
    });
    input.addEventListener("pointerdown", () => {
      row.pressed = true;
      row.moved = false;
      const release = () => {
        removeEventListener("pointerup", release, true);
        removeEventListener("pointercancel", release, true);
        row.pressed = false;
        if (row.moved) act({ what: "let go", id: slider.id });
        place();
      };
      addEventListener("pointerup", release, true);  // the pointer may be beside the slider by then
      addEventListener("pointercancel", release, true);
    });
    text.addEventListener("input", () => { row.typing = true; });
    const typed = () => {
      if (!row.typing) return;
      row.typing = false;
      const words = text.value;  // the text stays as typed. If the kernel refuses it, it is marked, and the reason is below it
      row.said = words;
      row.typed = act({ what: "type", id: slider.id, text: words });
    };
    text.addEventListener("change", typed);
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter") typed();
      if (event.key === "Escape") { row.typing = false; text.value = row.said ?? model.get("refused")[slider.id].text; }
      if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
    });
    reset.addEventListener("click", () => act({ what: "reset", id: slider.id }));
    // If there is a field for the user's reason, pointing at another slider must not change the explanation. The user
    // has to move the pointer over other sliders to reach the field.
    const events = model.get("own_reasons") ? ["focusin", "pointerdown"] : ["focusin", "pointerenter"];
    for (const event of events) node.addEventListener(event, () => explain(slider));
    for (const event of ["focusin", "pointerenter"]) {
      node.addEventListener(event, () => {
        if (model.get("held") === slider.id) return;
        model.set("held", slider.id);
        model.save_changes();
      });
    }
  };

  const fold = (section, open) => {
    section.head.setAttribute("aria-expanded", String(open));
    section.body.hidden = !open;
  };
  const isOpen = (section) => section.head.getAttribute("aria-expanded") === "true";

  const addSection = (group, open) => {
    const node = make("section");
    const head = make("button", "simlib-head", `${group.title} (${group.sliders.length})`);
    const body = make("div");
    body.id = `${prefix}-group-${sections.length}`;
    head.setAttribute("aria-controls", body.id);
    const section = { title: group.title, node, head, body };
    head.addEventListener("click", () => { fold(section, !isOpen(section)); touched.set(section.title, isOpen(section)); labelAll(); });
    body.className = "simlib-rows";
    head.hidden = !group.title;  // a single list has no heading
    node.append(head, body);
    list.append(node);
    sections.push(section);
    fold(section, open);
    for (const slider of group.sliders) addRow(slider, body);
  };

  const build = () => {
    rows.clear();
    sections.length = 0;
    list.replaceChildren();
    for (const group of model.get("groups")) addSection(group, touched.get(group.title) ?? true);
    top.hidden = !model.get("searching");
    if (top.hidden) search.value = "";
    place();
    annotate();
    reaches();
    const kept = rows.get(about.dataset.id) ?? (model.get("own_reasons") ? rows.values().next().value : null);
    if (kept) explain(kept.slider);
    filter();
    labelAll();
  };
  const labelAll = () => { all.textContent = sections.every(isOpen) ? "Fold all" : "Unfold all"; };
  all.addEventListener("click", () => {
    const open = !sections.every(isOpen);
    for (const section of sections) {
      fold(section, open);
      touched.set(section.title, open);
    }
    labelAll();
  });

  const place = () => {
    const positions = model.get("positions");
    for (const [id, row] of rows) {
      const position = ahead(row) ? undefined : positions[id];
      if (position !== undefined && Number(row.input.value) !== position) row.input.value = position;
      readout(row);
    }
  };
  // Another view has other reasons. The reason that is shown stands after the name of its assumption.
  const justify = () => {
    for (const row of rows.values()) row.node.title = because(row.slider);
    const shown = rows.get(about.dataset.id);
    if (shown) about.querySelector("strong").nextElementSibling.textContent = because(shown.slider);
  };
  const annotate = () => {
    const notes = model.get("notes");
    const changed = new Set(model.get("changed"));
    for (const [id, row] of rows) {
      const refused = model.get("refused")[id];
      row.note.textContent = refused ? refused.why : notes[id] || "";
      row.note.title = row.note.textContent;
      row.node.classList.toggle("simlib-noted", Boolean(row.note.textContent));
      row.note.classList.toggle("simlib-error", Boolean(refused));
      row.text.classList.toggle("simlib-refused", Boolean(refused));
      row.text.setAttribute("aria-invalid", String(Boolean(refused)));
      if (refused) {
        if (!isTyped(row)) row.text.value = refused.text;
        row.said = null;
      } else if (row.said === null) {
        readout(row);
      }
      row.node.classList.toggle("simlib-changed", changed.has(id));
      row.reset.style.visibility = changed.has(id) ? "visible" : "hidden";
    }
  };
  const reaches = () => {
    const reach = model.get("reach");
    for (const [id, row] of rows) {
      const [left, right, words] = reach[id] || ["", "", ""];
      row.reach.replaceChildren(make("span", "", left), make("span", "", right));
      row.reach.title = words;
    }
  };
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const section of sections) {
      let any = false;
      for (const row of rows.values()) {
        if (row.node.parentElement !== section.body) continue;
        const text = `${row.slider.label} ${row.slider.whole} ${row.slider.id} ${section.title} ${reason(row.slider)}`.toLowerCase();
        const fits = words.every((word) => text.includes(word));
        row.node.hidden = !fits;
        any ||= fits;
      }
      section.node.hidden = !any;
      if (any && words.length) fold(section, true);
    }
    labelAll();
  };
  search.addEventListener("input", filter);

  const unwatch = listen(model, {
    "change:groups": build, "change:positions": place, "change:overrides": place, "change:heard": place,
    "change:notes": annotate, "change:changed": annotate, "change:refused": annotate, "change:reach": reaches,
    "change:view_reasons": justify,
  });
  build();
  return unwatch;
}

export default { render };
