"""The core without Qt: frames to events and back, in both of Upbit's spellings. Needs no network."""

import json
import sys
from decimal import Decimal

from qt_upbit import SimpleFormatConverter, TradeEvent, WireFormat, from_dict, to_dict

FRAME = (
    '{"ty":"trade","cd":"KRW-BTC","tms":1788335180423,"td":"2026-09-02","ttm":"07:46:20",'
    '"ttms":1788335180377,"tp":106691000.00000000,"tv":0.00009372,"ab":"ASK","pcp":107005000.00000000,'
    '"c":"FALL","cp":314000.00000000,"sid":17883351803770004,"bap":106705000,"bas":0.00906333,'
    '"bbp":106691000,"bbs":0.00702247,"st":"REALTIME"}'
)

payload = json.loads(FRAME, parse_float=Decimal)
event = from_dict(payload)
if isinstance(event, TradeEvent):
    print(event.code, event.trade_price, event.trade_volume, event.time.isoformat())

converter = SimpleFormatConverter()
long_names = converter.to_default(payload)
print(", ".join(list(long_names)[:5]))
exact = converter.to_simple(long_names) == payload == to_dict(event, WireFormat.SIMPLE)
print("round trip exact:", exact, "Qt loaded:", "PySide6" in sys.modules)
