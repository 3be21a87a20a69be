<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR">
<context>
    <name>NoticesPanel</name>
    <message>
        <source>Notices</source>
        <translation>공지</translation>
    </message>
    <message>
        <source>Notices: open the notice, or show the pair of the signal</source>
        <translation>공지: 공지를 열거나 신호의 종목으로 이동</translation>
    </message>
    <message>
        <source>Notify immediately about trading notices</source>
        <translation>거래 관련 공지는 바로 알림</translation>
    </message>
    <message>
        <source>Mark all as read</source>
        <translation>모두 읽음으로 표시</translation>
    </message>
    <message>
        <source>Candles of the signals</source>
        <translation>신호의 캔들 단위</translation>
    </message>
    <message>
        <source>Signals</source>
        <translation>지표 신호</translation>
    </message>
    <message>
        <source>No notices since the terminal was opened.
Each comes when the exchange publishes it.</source>
        <translation>터미널을 연 뒤 수신한 공지가 없습니다.
거래소가 공지를 올리면 바로 표시됩니다.</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>시간</translation>
    </message>
    <message>
        <source>Category</source>
        <translation>분류</translation>
    </message>
    <message>
        <source>Title</source>
        <translation>제목</translation>
    </message>
    <message>
        <source>Candle</source>
        <translation>캔들</translation>
    </message>
    <message>
        <source>Market</source>
        <translation>마켓</translation>
    </message>
    <message>
        <source>Length</source>
        <translation>단위</translation>
    </message>
    <message>
        <source>Indicator</source>
        <translation>지표</translation>
    </message>
    <message>
        <source>Signal</source>
        <translation>신호</translation>
    </message>
    <message>
        <source>Signals come when a candle closes.
Followed: {codes}</source>
        <translation>신호는 캔들이 마감될 때 옵니다.
대상: {codes}</translation>
    </message>
    <message>
        <source>The exchange has signals for won pairs only: show one, or make it a favourite.</source>
        <translation>지표 신호는 원화 마켓만 제공됩니다. 원화 종목을 선택하거나 즐겨찾기에 추가하세요.</translation>
    </message>
    <message>
        <source>Notices and signals need API keys; keys without any permission will do.</source>
        <translation>공지와 지표 신호에는 API 키가 필요합니다. 권한이 없는 키도 됩니다.</translation>
    </message>
    <message>
        <source>Enter API keys</source>
        <translation>API 키 입력</translation>
    </message>
</context>
<context>
    <name>Notices</name>
    <message>
        <source>Notice</source>
        <translation>안내</translation>
    </message>
    <message>
        <source>Trading</source>
        <translation>거래</translation>
    </message>
    <message>
        <source>Wallet</source>
        <translation>입출금</translation>
    </message>
    <message>
        <source>Maintenance</source>
        <translation>점검</translation>
    </message>
    <message>
        <source>Digital asset</source>
        <translation>디지털 자산</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>알림</translation>
    </message>
    <message>
        <source>Airdrop</source>
        <translation>에어드랍</translation>
    </message>
    <message>
        <source>Feature</source>
        <translation>기능</translation>
    </message>
    <message>
        <source>Disclosure</source>
        <translation>공시</translation>
    </message>
    <message>
        <source>Service</source>
        <translation>서비스</translation>
    </message>
    <message>
        <source>Event</source>
        <translation>이벤트</translation>
    </message>
</context>
<context>
    <name>Signals</name>
    <message>
        <source>overbought</source>
        <translation>과매수</translation>
    </message>
    <message>
        <source>oversold</source>
        <translation>과매도</translation>
    </message>
    <message>
        <source>golden cross</source>
        <translation>골든크로스</translation>
    </message>
    <message>
        <source>dead cross</source>
        <translation>데드크로스</translation>
    </message>
    <message>
        <source>price crossed above</source>
        <translation>가격 상향 돌파</translation>
    </message>
    <message>
        <source>price crossed below</source>
        <translation>가격 하향 돌파</translation>
    </message>
    <message>
        <source>crossed zero upwards</source>
        <translation>0선 상향 돌파</translation>
    </message>
    <message>
        <source>crossed zero downwards</source>
        <translation>0선 하향 돌파</translation>
    </message>
    <message>
        <source>volume spike</source>
        <translation>거래량 급증</translation>
    </message>
    <message>
        <source>Bollinger</source>
        <translation>볼린저</translation>
    </message>
    <message>
        <source>Volume</source>
        <translation>거래량</translation>
    </message>
</context>
<context>
    <name>Panels</name>
    <message>
        <source>Notices and signals</source>
        <translation>공지와 지표 신호</translation>
    </message>
</context>
</TS>
