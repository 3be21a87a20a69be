"""The candle chart."""
