// Read-out, zoom and switches of the report's figures. Drawn curves are in a view box of 10000 × 1000; zooming changes
// the view box of every panel of a case and writes its time axis anew. Fields are film strips, all times of one below
// one another in one picture; which of them shows is the custom property --frame.
(() => {
  "use strict";
  const WIDTH = 10000, HEIGHT = 1000;
  document.documentElement.classList.add("interactive");

  const ticks = (low, high, count) => {
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw)), part = raw / power;
    const step = power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
    const decimals = Math.min(8, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
    const all = [];
    for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); ++i) {
      all.push([i * step, (i * step).toFixed(decimals).replace("-", "−")]);
    }
    return all;
  };
  const number = (v) => String(Number(v.toPrecision(4))).replace("-", "−");
  const element = (tag, text, className) => {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (className) e.className = className;
    return e;
  };

  const startFilms = (figure, data) => {
    const slider = figure.querySelector(".player input"), button = figure.querySelector(".player button");
    const output = figure.querySelector(".player output"), tip = figure.querySelector(".tip");
    const windows = [...figure.querySelectorAll(".window")];
    let frame = 0, timer = null, pointed = null;

    const levels = data.scales.map((scale) => {
      const found = new Map();
      for (let i = 0; i < 255; ++i) found.set(parseInt(scale.colours.slice(6 * i, 6 * i + 6), 16), i);
      return found;
    });
    // Pixels of a strip, read from its picture when first asked for.
    const strips = [];
    const pixels = (i) => {
      if (strips[i]) return strips[i];
      const image = windows[i].querySelector("img"), canvas = element("canvas");
      if (!image.complete) return null;
      canvas.width = image.naturalWidth;
      canvas.height = image.naturalHeight;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      return strips[i] = context.getImageData(0, 0, canvas.width, canvas.height).data;
    };
    const valueAt = (i, fx, fy) => {
      const film = data.films[i], scale = data.scales[film.scale], strip = pixels(i);
      if (!strip) return null;
      const x = Math.min(film.width - 1, Math.floor(fx * film.width));
      const y = Math.min(film.height - 1, Math.floor(fy * film.height));
      const at = 4 * ((frame * film.height + y) * film.width + x);
      const level = levels[film.scale].get(strip[at] << 16 | strip[at + 1] << 8 | strip[at + 2]);
      return level === undefined ? null : scale.first + (scale.last - scale.first) * level / 254;
    };
    const read = () => {
      if (!pointed) return;
      const [plot, fx, fy] = pointed, table = element("table");
      data.films.forEach((film, i) => {
        const line = table.insertRow(), value = valueAt(i, fx, fy);
        line.insertCell().textContent = film.name;
        line.insertCell().textContent = value === null ? "–" : String(Number(value.toPrecision(2))).replace("-", "−");
      });
      const along = (axis, part) => number(axis.from + part * (axis.to - axis.from));
      const place = `x ${along(data.x, fx)}, y ${along(data.y, 1 - fy)}`;
      tip.replaceChildren(element("b", place), table);
      tip.style.display = "block";
      const box = plot.getBoundingClientRect(), whole = figure.getBoundingClientRect();
      const left = box.left - whole.left + fx * box.width, room = whole.width - tip.offsetWidth;
      tip.style.left = `${left + 14 < room ? left + 14 : Math.max(0, left - tip.offsetWidth - 14)}px`;
      tip.style.top = `${box.top - whole.top + fy * box.height + 10}px`;
    };
    const show = (next) => {
      frame = next;
      figure.style.setProperty("--frame", frame);
      slider.value = frame;
      output.textContent = data.times[frame];
      read();
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      button.textContent = "Play";
    };
    button.addEventListener("click", () => {
      if (timer !== null) return stop();
      timer = setInterval(() => show((frame + 1) % data.times.length), 160);
      button.textContent = "Pause";
    });
    slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
    for (const plot of windows) {
      plot.addEventListener("pointermove", (event) => {
        const box = plot.getBoundingClientRect();
        const part = (v) => Math.min(1, Math.max(0, v));
        pointed = [plot, part((event.clientX - box.left) / box.width), part((event.clientY - box.top) / box.height)];
        read();
      });
      plot.addEventListener("pointerleave", () => { pointed = null; tip.style.display = "none"; });
    }
    show(0);
  };

  const start = (section) => {
    const data = JSON.parse(section.querySelector("script").textContent);
    section.querySelectorAll(".films").forEach((figure, i) => startFilms(figure, data.films[i]));
    const plots = [...section.querySelectorAll(".plot.timed")];
    const reset = section.querySelector(".controls button");
    const span = data.last - data.first;
    let from = data.first, to = data.last;

    const fraction = (time) => (time - from) / (to - from);

    const zoom = (low, high) => {
      from = Math.max(data.first, low);
      to = Math.min(data.last, high);
      const left = (from - data.first) / span * WIDTH, width = (to - from) / span * WIDTH;
      const marks = ticks(from, to, 8);
      for (const plot of plots) {
        plot.querySelector("svg").setAttribute("viewBox", `${left} 0 ${width} ${HEIGHT}`);
        const lines = marks.map(([t]) => `M${(t - data.first) / span * WIDTH} 0V${HEIGHT}`).join("");
        plot.querySelector(".x-grid").setAttribute("d", lines);
        plot.parentElement.querySelector(".x-ticks").replaceChildren(...marks.map(([t, text]) => {
          const mark = element("span", text);
          mark.style.left = `${100 * fraction(t)}%`;
          return mark;
        }));
      }
      reset.disabled = from === data.first && to === data.last;
      leave();
    };

    const leave = () => {
      for (const plot of plots) {
        plot.querySelector(".cursor").style.display = "none";
        plot.querySelector(".tip").style.display = "none";
      }
    };

    const nearest = (times, time) => {
      let best = 0;
      times.forEach((t, i) => { if (Math.abs(t - time) < Math.abs(times[best] - time)) best = i; });
      return best;
    };

    // What stands at `time`: a line through all panels, values in the one pointed at.
    const show = (plot, time) => {
      const panel = data.panels[plots.indexOf(plot)];
      const i = nearest(panel.times, time), at = panel.times[i];
      leave();
      if (at < from || at > to) return at;
      for (const other of plots) {
        const cursor = other.querySelector(".cursor");
        cursor.style.left = `${100 * fraction(at)}%`;
        cursor.style.display = "block";
      }
      const table = element("table");
      const row = (style, label, text) => {
        if (section.classList.contains(`hide-${style}`) && plot.closest(".states")) return;
        const line = table.insertRow(), name = line.insertCell();
        const swatch = element("span", undefined, "swatch");
        swatch.style.background = `var(--${style === "readings" ? "reading" : style.split("-")[0]})`;
        name.append(swatch, label);
        line.insertCell().textContent = text;
      };
      for (const s of panel.series) {
        if (s.low) row(s.style, s.label, `${number(s.low[i])} … ${number(s.high[i])}`);
        else row(s.style, s.label, number(s.values[i]));
      }
      panel.readings.forEach(([t, value, error]) => {
        if (Math.abs(t - at) < 1e-6 * span) row("readings", "reading", `${number(value)} ± ${number(error)}`);
      });
      const tip = plot.querySelector(".tip");
      tip.replaceChildren(element("b", `${data.time} ${number(at)}`), table);
      tip.style.display = "block";
      const x = fraction(at) * plot.clientWidth;
      tip.style.left = `${x + tip.offsetWidth + 16 < plot.clientWidth ? x + 12 : Math.max(0, x - tip.offsetWidth - 12)}px`;
      return at;
    };

    for (const plot of plots) {
      const timeAt = (event) => {
        const box = plot.getBoundingClientRect();
        const f = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
        return from + f * (to - from);
      };
      const selection = plot.querySelector(".selection");
      let pressed = null, focus = data.first;
      plot.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || event.pointerType === "touch") return;
        pressed = timeAt(event);
        plot.setPointerCapture(event.pointerId);
      });
      plot.addEventListener("pointermove", (event) => {
        const time = timeAt(event);
        focus = show(plot, time);
        if (pressed === null) return;
        const [low, high] = [Math.min(pressed, time), Math.max(pressed, time)].map(fraction);
        selection.style.display = "block";
        selection.style.left = `${100 * low}%`;
        selection.style.width = `${100 * (high - low)}%`;
      });
      plot.addEventListener("pointerup", (event) => {
        const time = timeAt(event), start = pressed;
        pressed = null;
        selection.style.display = "none";
        if (start !== null && Math.abs(time - start) > .02 * (to - from)) zoom(Math.min(time, start), Math.max(time, start));
      });
      plot.addEventListener("pointercancel", () => { pressed = null; selection.style.display = "none"; });
      plot.addEventListener("pointerleave", leave);
      plot.addEventListener("blur", leave);
      plot.addEventListener("dblclick", () => zoom(data.first, data.last));
      plot.addEventListener("keydown", (event) => {
        const times = data.panels[plots.indexOf(plot)].times, i = nearest(times, focus);
        const width = to - from;
        if (event.key === "ArrowRight") focus = show(plot, times[Math.min(i + 1, times.length - 1)]);
        else if (event.key === "ArrowLeft") focus = show(plot, times[Math.max(i - 1, 0)]);
        else if (event.key === "+") zoom(focus - width / 4, focus + width / 4);
        else if (event.key === "-") zoom(from - width / 2, to + width / 2);
        else if (event.key === "Escape") zoom(data.first, data.last);
        else return;
        event.preventDefault();
      });
    }
    reset.addEventListener("click", () => zoom(data.first, data.last));
    for (const box of section.querySelectorAll(".controls input")) {
      const apply = () => section.classList.toggle(`hide-${box.value}`, !box.checked);
      box.addEventListener("change", apply);
      apply();
    }
    zoom(data.first, data.last);
  };
  document.querySelectorAll("section.case").forEach(start);
})();
