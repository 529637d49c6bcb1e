
"use strict";
// Makes the pictures answer to the keyboard and the mouse, and adds buttons that copy. The page says all without it.
(() => {
  const make = (name, text, parent) => {
    const made = document.createElement(name);
    made.textContent = text;
    parent.append(made);
    return made;
  };

  for (const line of document.querySelectorAll(".command")) {
    const code = line.querySelector("code");
    const button = make("button", "Copy", line);
    button.type = "button";
    button.setAttribute("aria-label", "Copy " + code.textContent);
    const done = make("span", "", line);
    done.setAttribute("role", "status");
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code);
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        document.execCommand("copy");
      }
      done.textContent = "copied";
    });
  }

  const HELP = "Arrow keys move, Enter or a click enlarges, Escape shows all.";

  class Picture {
    constructor(frame) {
      this.svg = frame.querySelector("svg");
      this.isTree = this.svg.dataset.chart === "tree";
      this.span = Number(this.svg.dataset.span || 0);
      this.items = [...this.svg.querySelectorAll(".item")];
      this.view = [0, 1];
      frame.classList.add("live");
      this.svg.setAttribute("role", this.svg.dataset.chart);
      const told = make("div", "", frame);
      told.className = "told";
      this.output = make("output", HELP, told);
      this.whole = make("button", "Show all", told);
      this.whole.type = "button";
      this.whole.hidden = true;
      this.whole.addEventListener("click", () => { this.show(0, 1); this.items[0].focus(); });
      this.items.forEach((item, at) => this.prepare(item, at));
      this.svg.addEventListener("keydown", (event) => this.key(event));
    }

    prepare(item, at) {
      item.setAttribute("role", this.isTree ? "treeitem" : "option");
      item.setAttribute("tabindex", at ? "-1" : "0");
      item.setAttribute("aria-selected", "false");
      item.setAttribute("aria-label", item.querySelector("title").textContent);
      if (this.isTree) item.setAttribute("aria-level", item.dataset.level);
      item.addEventListener("focus", () => this.choose(item));
      item.addEventListener("mouseenter", () => this.hover(item));
      item.addEventListener("mouseleave", () => this.hover(this.chosen));
      item.addEventListener("click", () => { item.focus(); this.enlarge(item); });
    }

    begin(item) { return Number(item.dataset.begin); }
    end(item) { return Number(item.dataset.end); }
    level(item) { return Number(item.dataset.level); }

    hover(item) {
      for (const each of document.querySelectorAll(".same")) each.classList.remove("same");
      this.output.textContent = item ? item.getAttribute("aria-label") : HELP;
      if (!item || !this.isTree) return;
      const name = (each) => each.getAttribute("aria-label").split(/[:\s]/)[0];
      for (const each of document.querySelectorAll(".live [role=treeitem]"))
        if (name(each) === name(item)) each.classList.add("same");
    }

    choose(item) {
      for (const each of this.items) {
        each.setAttribute("tabindex", each === item ? "0" : "-1");
        each.setAttribute("aria-selected", String(each === item));
        each.classList.toggle("chosen", each === item);
      }
      this.chosen = item;
      this.hover(item);
      for (const row of document.querySelectorAll("tr.on")) row.classList.remove("on");
      const row = document.getElementById(item.dataset.target);
      if (row) row.classList.add("on");
    }

    key(event) {
      const moves = {
        ArrowLeft: () => this.beside(-1), ArrowRight: () => this.beside(1),
        ArrowUp: () => this.isTree ? this.above() : this.beside(-1),
        ArrowDown: () => this.isTree ? this.below() : this.beside(1),
        Home: () => this.items[0], End: () => this.items[this.items.length - 1],
      };
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key in moves) {
        const next = moves[event.key]();
        if (next) { this.reveal(next); next.focus(); }
      } else if (event.key === "Enter" || event.key === " ") {
        this.enlarge(this.chosen);
      } else if (event.key === "Escape") {
        this.show(0, 1);
      } else {
        return;
      }
      event.preventDefault();
    }

    beside(step) {
      const row = this.isTree ? this.items.filter((each) => this.level(each) === this.level(this.chosen)) : this.items;
      return row[row.indexOf(this.chosen) + step];
    }

    inside(inner, outer) {
      return this.begin(inner) >= this.begin(outer) - 1e-6 && this.end(inner) <= this.end(outer) + 1e-6;
    }

    above() {
      return this.items.find((each) =>
        this.level(each) === this.level(this.chosen) - 1 && this.inside(this.chosen, each));
    }

    below() {
      const children = this.items.filter((each) =>
        this.level(each) === this.level(this.chosen) + 1 && this.inside(each, this.chosen));
      const width = (each) => this.end(each) - this.begin(each);
      return children.sort((one, other) => width(other) - width(one))[0];
    }

    reveal(item) {
      if (this.end(item) < this.view[0] || this.begin(item) > this.view[1]) this.show(0, 1);
    }

    enlarge(item) {
      const [begin, end] = [this.begin(item), this.end(item)];
      if (end - begin < 1e-6) return;
      const isShown = Math.abs(begin - this.view[0]) + Math.abs(end - this.view[1]) < 1e-6;
      isShown ? this.show(0, 1) : this.show(begin, end);
    }

    show(begin, end) {
      this.view = [begin, end];
      this.whole.hidden = begin === 0 && end === 1;
      const place = (at) => (at - begin) / (end - begin);
      const percent = (part) => 100 * Math.min(Math.max(part, 0), 1) + "%";
      for (const item of this.items) {
        const [from, to] = [place(this.begin(item)), place(this.end(item))];
        const isMark = this.begin(item) === this.end(item);
        item.setAttribute("visibility", to < -1e-9 || from > 1 + 1e-9 || (!isMark && (to <= 1e-9 || from >= 1 - 1e-9)) ? "hidden" : "visible");
        item.setAttribute("x", percent(from));
        if (isMark) continue;
        const width = Math.min(to, 1) - Math.max(from, 0);
        item.setAttribute("width", percent(width));
        this.label(item, width * this.svg.clientWidth, Math.min(to, 1));
      }
      this.axis();
    }

    label(item, pixels, end) {
      let text = item.querySelector("text");
      if (!text) {
        text = document.createElementNS(this.svg.namespaceURI, "text");
        text.setAttribute("y", "15");
        text.setAttribute("x", "6");
        item.append(text);
      }
      text.textContent = item.dataset.label;
      if (!text.classList.contains("beside")) {
        text.setAttribute("visibility", pixels < 30 ? "hidden" : "inherit");
        text.classList.toggle("small", pixels < 30);
      } else if (pixels > 130 || end > 0.6) {
        const inside = pixels > 130;
        text.setAttribute("x", inside ? "6" : "-6");
        text.setAttribute("dx", "0");
        text.setAttribute("text-anchor", inside ? "start" : "end");
      } else {
        text.setAttribute("x", "100%");
        text.setAttribute("dx", "6");
        text.setAttribute("text-anchor", "start");
      }
    }

    axis() {
      const old = [...this.svg.querySelectorAll(".tick")];
      if (!this.span || !old.length) return;
      const [begin, end] = this.view.map((part) => part * this.span);
      const raw = (end - begin) / 5, power = 10 ** Math.floor(Math.log10(raw));
      const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw);
      const pattern = old[0];
      for (const each of old.slice(1)) each.remove();
      let last = pattern;
      for (let at = Math.ceil(begin / step - 1e-9); at * step <= begin + 0.97 * (end - begin); at += 1) {
        const tick = pattern.cloneNode(true);
        tick.setAttribute("x", 100 * (at * step - begin) / (end - begin) + "%");
        tick.querySelector("text").textContent = Number((at * step).toPrecision(6)) + " s";
        last.after(tick);
        last = tick;
      }
      if (last !== pattern) pattern.remove();
    }
  }

  for (const frame of document.querySelectorAll(".chart")) if (frame.querySelector(".item")) new Picture(frame);

  const folded = () => [...document.querySelectorAll("details:not(.rawevents details)")].filter((each) => !each.open);
  let opened = [];
  addEventListener("beforeprint", () => { opened = folded(); for (const each of opened) each.open = true; });
  addEventListener("afterprint", () => { for (const each of opened) each.open = false; });
})();
