// Sliders by group. Positions go to the kernel as they change. The page already has the text for every position, so the
// number beside a slider changes at once. Typed texts go to the kernel, because only the kernel can read units.
// A slider is ahead of the kernel while a pointer holds it, or until the kernel has heard its last move. Then it stays
// where the user put it, whatever the kernel says.
let serial = 0;

function render({ model, el }) {
  el.classList.add("simlib-dials");
  const prefix = `simlib-dial-${++serial}`;
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
  const ownReason = (dial) => {
    const field = make("input", "simlib-reason");
    field.type = "text";
    field.dataset.lmSuppressShortcuts = "true";
    field.placeholder = "My reason for changing it";
    field.setAttribute("aria-label", `My reason for changing: ${dial.whole}`);
    field.value = model.get("reasons")[dial.id] || "";
    field.addEventListener("change", () => act({ what: "reason", id: dial.id, text: field.value }));
    return field;
  };

  const reason = (dial) => model.get("view_reasons")[dial.id] || dial.because;
  const because = (dial) => `Because: ${reason(dial)}`;
  const explain = (dial) => {
    if (inHand) inHand.classList.remove("simlib-inhand");
    inHand = rows.get(dial.id)?.node ?? null;
    if (inHand) inHand.classList.add("simlib-inhand");
    about.dataset.id = dial.id;
    about.replaceChildren(
      ...(model.get("own_reasons") ? [ownReason(dial)] : []),
      make("strong", "", dial.whole),
      make("p", "", because(dial)),
      make("p", "", dial.prior),
      ...(dial.sources.length ? [make("p", "", `Sources: ${dial.sources.join("; ")}`)] : []),
      make("p", "simlib-uses", dial.uses.join("; ")),
    );
  };

  const readout = (row) => {
    if (isTyped(row)) return;
    const given = model.get("overrides")[row.dial.id];
    const position = Number(row.slider.value);
    const text = ahead(row) || given === undefined ? row.dial.texts[position] : given;
    if (row.said === text || model.get("refused")[row.dial.id]) return;
    row.said = text;
    if (document.activeElement !== row.text || !row.typing) row.text.value = text;
    row.slider.setAttribute("aria-valuetext", text);
    row.text.title = text;
  };

  const addRow = (dial, parent) => {
    const id = `${prefix}-${rows.size}`;
    const node = make("div", "simlib-row");
    node.title = because(dial);
    const label = make("label", "", dial.label);
    label.htmlFor = id;
    const line = make("div", "simlib-line");
    const track = make("span", "simlib-track");
    const slider = make("input");
    Object.assign(slider, { type: "range", id, min: 0, max: dial.texts.length - 1, step: 1 });
    slider.setAttribute("aria-label", dial.whole);
    track.append(slider);
    if (dial.band) {  // positions that the band covers. The middle of the thumb stays 8px away from both ends of the slider
      const band = make("span", "simlib-band");
      const [from, to] = dial.band.map((place) => place / (dial.texts.length - 1));
      band.style.left = `calc(8px + (100% - 16px) * ${from})`;
      band.style.width = `calc((100% - 16px) * ${Math.max(to - from, 0)})`;
      track.append(band);
    }
    const text = make("input", "simlib-readout");
    text.type = "text";
    text.setAttribute("aria-label", `${dial.label}: value`);
    const reset = make("button", "simlib-reset", "↺");
    reset.title = "Reset to the value of the view";
    reset.setAttribute("aria-label", `Reset: ${dial.label}`);
    const note = make("div", "simlib-note");
    const reach = make("div", "simlib-reach");
    track.append(reach);
    line.append(track, text, reset);
    node.append(label, line, note);
    parent.append(node);
    const row = { dial, node, slider, text, reset, note, reach, sent: 0, typed: 0, pressed: false, moved: false, typing: false };
    rows.set(dial.id, row);

    slider.addEventListener("input", () => {
      row.sent = act({ what: "move", id: dial.id, position: Number(slider.value) });
      row.moved = true;
      row.typed = 0;
      readout(row);
    });
    slider.addEventListener("pointerdown", () => {
      row.pressed = true;
      row.moved = false;
      const release = () => {
        removeEventListener("pointerup", release, true);
        removeEventListener("pointercancel", release, true);
        row.pressed = false;
        if (row.moved) act({ what: "let go", id: dial.id });
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
      row.typed = act({ what: "type", id: dial.id, text: words });
    };
    text.addEventListener("change", typed);
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter") typed();
      if (event.key === "Escape") { row.typing = false; text.value = row.said ?? model.get("refused")[dial.id].text; }
      if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
    });
    reset.addEventListener("click", () => act({ what: "reset", id: dial.id }));
    // If there is a field for the user's reason, pointing at another slider must not change the explanation. The user
    // has to move the pointer over other sliders to reach the field.
    const events = model.get("own_reasons") ? ["focusin", "pointerdown"] : ["focusin", "pointerenter"];
    for (const event of events) node.addEventListener(event, () => explain(dial));
    for (const event of ["focusin", "pointerenter"]) {
      node.addEventListener(event, () => {
        if (model.get("held") === dial.id) return;
        model.set("held", dial.id);
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
    const head = make("button", "simlib-head", `${group.title} (${group.dials.length})`);
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
    for (const dial of group.dials) addRow(dial, body);
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
    if (kept) explain(kept.dial);
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
      if (position !== undefined && Number(row.slider.value) !== position) row.slider.value = position;
      readout(row);
    }
  };
  // Another view has other reasons. The reason that is shown stands after the name of its assumption.
  const justify = () => {
    for (const row of rows.values()) row.node.title = because(row.dial);
    const shown = rows.get(about.dataset.id);
    if (shown) about.querySelector("strong").nextElementSibling.textContent = because(shown.dial);
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
        const text = `${row.dial.label} ${row.dial.whole} ${row.dial.id} ${section.title} ${reason(row.dial)}`.toLowerCase();
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
