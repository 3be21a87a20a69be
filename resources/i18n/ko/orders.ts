<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR">
<context>
    <name>AccountPanel</name>
    <message>
        <source>Some may be missing.</source>
        <translation>누락된 내역이 있을 수 있습니다.</translation>
    </message>
    <message>
        <source>No API keys: your account cannot be read.</source>
        <translation>API 키가 없어 계정을 조회할 수 없습니다.</translation>
    </message>
    <message>
        <source>Enter API keys</source>
        <translation>API 키 입력</translation>
    </message>
    <message>
        <source>Not live – waiting for the exchange</source>
        <translation>실시간이 아닙니다 – 거래소 응답 대기 중</translation>
    </message>
    <message>
        <source>Reading your account…</source>
        <translation>계정을 불러오는 중…</translation>
    </message>
</context>
<context>
    <name>BalanceRows</name>
    <message>
        <source>Asset</source>
        <translation>보유자산</translation>
    </message>
    <message>
        <source>Available</source>
        <translation>주문가능</translation>
    </message>
    <message>
        <source>In orders</source>
        <translation>주문 중</translation>
    </message>
    <message>
        <source>Avg. buy price</source>
        <translation>매수평균가</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>평가금액</translation>
    </message>
    <message>
        <source>Profit</source>
        <translation>평가손익</translation>
    </message>
    <message>
        <source>Return</source>
        <translation>수익률</translation>
    </message>
    <message>
        <source>Waiting for the first price</source>
        <translation>첫 시세를 기다리는 중</translation>
    </message>
    <message>
        <source>No {quote} market: its value is not known</source>
        <translation>{quote} 마켓이 없어 평가금액을 알 수 없습니다</translation>
    </message>
    <message>
        <source>no market</source>
        <translation>마켓 없음</translation>
    </message>
</context>
<context>
    <name>BalancesPanel</name>
    <message>
        <source>Balances</source>
        <translation>보유자산</translation>
    </message>
    <message>
        <source>Total assets</source>
        <translation>총 보유자산</translation>
    </message>
    <message>
        <source>Total bought</source>
        <translation>총 매수</translation>
    </message>
    <message>
        <source>Total profit</source>
        <translation>총 평가손익</translation>
    </message>
    <message>
        <source>Hide small amounts</source>
        <translation>소액 자산 숨기기</translation>
    </message>
    <message>
        <source>Prices are not live.</source>
        <translation>시세가 실시간이 아닙니다.</translation>
    </message>
    <message>
        <source>Assets without a value, not in the totals: {count}</source>
        <translation>평가금액이 없어 합계에서 제외된 자산: {count}개</translation>
    </message>
</context>
<context>
    <name>ConfirmDialog</name>
    <message>
        <source>REAL MONEY: this goes to the exchange.</source>
        <translation>실제 자금: 거래소로 전송됩니다.</translation>
    </message>
    <message>
        <source>Simulated: no real money moves.</source>
        <translation>모의 거래: 실제 자금이 움직이지 않습니다.</translation>
    </message>
    <message>
        <source>I have read this and want to go on</source>
        <translation>위 내용을 확인했으며 계속합니다</translation>
    </message>
</context>
<context>
    <name>NumberField</name>
    <message>
        <source>Not a number (as in 1,234,567.5)</source>
        <translation>숫자가 아닙니다 (예: 1,234,567.5)</translation>
    </message>
</context>
<context>
    <name>OrderFormPanel</name>
    <message>
        <source>Order</source>
        <translation>주문</translation>
    </message>
    <message>
        <source>Buy: go to the order form</source>
        <translation>매수: 주문창으로 이동</translation>
    </message>
    <message>
        <source>Sell: go to the order form</source>
        <translation>매도: 주문창으로 이동</translation>
    </message>
    <message>
        <source>Lock real orders</source>
        <translation>실거래 주문 잠금</translation>
    </message>
    <message>
        <source>Order type</source>
        <translation>주문유형</translation>
    </message>
    <message>
        <source>Available</source>
        <translation>주문가능</translation>
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
        <source>Total</source>
        <translation>총액</translation>
    </message>
    <message>
        <source>Fee (est.)</source>
        <translation>예상 수수료</translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation>고급 설정</translation>
    </message>
    <message>
        <source>Time in force</source>
        <translation>주문 조건</translation>
    </message>
    <message>
        <source>Self-match prevention</source>
        <translation>자전거래 방지(SMP)</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>테스트</translation>
    </message>
    <message>
        <source>Have the exchange check the order without placing it</source>
        <translation>주문을 넣지 않고 거래소에서 검사만 합니다</translation>
    </message>
    <message>
        <source>Sending…</source>
        <translation>전송 중…</translation>
    </message>
    <message>
        <source>More than is available, fee included.</source>
        <translation>수수료를 포함하면 주문가능 금액(수량)을 초과합니다.</translation>
    </message>
    <message>
        <source>By Upbit's documentation: the exchange's own rules are not known yet.</source>
        <translation>업비트 문서 기준입니다. 거래소의 실제 규칙은 아직 확인되지 않았습니다.</translation>
    </message>
    <message>
        <source>Pair</source>
        <translation>마켓</translation>
    </message>
    <message>
        <source>Side</source>
        <translation>구분</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>주문유형</translation>
    </message>
    <message>
        <source>{side} {name}?</source>
        <translation>{name} {side}하시겠습니까?</translation>
    </message>
    <message>
        <source>Sent: {rows}</source>
        <translation>주문 전송: {rows}</translation>
    </message>
    <message>
        <source>Test passed: the exchange would take this order. Nothing was placed.</source>
        <translation>테스트 통과: 가능한 주문입니다. 실제 주문은 넣지 않았습니다.</translation>
    </message>
</context>
<context>
    <name>OrderRows</name>
    <message>
        <source>Time</source>
        <translation>주문시간</translation>
    </message>
    <message>
        <source>Market</source>
        <translation>마켓</translation>
    </message>
    <message>
        <source>Side</source>
        <translation>구분</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>주문유형</translation>
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
        <source>Filled</source>
        <translation>체결률</translation>
    </message>
    <message>
        <source>State</source>
        <translation>상태</translation>
    </message>
    <message>
        <source>Avg. price</source>
        <translation>체결평균가</translation>
    </message>
    <message>
        <source>Fee</source>
        <translation>수수료</translation>
    </message>
    <message>
        <source>This happened while the connection was down and was read afterwards.</source>
        <translation>연결이 끊긴 동안 발생하여 나중에 조회한 내역입니다.</translation>
    </message>
    <message>
        <source>Filled size</source>
        <translation>체결수량</translation>
    </message>
    <message>
        <source>Filled total</source>
        <translation>체결금액</translation>
    </message>
</context>
<context>
    <name>OrderWords</name>
    <message>
        <source>Buy</source>
        <translation>매수</translation>
    </message>
    <message>
        <source>Sell</source>
        <translation>매도</translation>
    </message>
    <message>
        <source>Limit</source>
        <translation>지정가</translation>
    </message>
    <message>
        <source>Market</source>
        <translation>시장가</translation>
    </message>
    <message>
        <source>Best price</source>
        <translation>최유리</translation>
    </message>
    <message>
        <source>Until cancelled</source>
        <translation>취소 시까지</translation>
    </message>
    <message>
        <source>IOC (fill now, cancel the rest)</source>
        <translation>IOC (즉시 체결 후 잔량 취소)</translation>
    </message>
    <message>
        <source>FOK (all now or nothing)</source>
        <translation>FOK (전량 체결 또는 취소)</translation>
    </message>
    <message>
        <source>Post only (maker or nothing)</source>
        <translation>Post only (메이커 전용)</translation>
    </message>
    <message>
        <source>The exchange&apos;s default</source>
        <translation>거래소 기본값</translation>
    </message>
    <message>
        <source>Reduce both</source>
        <translation>양쪽 수량 감소</translation>
    </message>
    <message>
        <source>Cancel the waiting order</source>
        <translation>기존 주문 취소</translation>
    </message>
    <message>
        <source>Cancel the new order</source>
        <translation>신규 주문 취소</translation>
    </message>
    <message>
        <source>No prevention</source>
        <translation>방지 안 함</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>체결 대기</translation>
    </message>
    <message>
        <source>Reserved</source>
        <translation>예약 대기</translation>
    </message>
    <message>
        <source>Partly filled</source>
        <translation>부분 체결</translation>
    </message>
    <message>
        <source>Filled</source>
        <translation>체결 완료</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>주문 취소</translation>
    </message>
    <message>
        <source>Self-match prevented</source>
        <translation>자전거래 방지</translation>
    </message>
    <message>
        <source>Filled (rest refunded)</source>
        <translation>체결 완료 (잔액 환불)</translation>
    </message>
    <message>
        <source>Cancelled, partly filled</source>
        <translation>일부 체결 후 취소</translation>
    </message>
    <message>
        <source>{percent} above the last price.</source>
        <translation>현재가보다 {percent} 높습니다.</translation>
    </message>
    <message>
        <source>{percent} below the last price.</source>
        <translation>현재가보다 {percent} 낮습니다.</translation>
    </message>
    <message>
        <source>A large order: {worth}.</source>
        <translation>주문금액이 큽니다: {worth}</translation>
    </message>
    <message>
        <source>{percent} of what is available.</source>
        <translation>주문가능 금액의 {percent}입니다.</translation>
    </message>
    <message>
        <source>The last price of this pair is not known yet.</source>
        <translation>이 마켓의 현재가를 아직 받지 못했습니다.</translation>
    </message>
    <message>
        <source>Prices are not live: the market may have moved.</source>
        <translation>실시간 시세가 아닙니다. 시세가 변했을 수 있습니다.</translation>
    </message>
    <message>
        <source>Prices are {seconds} s old: the market may have moved.</source>
        <translation>{seconds}초 전 시세입니다. 시세가 변했을 수 있습니다.</translation>
    </message>
</context>
<context>
    <name>ErrorWords</name>
    <message>
        <source>There are no API keys: enter them in the settings.</source>
        <translation>API 키가 없습니다. 설정에서 입력하세요.</translation>
    </message>
    <message>
        <source>Too many requests: nothing was done. Try again in {seconds} s.</source>
        <translation>요청이 너무 많아 처리되지 않았습니다. {seconds}초 후 다시 시도하세요.</translation>
    </message>
    <message>
        <source>This order is no longer open: it was filled or cancelled.</source>
        <translation>이미 체결되었거나 취소된 주문입니다.</translation>
    </message>
    <message>
        <source>Real orders are off: start the terminal with --live.</source>
        <translation>실거래 주문이 꺼져 있습니다. --live 옵션으로 시작하세요.</translation>
    </message>
    <message>
        <source>Real orders need API keys: enter them in the settings.</source>
        <translation>실거래 주문에는 API 키가 필요합니다. 설정에서 입력하세요.</translation>
    </message>
    <message>
        <source>Real orders are locked: type {phrase} to unlock them.</source>
        <translation>실거래 주문이 잠겨 있습니다. 해제하려면 {phrase} 를 입력하세요.</translation>
    </message>
    <message>
        <source>Other API keys are in use than when you were asked: nothing was sent. Ask again.</source>
        <translation>확인 창이 열린 뒤 API 키가 바뀌어 전송하지 않았습니다. 다시 확인하세요.</translation>
    </message>
    <message>
        <source>No clear answer came: {count} of the orders may still be open. Look at your open orders.</source>
        <translation>명확한 응답이 없었습니다. 주문 {count}건이 아직 미체결일 수 있습니다. 미체결 주문을 확인하세요.</translation>
    </message>
    <message>
        <source>The confirmation is too old: nothing was sent. Confirm again.</source>
        <translation>확인 후 시간이 지나 전송하지 않았습니다. 다시 확인하세요.</translation>
    </message>
    <message>
        <source>No answer came, and the exchange knows no such order: very probably it was not placed. Look at your open orders before you place it again. Identifier: {identifier}</source>
        <translation>응답이 없었고 거래소에 해당 주문이 없습니다. 접수되지 않았을 가능성이 큽니다. 다시 주문하기 전에 미체결 주문을 확인하세요. 식별자: {identifier}</translation>
    </message>
    <message>
        <source>No answer came, and the exchange cannot be asked: the order may have been placed. Look at your open orders before you place it again. Identifier: {identifier}</source>
        <translation>응답이 없었고 거래소에 조회할 수 없습니다. 주문이 접수되었을 수 있습니다. 다시 주문하기 전에 미체결 주문을 확인하세요. 식별자: {identifier}</translation>
    </message>
    <message>
        <source>this computer&apos;s IP address is not on the key&apos;s list: add it</source>
        <translation>이 컴퓨터의 IP 주소가 허용 목록에 없으니 추가하세요</translation>
    </message>
    <message>
        <source>the key has expired: issue a new one</source>
        <translation>키가 만료되었으니 새로 발급하세요</translation>
    </message>
    <message>
        <source>the key lacks a permission: issue one that has it</source>
        <translation>키에 권한이 없으니 권한이 있는 키를 발급하세요</translation>
    </message>
    <message>
        <source>access key and secret key do not match: enter both again</source>
        <translation>Access Key와 Secret Key가 일치하지 않으니 다시 입력하세요</translation>
    </message>
    <message>
        <source>check the key, its expiry, its IP addresses and its permissions</source>
        <translation>키와 만료일, 허용 IP, 권한을 확인하세요</translation>
    </message>
    <message>
        <source>The exchange refused the API key: {why}.</source>
        <translation>거래소가 API 키를 거부했습니다: {why}.</translation>
    </message>
    <message>
        <source>The exchange cannot be reached: check your connection and try again.</source>
        <translation>거래소에 연결할 수 없습니다. 네트워크를 확인하고 다시 시도하세요.</translation>
    </message>
    <message>
        <source>The exchange has a problem (HTTP {status}): try again soon.</source>
        <translation>거래소에 문제가 있습니다(HTTP {status}). 잠시 후 다시 시도하세요.</translation>
    </message>
    <message>
        <source>Not enough is available, fee included: make the order smaller.</source>
        <translation>수수료를 포함한 주문가능 금액(수량)이 부족합니다. 주문을 줄이세요.</translation>
    </message>
    <message>
        <source>This market is closed at the moment: try again later.</source>
        <translation>현재 거래할 수 없는 마켓입니다. 나중에 다시 시도하세요.</translation>
    </message>
    <message>
        <source>The exchange refused: {why}</source>
        <translation>거래소가 거부했습니다: {why}</translation>
    </message>
    <message>
        <source>Between two valid prices: {near} would do.</source>
        <translation>호가 단위에 맞지 않습니다. 가능한 가격: {near}</translation>
    </message>
    <message>
        <source> or </source>
        <translation> 또는 </translation>
    </message>
    <message>
        <source>Below the minimum total of {least}.</source>
        <translation>최소 주문금액은 {least}입니다.</translation>
    </message>
    <message>
        <source>Above the maximum total of {most}.</source>
        <translation>최대 주문금액은 {most}입니다.</translation>
    </message>
    <message>
        <source>Too many decimals: {right} would do.</source>
        <translation>소수점 자릿수가 너무 많습니다. 가능한 값: {right}</translation>
    </message>
    <message>
        <source>Price and size must be above zero.</source>
        <translation>가격과 수량은 0보다 커야 합니다.</translation>
    </message>
    <message>
        <source>Post only does not go with self-match prevention: leave one out.</source>
        <translation>Post only와 자전거래 방지는 함께 쓸 수 없습니다. 하나를 해제하세요.</translation>
    </message>
    <message>
        <source>The exchange sends nothing for {codes}: is it still traded?</source>
        <translation>거래소가 {codes}의 데이터를 보내지 않습니다. 거래가 지원되는 종목인지 확인하십시오.</translation>
    </message>
    <message>
        <source>The exchange sent something that cannot be read: {why}</source>
        <translation>거래소에서 읽을 수 없는 데이터가 왔습니다: {why}</translation>
    </message>
    <message>
        <source>The exchange cannot be reached ({why}): check your connection.</source>
        <translation>거래소에 연결할 수 없습니다({why}). 네트워크를 확인하십시오.</translation>
    </message>
    <message>
        <source>The exchange sent something that cannot be read.</source>
        <translation>거래소에서 읽을 수 없는 데이터를 받았습니다.</translation>
    </message>
    <message>
        <source>The file does not exist.</source>
        <translation>파일이 없습니다.</translation>
    </message>
    <message>
        <source>The file may not be read or written.</source>
        <translation>파일을 읽거나 쓸 권한이 없습니다.</translation>
    </message>
    <message>
        <source>The disk is full.</source>
        <translation>저장 공간이 부족합니다.</translation>
    </message>
    <message>
        <source>The file cannot be read or written.</source>
        <translation>파일을 읽거나 쓸 수 없습니다.</translation>
    </message>
    <message>
        <source>The content cannot be read: it is damaged or of another kind.</source>
        <translation>파일이 손상되었거나 형식이 달라 읽을 수 없습니다.</translation>
    </message>
    <message>
        <source>This did not work.</source>
        <translation>작업을 완료하지 못했습니다.</translation>
    </message>
    <message>
        <source>Details: {text}</source>
        <translation>자세히: {text}</translation>
    </message>
    <message>
        <source>The exchange refused this.</source>
        <translation>거래소가 요청을 거부했습니다.</translation>
    </message>
    <message>
        <source>The exchange cannot be reached: check your connection.</source>
        <translation>거래소에 연결할 수 없습니다. 네트워크를 확인하세요.</translation>
    </message>
    <message>
        <source>The exchange&apos;s address is not found: check network and DNS.</source>
        <translation>거래소 주소를 찾을 수 없습니다. 네트워크와 DNS 설정을 확인하세요.</translation>
    </message>
    <message>
        <source>The proxy does not let the connection through: check its address and password.</source>
        <translation>프록시가 연결을 허용하지 않습니다. 프록시 주소와 비밀번호를 확인하세요.</translation>
    </message>
    <message>
        <source>The secure connection failed: check the clock, certificates and security programs.</source>
        <translation>보안 연결에 실패했습니다. 컴퓨터 시계, 인증서, 보안 프로그램을 확인하세요.</translation>
    </message>
    <message>
        <source>The exchange does not answer in time: check your connection.</source>
        <translation>거래소가 제때 응답하지 않습니다. 네트워크를 확인하세요.</translation>
    </message>
    <message>
        <source>The exchange sends no data any more: connecting again.</source>
        <translation>거래소에서 데이터가 오지 않아 다시 연결합니다.</translation>
    </message>
    <message>
        <source>The connection to the exchange was lost: connecting again.</source>
        <translation>거래소와의 연결이 끊겨 다시 연결합니다.</translation>
    </message>
    <message>
        <source>The exchange does not accept connections: try again soon.</source>
        <translation>거래소가 연결을 받지 않습니다. 잠시 후 다시 시도하세요.</translation>
    </message>
    <message>
        <source>price</source>
        <translation>가격</translation>
    </message>
    <message>
        <source>size</source>
        <translation>수량</translation>
    </message>
    <message>
        <source>total</source>
        <translation>총액</translation>
    </message>
    <message>
        <source>order type</source>
        <translation>주문유형</translation>
    </message>
    <message>
        <source>time in force</source>
        <translation>체결 조건</translation>
    </message>
    <message>
        <source>pair</source>
        <translation>마켓</translation>
    </message>
    <message>
        <source>The exchange would not take this order: check your entries.</source>
        <translation>접수할 수 없는 주문입니다. 입력한 내용을 확인하세요.</translation>
    </message>
    <message>
        <source>The exchange would not take this order: check the {field}.</source>
        <translation>접수할 수 없는 주문입니다. 확인할 항목: {field}</translation>
    </message>
</context>
<context>
    <name>OrdersPanel</name>
    <message>
        <source>My orders</source>
        <translation>내 주문</translation>
    </message>
    <message>
        <source>Cancel the selected orders</source>
        <translation>선택한 주문 취소</translation>
    </message>
    <message>
        <source>Copy the selected orders</source>
        <translation>선택한 주문 복사</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>주문취소</translation>
    </message>
    <message>
        <source>Cancel the selected orders (Del)</source>
        <translation>선택한 주문 취소 (Del)</translation>
    </message>
    <message>
        <source>Replace…</source>
        <translation>정정…</translation>
    </message>
    <message>
        <source>Change price or size: cancels the order and places a new one</source>
        <translation>가격이나 수량 정정: 기존 주문을 취소하고 새로 주문합니다</translation>
    </message>
    <message>
        <source>Cancel all</source>
        <translation>일괄취소</translation>
    </message>
    <message>
        <source>Open orders</source>
        <translation>미체결 주문</translation>
    </message>
    <message>
        <source>Closed orders</source>
        <translation>종료된 주문</translation>
    </message>
    <message>
        <source>Open or closed orders</source>
        <translation>미체결 또는 종료된 주문</translation>
    </message>
    <message>
        <source>Some may be missing – read again</source>
        <translation>누락이 있을 수 있음 – 다시 조회</translation>
    </message>
    <message>
        <source>Open ({count})</source>
        <translation>미체결 ({count})</translation>
    </message>
    <message>
        <source>Closed ({count})</source>
        <translation>체결·취소 ({count})</translation>
    </message>
    <message>
        <source>No open orders</source>
        <translation>미체결 주문이 없습니다</translation>
    </message>
    <message>
        <source>No closed orders</source>
        <translation>체결되거나 취소된 주문이 없습니다</translation>
    </message>
    <message>
        <source>Cancel all {code}</source>
        <translation>{code} 일괄취소</translation>
    </message>
    <message>
        <source>the selected ones</source>
        <translation>선택한 주문</translation>
    </message>
    <message>
        <source>Order</source>
        <translation>주문</translation>
    </message>
    <message>
        <source>Number</source>
        <translation>주문번호</translation>
    </message>
    <message>
        <source>Cancel this order?</source>
        <translation>이 주문을 취소하시겠습니까?</translation>
    </message>
    <message>
        <source>Cancel the order</source>
        <translation>주문 취소</translation>
    </message>
    <message>
        <source>Asked to cancel: {order}</source>
        <translation>취소 요청: {order}</translation>
    </message>
    <message>
        <source>No longer open: {order}</source>
        <translation>이미 종료됨: {order}</translation>
    </message>
    <message>
        <source>all markets</source>
        <translation>전체 마켓</translation>
    </message>
    <message>
        <source>Cancel open orders: {count}?</source>
        <translation>미체결 주문 {count}건을 취소하시겠습니까?</translation>
    </message>
    <message>
        <source>… and {count} more</source>
        <translation>… 외 {count}건</translation>
    </message>
    <message>
        <source>Where</source>
        <translation>대상</translation>
    </message>
    <message>
        <source>How many</source>
        <translation>건수</translation>
    </message>
    <message>
        <source>Orders</source>
        <translation>주문</translation>
    </message>
    <message>
        <source>Cancel the orders</source>
        <translation>일괄 취소</translation>
    </message>
    <message>
        <source>Asked to cancel {count} of the orders.</source>
        <translation>주문 {count}건의 취소를 요청했습니다.</translation>
    </message>
    <message>
        <source>Not possible for {count}: look at the open orders.</source>
        <translation>{count}건은 취소하지 못했습니다. 미체결 주문을 확인하세요.</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>취소할 주문</translation>
    </message>
    <message>
        <source>New price</source>
        <translation>새 가격</translation>
    </message>
    <message>
        <source>New size</source>
        <translation>새 수량</translation>
    </message>
    <message>
        <source>New total</source>
        <translation>새 총액</translation>
    </message>
    <message>
        <source>Replace this order?</source>
        <translation>이 주문을 정정하시겠습니까?</translation>
    </message>
    <message>
        <source>Replace</source>
        <translation>정정</translation>
    </message>
    <message>
        <source>Asked to replace: {order}</source>
        <translation>정정 요청: {order}</translation>
    </message>
</context>
<context>
    <name>ReplaceDialog</name>
    <message>
        <source>Replace an order</source>
        <translation>주문 정정</translation>
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
        <source>Replace…</source>
        <translation>정정…</translation>
    </message>
</context>
<context>
    <name>TradingBand</name>
    <message>
        <source>SIMULATED – no real money</source>
        <translation>모의 거래 – 실제 자금 아님</translation>
    </message>
    <message>
        <source>LIVE – locked</source>
        <translation>실거래 – 잠김</translation>
    </message>
    <message>
        <source>Unlock…</source>
        <translation>잠금 해제…</translation>
    </message>
    <message>
        <source>LIVE – real money</source>
        <translation>실거래 – 실제 자금</translation>
    </message>
    <message>
        <source>Lock</source>
        <translation>잠금</translation>
    </message>
</context>
<context>
    <name>TradingDialog</name>
    <message>
        <source>Do nothing</source>
        <translation>닫기</translation>
    </message>
</context>
<context>
    <name>UnlockDialog</name>
    <message>
        <source>Unlock real orders</source>
        <translation>실거래 주문 잠금 해제</translation>
    </message>
    <message>
        <source>REAL MONEY: this goes to the exchange.</source>
        <translation>실제 자금: 거래소로 전송됩니다.</translation>
    </message>
    <message>
        <source>Phrase that unlocks real orders</source>
        <translation>실거래 잠금 해제 문구</translation>
    </message>
    <message>
        <source>Unlock</source>
        <translation>잠금 해제</translation>
    </message>
    <message>
        <source>Orders will move real money for 15 minutes, each after a question. Type {phrase} to unlock them.</source>
        <translation>15분 동안 주문마다 확인 후 실제 자금으로 거래합니다. 해제하려면 {phrase} 를 입력하세요.</translation>
    </message>
</context>
</TS>
