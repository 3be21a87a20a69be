<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en">
<context>
    <name>ChartBar</name>
    <message>
        <source>1s</source>
        <translation>1초</translation>
    </message>
    <message>
        <source>1m</source>
        <translation>1분</translation>
    </message>
    <message>
        <source>3m</source>
        <translation>3분</translation>
    </message>
    <message>
        <source>5m</source>
        <translation>5분</translation>
    </message>
    <message>
        <source>10m</source>
        <translation>10분</translation>
    </message>
    <message>
        <source>15m</source>
        <translation>15분</translation>
    </message>
    <message>
        <source>30m</source>
        <translation>30분</translation>
    </message>
    <message>
        <source>1h</source>
        <translation>1시간</translation>
    </message>
    <message>
        <source>4h</source>
        <translation>4시간</translation>
    </message>
    <message>
        <source>1D</source>
        <translation>일</translation>
    </message>
    <message>
        <source>1W</source>
        <translation>주</translation>
    </message>
    <message>
        <source>1M</source>
        <translation>월</translation>
    </message>
    <message>
        <source>1Y</source>
        <translation>년</translation>
    </message>
    <message>
        <source>Length of a candle</source>
        <translation>캔들 단위</translation>
    </message>
    <message>
        <source>Moving averages</source>
        <translation>이동평균</translation>
    </message>
    <message>
        <source>Bollinger bands</source>
        <translation>볼린저 밴드</translation>
    </message>
    <message>
        <source>Volume</source>
        <translation>거래량</translation>
    </message>
    <message>
        <source>RSI</source>
        <translation>RSI</translation>
    </message>
    <message>
        <source>MACD</source>
        <translation>MACD</translation>
    </message>
    <message>
        <source>Periods…</source>
        <translation>기간 설정…</translation>
    </message>
    <message>
        <source>Indicators</source>
        <translation>보조지표</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>로그</translation>
    </message>
    <message>
        <source>Logarithmic price scale</source>
        <translation>로그 가격축</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>복사</translation>
    </message>
    <message>
        <source>Copy the chart as an image (Ctrl+C)</source>
        <translation>차트를 그림으로 복사 (Ctrl+C)</translation>
    </message>
</context>
<context>
    <name>ChartOverlay</name>
    <message>
        <source>Alert</source>
        <translation>알림</translation>
    </message>
    <message>
        <source>Start of history</source>
        <translation>데이터 시작</translation>
    </message>
    <message>
        <source>Loading older candles…</source>
        <translation>이전 캔들 불러오는 중…</translation>
    </message>
    <message>
        <source>Buy</source>
        <translation>매수</translation>
    </message>
    <message>
        <source>Sell</source>
        <translation>매도</translation>
    </message>
    <message>
        <source>no trades</source>
        <translation>체결 없음</translation>
    </message>
    <message>
        <source>MA</source>
        <translation>이평</translation>
    </message>
    <message>
        <source>Volume</source>
        <translation>거래량</translation>
    </message>
    <message>
        <source>O</source>
        <translation>시</translation>
    </message>
    <message>
        <source>H</source>
        <translation>고</translation>
    </message>
    <message>
        <source>L</source>
        <translation>저</translation>
    </message>
    <message>
        <source>C</source>
        <translation>종</translation>
    </message>
    <message>
        <source>Vol</source>
        <translation>거래량</translation>
    </message>
</context>
<context>
    <name>ChartPanel</name>
    <message>
        <source>Buy at {price}…</source>
        <translation>{price}에 매수…</translation>
    </message>
    <message>
        <source>Sell at {price}…</source>
        <translation>{price}에 매도…</translation>
    </message>
    <message>
        <source>Alert at {price}</source>
        <translation>{price} 도달 시 알림</translation>
    </message>
    <message>
        <source>Fit the chart</source>
        <translation>차트 맞춤</translation>
    </message>
    <message>
        <source>Copy image</source>
        <translation>그림 복사</translation>
    </message>
    <message>
        <source>Chart</source>
        <translation>차트</translation>
    </message>
    <message>
        <source>Go to the newest candle (End)</source>
        <translation>최신 캔들로 이동 (End)</translation>
    </message>
    <message>
        <source>Candle chart</source>
        <translation>캔들 차트</translation>
    </message>
    <message>
        <source>Arrows scroll, plus and minus zoom, Home and End go to the oldest and the newest candle, Ctrl and a click drafts an order at a price.</source>
        <translation>화살표 키로 이동, +와 -로 확대·축소, Home과 End로 처음과 최신 캔들로 이동, Ctrl+클릭으로 그 가격의 주문을 작성합니다.</translation>
    </message>
    <message>
        <source>Loading candles…</source>
        <translation>캔들 불러오는 중…</translation>
    </message>
    <message>
        <source>No trades in this pair yet</source>
        <translation>아직 체결 내역이 없습니다</translation>
    </message>
    <message>
        <source>Candles could not be loaded</source>
        <translation>캔들을 불러오지 못했습니다</translation>
    </message>
    <message>
        <source>Retry</source>
        <translation>다시 시도</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>복사됨</translation>
    </message>
</context>
<context>
    <name>IndicatorDialog</name>
    <message>
        <source>Indicators</source>
        <translation>보조지표</translation>
    </message>
    <message>
        <source>Moving averages</source>
        <translation>이동평균</translation>
    </message>
    <message>
        <source>Exponential</source>
        <translation>지수이동평균</translation>
    </message>
    <message>
        <source>Bollinger bands (candles, deviations)</source>
        <translation>볼린저 밴드 (기간, 표준편차)</translation>
    </message>
    <message>
        <source>RSI</source>
        <translation>RSI</translation>
    </message>
    <message>
        <source>MACD (fast, slow, signal)</source>
        <translation>MACD (단기, 장기, 시그널)</translation>
    </message>
    <message>
        <source>OK</source>
        <translation>확인</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>취소</translation>
    </message>
    <message>
        <source>Defaults</source>
        <translation>기본값</translation>
    </message>
</context>
</TS>
