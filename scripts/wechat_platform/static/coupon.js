// How a coupon looks: figure, rule, scope, validity.
import { h } from "./screen.js";

export const yuan = (fen) => String(+(fen / 100).toFixed(2));
export const day = (time) => (time ?? "").slice(0, 10);
export const minute = (time) => (time ?? "").slice(0, 16).replace("T", " ");
export const inFours = (number) => String(number).replace(/(.{4})(?=.)/g, "$1 ");

const STATES = { locked: "结账中", gifting: "转赠中", redeemed: "已核销", expired: "已过期", revoked: "已作废" };
export const stateText = (coupon) => STATES[coupon.state] ?? "";

const FIGURES = {
  cash: (rule) => ["¥", yuan(rule.value_fen), ""],
  every_full: (rule) => ["¥", yuan(rule.reduce_fen), ""],
  discount: (rule) => ["", String(+(rule.rate_bp / 1000).toFixed(2)), "折"],
  deduction: (rule) => ["¥", yuan(rule.value_fen), ""],
  group_buy: (rule) => ["¥", yuan(rule.price_fen), ""],
  gift: () => ["", "赠", ""],
};
const CONDITIONS = {
  every_full: (rule) => `每满${yuan(rule.threshold_fen)}可减`,
  group_buy: () => "团购价",
  gift: () => "赠品",
  deduction: () => "抵菜金",
};

function figure(coupon) {
  const [before, number, after] = FIGURES[coupon.kind]?.(coupon.rule ?? {}) ?? ["", "券", ""];
  const condition = CONDITIONS[coupon.kind]?.(coupon.rule ?? {})
    ?? (coupon.minimum_fen ? `满${yuan(coupon.minimum_fen)}可用` : "无门槛");
  return h("div", { class: "figure" },
    h("p", {}, before && h("small", {}, before), h("b", {}, number), after && h("small", {}, after)),
    h("small", {}, condition));
}

export const scope = (coupon) =>
  Array.isArray(coupon.stores) ? coupon.stores.map((store) => store.name).join("、") : "全部门店";

export function couponCard(coupon, onclick, label = "去使用") {
  const usable = coupon.state === "usable";
  return h("article", { class: usable ? "coupon" : "coupon over" },
    figure(coupon),
    h("div", { class: "about" },
      h("h3", {}, coupon.title),
      h("p", {}, scope(coupon)),
      h("p", {}, coupon.valid_to ? `有效期至 ${day(coupon.valid_to)}` : ""),
      onclick && h("button", { class: "button small", type: "button", onclick }, usable ? label : "查看"),
      !usable && h("span", { class: "stamp" }, stateText(coupon))));
}
