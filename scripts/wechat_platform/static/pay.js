// wx.requestPayment: the sheet WeChat draws over the page; "ok", "cancel" or WeChat's refusal.
import { start } from "./product.js";
import { button, closeSheet, h, sheet } from "./screen.js";

export async function requestPayment(params) {
  const opened = await post("/sheet", params);
  if (opened.status >= 300) return { result: "fail", message: opened.body.message };
  const { amount_fen: fen, merchant, description, prepay_id: prepayId } = opened.body;
  return new Promise((resolve) => {
    const end = (result, message) => { closeSheet(); resolve({ result, message }); };
    const confirm = async () => {
      const { status, body } = await post("/confirm", { prepay_id: prepayId });
      return status >= 300 ? end("fail", body.message) : end("ok");
    };
    sheet(
      h("p", {}, merchant), h("h2", {}, "¥" + yuan(fen)), h("p", { class: "hint" }, description),
      button("确认支付", confirm), button("取消", () => end("cancel"), "quiet wide"),
    );
  });
}

const yuan = (fen) => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, "0")}`;

async function post(path, body) {
  const address = `/phone/${encodeURIComponent(start.person.id)}/pay${path}`;
  const headers = { "Content-Type": "application/json" };
  return (await fetch(address, { method: "POST", headers, body: JSON.stringify(body) })).json();
}
