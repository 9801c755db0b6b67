// A picture that changes in place. The old picture stays until the new one is decoded, so nothing flickers.
// The script tells the kernel the available width, and gives the picture its alternative text.
function render({ model, el }) {
  el.classList.add("simlib-picture");
  const img = make("img");
  const strip = make("div", "simlib-strip");
  const text = make("span");
  const bar = make("progress");
  const stop = make("button", "", "Cancel");
  strip.setAttribute("role", "status");
  bar.max = 1;
  strip.append(text, bar, stop);
  const sentence = make("p", "simlib-sentence");
  sentence.setAttribute("aria-live", "polite");
  el.append(sentence, strip, img);

  const show = () => {
    if (model.get("png")) img.src = model.get("png");
  };
  const size = () => {
    const [width, height] = model.get("size");
    img.width = width;
    img.height = height;
    if (!width) img.remove();  // without a width, only the sentence and the status are shown
  };
  const alt = () => { img.alt = model.get("alt"); };
  const dim = () => el.classList.toggle("simlib-stale", model.get("stale"));
  const status = () => {
    const { text: words, share, kind } = model.get("status");
    text.textContent = words || "\u00a0";
    strip.dataset.kind = kind || "";
    strip.hidden = words === undefined;
    bar.hidden = stop.hidden = share === null || share === undefined;
    if (!bar.hidden) bar.value = share;
  };
  const say = () => {
    // Screen readers do not read previews. They wait for the answer at rest.
    sentence.setAttribute("aria-busy", String(model.get("preview")));
    sentence.hidden = !model.get("sentence").length;
    putParts(sentence, model.get("sentence"));
  };
  const unwatch = listen(model, {
    "change:sentence": say, "change:png": show, "change:size": size, "change:alt": alt, "change:status": status,
    "change:stale": dim,
  });
  stop.addEventListener("click", () => {
    model.set("cancels", model.get("cancels") + 1);
    model.save_changes();
  });
  size();
  alt();
  dim();
  status();
  say();
  show();

  let timer = null;
  const measure = () => {
    const room = Math.floor(el.clientWidth / 20) * 20;
    const ratio = Math.min(Math.max(window.devicePixelRatio || 1, 1), 3);
    if (room < 200 || (room === model.get("room") && ratio === model.get("ratio"))) return;
    model.set({ room, ratio });
    model.save_changes();
  };
  const observer = new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(measure, 120);
  });
  observer.observe(el);
  window.addEventListener("resize", measure);  // zooming the page changes the ratio
  return () => {
    observer.disconnect();
    window.removeEventListener("resize", measure);
    clearTimeout(timer);
    unwatch();
  };
}

export default { render };
