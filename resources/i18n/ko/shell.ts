<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context>
    <name>AboutDialog</name>
    <message>
        <source>About</source>
        <translation>정보</translation>
    </message>
    <message>
        <source>qt_upbit terminal</source>
        <translation>qt_upbit 터미널</translation>
    </message>
    <message>
        <source>Version {version}</source>
        <translation>버전 {version}</translation>
    </message>
    <message>
        <source>Not a product of Upbit or Dunamu. Prices may be late or wrong; orders are your own decision.</source>
        <translation>업비트 또는 두나무의 제품이 아닙니다. 시세는 늦거나 틀릴 수 있으며, 주문은 본인의 판단입니다.</translation>
    </message>
    <message>
        <source>Licences</source>
        <translation>라이선스</translation>
    </message>
    <message>
        <source>qt_upbit: MIT licence</source>
        <translation>qt_upbit: MIT 라이선스</translation>
    </message>
    <message>
        <source>Qt and PySide6: LGPL version 3, linked dynamically</source>
        <translation>Qt, PySide6: LGPL 3, 동적 링크</translation>
    </message>
    <message>
        <source>upbit-sdk, aiohttp, websockets, msgspec, pydantic, PyJWT: their own licences</source>
        <translation>upbit-sdk, aiohttp, websockets, msgspec, pydantic, PyJWT: 각자의 라이선스</translation>
    </message>
    <message>
        <source>Icons: Lucide</source>
        <translation>아이콘: Lucide</translation>
    </message>
</context>
<context>
    <name>KeyExpiry</name>
    <message>
        <source>API key expired</source>
        <translation>API 키가 만료되었습니다</translation>
    </message>
    <message>
        <source>It expired on {when}: issue a new one at Upbit.</source>
        <translation>{when}에 만료되었습니다. 업비트에서 새로 발급하세요.</translation>
    </message>
    <message>
        <source>API key expires soon</source>
        <translation>API 키가 곧 만료됩니다</translation>
    </message>
    <message>
        <source>It expires on {when}, in {days} day(s): issue a new one at Upbit.</source>
        <translation>{when}에 만료됩니다({days}일 남음). 업비트에서 새로 발급하세요.</translation>
    </message>
</context>
<context>
    <name>Application</name>
    <message>
        <source>No markets</source>
        <translation>마켓을 불러오지 못했습니다</translation>
    </message>
</context>
<context>
    <name>CommandPalette</name>
    <message>
        <source>Command palette</source>
        <translation>명령 팔레트</translation>
    </message>
    <message>
        <source>A command or a market…</source>
        <translation>명령 또는 마켓…</translation>
    </message>
    <message>
        <source>Search commands and markets</source>
        <translation>명령과 마켓 검색</translation>
    </message>
    <message>
        <source>Found</source>
        <translation>검색 결과</translation>
    </message>
    <message>
        <source>Market</source>
        <translation>마켓</translation>
    </message>
</context>
<context>
    <name>Commands</name>
    <message>
        <source>&amp;Terminal</source>
        <translation>터미널(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>보기(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Layout</source>
        <translation>레이아웃(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Theme</source>
        <translation>테마(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;Colours</source>
        <translation>색상(&amp;C)</translation>
    </message>
    <message>
        <source>Lan&amp;guage</source>
        <translation>언어(&amp;G)</translation>
    </message>
    <message>
        <source>&amp;Go</source>
        <translation>이동(&amp;G)</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>도움말(&amp;H)</translation>
    </message>
    <message>
        <source>&amp;My layouts</source>
        <translation>내 레이아웃(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;Delete layout</source>
        <translation>레이아웃 삭제(&amp;D)</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>종료(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Full screen</source>
        <translation>전체 화면(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Reset layout</source>
        <translation>레이아웃 초기화(&amp;R)</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>다크</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>라이트</translation>
    </message>
    <message>
        <source>Red rises, blue falls</source>
        <translation>상승 빨강, 하락 파랑</translation>
    </message>
    <message>
        <source>Green rises, red falls</source>
        <translation>상승 초록, 하락 빨강</translation>
    </message>
    <message>
        <source>Blue rises, orange falls (colour-blind safe)</source>
        <translation>상승 파랑, 하락 주황 (색각 배려)</translation>
    </message>
    <message>
        <source>&amp;Settings…</source>
        <translation>설정(&amp;S)…</translation>
    </message>
    <message>
        <source>&amp;Save layout as…</source>
        <translation>레이아웃 저장(&amp;A)…</translation>
    </message>
    <message>
        <source>&amp;Command palette…</source>
        <translation>명령 팔레트(&amp;C)…</translation>
    </message>
    <message>
        <source>&amp;Keyboard shortcuts</source>
        <translation>단축키(&amp;K)</translation>
    </message>
    <message>
        <source>&amp;About</source>
        <translation>정보(&amp;A)</translation>
    </message>
    <message>
        <source>&amp;Search market</source>
        <translation>마켓 검색(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Previous market</source>
        <translation>이전 마켓(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Next market</source>
        <translation>다음 마켓(&amp;N)</translation>
    </message>
    <message>
        <source>Save layout</source>
        <translation>레이아웃 저장</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>이름</translation>
    </message>
    <message>
        <source>&amp;Demo trader in an account of its own</source>
        <translation>데모 자동매매 계정 보기(&amp;D)</translation>
    </message>
</context>
<context>
    <name>ConnectionLine</name>
    <message>
        <source>idle</source>
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
        <source>stale</source>
        <translation>지연됨</translation>
    </message>
    <message>
        <source>reconnecting</source>
        <translation>재연결 중</translation>
    </message>
    <message>
        <source>resyncing</source>
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
        <source>Public</source>
        <translation>공개</translation>
    </message>
    <message>
        <source>Private</source>
        <translation>개인</translation>
    </message>
    <message>
        <source>{rate} msg/s</source>
        <translation>{rate}건/초</translation>
    </message>
    <message>
        <source>compression saves {share}</source>
        <translation>압축 절감 {share}</translation>
    </message>
    <message>
        <source>latency p99 {time} ms</source>
        <translation>지연 p99 {time} ms</translation>
    </message>
    <message>
        <source>Connections  {counts}</source>
        <translation>연결  {counts}</translation>
    </message>
    <message>
        <source>no data for {seconds} s</source>
        <translation>{seconds}초째 수신 없음</translation>
    </message>
</context>
<context>
    <name>DeveloperMenu</name>
    <message>
        <source>Public connection</source>
        <translation>공개 연결</translation>
    </message>
    <message>
        <source>Private connection</source>
        <translation>개인 연결</translation>
    </message>
    <message>
        <source>All connections</source>
        <translation>모든 연결</translation>
    </message>
    <message>
        <source>Fa&amp;ults</source>
        <translation>장애 주입(&amp;U)</translation>
    </message>
    <message>
        <source>Clear all</source>
        <translation>모두 해제</translation>
    </message>
    <message>
        <source>Fault: {name}</source>
        <translation>장애 주입: {name}</translation>
    </message>
</context>
<context>
    <name>Faults</name>
    <message>
        <source>Connection</source>
        <translation>연결</translation>
    </message>
    <message>
        <source>Messages</source>
        <translation>메시지</translation>
    </message>
    <message>
        <source>Connecting</source>
        <translation>접속</translation>
    </message>
    <message>
        <source>Exchange</source>
        <translation>거래소</translation>
    </message>
    <message>
        <source>Clean close</source>
        <translation>정상 종료</translation>
    </message>
    <message>
        <source>Cut without a close frame</source>
        <translation>종료 프레임 없이 끊김</translation>
    </message>
    <message>
        <source>TCP reset</source>
        <translation>TCP 리셋</translation>
    </message>
    <message>
        <source>Silence on an open connection</source>
        <translation>무응답 (연결 유지)</translation>
    </message>
    <message>
        <source>Stops reading</source>
        <translation>수신 중단</translation>
    </message>
    <message>
        <source>Stall in the middle of a frame</source>
        <translation>프레임 도중 멈춤</translation>
    </message>
    <message>
        <source>Error frame: too many requests</source>
        <translation>오류 프레임: 요청 수 초과</translation>
    </message>
    <message>
        <source>Garbage text</source>
        <translation>깨진 텍스트</translation>
    </message>
    <message>
        <source>Truncated JSON</source>
        <translation>잘린 JSON</translation>
    </message>
    <message>
        <source>Wrong types</source>
        <translation>잘못된 자료형</translation>
    </message>
    <message>
        <source>Missing fields</source>
        <translation>누락된 필드</translation>
    </message>
    <message>
        <source>Unknown event type</source>
        <translation>알 수 없는 타입</translation>
    </message>
    <message>
        <source>Huge frame</source>
        <translation>거대한 프레임</translation>
    </message>
    <message>
        <source>Compression bomb</source>
        <translation>압축 폭탄</translation>
    </message>
    <message>
        <source>Unknown fields</source>
        <translation>알 수 없는 필드</translation>
    </message>
    <message>
        <source>Timestamps in microseconds</source>
        <translation>마이크로초 시각</translation>
    </message>
    <message>
        <source>Duplicate frames</source>
        <translation>중복 프레임</translation>
    </message>
    <message>
        <source>Lost frames of the account</source>
        <translation>내 계정 프레임 유실</translation>
    </message>
    <message>
        <source>Odd fields</source>
        <translation>이상한 필드</translation>
    </message>
    <message>
        <source>Trades out of order</source>
        <translation>순서가 바뀐 체결</translation>
    </message>
    <message>
        <source>Fragmented messages</source>
        <translation>나뉜 메시지</translation>
    </message>
    <message>
        <source>Refused once (503)</source>
        <translation>접속 거부 한 번 (503)</translation>
    </message>
    <message>
        <source>Slow handshake</source>
        <translation>느린 핸드셰이크</translation>
    </message>
    <message>
        <source>Not listening for 3 s</source>
        <translation>3초간 접속 불가</translation>
    </message>
    <message>
        <source>Maintenance for 10 s</source>
        <translation>10초간 점검</translation>
    </message>
    <message>
        <source>Clock 30 s ahead</source>
        <translation>시계 30초 빠름</translation>
    </message>
    <message>
        <source>Delist KRW-DOGE</source>
        <translation>KRW-DOGE 거래지원 종료</translation>
    </message>
    <message>
        <source>List KRW-DOGE</source>
        <translation>KRW-DOGE 신규 상장</translation>
    </message>
    <message>
        <source>Drop half of the streams</source>
        <translation>구독 절반 누락</translation>
    </message>
    <message>
        <source>Late frames of an old subscription</source>
        <translation>이전 구독의 늦은 프레임</translation>
    </message>
</context>
<context>
    <name>Layouts</name>
    <message>
        <source>Trading</source>
        <translation>트레이딩</translation>
    </message>
    <message>
        <source>Chart only</source>
        <translation>차트만</translation>
    </message>
    <message>
        <source>Book and tape</source>
        <translation>호가와 체결</translation>
    </message>
    <message>
        <source>Wide monitor</source>
        <translation>와이드 모니터</translation>
    </message>
    <message>
        <source>Small screen</source>
        <translation>작은 화면</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>SIMULATED</source>
        <translation>모의 거래소</translation>
    </message>
    <message>
        <source>LIVE UPBIT</source>
        <translation>실거래소</translation>
    </message>
    <message>
        <source>OTHER EXCHANGE</source>
        <translation>지정 거래소</translation>
    </message>
    <message>
        <source>qt_upbit terminal</source>
        <translation>qt_upbit 터미널</translation>
    </message>
    <message>
        <source>Welcome. Ctrl+Shift+P finds every command, Ctrl+K a market, F1 lists the keys.</source>
        <translation>환영합니다. Ctrl+Shift+P로 모든 명령을, Ctrl+K로 마켓을 찾고, F1로 단축키를 봅니다.</translation>
    </message>
    <message>
        <source>DEMO TRADER</source>
        <translation>데모 자동매매</translation>
    </message>
    <message>
        <source>A script trades in an account of its own, which is shown. Yours waits unchanged.</source>
        <translation>자동매매 전용 계정에서 데모 프로그램이 거래하며, 그 계정을 표시합니다. 내 계정은 그대로입니다.</translation>
    </message>
    <message>
        <source>The demo trader has stopped. This is your own account again.</source>
        <translation>데모 자동매매를 중지했습니다. 다시 내 계정입니다.</translation>
    </message>
</context>
<context>
    <name>MarketSelector</name>
    <message>
        <source>Market</source>
        <translation>마켓</translation>
    </message>
    <message>
        <source>Search market</source>
        <translation>마켓 검색</translation>
    </message>
</context>
<context>
    <name>Panels</name>
    <message>
        <source>Watch list</source>
        <translation>관심 목록</translation>
    </message>
    <message>
        <source>Balances</source>
        <translation>보유 자산</translation>
    </message>
    <message>
        <source>Order form</source>
        <translation>주문하기</translation>
    </message>
    <message>
        <source>Performance</source>
        <translation>성능</translation>
    </message>
    <message>
        <source>Chart</source>
        <translation>차트</translation>
    </message>
    <message>
        <source>Order book</source>
        <translation>호가</translation>
    </message>
    <message>
        <source>Trades</source>
        <translation>체결</translation>
    </message>
    <message>
        <source>Orders</source>
        <translation>주문</translation>
    </message>
    <message>
        <source>Notices</source>
        <translation>알림</translation>
    </message>
    <message>
        <source>Recording</source>
        <translation>기록</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>설정</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>화면</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>다크</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>라이트</translation>
    </message>
    <message>
        <source>Red rises, blue falls</source>
        <translation>상승 빨강, 하락 파랑</translation>
    </message>
    <message>
        <source>Green rises, red falls</source>
        <translation>상승 초록, 하락 빨강</translation>
    </message>
    <message>
        <source>Blue rises, orange falls (colour-blind safe)</source>
        <translation>상승 파랑, 하락 주황 (색각 배려)</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>언어</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>테마</translation>
    </message>
    <message>
        <source>Colours</source>
        <translation>색상</translation>
    </message>
    <message>
        <source>Exchange</source>
        <translation>거래소</translation>
    </message>
    <message>
        <source>Korea (KRW)</source>
        <translation>한국 (KRW)</translation>
    </message>
    <message>
        <source>Singapore (SGD)</source>
        <translation>싱가포르 (SGD)</translation>
    </message>
    <message>
        <source>Indonesia (IDR)</source>
        <translation>인도네시아 (IDR)</translation>
    </message>
    <message>
        <source>Thailand (THB)</source>
        <translation>태국 (THB)</translation>
    </message>
    <message>
        <source>Simulated exchange</source>
        <translation>모의 거래소</translation>
    </message>
    <message>
        <source>Upbit, live data</source>
        <translation>업비트 실시간 데이터</translation>
    </message>
    <message>
        <source>Environment</source>
        <translation>환경</translation>
    </message>
    <message>
        <source>Region</source>
        <translation>지역</translation>
    </message>
    <message>
        <source>Real orders stay off, whatever is chosen here: they need a start with --live, API keys, and your confirmation for the session and for each order.</source>
        <translation>여기서 무엇을 고르든 실제 주문은 꺼져 있습니다. --live로 시작하고, API 키가 있고, 세션과 주문마다 확인해야 주문됩니다.</translation>
    </message>
    <message>
        <source>Environment and region take effect at the next start.</source>
        <translation>환경과 지역은 다음 시작부터 적용됩니다.</translation>
    </message>
    <message>
        <source>Saved. Restart the terminal for it to take effect.</source>
        <translation>저장했습니다. 터미널을 다시 시작하면 적용됩니다.</translation>
    </message>
    <message>
        <source>API keys</source>
        <translation>API 키</translation>
    </message>
    <message>
        <source>Access key</source>
        <translation>액세스 키</translation>
    </message>
    <message>
        <source>Secret key</source>
        <translation>시크릿 키</translation>
    </message>
    <message>
        <source>Save in the key store</source>
        <translation>키 저장소에 저장</translation>
    </message>
    <message>
        <source>Delete saved keys</source>
        <translation>저장된 키 삭제</translation>
    </message>
    <message>
        <source>Stored encrypted by the operating system, never in the settings.</source>
        <translation>운영체제가 암호화해 보관하며, 설정 파일에는 저장하지 않습니다.</translation>
    </message>
    <message>
        <source>No key store can be used here: install the package keyring, or unlock the store. UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY in the environment work without one.</source>
        <translation>쓸 수 있는 키 저장소가 없습니다. keyring 패키지를 설치하거나 저장소의 잠금을 푸십시오. 환경 변수 UPBIT_ACCESS_KEY와 UPBIT_SECRET_KEY는 저장소 없이도 쓸 수 있습니다.</translation>
    </message>
    <message>
        <source>Keys are saved.</source>
        <translation>키가 저장되어 있습니다.</translation>
    </message>
    <message>
        <source>No keys are saved.</source>
        <translation>저장된 키가 없습니다.</translation>
    </message>
    <message>
        <source>Keys are saved and used from now on.</source>
        <translation>키를 저장했고 지금부터 사용합니다.</translation>
    </message>
    <message>
        <source>Keys are saved. They are used with Upbit, not with the simulated exchange.</source>
        <translation>키를 저장했습니다. 모의 거래소가 아니라 업비트에서 사용됩니다.</translation>
    </message>
    <message>
        <source>The saved keys are deleted. Until a restart this session still has them.</source>
        <translation>저장된 키를 삭제했습니다. 다시 시작할 때까지 이 세션에는 남아 있습니다.</translation>
    </message>
    <message>
        <source>Ask twice before an order</source>
        <translation>주문 전 재확인</translation>
    </message>
    <message>
        <source>from {percent} %</source>
        <translation>{percent}% 이상</translation>
    </message>
    <message>
        <source>never</source>
        <translation>안 함</translation>
    </message>
    <message>
        <source>Away from the last price</source>
        <translation>현재가와의 차이</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>주문금액</translation>
    </message>
    <message>
        <source>Share of the balance</source>
        <translation>주문가능 금액 대비</translation>
    </message>
    <message>
        <source>from {amount} KRW</source>
        <translation>{amount} KRW 이상</translation>
    </message>
    <message>
        <source>The keys were not changed: check access key, secret key and the key store.</source>
        <translation>키를 변경하지 못했습니다. Access Key, Secret Key, 키 저장소를 확인하세요.</translation>
    </message>
</context>
<context>
    <name>ShortcutsDialog</name>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>단축키</translation>
    </message>
    <message>
        <source>Action</source>
        <translation>동작</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>키</translation>
    </message>
</context>
<context>
    <name>TickerHeader</name>
    <message>
        <source>Price</source>
        <translation>가격</translation>
    </message>
    <message>
        <source>High</source>
        <translation>고가</translation>
    </message>
    <message>
        <source>Low</source>
        <translation>저가</translation>
    </message>
    <message>
        <source>Volume 24h</source>
        <translation>거래량 24h</translation>
    </message>
    <message>
        <source>Turnover 24h</source>
        <translation>거래대금 24h</translation>
    </message>
</context>
<context>
    <name>Panel</name>
    <message>
        <source>Not live</source>
        <translation>실시간 아님</translation>
    </message>
</context>
<context>
    <name>DockTabs</name>
    <message>
        <source>&amp;Float</source>
        <translation>분리(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>닫기(&amp;C)</translation>
    </message>
</context>
<context>
    <name>Freshness</name>
    <message>
        <source>Last data {seconds} s ago</source>
        <translation>마지막 데이터 {seconds}초 전</translation>
    </message>
</context>
<context>
    <name>QFileDialog</name>
    <message>
        <source>&amp;Look in:</source>
        <translation>찾는 위치(&amp;L):</translation>
    </message>
    <message>
        <source>Files of &amp;type:</source>
        <translation>파일 형식(&amp;T):</translation>
    </message>
</context>
</TS>
