// 演示收银台: the screen. Every button is one call of /pos/v1.

import { Bill, two, yuan } from "./bill.js";
import { Till } from "./calls.js";
import { claimCode, el, memberCard, offers, receipt, sums } from "./pieces.js";

const $ = (id) => document.getElementById(id);
const bill = new Bill();
let till = null;
let dishes = [];
let cursor = null;
let quoting = 0;
const onTables = new Map(); // open bills put from here, by number

async function start() {
  if (!$("till")) return;
  dishes = await (await fetch(document.body.dataset.menu)).json();
  till = new Till($("till").value, document.body.dataset);
  $("till").addEventListener("change", () => {
    till = new Till($("till").value, document.body.dataset);
    cursor = null;
    clear();
  });
  $("identify").addEventListener("submit", (event) => { event.preventDefault(); doing(identify); });
  $("add-coupon").addEventListener("submit", (event) => { event.preventDefault(); doing(useCoupon); });
  $("service").addEventListener("change", () => {
    bill.serviceFen = Math.max(0, Math.round(Number($("service").value || 0) * 100)) || 0;
    doing(changed);
  });
  for (const button of document.querySelectorAll("[data-pay]")) {
    button.addEventListener("click", () => doing(() => settle(button.dataset.pay)));
  }
  $("show-code").addEventListener("click", () => doing(showCode));
  $("open-bill").addEventListener("click", () => doing(putBill));
  $("clear").addEventListener("click", clear);
  drawMenu();
  clear();
  listen();
}

function drawMenu() {
  const groups = new Map();
  for (const dish of dishes) groups.set(dish.category, [...(groups.get(dish.category) || []), dish]);
  $("menu").replaceChildren(...[...groups].map(([category, group]) => el("div", { class: "group" }, [
    el("h2", {}, category),
    ...group.map((dish) => {
      const button = el("button", { class: "dish" }, [
        el("span", {}, dish.name), el("small", {}, `¥${yuan(dish.price_fen)}`),
      ]);
      button.addEventListener("click", () => { bill.add(dish); doing(changed); });
      return button;
    }),
  ])));
}

function clear() {
  bill.begin();
  $("service").value = "0";
  $("table-code").hidden = true;
  draw();
}

async function changed() {
  bill.quote = null;
  draw();
  if (!bill.lines.length) return;
  bill.openedAt ||= await till.now();
  const turn = ++quoting;
  const quote = await till.post("/pos/v1/quotes", bill.asked());
  if (turn === quoting) bill.quote = quote;
  draw();
}

async function identify() {
  const said = $("who").value.trim();
  if (!said) return;
  const how = /^1\d{10}$/.test(said) ? "phone" : said.startsWith("QB1M") ? "scan" : "card";
  await known({ [how]: said });
}

async function showCode() {
  const code = await till.post("/pos/v1/members/code", {});
  $("scan-code").replaceChildren(...claimCode("请会员用微信扫码", code));
  $("scan-code").dataset.scan = code.scan_id;
  $("scan-code").hidden = false;
}

async function known(who) {
  const found = await till.post("/pos/v1/members/identify", who);
  $("scan-code").hidden = true;
  bill.member = { ...found.member, coupons: found.coupons };
  bill.exchanges = await exchangesOf(bill.member);
  bill.coupons = null;
  bill.points = 0;
  $("who").value = "";
  if (found.claimed.length) toast(`登录自动领取 ${found.claimed.length} 张券`);
  draw();
  await changed();
}

async function recharge(fen) {
  const done = await till.post("/pos/v1/recharges", {
    recharge: `C${bill.number}${Date.now() % 100000}`, member_id: bill.member.id, principal_fen: fen,
  });
  bill.member.balance_fen = done.balance_fen;
  if (done.level) bill.member.level = done.level;
  toast(`已充值 ¥${two(fen)}${done.bonus_fen ? `，赠 ¥${two(done.bonus_fen)}` : ""}`);
  await changed();
}

async function exchange(offer) {
  const done = await till.post("/pos/v1/exchanges", {
    member_id: bill.member.id, campaign_id: offer.campaign_id, template_id: offer.template_id,
  });
  bill.member.points = done.points_total;
  bill.exchanges = await exchangesOf(bill.member);
  $("receipt").replaceChildren(...claimCode(`已用 ${done.points} 积分兑换 ${offer.title}，请会员扫码领券`, done));
  $("receipt").hidden = false;
  await changed();
}

async function exchangesOf(member) {
  return (await till.get(`/pos/v1/exchanges?member_id=${member.id}`)).items;
}

async function useCoupon() {
  const number = $("coupon").value.trim();
  if (!number) return;
  const before = bill.coupons || (bill.quote ? bill.quote.chosen.map((each) => each.number) : []);
  bill.coupons = [...before.filter((each) => each !== number), number];
  await changed();
  const taken = bill.quote && bill.quote.candidates.find((each) => !each.applicable);
  if (taken) toast(taken.reason);
  $("coupon").value = "";
}

async function toggle(number) {
  const chosen = bill.quote.chosen.map((each) => each.number);
  bill.coupons = chosen.includes(number)
    ? chosen.filter((each) => each !== number) : [...chosen, number];
  await changed();
  const refused = bill.quote.candidates.find((each) => each.number === number && !each.applicable);
  if (refused && !chosen.includes(number)) {
    bill.coupons = [number];
    await changed();
  }
}

async function settle(method) {
  const now = await till.now();
  const settled = bill.settled(method, {
    table: $("table").value, guests: Number($("guests").value || 0), now,
  });
  const done = await till.post(`/pos/v1/bills/${bill.number}/settle`, settled);
  const again = el("button", {}, "整单退款");
  const number = bill.number;
  again.addEventListener("click", () => doing(() => refund(number, again)));
  $("receipt").replaceChildren(...receipt(done), again);
  $("receipt").hidden = false;
  toast(`已结账 ¥${two(done.paid_fen)}`);
  clear();
  $("receipt").scrollIntoView({ block: "nearest" });
}

async function refund(number, button) {
  const done = await till.post(`/pos/v1/bills/${number}/refund`, {
    refund: `T${Date.now()}`, reason: "演示退款",
  });
  button.disabled = true;
  button.textContent = `已退款 ¥${two(done.refunded_fen)}`;
  toast(`已退款 ¥${two(done.refunded_fen)}，退回 ${done.coupons.length} 张券`);
}

async function putBill() {
  const content = {
    table: $("table").value, guests: Number($("guests").value || 0), cashier: "演示",
    opened_at: bill.openedAt, lines: bill.lines, service_fen: bill.serviceFen,
  };
  const put = await till.put(`/pos/v1/bills/${bill.number}`, content);
  onTables.set(bill.number, content);
  $("table-code").replaceChildren(...claimCode("顾客扫码选券付款，付款后上方会闪烁提示", put));
  $("table-code").hidden = false;
}

async function listen() {
  for (;;) {
    const before = till;
    try {
      const heard = await till.get(`/pos/v1/events${cursor === null ? "" : `?after=${cursor}`}`);
      if (before === till) {
        if (cursor !== null) heard.events.forEach(told);
        cursor = heard.next;
      }
    } catch { await pause(5000); }
    await pause(1500);
  }
}

function told(event) {
  if (event.kind === "paid") {
    const button = el("button", {}, `单号 ${event.bill} 已在线支付 ¥${two(event.amount_fen)} · 直接结账`);
    button.addEventListener("click", () => doing(() => settlePaid(event)));
    $("flash").replaceChildren(button);
    $("flash").hidden = false;
  } else if (event.kind === "identified" && event.scan_id === $("scan-code").dataset.scan) {
    doing(() => known({ scan_id: event.scan_id }));
  } else if (event.kind === "redeemed") {
    toast(`本店核销 ${event.title || event.number || ""}`);
  }
}

async function settlePaid(event) {
  const content = onTables.get(event.bill);
  if (!content) throw new Error("这张账单不是在本页挂的，请在原收银台结账");
  const done = await till.post(`/pos/v1/bills/${event.bill}/settle`, {
    ...content, settled_at: await till.now(), member_id: event.member_id,
    quote_id: event.quote_id, tenders: event.tenders,
  });
  $("flash").hidden = true;
  $("receipt").replaceChildren(...receipt(done));
  $("receipt").hidden = false;
  if (event.bill === bill.number) clear();
}

function draw() {
  $("number").textContent = bill.number;
  $("no-lines").hidden = bill.lines.length > 0;
  $("payment").hidden = $("open-bill").hidden = bill.lines.length === 0;
  $("lines").replaceChildren(...bill.lines.map((line) => {
    const less = el("button", { "aria-label": `${line.name}减一份` }, "−");
    const more = el("button", { "aria-label": `${line.name}加一份` }, "＋");
    less.addEventListener("click", () => { bill.less(line.dish); doing(changed); });
    more.addEventListener("click", () => { bill.add(line); doing(changed); });
    return el("li", {}, [
      el("span", {}, line.name), el("span", { class: "count" }, [less, String(line.quantity), more]),
      el("b", {}, two(line.quantity * line.price_fen)),
    ]);
  }));
  $("sums").replaceChildren(...sums(bill));
  $("member").replaceChildren(...memberCard(bill, {
    recharge: (fen) => doing(() => recharge(fen)),
    exchange: (offer) => doing(() => exchange(offer)),
    points: (wanted) => { bill.points = wanted ? bill.member.points : 0; doing(changed); },
  }));
  $("candidates").replaceChildren(...offers(bill, (number) => doing(() => toggle(number)), () => {
    bill.coupons = null;
    doing(changed);
  }));
  const short = !bill.member || bill.member.balance_fen < bill.toPayFen;
  $("pay-balance").disabled = short;
  $("pay-balance").textContent = bill.member && short ? "余额不足" : "会员支付";
}

async function doing(deed) {
  $("toast").hidden = true;
  try { await deed(); } catch (refused) {
    toast([refused.message, refused.hint].filter(Boolean).join("。"));
  }
}

let fading = 0;
function toast(words) {
  $("toast").textContent = words;
  $("toast").hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { $("toast").hidden = true; }, 4000);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

start();
