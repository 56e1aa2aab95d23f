"""设置文件 as people write it: in any editor, and with a slip of the hand."""

import pytest

from backend.setup.problems import SetupRefused
from backend.setup.reading import read


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffoperator:\n  name: 排队网\n",
        "operator:\r\n  name: 排队网\r\n",
        "\ufeffoperator:\r\n  name: 排队网\r\n",
        "operator:\n  name: 排队网",
        "\noperator: {name:\t排队网}\n",
    ],
    ids=["BOM", "CRLF", "both, as Notepad saves", "no line end", "a tab between words in braces"],
)
def test_how_an_editor_saves_it_does_not_matter(text: str) -> None:
    operator = read(text).operator
    assert operator is not None
    assert operator.name == "排队网"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("operator:\n\tname: 排队网\n", "第2行: 这里有制表符（Tab），YAML 不认；请改成空格"),
        ("operator:\n  name: a\n  \tstaff: []\n", "第3行: 这里有制表符（Tab）"),
        ("operator:\r\n  name:\t排队网\r\n", "第2行: 这里有制表符（Tab）"),
        ("operator:\n  name: 排队网\t\n", "第2行: 这里有制表符（Tab）"),
        ("operator:\n  name: @排队网\n", "第2行: 以 @ 开头的内容要放在引号里"),
        ("operator:\n  name: *排队网\n", "第2行: 以 * 开头的内容要放在引号里：'*排队网'"),
        ("operator:\n  name: a\n  name: b\n", "第3行: name 写了两遍，请只留一个"),
        ("operator:\n  name: 网址: a\n", "第2行: 这里多了一个冒号"),
        ("operator:\n  name: a\n staff: []\n", "第3行: 缩进没对齐"),
        ("operator:\n  name: 'a\n", "第3行: 到文件末尾还有引号或括号没有关上"),
        ("operator: {name: a\n", "第2行: 到文件末尾还有引号或括号没有关上"),
    ],
)
def test_a_slip_is_named_with_its_line_and_its_cure(text: str, says: str) -> None:
    with pytest.raises(SetupRefused) as refused:
        read(text)
    assert str(refused.value).startswith(says)
