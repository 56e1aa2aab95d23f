// 账单: what stands on the table until it is settled. Amounts in fen.

export const yuan = (fen) => (fen / 100).toFixed(2).replace(/\.?0+$/, "");
export const two = (fen) => (fen / 100).toFixed(2);

export class Bill {
  constructor() { this.begin(); }

  begin() {
    const now = new Date();
    const pad = (value, digits = 2) => String(value).padStart(digits, "0");
    this.openedAt = null; // the business clock, when the first dish is ordered
    this.number = `${pad(now.getMonth() + 1)}${pad(now.getDate())}${pad(now.getHours())}` +
      `${pad(now.getMinutes())}${pad(now.getSeconds())}${pad(Math.floor(Math.random() * 100))}`;
    this.lines = [];
    this.member = null;
    this.exchanges = [];
    this.coupons = null; // null: the best of the member's
    this.points = 0;
    this.quote = null;
    this.serviceFen = 0;
  }

  add(dish) {
    const line = this.lines.find((each) => each.dish === dish.dish);
    if (line) line.quantity += 1;
    else this.lines.push({ ...dish, quantity: 1 });
  }

  less(dish) {
    const line = this.lines.find((each) => each.dish === dish);
    line.quantity -= 1;
    this.lines = this.lines.filter((each) => each.quantity > 0);
  }

  get totalFen() {
    return this.lines.reduce((sum, line) => sum + line.quantity * line.price_fen, this.serviceFen);
  }

  get toPayFen() { return this.quote ? this.quote.to_pay_fen : this.totalFen; }

  asked() {
    const asked = { lines: this.lines, service_fen: this.serviceFen, bill: this.number };
    if (this.member) asked.member_id = this.member.id;
    if (this.coupons) asked.coupons = this.coupons;
    if (this.points) asked.points = this.points;
    return asked;
  }

  settled(method, { table, guests, now }) {
    const toPay = this.toPayFen;
    return {
      table, guests, cashier: "演示", opened_at: this.openedAt, settled_at: now,
      lines: this.lines, service_fen: this.serviceFen,
      member_id: this.member ? this.member.id : null,
      quote_id: this.quote ? this.quote.quote_id : null,
      tenders: toPay ? [{ method, amount_fen: toPay }] : [],
    };
  }
}
