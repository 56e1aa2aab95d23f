// Signed calls of the till: the server signs (the secret stays there), the page sends.

export class Refused extends Error {
  constructor(answer) {
    super(answer.message || "没有应答，请稍后再试");
    this.code = answer.code || "";
    this.hint = (answer.detail && answer.detail.hint) || "";
  }
}

export class Till {
  constructor(key, { sign, clock }) {
    this.key = key;
    this.signAt = sign;
    this.clockAt = clock;
  }

  async now() { return (await answerOf(await fetch(this.clockAt))).now; }

  get(path) { return this.call("GET", path); }
  post(path, content) { return this.call("POST", path, content); }
  put(path, content) { return this.call("PUT", path, content); }

  async call(method, path, content) {
    const body = content === undefined ? "" : JSON.stringify(content);
    const signed = await answerOf(await fetch(this.signAt, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key: this.key, method, path, body }),
    }));
    return answerOf(await fetch(path, {
      method,
      headers: { Authorization: signed.authorization, "Content-Type": "application/json" },
      body: body || undefined,
    }));
  }
}

async function answerOf(response) {
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer);
  return answer;
}
