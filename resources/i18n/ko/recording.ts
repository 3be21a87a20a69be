<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR">
<context>
    <name>ReplayBar</name>
    <message>
        <source>−10 s</source>
        <translation>−10초</translation>
    </message>
    <message>
        <source>+10 s</source>
        <translation>+10초</translation>
    </message>
    <message>
        <source>Close recording</source>
        <translation>녹화 닫기</translation>
    </message>
    <message>
        <source>Ten seconds back (Ctrl+Left)</source>
        <translation>10초 뒤로 (Ctrl+Left)</translation>
    </message>
    <message>
        <source>Ten seconds forward (Ctrl+Right)</source>
        <translation>10초 앞으로 (Ctrl+Right)</translation>
    </message>
    <message>
        <source>Back to the exchange (Ctrl+W)</source>
        <translation>거래소로 돌아가기 (Ctrl+W)</translation>
    </message>
    <message>
        <source>Position in the recording</source>
        <translation>녹화 위치</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>속도</translation>
    </message>
    <message>
        <source>max</source>
        <translation>최대</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>재생</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>일시정지</translation>
    </message>
    <message>
        <source>Play (Ctrl+Space)</source>
        <translation>재생 (Ctrl+Space)</translation>
    </message>
    <message>
        <source>Pause (Ctrl+Space)</source>
        <translation>일시정지 (Ctrl+Space)</translation>
    </message>
</context>
<context>
    <name>RecordingControl</name>
    <message>
        <source>The recording has no earlier candles: {why}</source>
        <translation>녹화 이전의 캔들을 읽지 못했습니다: {why}</translation>
    </message>
    <message>
        <source>Record the session</source>
        <translation>세션 녹화</translation>
    </message>
    <message>
        <source>Recordings</source>
        <translation>녹화 파일</translation>
    </message>
    <message>
        <source>Recorded</source>
        <translation>녹화 완료</translation>
    </message>
    <message>
        <source>The recording has ended</source>
        <translation>녹화가 중단되었습니다</translation>
    </message>
    <message>
        <source>● REC {time}  {size}</source>
        <translation>● 녹화 {time}  {size}</translation>
    </message>
    <message>
        <source>Recording; click to stop</source>
        <translation>녹화 중입니다. 누르면 끝냅니다</translation>
    </message>
    <message>
        <source>Open a recording</source>
        <translation>녹화 열기</translation>
    </message>
    <message>
        <source>Reading the recording…</source>
        <translation>녹화를 읽는 중…</translation>
    </message>
    <message>
        <source>No recording: {why}</source>
        <translation>녹화 파일이 아닙니다: {why}</translation>
    </message>
</context>
<context>
    <name>Commands</name>
    <message>
        <source>&amp;Session</source>
        <translation>세션(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Record…</source>
        <translation>녹화(&amp;R)…</translation>
    </message>
    <message>
        <source>&amp;Stop recording</source>
        <translation>녹화 끝내기(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Open recording…</source>
        <translation>녹화 열기(&amp;O)…</translation>
    </message>
    <message>
        <source>&amp;Close recording</source>
        <translation>녹화 닫기(&amp;C)</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>REPLAY</source>
        <translation>다시보기</translation>
    </message>
</context>
<context>
    <name>AccountPanel</name>
    <message>
        <source>A recording has no account.</source>
        <translation>녹화에는 계정 정보가 없습니다.</translation>
    </message>
</context>
<context>
    <name>NoticesPanel</name>
    <message>
        <source>A recording has no notices.</source>
        <translation>녹화에는 공지가 없습니다.</translation>
    </message>
</context>
</TS>
