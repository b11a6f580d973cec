// Read-out, zoom and switches of the report's figures. Curves lie in an SVG of their own within each panel's, the area;
// zooming changes the view box of every area of a case and writes its time axis anew. Fields are strips, all times of
// one below one another in one image; the view box of its window says which of them shows.
(() => {
  "use strict";
  const SVG = document.querySelector("svg").namespaceURI;
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

  const svgElement = (tag, attributes) => {
    const e = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
    return e;
  };
  const within = (v) => Math.min(1, Math.max(0, v));

  const startAnimation = (figure, data) => {
    const slider = figure.querySelector(".player input"), button = figure.querySelector(".player button");
    const output = figure.querySelector(".player output"), tip = figure.querySelector(".tip");
    const windows = [...figure.querySelectorAll("svg.window")];
    const outlines = windows.map((w) => w.nextElementSibling);
    let frame = 0, timer = null, pointed = null;

    const levels = data.scales.map((scale) => {
      const found = new Map();
      for (let i = 0; i < 255; ++i) found.set(parseInt(scale.colours.slice(6 * i, 6 * i + 6), 16), i);
      return found;
    });
    // Pixels of each strip, read from its image.
    const strips = windows.map(() => null);
    windows.forEach((w, i) => {
      const image = new Image();
      image.onload = () => {
        const canvas = element("canvas");
        canvas.width = image.naturalWidth;
        canvas.height = image.naturalHeight;
        const context = canvas.getContext("2d", { willReadFrequently: true });
        context.drawImage(image, 0, 0);
        strips[i] = context.getImageData(0, 0, canvas.width, canvas.height).data;
      };
      image.src = w.querySelector("image").getAttribute("href");
    });
    const valueAt = (i, fx, fy) => {
      const field = data.fields[i], scale = data.scales[field.scale], strip = strips[i];
      if (!strip) return null;
      const x = Math.min(field.width - 1, Math.floor(fx * field.width));
      const y = Math.min(field.height - 1, Math.floor(fy * field.height));
      const at = 4 * ((frame * field.height + y) * field.width + x);
      const level = levels[field.scale].get(strip[at] << 16 | strip[at + 1] << 8 | strip[at + 2]);
      return level === undefined ? null : scale.first + (scale.last - scale.first) * level / 254;
    };
    const read = () => {
      if (!pointed) return;
      const [outline, fx, fy] = pointed, table = element("table");
      data.fields.forEach((field, i) => {
        const line = table.insertRow(), value = valueAt(i, fx, fy);
        line.insertCell().textContent = field.name;
        line.insertCell().textContent = value === null ? "–" : String(Number(value.toPrecision(2))).replace("-", "−");
      });
      const along = (axis, part) => number(axis.from + part * (axis.to - axis.from));
      const place = `x ${along(data.x, fx)}, y ${along(data.y, 1 - fy)}`;
      tip.replaceChildren(element("b", place), table);
      tip.style.display = "block";
      const box = outline.getBoundingClientRect(), whole = figure.getBoundingClientRect();
      const left = box.left - whole.left + fx * box.width, room = whole.width - tip.offsetWidth;
      tip.style.left = `${left + 14 < room ? left + 14 : Math.max(0, left - tip.offsetWidth - 14)}px`;
      tip.style.top = `${box.top - whole.top + fy * box.height + 10}px`;
    };
    const show = (next) => {
      frame = next;
      windows.forEach((w, i) => {
        const { width, height } = data.fields[i];
        w.setAttribute("viewBox", `0 ${frame * height} ${width} ${height}`);
      });
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
    for (const outline of outlines) {
      outline.addEventListener("pointermove", (event) => {
        const box = outline.getBoundingClientRect();
        pointed = [outline, within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
        read();
      });
      outline.addEventListener("pointerleave", () => { pointed = null; tip.style.display = "none"; });
    }
    show(0);
  };

  // A panel over time: its area, what lies below it, and what the reader moves over it.
  const panelOf = (plot) => {
    const area = plot.querySelector("svg.area"), paper = plot.querySelector(".paper-of-area");
    const length = (name) => area[name].baseVal.value;
    const panel = { plot, area, paper, left: length("x"), top: length("y"), width: length("width"), height: length("height") };
    panel.cursor = area.appendChild(svgElement("path", { class: "cursor", d: "" }));
    panel.selection = area.appendChild(svgElement("rect", { class: "selection", y: 0, height: panel.height, width: 0 }));
    panel.marks = plot.querySelector(".x-marks");
    panel.markLine = panel.marks.querySelector("text")?.getAttribute("y") ?? panel.top + panel.height + 16;
    panel.tip = plot.querySelector(".tip");
    return panel;
  };

  const start = (section) => {
    const data = JSON.parse(section.querySelector("script").textContent);
    section.querySelectorAll(".animation").forEach((figure, i) => startAnimation(figure, data.animations[i]));
    const panels = [...section.querySelectorAll(".plot.timed")].map(panelOf);
    panels.forEach((panel, i) => { panel.data = data.panels[i]; });
    const reset = section.querySelector(".controls button");
    const span = data.last - data.first;
    let from = data.first, to = data.last;

    const fraction = (time) => (time - from) / (to - from);
    const across = (panel, time) => (time - data.first) / span * panel.width;  // as drawn, before zooming

    const markTimes = (panel, marks) => {
      const lines = marks.map(([t]) => `M${across(panel, t)} 0V${panel.height}`).join("");
      panel.area.querySelector(".x-grid").setAttribute("d", lines);
      const places = marks.map(([t]) => panel.left + fraction(t) * panel.width);
      const bottom = panel.top + panel.height;
      const strokes = svgElement("path", { class: "tick", d: places.map((x) => `M${x} ${bottom}v4`).join("") });
      panel.marks.replaceChildren(strokes, ...marks.map(([, text], i) => {
        const mark = svgElement("text", { class: "mark middle", x: places[i], y: panel.markLine });
        mark.textContent = text;
        return mark;
      }));
    };

    const zoom = (low, high) => {
      from = Math.max(data.first, low);
      to = Math.min(data.last, high);
      for (const panel of panels) {
        const left = across(panel, from), width = across(panel, to) - left;
        panel.area.setAttribute("viewBox", `${left} 0 ${width} ${panel.height}`);
        markTimes(panel, ticks(from, to, panel.width > 600 ? 8 : 5));
      }
      reset.disabled = from === data.first && to === data.last;
      leave();
    };

    const leave = () => {
      for (const panel of panels) {
        panel.cursor.setAttribute("d", "");
        panel.tip.style.display = "none";
      }
    };

    const nearest = (times, time) => {
      let best = 0;
      times.forEach((t, i) => { if (Math.abs(t - time) < Math.abs(times[best] - time)) best = i; });
      return best;
    };

    // What stands at `time`: a line through all panels, values in the one pointed at.
    const show = (panel, time) => {
      const { plot, tip } = panel;
      const i = nearest(panel.data.times, time), at = panel.data.times[i];
      leave();
      if (at < from || at > to) return at;
      for (const other of panels) {
        other.cursor.setAttribute("d", `M${across(other, at)} 0V${other.height}`);
      }
      const table = element("table");
      const row = (style, label, text) => {
        if (section.classList.contains(`hide-${style}`) && plot.closest(".states")) return;
        const line = table.insertRow(), name = line.insertCell();
        const swatch = element("span", undefined, "swatch");
        swatch.style.background = `var(--${style === "observations" ? "observation" : style.split("-")[0]})`;
        name.append(swatch, label);
        line.insertCell().textContent = text;
      };
      for (const s of panel.data.series) {
        if (s.low) row(s.style, s.label, `${number(s.low[i])} … ${number(s.high[i])}`);
        else row(s.style, s.label, number(s.values[i]));
      }
      panel.data.observations.forEach(([t, value, error]) => {
        if (Math.abs(t - at) < 1e-6 * span) row("observations", "observation", `${number(value)} ± ${number(error)}`);
      });
      tip.replaceChildren(element("b", `${data.time} ${number(at)}`), table);
      tip.style.display = "block";
      const box = panel.paper.getBoundingClientRect(), whole = plot.getBoundingClientRect();
      const x = box.left - whole.left + fraction(at) * box.width;
      tip.style.left = `${x + tip.offsetWidth + 16 < whole.width ? x + 12 : Math.max(0, x - tip.offsetWidth - 12)}px`;
      tip.style.top = `${box.top - whole.top + 6}px`;
      return at;
    };

    for (const panel of panels) {
      const { plot, selection } = panel;
      const timeAt = (event) => {
        const box = panel.paper.getBoundingClientRect();
        return from + within((event.clientX - box.left) / box.width) * (to - from);
      };
      const select = (low, high) => {
        selection.setAttribute("x", across(panel, low));
        selection.setAttribute("width", across(panel, high) - across(panel, low));
      };
      let pressed = null, focus = data.first;
      plot.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || event.pointerType === "touch") return;
        pressed = timeAt(event);
        plot.setPointerCapture(event.pointerId);
      });
      plot.addEventListener("pointermove", (event) => {
        const time = timeAt(event);
        focus = show(panel, time);
        if (pressed !== null) select(Math.min(pressed, time), Math.max(pressed, time));
      });
      plot.addEventListener("pointerup", (event) => {
        const time = timeAt(event), start = pressed;
        pressed = null;
        select(from, from);
        if (start !== null && Math.abs(time - start) > .02 * (to - from)) zoom(Math.min(time, start), Math.max(time, start));
      });
      plot.addEventListener("pointercancel", () => { pressed = null; select(from, from); });
      plot.addEventListener("pointerleave", leave);
      plot.addEventListener("blur", leave);
      plot.addEventListener("dblclick", () => zoom(data.first, data.last));
      plot.addEventListener("keydown", (event) => {
        const times = panel.data.times, i = nearest(times, focus);
        const width = to - from;
        if (event.key === "ArrowRight") focus = show(panel, times[Math.min(i + 1, times.length - 1)]);
        else if (event.key === "ArrowLeft") focus = show(panel, times[Math.max(i - 1, 0)]);
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
