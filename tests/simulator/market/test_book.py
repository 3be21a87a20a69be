from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.models import decode
from qt_upbit.simulator.market.book import BookMaker
from qt_upbit.simulator.market.price_grid import SCALE, PriceGrid
from qt_upbit.types import OrderbookEvent


def maker(seed: int = 1, quote: str = "KRW", density: float = 0.5, longest: int = 99) -> BookMaker:
    return BookMaker("KRW-BTC", seed, PriceGrid(quote), SCALE // 100, density, longest)


@given(
    st.integers(0, 1000),
    st.sampled_from(["KRW", "BTC", "USDT"]),
    st.integers(1, 10**16),
    st.integers(0, 10**5),
    st.sampled_from([3, 17, 99]),
)
def test_a_book_has_order_and_valid_prices(
    seed: int, quote: str, price: int, change: int, longest: int
) -> None:
    grid = PriceGrid(quote)
    bid = grid.snap(price)
    ask = grid.up(bid)
    book = maker(seed, quote, 0.6, longest).make(ask, bid, change, 0)
    asks, bids = [price for price, _ in book.asks], [price for price, _ in book.bids]
    assert asks[0] == ask
    assert bids[0] == bid
    assert asks == sorted(set(asks))
    assert bids == sorted(set(bids), reverse=True)
    assert all(grid.snap(each) == each and each > 0 for each in (*asks, *bids))
    assert all(size > 0 for _, size in (*book.asks, *book.bids))
    assert len(asks) <= min(longest, 30)


def test_the_same_change_gives_the_same_book_however_often_it_was_read() -> None:
    one, other = maker(), maker()
    for change in range(100):
        one.make(158_001_000 * SCALE, 158_000_000 * SCALE, change, 0)
    ask, bid = 158_006_000 * SCALE, 158_005_000 * SCALE
    assert one.make(ask, bid, 100, 0).asks == other.make(ask, bid, 100, 0).asks


def test_neighbours_differ_a_little() -> None:
    books = maker()
    ask, bid = 158_001_000 * SCALE, 158_000_000 * SCALE
    first, second = (set(books.make(ask, bid, change, 0).asks) for change in (10, 11))
    assert first != second
    assert len(first & second) > 15


def test_both_spellings_say_the_same() -> None:
    book = maker().make(158_001_000 * SCALE, 158_000_000 * SCALE, 3, 1_795_402_151_006)
    simple = decode(book.encode(True, 15, 0, "REALTIME"))
    default = decode(book.encode(False, 15, 0, "REALTIME"))
    assert isinstance(simple, OrderbookEvent)
    assert simple == default
    assert len(simple.asks) == 15
    assert simple.total_ask_size == sum(level.size for level in simple.asks)


def test_groups_hold_what_is_visible() -> None:
    book = maker().make(158_001_000 * SCALE, 158_000_000 * SCALE, 3, 1_795_402_151_006)
    group = 10_000 * SCALE
    asks, bids = book.levels(30, group)
    assert len(asks) == len(bids) == 30
    for price, size in asks[:2]:
        assert size >= sum(s for p, s in book.asks if price - group < p <= price)
    for price, size in bids[:2]:
        assert size >= sum(s for p, s in book.bids if price <= p < price + group)
    assert asks[0][0] >= book.asks[0][0]
    assert bids[0][0] <= book.bids[0][0]
