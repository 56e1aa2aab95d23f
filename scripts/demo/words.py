"""How a hot-pot restaurant and its guests are called: names, dishes and prices in fen."""

from dataclasses import dataclass
from random import Random

_FAMILY = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余"
    "叶蒋杜苏魏程吕丁沈任姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段"
    "雷黎史龙陶贺顾毛郝龚邵万钱严赖覃洪武莫孔"
)
_GIVEN = (
    "小晓雨子思嘉欣梓文佳明丽娟军磊洋勇艳杰涛超秀霞平刚桂英华慧建玲婷敏静强辉宇浩然博"
    "轩俊凯悦彤萌琪瑶妍诗涵怡航哲睿泽宁安乐琳倩楠莹雪峰鑫鹏飞龙昊天一可心诺言"
)
_NICK = (
    "吃货{}", "{}爱火锅", "爱笑的{}", "{}同学", "阿{}", "小{}呀", "{}妈妈", "{}爸", "大{}哥",
    "{}🍲", "{}🌶️", "老{}", "{}在深圳", "今天也要{}", "{}的日常", "一只{}", "{}不吃香菜", "{}✨",
)  # fmt: skip
_MOBILE = ("130", "131", "132", "134", "135", "136", "137", "138", "139", "150", "151", "152",
           "157", "158", "159", "166", "176", "177", "178", "181", "182", "185", "186", "187",
           "188", "189", "198", "199")  # fmt: skip


@dataclass(frozen=True)
class Dish:
    """菜品 as the till knows it."""

    code: str
    name: str
    category: str
    price_fen: int


POTS = (
    Dish("D100", "牛骨清汤锅", "锅底", 4800),
    Dish("D101", "重庆红油锅", "锅底", 5800),
    Dish("D102", "鸳鸯锅", "锅底", 6200),
    Dish("D103", "番茄锅", "锅底", 5200),
)
DISHES = (
    Dish("D001", "鱼香肉丝", "热菜", 2800),
    Dish("D002", "手切牛上脑", "肉类", 5800),
    Dish("D003", "吊龙", "肉类", 6200),
    Dish("D004", "精品肥牛", "肉类", 4800),
    Dish("D005", "羊肉卷", "肉类", 4600),
    Dish("D006", "鲜毛肚", "肉类", 5600),
    Dish("D007", "鸭血", "小吃", 1800),
    Dish("D008", "虾滑", "海鲜", 4200),
    Dish("D009", "手打牛丸", "肉类", 3600),
    Dish("D010", "嫩豆腐", "素菜", 1200),
    Dish("D011", "土豆片", "素菜", 1200),
    Dish("D012", "娃娃菜", "素菜", 1400),
    Dish("D013", "菌菇拼盘", "素菜", 2600),
    Dish("D014", "手工宽粉", "主食", 1600),
    Dish("D015", "红糖糍粑", "小吃", 2200),
    Dish("D016", "酸梅汤", "饮料", 1600),
    Dish("D017", "青岛啤酒", "饮料", 1000),
    Dish("D018", "蛋炒饭", "主食", 1800),
)


def nickname(chance: Random) -> str:
    """昵称, as people call themselves in WeChat: a real name, or something cheerful."""
    given = "".join(chance.sample(_GIVEN, chance.choice((1, 2, 2))))
    if chance.random() < 0.6:
        return chance.choice(_FAMILY) + given
    return chance.choice(_NICK).format(given[0])


def phone(chance: Random, taken: set[str]) -> str:
    """A mobile number that nobody else here has."""
    while (made := chance.choice(_MOBILE) + f"{chance.randrange(10**8):08d}") in taken:
        pass
    taken.add(made)
    return made


def order(chance: Random, people: int) -> dict[Dish, int]:
    """What so many people eat: a pot and more than a dish each."""
    ordered = {chance.choice(POTS): 1}
    for _ in range(round(people * chance.uniform(0.9, 1.6)) + 1):
        dish = chance.choice(DISHES)
        ordered[dish] = ordered.get(dish, 0) + chance.choice((1, 1, 2))
    return ordered
