"""What was done to the tables by whoever got at them, past the product (fault of trust 12)."""

TRUST_DAMAGES = {
    "audit.seal": ["update audit_entry set actor='somebody else' where id={audited}"],
    "audit.book": ["delete from audit_entry where id={audited}"],
    "card.state": ["update member_card set state='destroyed' where id={card}"],
    "session.staff": ["update staff set active=(1=0) where id={boss}"],
    "keyed.answer": [
        "insert into remembered_answer (caller, route, {quote}key{quote}, fingerprint, body,"
        " asked_at) values ('k01', 'POST /pos/v1/points', 'k', 'f', '', '2026-11-23 00:00:00')"
    ],
    "redemption.at": ["update redemption set at='2026-11-20 02:00:00' where id={redemption}"],
}
