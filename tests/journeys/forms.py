"""A form of the desk as a browser would send it: what the page shows, before anybody types."""

from html.parser import HTMLParser


class _Form(HTMLParser):
    """Collects what the page's own form would send; rows kept in ``<template>`` are not on it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self._hidden = 0
        self._select = ""
        self._area = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        self._hidden += tag == "template"
        if self._hidden or "form" in given:
            return
        if tag == "input" and name:
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.sent.setdefault(name, []).append(value)
        elif tag == "textarea":
            self._area = name
        elif tag == "select":
            self._select, self.sent[name] = name, self.sent.get(name, [])
        elif tag == "option" and self._select and "selected" in given:
            self.sent[self._select].append(value)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag == "template"
        if tag == "select":
            self._select = ""
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area and not self._hidden:
            self.sent[self._area] = [data.strip()]


def as_shown(page: str) -> dict[str, list[str]]:
    """Every field of the page's form with its value, the CSRF token left to the visitor."""
    sent = _Form(page).sent
    sent.pop("csrf_token", None)
    return sent
