<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR">
<context>
    <name>WatchListPanel</name>
    <message>
        <source>Markets</source>
        <translation>마켓</translation>
    </message>
    <message>
        <source>Investment warning: the exchange may end trading of this pair</source>
        <translation>투자유의: 거래지원이 종료될 수 있는 종목입니다</translation>
    </message>
    <message>
        <source>Caution: sudden rise or fall of the price</source>
        <translation>투자주의: 가격 급등락</translation>
    </message>
    <message>
        <source>Caution: sudden rise of the volume</source>
        <translation>투자주의: 거래량 급등</translation>
    </message>
    <message>
        <source>Caution: sudden rise of deposits</source>
        <translation>투자주의: 입금량 급등</translation>
    </message>
    <message>
        <source>Caution: the price differs from that abroad</source>
        <translation>투자주의: 글로벌 시세 차이</translation>
    </message>
    <message>
        <source>Caution: trading is concentrated on few accounts</source>
        <translation>투자주의: 소수 계정 거래 집중</translation>
    </message>
    <message>
        <source>Warning</source>
        <translation>유의</translation>
    </message>
    <message>
        <source>Caution</source>
        <translation>주의</translation>
    </message>
    <message>
        <source>Search by name or code</source>
        <translation>코인명/심볼검색 (초성 가능)</translation>
    </message>
    <message>
        <source>Search markets</source>
        <translation>마켓 검색</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>이름</translation>
    </message>
    <message>
        <source>Price</source>
        <translation>현재가</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>전일대비</translation>
    </message>
    <message>
        <source>Turnover</source>
        <translation>거래대금</translation>
    </message>
    <message>
        <source>Clear search</source>
        <translation>검색어 지우기</translation>
    </message>
    <message>
        <source>Favourites</source>
        <translation>관심</translation>
    </message>
    <message>
        <source>Held</source>
        <translation>보유</translation>
    </message>
    <message>
        <source>No market matches: {query}</source>
        <translation>검색 결과가 없습니다: {query}</translation>
    </message>
    <message>
        <source>None of your assets is traded here</source>
        <translation>보유 중인 디지털 자산이 없습니다</translation>
    </message>
    <message>
        <source>No favourites yet: press F on a market, or click its star</source>
        <translation>관심 종목이 없습니다. 별을 누르거나 F 키로 추가하세요</translation>
    </message>
    <message>
        <source>Markets: {count}</source>
        <translation>마켓 {count}개</translation>
    </message>
    <message>
        <source>Prices of rows out of view are unknown: {error}</source>
        <translation>화면 밖 시세를 받지 못했습니다: {error}</translation>
    </message>
    <message>
        <source>The markets could not be read: {error}</source>
        <translation>마켓 목록을 받지 못했습니다: {error}</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>다시 시도</translation>
    </message>
    <message>
        <source>Loading markets…</source>
        <translation>마켓을 불러오는 중…</translation>
    </message>
    <message>
        <source>Show chart</source>
        <translation>차트 보기</translation>
    </message>
    <message>
        <source>Remove from favourites</source>
        <translation>관심 해제</translation>
    </message>
    <message>
        <source>Add to favourites</source>
        <translation>관심 추가</translation>
    </message>
    <message>
        <source>Copy code</source>
        <translation>마켓 코드 복사</translation>
    </message>
</context>
</TS>
