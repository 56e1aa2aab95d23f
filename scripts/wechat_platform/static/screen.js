// Small pieces every view of the mini-program is made of.
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "html") node.innerHTML = value;
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const main = document.getElementById("mini");
const sheetBox = document.getElementById("sheet");
const toastBox = document.getElementById("toast");

export function show(...children) { main.replaceChildren(...children.flat().filter(Boolean)); main.scrollTop = 0; }

export function sheet(...children) {
  sheetBox.replaceChildren(h("div", { class: "panel", role: "dialog", "aria-modal": "true" }, ...children));
  sheetBox.hidden = false;
  toastBox.hidden = true;
}
export function closeSheet() { sheetBox.hidden = true; sheetBox.replaceChildren(); }

let fading;
export function toast(text) {
  toastBox.textContent = text;
  toastBox.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { toastBox.hidden = true; }, 2200);
}

export function button(text, onclick, kind = "button") {
  const node = h("button", { class: kind, type: "button" }, text);
  node.addEventListener("click", async () => {
    node.disabled = true;
    try { await onclick(); } finally { node.disabled = false; }
  });
  return node;
}

export const empty = (...lines) => h("p", { class: "empty" }, ...lines);

// A refusal in the product's own words, with its cure where it names one.
export function refused(body) {
  const hint = body?.detail?.hint;
  return h("div", { class: "refused", role: "alert" }, h("b", {}, body?.message ?? "出错了，请稍后再试"), hint && h("small", {}, hint));
}
