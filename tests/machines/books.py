"""What the papers say about money, points and coupons (spec/04, spec/05), in plain arithmetic:
nothing of the product is imported here, so that it can be compared with it.

Amounts in fen; a month's points end at the midnight after the same day of the next month.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations

QUOTE_LASTS = timedelta(minutes=10)
TILL_MAY_UNDO = timedelta(hours=24)
TIERS = {10_000: 1_000, 20_000: 3_000}
"""充100送10, 充200送30."""
CAP = 100_000
"""1,000 yuan: what the balance of somebody without a phone may come to by a recharge."""


@dataclass(frozen=True)
class Kind:
    """A cash template: its worth, from which amount on, and whether it stands beside others."""

    name: str
    worth: int
    minimum: int
    beside_others: bool


KINDS = (
    Kind("十元", 1_000, 5_000, beside_others=False),
    Kind("七元", 700, 0, beside_others=True),
    Kind("十五元", 1_500, 6_000, beside_others=True),
)


@dataclass
class Voucher:
    """A coupon in somebody's hands."""

    kind: Kind
    holder: int
    until: datetime
    used: bool = False

    def serves(self, amount: int, at: datetime) -> bool:
        return not self.used and at < self.until and amount >= self.kind.minimum


def stand_together(vouchers: Iterable[Voucher]) -> bool:
    """Alone, or all of them combinable and of different templates."""
    kinds = [each.kind for each in vouchers]
    return len(kinds) < 2 or (all(k.beside_others for k in kinds) and len(set(kinds)) == len(kinds))


def best_off(vouchers: Sequence[Voucher], amount: int, at: datetime) -> int:
    """The most that any allowed set takes off, by trying every set."""
    usable = [each for each in vouchers if each.serves(amount, at)]
    sets = (some for size in range(len(KINDS) + 1) for some in combinations(usable, size))
    return max(sum(each.kind.worth for each in some) for some in sets if stand_together(some))


@dataclass
class Heap:
    """Points that one deed brought; ``owed`` were spent when the deed was undone."""

    left: int
    until: datetime
    owed: int = 0


@dataclass
class Deed:
    """What one cause moved: (heap, points) brought or taken; what of it was undone."""

    moved: int
    brought: Heap | None = None
    taken: list[tuple[Heap, int]] = field(default_factory=list)
    undone: int = 0


@dataclass
class Points:
    """积分: heaps, the oldest used first; never below zero."""

    heaps: list[Heap] = field(default_factory=list)

    def total(self, now: datetime) -> int:
        self.heaps = [heap for heap in self.heaps if now < heap.until]
        return sum(heap.left for heap in self.heaps)

    def bring(self, points: int, now: datetime) -> Deed:
        heap = Heap(points, _a_month_after(now))
        self.heaps.append(heap)
        return Deed(points, brought=heap)

    def take(self, points: int, now: datetime) -> Deed:
        assert points <= self.total(now)
        deed = Deed(points)
        for heap in self.heaps:
            if part := min(heap.left, points):
                heap.left -= part
                points -= part
                deed.taken.append((heap, part))
        return deed

    def take_back(self, deed: Deed, points: int, now: datetime) -> int:
        """Of points earned, those still there; the others are owed by their heap."""
        heap = deed.brought
        assert heap is not None
        points = min(points, deed.moved - deed.undone)
        taken = min(points, heap.left) if now < heap.until else 0
        heap.left -= taken
        heap.owed += points - taken
        deed.undone += points
        return taken

    def give_back(self, deed: Deed, points: int) -> int:
        """Into the heaps they came from, the last one first; what is over stays over. How many
        were owed and went at once."""
        deed.undone += points
        kept, owed = [], 0
        for heap, part in reversed(deed.taken):
            back = min(part, points)
            paid_off = min(back, heap.owed)
            heap.left += back - paid_off
            heap.owed -= paid_off
            owed += paid_off
            points -= back
            kept.append((heap, part - back))
        assert points == 0
        deed.taken = kept[::-1]
        return owed


@dataclass
class Balance:
    """储值: 本金 pays first and comes back last."""

    principal: int = 0
    bonus: int = 0
    recharged: int = 0

    @property
    def total(self) -> int:
        return self.principal + self.bonus

    def may_grow(self, principal: int) -> bool:
        return self.total + principal + _bonus(principal) <= CAP

    def recharge(self, principal: int) -> None:
        self.principal += principal
        self.recharged += principal
        self.bonus += _bonus(principal)

    def pay(self, fen: int) -> tuple[int, int]:
        from_principal = min(self.principal, fen)
        self.principal -= from_principal
        self.bonus -= fen - from_principal
        return from_principal, fen - from_principal


@dataclass
class Person:
    """A member as the counter sees them."""

    points: Points = field(default_factory=Points)
    balance: Balance = field(default_factory=Balance)
    bills: int = 0
    spent: int = 0

    @property
    def sort(self) -> str:
        """客户分类."""
        return ("new", "ordinary", "loyal")[min(self.bills, 2)]


@dataclass(frozen=True)
class Line:
    """A line, and what of it was taken off, of that by points and as 抹零; its quantity in
    thousandths."""

    quantity: int
    price: int
    off: int = 0
    by_points: int = 0
    rounded: int = 0

    @property
    def amount(self) -> int:
        exact = Decimal(self.quantity) * self.price / 1000
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@dataclass
class Sale:
    """A settled bill and what of it went back."""

    member: int
    lines: list[Line]
    service: int
    vouchers: list[int]
    paid_points: int
    balance: tuple[int, int]
    earned: Deed | None = None
    spent: Deed | None = None
    returned: list[int] = field(default_factory=list)
    service_back: bool = False
    balance_back: tuple[int, int] = (0, 0)

    @property
    def paid(self) -> int:
        """In money."""
        return sum(line.amount - line.off for line in self.lines) + self.service

    @property
    def no_dish_left(self) -> bool:
        return all(n == line.quantity for n, line in zip(self.returned, self.lines, strict=True))

    @property
    def is_over(self) -> bool:
        return self.no_dish_left and (self.service_back or not self.service)

    @property
    def money_back(self) -> int:
        return self._back(lambda line: line.amount - line.off) + self._service_back

    @property
    def balance_back_due(self) -> int:
        """The balance's share of the money that went back."""
        return sum(self.balance) * self.money_back // self.paid if self.paid else 0

    @property
    def points_back_due(self) -> int:
        whole = sum(line.by_points for line in self.lines)
        back = self._back(lambda line: line.by_points)
        return self.paid_points * back // whole if whole else 0

    @property
    def earns(self) -> int:
        """One point for each yuan of what remains, at original prices but for 抹零."""
        whole = sum(line.amount - line.rounded for line in self.lines) + self.service
        coupons = self._back(lambda line: line.off - line.by_points - line.rounded)
        by_points = self._back(lambda line: line.by_points)
        return (whole - self.money_back - by_points - coupons) // 100

    @property
    def _service_back(self) -> int:
        return self.service if self.service_back else 0

    def _back(self, part: Callable[[Line], int]) -> int:
        """Each unit gives the floor of its share, the last one the rest."""
        return sum(
            part(line) if n == line.quantity else part(line) * 1000 // line.quantity * n // 1000
            for n, line in zip(self.returned, self.lines, strict=True)
        )


def _bonus(principal: int) -> int:
    return max((TIERS[tier] for tier in TIERS if tier <= principal), default=0)


def _a_month_after(now: datetime) -> datetime:
    day = now.date()
    year, month = day.year + day.month // 12, day.month % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    end = date(year, month, min(day.day, last)) + timedelta(days=1)
    return datetime.combine(end, time(), tzinfo=now.tzinfo)
