<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR">
<context>
    <name>TradesPanel</name>
    <message>
        <source>Try again</source>
        <translation>다시 시도</translation>
    </message>
    <message>
        <source>Trades</source>
        <translation>체결</translation>
    </message>
    <message>
        <source>Trades: next one</source>
        <translation>체결: 다음 항목으로 이동</translation>
    </message>
    <message>
        <source>Trades: draft an order at the price</source>
        <translation>체결: 선택한 가격을 주문창에 입력</translation>
    </message>
    <message>
        <source>Trades: the newest</source>
        <translation>체결: 최신 체결로 이동</translation>
    </message>
    <message>
        <source>Large trades</source>
        <translation>대량 체결</translation>
    </message>
    <message>
        <source>Value from which a trade is highlighted</source>
        <translation>이 금액 이상의 체결을 강조합니다</translation>
    </message>
    <message>
        <source>Only large</source>
        <translation>대량만</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>시간</translation>
    </message>
    <message>
        <source>Price ({currency})</source>
        <translation>가격 ({currency})</translation>
    </message>
    <message>
        <source>Size ({currency})</source>
        <translation>수량 ({currency})</translation>
    </message>
    <message>
        <source>Value ({currency})</source>
        <translation>금액 ({currency})</translation>
    </message>
    <message>
        <source>Waiting for trades…</source>
        <translation>체결을 기다리는 중…</translation>
    </message>
    <message>
        <source>No trades yet</source>
        <translation>아직 체결이 없습니다</translation>
    </message>
    <message>
        <source>{count} trades a minute</source>
        <translation>분당 체결 {count}건</translation>
    </message>
    <message>
        <source>Not seen: {begin} to {end}</source>
        <translation>수신하지 못한 구간: {begin} ~ {end}</translation>
    </message>
    <message>
        <source>Large: automatic</source>
        <translation>대량: 자동</translation>
    </message>
    <message>
        <source>Large: from {amount}</source>
        <translation>대량: {amount} 이상</translation>
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
        <source>{count} new trades ▲</source>
        <translation>새 체결 {count}건 ▲</translation>
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
        <translation>수량</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>금액</translation>
    </message>
</context>
</TS>
