// The way to the merchant's system: always through the platform, which holds the login.
export const start = JSON.parse(document.getElementById("start").textContent);

async function post(path, body) {
  try {
    const answer = await fetch(start.address + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return await answer.json();
  } catch {
    return { status: 503, body: { code: "PLATFORM_AWAY", message: "微信模拟平台没有回应" } };
  }
}

export const logIn = () => post("/login", { scene: start.scene });
export const bindPhone = () => post("/phone", {});
export const consent = (results) => post("/consents", { results });

async function call(method, path, body, key) {
  const answer = await post("/call", { method, path, body, key });
  if (answer.status !== 401) return answer;
  const again = await logIn();
  return again.status < 300 ? post("/call", { method, path, body, key }) : again;
}

export const get = (path) => call("GET", path);
export const send = (path, body = {}, method = "POST") => call(method, path, body, crypto.randomUUID());

export async function codesAround() {
  return (await (await fetch(start.address + "/shown")).json()).items;
}
