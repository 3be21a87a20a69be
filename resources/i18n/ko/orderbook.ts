<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR">
<context>
    <name>OrderbookPanel</name>
    <message>
        <source>Order book</source>
        <translation>호가</translation>
    </message>
    <message>
        <source>Order book: next level</source>
        <translation>호가: 다음 단계로 이동</translation>
    </message>
    <message>
        <source>Order book: draft an order at the price</source>
        <translation>호가: 선택한 가격을 주문창에 입력</translation>
    </message>
    <message>
        <source>Order book: draft an order with the volume up to there</source>
        <translation>호가: 가격과 누적 수량을 주문창에 입력</translation>
    </message>
    <message>
        <source>Order book: centre the spread</source>
        <translation>호가: 스프레드를 가운데로</translation>
    </message>
    <message>
        <source>Grouping of prices</source>
        <translation>호가 모아보기</translation>
    </message>
    <message>
        <source>Centre</source>
        <translation>중앙</translation>
    </message>
    <message>
        <source>Centre the spread (Home)</source>
        <translation>스프레드를 가운데로 (Home)</translation>
    </message>
    <message>
        <source>Spread</source>
        <translation>스프레드</translation>
    </message>
    <message>
        <source>Sums in base or in quote currency</source>
        <translation>누적을 수량 또는 금액으로</translation>
    </message>
    <message>
        <source>Price ({currency})</source>
        <translation>가격 ({currency})</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>등락률</translation>
    </message>
    <message>
        <source>Size ({currency})</source>
        <translation>잔량 ({currency})</translation>
    </message>
    <message>
        <source>Sum ({currency})</source>
        <translation>누적 ({currency})</translation>
    </message>
    <message>
        <source>Group by {level}</source>
        <translation>모아보기 {level}</translation>
    </message>
    <message>
        <source>Not grouped</source>
        <translation>모아보기 없음</translation>
    </message>
    <message>
        <source>Waiting for the order book…</source>
        <translation>호가를 기다리는 중…</translation>
    </message>
    <message>
        <source>The exchange sends no order book for {code}. Is it still traded?</source>
        <translation>거래소가 {code} 호가를 보내지 않습니다. 거래지원 중인 종목인지 확인하세요.</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>다시 시도</translation>
    </message>
    <message>
        <source>Sell orders</source>
        <translation>매도 호가</translation>
    </message>
    <message>
        <source>Buy orders</source>
        <translation>매수 호가</translation>
    </message>
    <message>
        <source>Price: {price}</source>
        <translation>가격: {price}</translation>
    </message>
    <message>
        <source>Size: {size}</source>
        <translation>잔량: {size}</translation>
    </message>
    <message>
        <source>Up to here: {total}</source>
        <translation>여기까지 누적: {total}</translation>
    </message>
    <message>
        <source>My orders: {size}</source>
        <translation>내 주문: {size}</translation>
    </message>
    <message>
        <source>Side</source>
        <translation>구분</translation>
    </message>
    <message>
        <source>Price</source>
        <translation>가격</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>잔량</translation>
    </message>
    <message>
        <source>Sum</source>
        <translation>누적</translation>
    </message>
    <message>
        <source>Sell</source>
        <translation>매도</translation>
    </message>
    <message>
        <source>Buy</source>
        <translation>매수</translation>
    </message>
    <message>
        <source>No book came in the chosen grouping: this is the ungrouped one.</source>
        <translation>선택한 모아보기의 호가가 수신되지 않아 모아보기 없이 표시합니다.</translation>
    </message>
</context>
</TS>
