// A slider over the mornings of a log, with a mark below it for each morning with new rows.
// Positions go to the kernel as they change. The page already has the date of every position.

function render({ model, el }) {
  el.classList.add("simlib-mornings");
  const id = `simlib-mornings-${Math.random().toString(36).slice(2)}`;  // unique for each slider
  const label = make("label", "", model.get("label"));
  label.htmlFor = id;
  const slider = make("input");
  Object.assign(slider, { type: "range", id, min: 0, max: model.get("texts").length - 1, step: 1 });
  slider.setAttribute("aria-label", model.get("label"));
  const readout = make("output", "simlib-date");
  readout.htmlFor = id;
  const track = make("span", "simlib-scale");
  const marks = make("span", "simlib-marks");
  track.append(slider, marks);
  const back = make("button", "", "◂ row before");
  const on = make("button", "", "next row ▸");
  back.title = "Go to the previous morning with new rows";
  on.title = "Go to the next morning with new rows";
  const line = make("div", "simlib-line");
  line.append(label, back, track, on, readout);
  el.append(line);

  const tell = () => {
    const text = model.get("texts")[Number(slider.value)];
    readout.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    const news = model.get("news");
    back.disabled = !news.some((place) => place < Number(slider.value));
    on.disabled = !news.some((place) => place > Number(slider.value));
  };
  const go = (place) => {
    slider.value = place;
    tell();
    model.set("place", Number(slider.value));
    model.save_changes();
  };
  const place = () => {
    slider.value = model.get("place");
    tell();
  };
  const mark = () => {
    const most = Math.max(model.get("texts").length - 1, 1);
    marks.replaceChildren(...model.get("news").map((at) => {
      const tick = make("span");
      tick.style.left = `calc(8px + (100% - 16px) * ${at / most})`;
      return tick;
    }));
    tell();
  };
  slider.addEventListener("input", () => go(slider.value));
  back.addEventListener("click", () => go(Math.max(...model.get("news").filter((at) => at < Number(slider.value)))));
  on.addEventListener("click", () => go(Math.min(...model.get("news").filter((at) => at > Number(slider.value)))));
  model.on("change:place", place);
  model.on("change:news", mark);
  place();
  mark();
  return () => {
    model.off("change:place", place);
    model.off("change:news", mark);
  };
}

export default { render };
