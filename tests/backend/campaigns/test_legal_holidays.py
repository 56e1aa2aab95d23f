"""法定节假日 as the State Council announced them (S2-26)."""

from datetime import date

from backend.campaigns import legal_holidays


def test_the_holidays_of_2026_by_name() -> None:
    assert [holiday.words for holiday in legal_holidays.of_year(2026)] == [
        "元旦 1月1日–3日",
        "春节 2月15日–23日",
        "清明 4月4日–6日",
        "劳动节 5月1日–5日",
        "端午 6月19日–21日",
        "中秋 9月25日–27日",
        "国庆节 10月1日–7日",
    ]


def test_a_stretch_over_the_end_of_a_month_says_both() -> None:
    assert "春节 1月28日–2月4日" in [each.words for each in legal_holidays.of_year(2025)]


def test_a_year_that_is_not_announced_has_none() -> None:
    assert legal_holidays.of_year(2199) == []


def test_only_what_is_not_over_is_coming() -> None:
    coming = legal_holidays.coming(date(2026, 10, 7))
    assert [each.name for each in coming][:1] == ["国庆节"]
    assert legal_holidays.coming(date(2026, 10, 8)) == legal_holidays.of_year(2027)
