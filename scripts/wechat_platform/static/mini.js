// The merchant's mini-program, as small as it can be: log in, card pack, coupon, member page.
import { bill, isBill } from "./bill.js";
import { couponCard, day, inFours, minute, scope, stateText } from "./coupon.js";
import { bindPhone, consent, get, logIn, send, start } from "./product.js";
import { button, closeSheet, empty, h, refused, sheet, show, toast } from "./screen.js";
import { verifier } from "./verifier.js";

let member = null;
let watching = [];

const VIEWS = { pack: () => pack("usable"), shelf, verify: verifier, me };
document.getElementById("mini-tabs").addEventListener("click", ({ target }) => {
  if (target.dataset.view) open(target.dataset.view);
});

function open(name) {
  stopWatching();
  for (const tab of document.querySelectorAll("[data-view]")) {
    if (tab.dataset.view === name) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  return VIEWS[name]();
}

function stopWatching() {
  watching.forEach(clearInterval);
  watching = [];
}

// The operator's mini-program serves many merchants: a store's code says which.
function chooseStore() {
  show(h("h2", {}, "您在哪家门店？"), h("div", { class: "cells" }, start.stores.map((store) =>
    h("a", { class: "cell", href: `?scene=${encodeURIComponent(store.scene)}` },
      h("span", { class: "two" }, h("b", {}, store.title), h("small", {}, store.scene)), h("span", { class: "more" }, "›")))));
}

async function enter() {
  const { status, body } = await logIn();
  if (status >= 300) return show(refused(body), button("重新登录", enter));
  member = body.member;
  if (isBill) return bill();
  await open("pack");
  if (body.claimed?.length) celebrate(body.claimed);
}

function celebrate(coupons) {
  sheet(
    h("h2", {}, `这次登录为您领取了 ${coupons.length} 张券`),
    h("div", { class: "stack" }, coupons.map((coupon) => couponCard(coupon))),
    button("到期提醒我", () => askToRemind()),
    button("知道了", closeSheet, "quiet wide"),
  );
}

async function pack(state) {
  const tabs = [["usable", "未使用"], ["redeemed", "已使用"], ["expired", "已过期"]];
  const { status, body } = await get("/api/v1/me/coupons?limit=100&state=" + state);
  const items = body.items ?? [];
  show(
    head(),
    h("div", { class: "pills", role: "tablist" }, tabs.map(([key, text]) =>
      h("button", { type: "button", role: "tab", "aria-selected": String(key === state), onclick: () => pack(key) },
        text, key === state && status < 300 ? h("small", {}, ` ${items.length}`) : null))),
    status >= 300 ? refused(body) : items.map((coupon) => couponCard(coupon, () => detail(coupon.number))),
    status < 300 && !items.length && empty("这里还没有券"),
  );
}

function head() {
  const masked = member?.phone_masked;
  return h("section", { class: "hero" },
    h("span", { class: "face round" }, (member?.nickname || start.person.nickname)[0]),
    h("div", {}, h("b", {}, member?.nickname || start.person.nickname),
      h("small", {}, [member?.level?.name ?? member?.level, masked || "未绑定手机"].filter(Boolean).join(" · "))),
    h("div", { class: "points" }, h("b", {}, String(member?.points ?? 0)), h("small", {}, "积分")),
    !masked && button("绑定手机号", bind, "button small light"));
}

async function bind() {
  const { status, body } = await bindPhone();
  if (status >= 300) return toast(body.message);
  toast("手机号已绑定");
  await refreshMember(body.member ?? body);
  return pack("usable");
}

async function refreshMember(fresh) {
  const { status, body } = fresh?.id ? { status: 200, body: fresh } : await get("/api/v1/me");
  if (status < 300) member = body.member ?? body;
}

async function detail(number) {
  stopWatching();
  const { status, body: coupon } = await get("/api/v1/me/coupons/" + number);
  if (status >= 300) return show(refused(coupon), button("返回卡包", () => open("pack"), "quiet wide"));
  const code = h("div", { class: "code" });
  const back = button("返回卡包", () => open("pack"), "quiet wide");
  show(
    h("section", { class: "ticket" }, h("h2", {}, coupon.title), code, h("p", { class: "number" }, inFours(coupon.number))),
    h("dl", { class: "facts" },
      h("dt", {}, "有效期"), h("dd", {}, `${day(coupon.valid_from)} 至 ${day(coupon.valid_to)}`),
      h("dt", {}, "适用门店"), h("dd", {}, scope(coupon)),
      coupon.campaign?.name && [h("dt", {}, "来自"), h("dd", {}, coupon.campaign.name)]),
    coupon.state === "usable" && h("div", { class: "row" },
      button("到期提醒我", () => askToRemind(), "quiet"),
      coupon.giftable && button("送给朋友", () => gift(coupon), "quiet")),
    coupon.state === "gifting" && button("取消转赠", () => takeBack(coupon), "quiet wide"),
    back,
  );
  if (coupon.state !== "usable") return settled(code, coupon);
  await draw(code, number);
  watching = [setInterval(() => draw(code, number), 20000), setInterval(() => watch(number), 2000)];
}

async function draw(code, number) {
  const { status, body } = await get(`/api/v1/me/coupons/${number}/qr`);
  if (!watching.length || code.isConnected) {
    code.replaceChildren(status < 300 ? h("div", { class: "qr-code", html: body.svg }) : refused(body),
      h("small", {}, "请向店员出示二维码，核销后自动更新"));
  }
}

async function watch(number) {
  const { status, body } = await get("/api/v1/me/coupons/" + number);
  if (status >= 300 || body.state === "usable" || !watching.length) return;
  navigator.vibrate?.(80);
  await detail(number);
}

function settled(code, coupon) {
  const where = coupon.redeemed_store?.name ?? coupon.redeemed_store ?? "";
  code.replaceChildren(
    h("p", { class: coupon.state === "redeemed" ? "done good" : "done" }, stateText(coupon) || coupon.state),
    h("small", {}, coupon.redeemed_at ? `${minute(coupon.redeemed_at)} ${where}` : ""));
}

async function gift(coupon) {
  const { status, body } = await send(`/api/v1/me/coupons/${coupon.number}/gift`);
  if (status >= 300) return toast(body.message);
  stopWatching();
  sheet(h("h2", {}, "把链接发给朋友"), h("p", { class: "link" }, h("a", { href: body.url, target: "_blank" }, body.url)),
    h("p", { class: "hint" }, body.expires_at ? `${minute(body.expires_at)} 前有效` : ""),
    button("好", () => { closeSheet(); return detail(coupon.number); }));
}

async function takeBack(coupon) {
  const { status, body } = await send(`/api/v1/me/coupons/${coupon.number}/gift`, {}, "DELETE");
  if (status >= 300) return toast(body.message);
  return detail(coupon.number);
}

// wx.requestSubscribeMessage: the dialog WeChat draws; each accept is one message more.
function askToRemind() {
  const asked = start.templates.slice(0, 5);
  if (!asked.length) return toast("这个小程序还没有消息模板");
  const boxes = asked.map((template) => h("input", { type: "checkbox", checked: true, value: template.id }));
  const decide = async (status) => {
    closeSheet();
    const results = Object.fromEntries(boxes.map((box) => [box.value, box.checked ? status : "reject"]));
    const answer = await consent(results);
    toast(answer.status >= 300 ? answer.body.message : status === "accept" ? "已订阅，到时提醒您" : "已取消");
  };
  sheet(h("h2", {}, "申请向您发送一次性消息"),
    h("div", { class: "cells" }, asked.map((template, at) => h("label", { class: "cell" }, boxes[at], h("b", {}, template.title)))),
    button("允许", () => decide("accept")), button("取消", () => decide("reject"), "quiet wide"));
}

async function shelf() {
  const { status, body } = await get("/api/v1/cards");
  show(h("h2", {}, "领券中心"),
    status >= 300 && status !== 404 ? refused(body) : (body.items ?? []).map((item) =>
      h("article", { class: "offer" }, h("div", {}, h("b", {}, item.title), h("small", {}, item.category ?? "")),
        button("领取", () => claim(item), "button small"))),
    (status < 300 || status === 404) && !body.items?.length && empty("现在没有可领的券"));
}

async function claim(item) {
  const { status, body } = await send(`/api/v1/cards/${item.campaign_id}/claim`, { template_id: item.template_id });
  if (status >= 300) return toast(body.message);
  toast(`领到 ${body.claimed?.length ?? 1} 张券`);
  return shelf();
}

async function me() {
  await refreshMember();
  const { status, body } = await get("/api/v1/me/qr");
  const points = await get("/api/v1/points");
  show(head(),
    status < 300 && h("section", { class: "ticket" }, h("h2", {}, "会员码"), h("div", { class: "qr-code", html: body.svg }),
      h("small", {}, "结账时出示，积分和优惠自动到账"),
      h("p", { class: "copy", title: "粘贴到演示收银台的“识别会员”" }, body.text)),
    h("h2", {}, "积分明细"),
    points.status < 300 && h("div", { class: "cells" }, (points.body.items ?? []).map((entry) =>
      h("div", { class: "cell" }, h("span", { class: "two" }, h("b", {}, entry.cause), h("small", {}, minute(entry.at))), h("b", {}, String(entry.points))))),
    !points.body.items?.length && empty("还没有积分变动"));
}

if (start.stores.length && !start.scene && !isBill) chooseStore();
else enter();
