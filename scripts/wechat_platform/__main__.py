"""Serve the local WeChat platform until told to stop."""

import argparse
import signal
import sys
from pathlib import Path

from scripts.wechat_platform.server import start_platform


def main() -> int:
    """``python -m scripts.wechat_platform --port 8788 --data DIR --setup FILE --product URL``."""
    options = _options()
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    platform = start_platform(
        port=options.port,
        product=options.product,
        data=options.data,
        setup=options.setup,
        retry_pause=1.0,
    )
    try:
        print(f"微信模拟平台 {platform.url}/", flush=True)
        signal.sigwait(stops)
    finally:
        platform.stop()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.wechat_platform")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, help="folder for people, credits and inboxes")
    parser.add_argument("--setup", type=Path, help="the product's set-up file (YAML)")
    parser.add_argument("--product", help="where the product answers, e.g. http://127.0.0.1:8000")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
