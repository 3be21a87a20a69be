<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR">
<context>
    <name>AlertWatcher</name>
    <message>
        <source>My order is filled</source>
        <translation>내 주문 체결</translation>
    </message>
    <message>
        <source>Moves {percent}% within {minutes} min</source>
        <translation>{minutes}분 안에 {percent}% 변동</translation>
    </message>
    <message>
        <source>Price at or above {price}</source>
        <translation>{price} 이상</translation>
    </message>
    <message>
        <source>Price at or below {price}</source>
        <translation>{price} 이하</translation>
    </message>
</context>
<context>
    <name>AlertRows</name>
    <message>
        <source>Market</source>
        <translation>마켓</translation>
    </message>
    <message>
        <source>Alert when</source>
        <translation>알림 조건</translation>
    </message>
    <message>
        <source>Away</source>
        <translation>현재가 대비</translation>
    </message>
    <message>
        <source>Last fired</source>
        <translation>최근 알림</translation>
    </message>
    <message>
        <source>{condition}, once</source>
        <translation>{condition} (1회)</translation>
    </message>
</context>
<context>
    <name>AlertsPanel</name>
    <message>
        <source>Alert set</source>
        <translation>알림 등록</translation>
    </message>
    <message>
        <source>Alerts wait while a recording is played.</source>
        <translation>녹화를 재생하는 동안에는 알림이 멈춥니다.</translation>
    </message>
    <message>
        <source>Alerts</source>
        <translation>알림</translation>
    </message>
    <message>
        <source>Alerts: switch the selected ones on or off</source>
        <translation>알림: 선택 항목 켜기/끄기</translation>
    </message>
    <message>
        <source>Alerts: change the selected one</source>
        <translation>알림: 선택 항목 수정</translation>
    </message>
    <message>
        <source>Alerts: delete the selected ones</source>
        <translation>알림: 선택 항목 삭제</translation>
    </message>
    <message>
        <source>Price at or above</source>
        <translation>가격 이상</translation>
    </message>
    <message>
        <source>Price at or below</source>
        <translation>가격 이하</translation>
    </message>
    <message>
        <source>Moves by</source>
        <translation>변동률</translation>
    </message>
    <message>
        <source>My order is filled</source>
        <translation>내 주문 체결</translation>
    </message>
    <message>
        <source>Alert when</source>
        <translation>알림 조건</translation>
    </message>
    <message>
        <source>Threshold</source>
        <translation>기준값</translation>
    </message>
    <message>
        <source>Within minutes</source>
        <translation>기간(분)</translation>
    </message>
    <message>
        <source>within </source>
        <translation>기간 </translation>
    </message>
    <message>
        <source> min</source>
        <translation>분</translation>
    </message>
    <message>
        <source>Once</source>
        <translation>1회만</translation>
    </message>
    <message>
        <source>Switch the alert off when it has fired</source>
        <translation>알림이 울리면 끕니다</translation>
    </message>
    <message>
        <source>Sound</source>
        <translation>소리</translation>
    </message>
    <message>
        <source>No alerts. Choose a price above; alerts appear here and in the tray.</source>
        <translation>등록된 알림이 없습니다. 위에서 가격을 정하면 여기와 알림 영역에서 알려 드립니다.</translation>
    </message>
    <message>
        <source>Enter whole minutes, 1 to 1440</source>
        <translation>1~1440 사이의 분을 입력하세요</translation>
    </message>
    <message>
        <source>Enter a number above 0</source>
        <translation>0보다 큰 수를 입력하세요</translation>
    </message>
    <message>
        <source>Enter a move below 1,000%</source>
        <translation>1,000% 미만의 변동률을 입력하세요</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>수정</translation>
    </message>
    <message>
        <source>Add alert</source>
        <translation>알림 추가</translation>
    </message>
</context>
<context>
    <name>Commands</name>
    <message>
        <source>New &amp;alert…</source>
        <translation>새 알림(&amp;A)…</translation>
    </message>
</context>
<context>
    <name>Panels</name>
    <message>
        <source>Alerts</source>
        <translation>알림</translation>
    </message>
</context>
</TS>
