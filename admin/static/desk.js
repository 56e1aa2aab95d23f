/* 券包后台: small behaviours, each bound to an attribute; nothing inline (CSP). */
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /* menu on a phone, folded search bar */
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-menu]")) document.body.classList.toggle("menu-open");
    if (event.target.closest("[data-fold]")) document.querySelector(".search").classList.toggle("open");
    if (event.target.closest("[data-print]")) window.print();
  });

  /* data-confirm: say the consequence, then do it */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const words = (event.submitter && event.submitter.dataset.confirm) || form.dataset.confirm;
    if (!words || form.dataset.agreed) return;
    event.preventDefault();
    const dialog = document.getElementById("confirm");
    const button = event.submitter;
    dialog.querySelector("h2").textContent = (button && button.dataset.title) || form.dataset.title || "请确认";
    dialog.querySelector("p").textContent = words;
    dialog.returnValue = "";
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return;
      form.dataset.agreed = "1";
      form.requestSubmit(button || undefined);
      delete form.dataset.agreed;
    };
    dialog.showModal();
  });

  /* a search without what was left empty */
  all("form.search").forEach((form) => form.addEventListener("submit", () => {
    all("input, select", form).forEach((control) => { if (!control.value) control.disabled = true; });
  }));
  window.addEventListener("pageshow", () => all("form.search [disabled]").forEach((c) => { c.disabled = false; }));

  /* data-when="kind=cash deduction": shown, and sent, only for these choices */
  const showByChoice = (root) => all("[data-when]", root).forEach((part) => {
    const [name, values] = part.dataset.when.split("=");
    const scope = part.closest("form") || document;
    const chosen = all(`[name="${name}"]`, scope).filter((c) => !c.matches("[type=radio],[type=checkbox]") || c.checked).map((c) => c.value);
    const shown = values.split(" ").some((value) => chosen.includes(value));
    part.hidden = !shown;
    all("input, select, textarea", part).forEach((control) => {
      control.disabled = !shown || control.closest("[data-when][hidden]") !== null;
    });
  });
  /* data-unless="mode=fixed search=exact": hidden while all of these are chosen */
  const hideByChoice = (root) => all("[data-unless]", root).forEach((part) => {
    const scope = part.closest("form") || document;
    const met = part.dataset.unless.split(" ").every((pair) => {
      const [name, value] = pair.split("=");
      return all(`[name="${name}"]:checked`, scope).some((c) => c.value === value);
    });
    part.hidden = met;
    all("input, select, textarea", part).forEach((control) => { if (met) control.disabled = true; });
  });
  const arrange = (root) => { showByChoice(root); hideByChoice(root); };
  arrange(document);
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form");
    if (form) arrange(form);
  });

  /* rows of 券 × 张数 */
  document.addEventListener("click", (event) => {
    const add = event.target.closest("[data-add-row]");
    const drop = event.target.closest("[data-drop-row]");
    if (add) {
      const rows = document.getElementById(add.dataset.addRow);
      const value = add.dataset.value;
      const empty = value && all("input", rows).find((input) => !input.value);
      const row = empty ? empty.closest(".coupon-row") : rows.querySelector("template").content.firstElementChild.cloneNode(true);
      if (!empty) rows.append(row);
      const first = row.querySelector("select, input");
      if (value) first.value = value;
      pickers(row);
      if (value && first._flatpickr) first._flatpickr.setDate(value);
      if (!value) first.focus();
    }
    if (drop) drop.closest(".coupon-row").remove();
    const condition = event.target.closest("[data-drop-condition]");
    if (condition) {
      condition.closest(".condition").remove();
      document.body.dispatchEvent(new Event("audience"));
    }
  });

  /* choose all rows of a list */
  all("[data-choose-all]").forEach((box) => box.addEventListener("change", () => {
    all("input[name=rowid]").forEach((row) => { row.checked = box.checked; });
  }));

  /* dates in Chinese, week from Monday */
  const tell = (_days, _text, picker) => picker.input.dispatchEvent(new Event("change", { bubbles: true }));
  const pickers = (root) => {
    if (!window.flatpickr) return;
    const zh = Object.assign({}, window.flatpickr.l10ns.zh, { firstDayOfWeek: 1, rangeSeparator: " 至 " });
    all("[data-pick]", root).filter((input) => !input._flatpickr).forEach((input) => {
      const kinds = {
        date: { dateFormat: "Y-m-d" },
        range: { dateFormat: "Y-m-d", mode: "range" },
        time: { dateFormat: "H:i", enableTime: true, noCalendar: true, time_24hr: true },
      };
      window.flatpickr(input, Object.assign({ locale: zh, allowInput: true, disableMobile: true, onClose: tell }, kinds[input.dataset.pick]));
    });
  };
  pickers(document);

  /* what htmx brought in gets the same behaviours */
  document.body.addEventListener("htmx:afterSwap", (event) => {
    const form = event.target.closest("form");
    if (form) arrange(form);
    pickers(event.target);
    if (["conditions", "people"].includes(event.target.id)) document.body.dispatchEvent(new Event("audience"));
  });

  /* copy a secret that is shown once */
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button && navigator.clipboard) navigator.clipboard.writeText(button.dataset.copy).then(() => { button.textContent = "已复制"; });
  });

  /* charts: data in a <script type="application/json">, drawn as SVG */
  if (window.echarts) all("[data-chart]").forEach((place) => {
    const content = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    const chart = window.echarts.init(place, null, { renderer: "svg" });
    const axis = { axisLine: { lineStyle: { color: "#e6e9ed" } }, axisLabel: { color: "#59636e" }, axisTick: { show: false } };
    chart.setOption({
      animation: false,
      color: ["#0a7d4f", "#f08a24", "#3b7dd8"],
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 44, right: 12, top: 36, bottom: 28 },
      legend: { right: 0, top: 0, itemWidth: 14, textStyle: { color: "#59636e" } },
      tooltip: { trigger: "axis", renderMode: "richText" },
      xAxis: Object.assign({ type: "category", data: content.days }, axis),
      yAxis: Object.assign({ type: "value", minInterval: 1, splitLine: { lineStyle: { color: "#eef0f2" } } }, axis),
      series: content.series.map((one) => ({
        name: one.name, type: one.type, data: one.values, smooth: one.type === "line", showSymbol: false,
        barMaxWidth: 16, itemStyle: one.type === "bar" ? { borderRadius: [2, 2, 0, 0] } : {},
      })),
    });
    window.addEventListener("resize", () => chart.resize());
  });
})();
