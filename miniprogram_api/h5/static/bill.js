// The page works without this: it recounts as coupons are ticked, opens WeChat's pay sheet, and
// reads itself anew when the bill is paid or settled.
"use strict";

document.documentElement.classList.add("scripted");

const form = document.getElementById("bill");
if (form) {
  form.addEventListener("change", () => form.requestSubmit(form.querySelector(".recount")));
}

const sheet = document.getElementById("pay");
if (sheet) {
  const open = () => {
    window.WeixinJSBridge.invoke("getBrandWCPayRequest", JSON.parse(sheet.dataset.params), (told) => {
      if (told.err_msg === "get_brand_wcpay_request:cancel") {
        sheet.textContent = "您取消了支付，可以再按一次“微信支付”";
      } else if (told.err_msg !== "get_brand_wcpay_request:ok") {
        sheet.textContent = "没有支付成功，请再按一次“微信支付”";
      }
    });
  };
  if (window.WeixinJSBridge) open();
  else document.addEventListener("WeixinJSBridgeReady", open, { once: true });
}

const wait = document.getElementById("wait");
if (wait && wait.dataset.watch === "yes") {
  const look = async () => {
    const answer = await fetch(wait.dataset.address).catch(() => null);
    const gone = answer !== null && answer.status === 404;
    const state = answer && answer.ok ? (await answer.json()).state : wait.dataset.state;
    if (gone || state !== wait.dataset.state) location.replace(location.pathname);
    else setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
}
