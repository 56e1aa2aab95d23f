"""密码: which are refused, and how they are kept."""

import pytest

from backend.merchants import passwords


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("", passwords.PasswordTooShort),
        ("k7mq-x3vd", passwords.PasswordTooShort),
        ("1234567890", passwords.PasswordTooCommon),
        ("9876543210", passwords.PasswordTooCommon),
        ("aaaaaaaaaaaa", passwords.PasswordTooCommon),
        ("abcabcabcabc", passwords.PasswordTooCommon),
        ("Password123", passwords.PasswordTooCommon),
        ("qwertyuiop", passwords.PasswordTooCommon),
    ],
)
def test_short_and_common_passwords_are_refused(
    password: str, refusal: type[passwords.PasswordTooShort]
) -> None:
    with pytest.raises(refusal):
        passwords.require_good(password)


@pytest.mark.parametrize("password", ["k7mq-x3vd2", "火锅店老板的密码是红油", "correct horse"])
def test_other_passwords_of_ten_characters_are_good(password: str) -> None:
    passwords.require_good(password)


def test_a_random_password_is_good_and_never_the_same() -> None:
    made = {passwords.at_random() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        passwords.require_good(password)


def test_it_is_kept_as_argon2id_of_19_mib() -> None:
    stored = passwords.hashed("k7mq-x3vd2")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches("k7mq-x3vd2", stored)
    assert not passwords.matches("k7mq-x3vd3", stored)
    assert not passwords.matches("k7mq-x3vd2", None)
    assert not passwords.matches("k7mq-x3vd2", "not a hash")
