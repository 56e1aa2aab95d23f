// 核销: bind once, then scan or type, check, confirm, undo.
import { inFours, minute, stateText } from "./coupon.js";
import { codesAround, get, send, start } from "./product.js";
import { button, closeSheet, empty, h, refused, sheet, show, toast } from "./screen.js";

const memory = `verifier:${start.address}`;
let stores = JSON.parse(localStorage.getItem(memory) ?? "[]");

export async function verifier() {
  const { status, body } = await get("/api/v1/verifier/redemptions?limit=5");
  if (status === 403) return binding(body);
  if (status >= 300) return show(refused(body));
  return desk(body.items ?? []);
}

function binding() {
  const token = h("input", { placeholder: "店长给的绑定码", "aria-label": "绑定码", autocomplete: "off" });
  show(h("h2", {}, "成为核销员"), h("p", { class: "hint" }, "在后台或命令行邀请核销员，会得到一个 10 分钟内有效的绑定码。"),
    h("div", { class: "cells form" }, token, button("绑定", async () => {
      const { status, body } = await send("/api/v1/verifier/bind", { token: fromLink(token.value.trim()) });
      if (status >= 300) return toast(body.message);
      stores = (body.stores ?? []).map((store) => (typeof store === "string" ? { code: store, name: store } : store));
      localStorage.setItem(memory, JSON.stringify(stores));
      return verifier();
    })));
}

function fromLink(text) {
  return /^https?:/.test(text) ? new URL(text).searchParams.get("token") ?? text.split("/").pop() : text;
}

function desk(history) {
  const place = stores.length
    ? h("select", { "aria-label": "门店" }, stores.map((store) => h("option", { value: store.code }, store.name)))
    : h("input", { placeholder: "门店编号，如 s01", "aria-label": "门店编号" });
  const number = h("input", { placeholder: "输入券号", inputmode: "text", "aria-label": "券号", autocomplete: "off" });
  const check = (scan) => checked(scan, place.value);
  show(h("div", { class: "cells form" }, h("label", {}, "门店", place), h("label", {}, "券号", number),
      button("查询", () => check(number.value.trim())), button("扫一扫", () => camera(check), "quiet wide")),
    h("h2", {}, "最近核销"),
    history.length ? h("div", { class: "cells" }, history.map(entry)) : empty("还没有核销记录"));
}

function entry(redemption) {
  return h("div", { class: "cell" },
    h("span", { class: "two" }, h("b", {}, inFours(redemption.number)), h("small", {}, `${minute(redemption.at)} ${text(redemption.store)}`)),
    redemption.undone_at ? h("small", {}, "已撤销") : button("撤销", () => undo(redemption), "quiet"));
}

async function camera(check) {
  const around = await codesAround();
  sheet(h("h2", {}, "镜头里的二维码"),
    around.length ? h("div", { class: "cells" }, around.map((code) => h("button", { class: "cell", type: "button", onclick: () => { closeSheet(); check(code.text); } },
      h("span", { class: "face qr" }, "▦"), h("span", { class: "two" }, h("b", {}, `${code.who}出示的券`), h("small", {}, inFours(code.number)))))) :
      empty("附近没有手机在出示二维码"),
    button("取消", closeSheet, "quiet wide"));
}

async function checked(scan, store) {
  if (!scan) return toast("请先输入券号");
  const { status, body } = await send("/api/v1/verifier/check", { scan, store });
  if (status >= 300) return sheet(refused(body), button("知道了", closeSheet));
  const coupon = body.coupon ?? {};
  const facts = [["券号", inFours(coupon.number ?? "")], ["持有人", text(body.owner)], ["给顾客", text(body.give)], ["提醒", text(body.warnings)]];
  return sheet(h("h2", {}, coupon.title ?? "票券"), h("p", { class: "hint" }, stateText(coupon)),
    h("dl", { class: "facts" }, facts.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    button("确认核销", () => redeem(scan, store)), button("取消", closeSheet, "quiet wide"));
}

async function redeem(scan, store) {
  const { status, body } = await send("/api/v1/verifier/redeem", { scan, store });
  if (status >= 300) return sheet(refused(body), button("知道了", closeSheet));
  navigator.vibrate?.(80);
  const redemption = body.redemption;
  return sheet(h("p", { class: "done good" }, "核销成功"), h("p", { class: "number" }, inFours(redemption.number)),
    h("small", {}, `${minute(redemption.at)} ${text(redemption.store)}`),
    button("完成", () => { closeSheet(); return verifier(); }), button("撤销这次核销", () => { closeSheet(); return undo(redemption); }, "quiet wide"));
}

async function undo(redemption) {
  const { status, body } = await send(`/api/v1/verifier/redemptions/${redemption.id}/undo`, { reason: "扫错了" });
  toast(status >= 300 ? body.message : "已撤销，券可以再用");
  return verifier();
}

// Shapes the product may choose freely: a word, a thing with a name, or a list of them.
function text(value) {
  if (value == null || value === "") return "";
  if (Array.isArray(value)) return value.map(text).filter(Boolean).join("、");
  if (typeof value !== "object") return String(value);
  return [value.text ?? value.message ?? value.name ?? value.nickname, value.phone_masked, value.quantity && `×${value.quantity}`].filter(Boolean).join(" ");
}
