"""The simulated market: pairs, books, prices, candles, indicators, and how they are written on the wire."""
