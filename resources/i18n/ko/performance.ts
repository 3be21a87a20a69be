<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR">
<context>
    <name>PerformancePanel</name>
    <message>
        <source>Public</source>
        <translation>공개</translation>
    </message>
    <message>
        <source>Private</source>
        <translation>개인</translation>
    </message>
    <message>
        <source>Indicators</source>
        <translation>지표</translation>
    </message>
    <message>
        <source>not needed</source>
        <translation>대기</translation>
    </message>
    <message>
        <source>connecting</source>
        <translation>연결 중</translation>
    </message>
    <message>
        <source>live</source>
        <translation>실시간</translation>
    </message>
    <message>
        <source>silent</source>
        <translation>수신 없음</translation>
    </message>
    <message>
        <source>reconnecting</source>
        <translation>재연결 중</translation>
    </message>
    <message>
        <source>synchronising</source>
        <translation>동기화 중</translation>
    </message>
    <message>
        <source>refused</source>
        <translation>거부됨</translation>
    </message>
    <message>
        <source>closed</source>
        <translation>종료</translation>
    </message>
    <message>
        <source>Performance</source>
        <translation>성능</translation>
    </message>
    <message>
        <source>Overview</source>
        <translation>요약</translation>
    </message>
    <message>
        <source>Subscriptions</source>
        <translation>구독</translation>
    </message>
    <message>
        <source>Streams</source>
        <translation>스트림</translation>
    </message>
    <message>
        <source>History</source>
        <translation>이력</translation>
    </message>
    <message>
        <source>Connection</source>
        <translation>연결</translation>
    </message>
    <message>
        <source>State</source>
        <translation>상태</translation>
    </message>
    <message>
        <source>Messages/s</source>
        <translation>건/초</translation>
    </message>
    <message>
        <source>On the wire</source>
        <translation>전송량</translation>
    </message>
    <message>
        <source>Saved</source>
        <translation>압축 절감</translation>
    </message>
    <message>
        <source>Transit p50 / p99</source>
        <translation>전달 p50 / p99</translation>
    </message>
    <message>
        <source>Silent for</source>
        <translation>무수신</translation>
    </message>
    <message>
        <source>Reconnects</source>
        <translation>재연결</translation>
    </message>
    <message>
        <source>Panel</source>
        <translation>패널</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>유형</translation>
    </message>
    <message>
        <source>Delivery</source>
        <translation>전달 방식</translation>
    </message>
    <message>
        <source>Codes</source>
        <translation>마켓 수</translation>
    </message>
    <message>
        <source>Delivered</source>
        <translation>전달</translation>
    </message>
    <message>
        <source>Conflated</source>
        <translation>병합</translation>
    </message>
    <message>
        <source>Lost</source>
        <translation>손실</translation>
    </message>
    <message>
        <source>Slot mean</source>
        <translation>슬롯 평균</translation>
    </message>
    <message>
        <source>Slot longest</source>
        <translation>슬롯 최장</translation>
    </message>
    <message>
        <source>Stream</source>
        <translation>스트림</translation>
    </message>
    <message>
        <source>Requested</source>
        <translation>요청함</translation>
    </message>
    <message>
        <source>Listed by Upbit</source>
        <translation>업비트 목록</translation>
    </message>
    <message>
        <source>Messages per second</source>
        <translation>초당 메시지</translation>
    </message>
    <message>
        <source>2 minutes ago</source>
        <translation>2분 전</translation>
    </message>
    <message>
        <source>now</source>
        <translation>지금</translation>
    </message>
    <message>
        <source>Read to slot</source>
        <translation>수신 → 슬롯</translation>
    </message>
    <message>
        <source>Window busy</source>
        <translation>화면 지연</translation>
    </message>
    <message>
        <source>nothing measured yet</source>
        <translation>아직 측정값 없음</translation>
    </message>
    <message>
        <source>Reconnect</source>
        <translation>다시 연결</translation>
    </message>
    <message>
        <source>Ask Upbit</source>
        <translation>업비트에 조회</translation>
    </message>
    <message>
        <source>Ask Upbit which streams it is sending.</source>
        <translation>업비트가 실제로 보내고 있는 목록은 조회해야 알 수 있습니다.</translation>
    </message>
    <message>
        <source>Connections</source>
        <translation>연결</translation>
    </message>
    <message>
        <source>{delivered} delivered · {conflated} conflated · {lost} lost · {errors} errors</source>
        <translation>전달 {delivered} · 병합 {conflated} · 손실 {lost} · 오류 {errors}</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>예</translation>
    </message>
    <message>
        <source>no</source>
        <translation>아니요</translation>
    </message>
    <message>
        <source>{connection}: token renewed</source>
        <translation>{connection}: 토큰 갱신됨</translation>
    </message>
    <message>
        <source>There is no live connection to ask.</source>
        <translation>조회할 수 있는 연결이 없습니다.</translation>
    </message>
    <message>
        <source>Upbit sends exactly the requested streams: {number}.</source>
        <translation>요청한 {number}개 스트림을 업비트가 그대로 보내고 있습니다.</translation>
    </message>
    <message>
        <source>Upbit&apos;s list differs from the requested streams; the library requests them again by itself.</source>
        <translation>업비트 목록이 요청과 다릅니다. 라이브러리가 자동으로 다시 요청합니다.</translation>
    </message>
</context>
</TS>
