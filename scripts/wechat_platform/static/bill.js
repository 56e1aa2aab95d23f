// 扫码付: the table's bill as the mini-program shows it, its coupons, and 微信支付.
import { requestPayment } from "./pay.js";
import { get, send, start } from "./product.js";
import { button, empty, h, refused, show, toast } from "./screen.js";

const [, kind, code] = start.link.match(/\/h5\/(bills|tables)\/([\w-]+)/) ?? [];
export const isBill = Boolean(kind);

export async function bill() {
  const token = kind === "bills" ? code : await atTable();
  if (!token) return undefined;
  const { status, body } = await get("/api/v1/bills/" + token);
  return status >= 300 ? show(refused(body)) : draw(token, body, body.best);
}

async function atTable() {
  const { status, body } = await get("/api/v1/tables/" + code);
  if (status < 300) return body.bill_token;
  show(refused(body), button("再看看", bill, "quiet wide"));
  return null;
}

function draw(token, seen, quote) {
  show(
    h("h2", {}, [seen.store.merchant, seen.store.name, seen.table].filter(Boolean).join(" · ")),
    h("div", { class: "cells" }, seen.lines.map((line) => row(`${line.name} ×${line.quantity}`, line.amount_fen)),
      seen.service_fen > 0 && row("服务费", seen.service_fen),
      quote?.reduction_fen > 0 && row("优惠", -quote.reduction_fen)),
    quote && coupons(token, seen, quote),
    h("section", { class: "ticket" }, h("h2", {}, "¥" + yuan(quote ? quote.to_pay_fen : seen.total_fen)), state(seen)),
    quote && button("微信支付", () => pay(token, quote)),
    button("刷新", bill, "quiet wide"),
  );
}

function state(seen) {
  const who = (payer) => (payer.mine ? "您" : payer.name);
  if (seen.state !== "open") return h("p", { class: "done good" }, seen.paid ? `${who(seen.paid)}已付款` : "已结账");
  return h("small", {}, seen.paying && !seen.paying.mine ? `${who(seen.paying)}正在付款` : "桌上未结的账单");
}

function coupons(token, seen, quote) {
  const chosen = quote.chosen.map((one) => one.number);
  const offered = quote.candidates.filter((one) => one.applicable || chosen.includes(one.number));
  if (!quote.candidates.length) return null;
  const box = (one) => {
    const node = h("input", { type: "checkbox", checked: chosen.includes(one.number) });
    node.addEventListener("change", async () => {
      const wanted = node.checked ? [...chosen, one.number] : chosen.filter((number) => number !== one.number);
      const { status, body } = await send(`/api/v1/bills/${token}/quote`, { coupons: wanted });
      if (status >= 300) { toast(body.message); return draw(token, seen, quote); }
      return draw(token, seen, body);
    });
    return node;
  };
  return [h("h2", {}, "优惠券"), offered.length
    ? h("div", { class: "cells" }, offered.map((one) => h("label", { class: "cell" }, box(one), h("b", {}, one.title))))
    : empty("这张账单没有可用的券")];
}

async function pay(token, quote) {
  const { status, body } = await send(`/api/v1/bills/${token}/pay`, { quote_id: quote.quote_id });
  if (status >= 300) { toast(body.message); return bill(); }
  if (body.wechat_pay) {
    const paid = await requestPayment(body.wechat_pay);
    toast(paid.result === "ok" ? "支付成功" : paid.message ?? "已取消");
  }
  return bill();
}

const row = (text, fen) => h("div", { class: "cell" }, h("span", { class: "two" }, h("b", {}, text)), h("b", {}, yuan(fen)));
const yuan = (fen) => `${fen < 0 ? "-" : ""}${Math.floor(Math.abs(fen) / 100)}.${String(Math.abs(fen) % 100).padStart(2, "0")}`;
