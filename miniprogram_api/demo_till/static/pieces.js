// Parts of the screen, each made from what the API answered.

import { two, yuan } from "./bill.js";

const CLASSES = { new: "新客", ordinary: "普通客", loyal: "忠诚客" };

export function el(name, attributes = {}, content = []) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat());
  return made;
}

export function memberCard({ member, points, exchanges }, deeds) {
  if (!member) return [el("p", { class: "empty" }, "未识别会员：不享受会员优惠，不计积分")];
  const facts = [
    ["等级", member.level || "无"], ["客户", CLASSES[member.class] || ""],
    ["积分", String(member.points)], ["余额", `¥${two(member.balance_fen)}`],
    ["可用券", `${member.coupons.length} 张`],
  ];
  return [el("div", { class: "member" }, [
    el("strong", {}, [member.nickname, member.phone_masked].filter(Boolean).join(" ") || "微信会员"),
    el("dl", {}, facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    el("div", { class: "deeds" }, [
      button("充值 ¥200", () => deeds.recharge(20000)),
      ...(member.points ? [button(points ? "不用积分" : "积分抵现", () => deeds.points(!points))] : []),
    ]),
    ...(exchanges.length ? [el("h2", {}, "积分兑换")] : []),
    ...exchanges.map((offer) => {
      const made = button(`${offer.title} · ${offer.points} 积分`, () => deeds.exchange(offer));
      made.disabled = !offer.eligible;
      return made;
    }),
  ])];
}

export function sums(bill) {
  if (!bill.lines.length) return [];
  const row = (name, fen, cls = "") => el("p", { class: cls }, [
    el("span", {}, name), el("b", {}, fen < 0 ? `-${two(-fen)}` : two(fen)),
  ]);
  const rows = [row("订单金额", bill.totalFen)];
  const quote = bill.quote;
  if (quote) {
    if (quote.level_discount_fen) rows.push(row("会员等级折扣", -quote.level_discount_fen));
    for (const each of quote.chosen) rows.push(row(`票券 ${each.title}`, -each.reduction_fen));
    if (quote.points_fen) rows.push(row("积分抵现", -quote.points_fen));
    if (quote.manual_fen) rows.push(row("手动批价", -quote.manual_fen));
  }
  rows.push(row("应收", bill.toPayFen, "total"));
  if (quote && quote.points_earned) rows.push(el("p", { class: "note" }, `本单可得 ${quote.points_earned} 积分`));
  return rows;
}

export function offers(bill, toggle, best) {
  const quote = bill.quote;
  if (!quote || !quote.candidates.length) return [];
  const chosen = new Set(quote.chosen.map((each) => each.number));
  const head = el("div", { class: "row" }, [el("h2", {}, "优惠券")]);
  if (bill.coupons) {
    const back = el("button", {}, "最优优惠");
    back.addEventListener("click", best);
    head.append(back);
  } else {
    head.append(el("small", {}, "已为顾客选择最优优惠"));
  }
  return [head, ...quote.candidates.map((each) => {
    const offer = el("button", { class: chosen.has(each.number) ? "offer chosen" : "offer" }, [
      el("span", {}, each.title || each.number),
      el("small", {}, each.applicable
        ? (chosen.has(each.number) ? `已用，减 ¥${yuan(each.reduction_fen)}` : `可减 ¥${yuan(each.reduction_fen)}`)
        : each.reason),
    ]);
    if (!each.applicable) offer.disabled = true;
    offer.setAttribute("aria-pressed", chosen.has(each.number));
    offer.addEventListener("click", () => toggle(each.number));
    return offer;
  })];
}

export function receipt(done) {
  const parts = [el("pre", {}, done.receipt_text)];
  return done.gift ? [...parts, ...claimCode("消费有礼：扫码领券", done.gift)] : parts;
}

export function claimCode(words, { url, svg }) {
  const code = el("div", { class: "svg" });
  code.innerHTML = svg;
  const link = el("a", { href: url, target: "_blank" }, url);
  return [el("div", { class: "code" }, [el("p", {}, words), code, link])];
}

function button(words, pressed) {
  const made = el("button", {}, words);
  made.addEventListener("click", pressed);
  return made;
}
