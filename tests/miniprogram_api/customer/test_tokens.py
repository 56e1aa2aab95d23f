"""登录凭证: who calls is what the token says, however its text is written. (fault of trust 11)"""

import pytest
from flask.testing import FlaskClient

from backend import clock as business_clock
from miniprogram_api.customer import tokens
from miniprogram_api.limits import Limit
from tests.builders import a_member, a_shop
from tests.miniprogram_api.verifier.phones import phone_of


def test_a_person_has_one_limit_however_the_token_is_spelt(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop()
    phone = phone_of(http, shop, a_member(shop))
    claims = tokens._read(phone.token, now=business_clock.now())
    later = tokens.issue(
        shop.merchant_id, claims.member_id, claims.wechat_user_id, now=business_clock.now()
    )
    counted: list[str] = []

    def note(limit: Limit, who: str, **_look_at: object) -> None:
        assert limit is Limit.CUSTOMER
        counted.append(who)

    monkeypatch.setattr(tokens, "spend", note)
    for text in (phone.token, f"{phone.token}=", f"{phone.token}==", later.text):
        http.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"})

    assert len(counted) == 4
    assert len(set(counted)) == 1
