// The answer of the explorer: the leading question in a sentence, the other answers in a line, and two graphs side by
// side. The right graph has tabs. The script tells the kernel how large the graphs can be. The whole explorer, with its
// sliders, then fits into the window without scrolling the page.
const STACKED = 860;  // below this width in pixels, one graph is above the other
const LEAST = 520;    // least height of an explorer in pixels
const PATIENCE = 10000;  // longest time in milliseconds that saving waits for the answer
const SLIDERS = 228;  // height in pixels of three rows of sliders and of the reasons below them

function render({ model, el }) {
  el.classList.add("simlib-board");
  const headline = make("p", "simlib-sentence");
  headline.setAttribute("aria-live", "polite");
  const others = make("div", "simlib-others");
  const choose = make("select", "simlib-lead");
  choose.setAttribute("aria-label", "Leading question");
  choose.title = "The leading question decides the sentence, the left graph, the order of the sliders and the drivers";
  const chips = make("div", "simlib-chips");
  others.append(choose, chips);
  // If a label is too long for the room beside its value and change, all chips have their short labels. If a short label
  // is too long as well, its end is left out. The tooltip has the whole label.
  const fit = () => {
    const labels = [...chips.querySelectorAll("span")];
    for (const label of labels) label.textContent = label.dataset.label;
    if (!labels.some((label) => label.scrollWidth > label.clientWidth)) return;
    for (const label of labels) label.textContent = label.dataset.short || label.dataset.label;
  };

  const strip = make("div", "simlib-strip");
  strip.setAttribute("role", "status");
  const text = make("span");
  text.tabIndex = -1;
  const bar = make("progress");
  bar.max = 1;
  bar.setAttribute("aria-label", "Share of the computation that is done");
  const stop = make("button", "", "Cancel");
  const again = make("button", "simlib-replay", "Replay");
  strip.append(text, bar, stop);
  // The offer of unsaved changes shares the line of the status, so that it takes no height.
  const offer = make("div", "simlib-offer");
  offer.setAttribute("role", "group");
  const unsaved = make("strong", "", "Unsaved changes");
  const day = make("span");
  const time = make("span");
  const restore = make("button", "", "Restore them");
  const discard = make("button", "", "Discard them");
  restore.title = "Continue where that session ended";
  discard.title = "Delete them";
  offer.append(unsaved, day, time, restore, discard);
  const top = make("div", "simlib-top");
  top.append(strip, offer, again);
  const tabs = make("div", "simlib-tabs");
  const tablist = make("div");
  tablist.setAttribute("role", "tablist");
  tablist.setAttribute("aria-label", "Second graph");
  const choice = make("select");
  choice.setAttribute("aria-label", "Shown in the second graph");
  const before = make("button", "simlib-step", "‹");
  const after = make("button", "simlib-step", "›");
  before.setAttribute("aria-label", "Previous history");
  after.setAttribute("aria-label", "Next history");
  tabs.append(tablist, choice, before, after);

  const side = (name, head) => {
    const node = make("div", `simlib-graph simlib-${name}`);
    const img = make("img");
    node.append(head, img);
    return { node, img };
  };
  const graphs = { left: side("left", top), right: side("right", tabs) };
  const story = make("ol", "simlib-story");
  graphs.right.node.append(story);
  const pair = make("div", "simlib-graphs");
  pair.append(graphs.left.node, graphs.right.node);
  el.append(headline, others, pair);

  const send = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const act = acting(model);
  const ask = (what, value) => act({ what, value });

  const show = (name) => {
    const { img } = graphs[name];
    const url = model.get(name);
    img.hidden = !url;
    if (url) img.src = url;
  };
  const size = () => {
    const [width, height] = model.get("size");
    for (const { img } of Object.values(graphs)) {
      img.width = width;
      img.height = height;
    }
  };
  const alt = () => {
    graphs.left.img.alt = model.get("alt");
    graphs.right.img.alt = model.get("alt_right");
  };
  const status = () => {
    const { text: words, share, kind } = model.get("status");
    text.textContent = words || "\u00a0";
    text.title = words || "";
    strip.dataset.kind = kind || "";
    bar.hidden = stop.hidden = share === null || share === undefined;
    if (!bar.hidden) bar.value = share;
  };
  const say = () => {
    // Screen readers do not read previews. They wait for the answer at rest.
    headline.setAttribute("aria-busy", String(model.get("preview")));
    putParts(headline, model.get("sentence"));
  };
  // Chips and options are made again only if the list of answers changes. While a slider moves, only numbers change.
  const makeChip = ({ name, label, short }) => {
    const chip = make("button", "simlib-chip");
    const words = make("span");
    Object.assign(words.dataset, { label, short });
    chip.append(words, make("strong"), make("em"));
    chip.addEventListener("click", () => ask("lead", name));
    return chip;
  };
  const tellValue = (chip, { label, value, change, due }) => {
    const old = due ? " This is the value before the change. The new value follows when the slider stops." : "";
    chip.title = `${label}: ${value}${change ? ` (${change})` : ""}.${old} Press to make it the leading answer.`;
    chip.classList.toggle("simlib-due", Boolean(due));
    put(chip.children[1], value);
    put(chip.children[2], change || "");
  };
  const makeGroup = ({ title, items }) => {
    const group = make("optgroup");
    group.label = title;
    group.append(...items.map(({ name, label }) => {
      const option = make("option", "", label);
      option.value = name;
      return option;
    }));
    return group;
  };
  const drawn = { options: "", chips: "", room: "" };
  const changed = (what, ...values) => {
    const old = drawn[what];
    drawn[what] = JSON.stringify(values);
    return drawn[what] !== old;
  };
  const answers = () => {
    const groups = model.get("answers");
    const lead = model.get("lead");
    const options = groups.map(({ title, items }) => [title, items.map(({ name, label }) => [name, label])]);
    if (document.activeElement !== choose && changed("options", options)) choose.replaceChildren(...groups.map(makeGroup));
    if (choose.value !== lead) choose.value = lead;  // Chrome reads all fields of the page after each setting
    const items = groups.length ? groups[0].items.filter(({ name }) => name !== lead) : [];
    if (changed("chips", items.map(({ name, label, short }) => [name, label, short]))) chips.replaceChildren(...items.map(makeChip));
    items.forEach((item, i) => tellValue(chips.children[i], item));
    // Measuring the chips makes the browser lay out the page. So they are measured only if their widths can change.
    const length = (words) => (words || "").length;
    if (changed("room", drawn.chips, items.map(({ value, change, due }) => [length(value), length(change), due]))) fit();
  };
  const propose = () => {
    const date = model.get("offer");
    if (!date && offer.contains(document.activeElement)) text.focus();  // the focus stays in this line
    offer.hidden = !date;
    const [first, second] = date.split(", ");
    day.textContent = `from ${first}`;
    time.textContent = second || "";
    offer.title = `Unsaved changes from ${date}`;
    offer.setAttribute("aria-label", offer.title);
  };
  const turn = () => {
    const shown = model.get("tab");
    tablist.replaceChildren(...model.get("tabs").map(({ id, label }) => {
      const button = make("button", "", label);
      button.setAttribute("role", "tab");
      button.setAttribute("aria-selected", String(id === shown));
      button.addEventListener("click", () => ask("tab", id));
      return button;
    }));
    const choices = model.get("choices");
    choice.hidden = choices.length < 2;
    choice.replaceChildren(...choices.map(({ id, label }) => {
      const option = make("option", "", label);
      option.value = id;
      return option;
    }));
    choice.value = model.get("choice");
    before.hidden = after.hidden = shown !== "history";
  };
  const last = () => {
    const words = model.get("last_change");
    again.hidden = !words;
    again.title = `Play the last change (key R): ${words}`;
    again.setAttribute("aria-keyshortcuts", "r");
  };
  const replay = () => {
    if (model.get("last_change")) ask("replay", !matchMedia("(prefers-reduced-motion: reduce)").matches);
  };
  const tell = () => {
    const lines = model.get("story");
    story.hidden = !lines.length;
    story.replaceChildren(...lines.map((line) => make("li", "", line)));
    story.scrollTop = 0;
  };
  choose.addEventListener("change", () => ask("lead", choose.value));
  choice.addEventListener("change", () => ask("choice", choice.value));
  before.addEventListener("click", () => ask("step", -1));
  after.addEventListener("click", () => ask("step", 1));
  stop.addEventListener("click", () => ask("cancel", true));
  restore.addEventListener("click", () => ask("restore", true));
  discard.addEventListener("click", () => ask("discard", true));
  again.addEventListener("click", replay);
  // Keys of the whole explorer. JupyterLab's shortcuts must not act on its focused elements, such as buttons and lists.
  const suppress = ({ target }) => { target.dataset.lmSuppressShortcuts = "true"; };
  const key = (event) => {
    const typing = event.target.matches("textarea, select, input:not([type=range], [type=checkbox])");
    if (event.key === "r" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) replay();
    // Without this, the browser would undo the text that was typed last, in another field.
    if (event.key.toLowerCase() === "z" && !typing && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      ask(event.shiftKey ? "redo" : "undo", true);
    }
  };

  // Ctrl+S first stores the picture of the answer to the present settings, and then saves the notebook. Sliders and
  // fields are separate models. Their last changes may still wait in the page until the kernel is free. When the kernel
  // has answered the first request ("settle"), all models have sent their changes. Then "keep" can be sent.
  const keep = (event) => {
    if (!isSaving(event) || !event.isTrusted || !headline.getClientRects().length) return;
    event.preventDefault();
    event.stopPropagation();
    window.simlibKeeping = (window.simlibKeeping || 0) + 1;
    const save = () => {
      model.off("change:receipt", answered);
      clearTimeout(late);
      window.simlibKeeping -= 1;  // each explorer on the page stores its picture, and the last explorer saves the notebook
      const place = event.target.isConnected ? event.target : document.body;
      if (!window.simlibKeeping) place.dispatchEvent(new KeyboardEvent("keydown", event));
    };
    const steps = ["settle", "keep"];
    let n = 0;
    const next = () => {
      n = ask(steps.shift());
    };
    const answered = () => {
      const { page, n: last } = model.get("receipt");
      if (page !== PAGE || last < n) return;
      if (steps.length) next();
      else save();
    };
    const late = setTimeout(save, PATIENCE);
    model.on("change:receipt", answered);
    next();
  };

  const unwatch = listen(model, {
    "change:sentence": say, "change:left": () => show("left"), "change:right": () => show("right"), "change:size": size,
    "change:alt": alt, "change:alt_right": alt, "change:status": status, "change:answers": answers, "change:lead": answers,
    "change:tabs": turn, "change:tab": turn, "change:choices": turn, "change:choice": turn, "change:story": tell,
    "change:last_change": last, "change:offer": propose,
  });
  model.on("change:copied", () => {
    const { words } = model.get("copied");
    if (words && navigator.clipboard) navigator.clipboard.writeText(words).catch(() => {});
  });
  for (const draw of [size, alt, status, say, answers, turn, tell, last, propose]) draw();
  show("left");
  show("right");

  // The element that scrolls around the explorer: the notebook, or the whole page.
  const around = () => el.closest(".jp-WindowedPanel-outer, .jp-Notebook, .jp-LinkedOutputView") || document.documentElement;
  let timer = null;
  const measure = () => {
    const whole = el.closest(".simlib-onescreen");
    const wide = whole ? whole.clientWidth : 0;
    if (!wide) return;
    const stacked = wide < STACKED;
    // An explorer near the top of the scrolling element fills the rest of the window. Elsewhere it fills the window.
    const outer = around();
    const above = whole.getBoundingClientRect().top - outer.getBoundingClientRect().top + (outer.scrollTop || 0);
    const window_ = Math.min(outer.clientHeight, window.innerHeight);
    const high = Math.max(LEAST, window_ - (above > 0 && above < 120 ? above + 8 : 24));
    whole.classList.toggle("simlib-stacked", stacked);
    fit();
    whole.style.setProperty("--simlib-height", `${high}px`);
    const width = Math.floor((stacked ? wide : (wide - 16) / 2) / 10) * 10;
    // The graphs and the sliders share the height below the texts. The sliders get three rows, in a high window more.
    const bars = [...whole.children].filter((node) => node.classList.contains("simlib-bar"));
    const used = [headline, others, top, ...bars].reduce((sum, node) => sum + node.offsetHeight, 0) + 16;
    const rest = high - used - SLIDERS;
    const height = Math.floor(Math.max(140, stacked ? 0.36 * high : Math.min(rest, 200 + 0.5 * (rest - 200))) / 10) * 10;
    const room = [width, height, Math.min(Math.max(window.devicePixelRatio || 1, 1), 3)];
    whole.style.setProperty("--simlib-graph", `${height}px`);
    if (width < 200 || String(room) === String(model.get("room"))) return;
    send("room", room);
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(measure, 100);
  };
  const observer = new ResizeObserver(later);
  window.addEventListener("resize", later);
  window.addEventListener("keydown", keep, true);
  requestAnimationFrame(() => {
    const whole = el.closest(".simlib-onescreen") || el;
    whole.addEventListener("focusin", suppress);
    whole.addEventListener("keydown", key);
    observer.observe(whole);
    observer.observe(around());
    observer.observe(others);
    measure();
  });
  return () => {
    observer.disconnect();
    window.removeEventListener("resize", later);
    window.removeEventListener("keydown", keep, true);
    clearTimeout(timer);
    unwatch();
  };
}

export default { render };
