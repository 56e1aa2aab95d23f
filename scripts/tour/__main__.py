"""``python -m scripts.tour --base-url URL --wechat URL``; ``scripts/run.py --tour`` starts all of
it on a fresh folder first. Each step prints what was seen; the first that is not right ends it.
"""

import argparse
import sys

from scripts.tour import counter, marketing
from scripts.tour.world import NotRight, Person, World, see


def play(world: World) -> None:
    """Every step of the main job, in the order a shop sees it."""
    guest = Person(world, "王小勇", "13800001111")
    marketing.follow_and_have_a_coupon(guest)
    marketing.become_an_ordinary_customer(world, guest)
    marketing.nine_o_clock(world, guest)
    marketing.scan_and_redeem(world, guest)
    marketing.coupons_that_waited(world, guest)
    counter.gift_behind_the_receipt(world, guest)
    counter.points_become_a_coupon(world, guest)
    counter.pay_by_scan(world, guest)
    counter.bought_in_the_mall(world, guest)
    world.flask("doctor")
    see("对账", "doctor 没有发现问题")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--wechat", required=True)
    options = parser.parse_args()
    try:
        play(World(options.base_url.rstrip("/"), options.wechat.rstrip("/")))
    except NotRight as error:
        print(f"✗ {error}", flush=True)
        return 1
    print("✓ 全程无误 · The tour is complete.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
