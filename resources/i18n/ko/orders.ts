<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR">
<context>
    <name>AccountPanel</name>
    <message>
        <location filename="../../../demo_app/panels/account_panel.py" line="117"/>
        <source>Some may be missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/account_panel.py" line="124"/>
        <source>No API keys: your account cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/account_panel.py" line="125"/>
        <location filename="../../../demo_app/panels/account_panel.py" line="136"/>
        <source>Enter API keys</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/account_panel.py" line="140"/>
        <source>Not live – waiting for the exchange</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/account_panel.py" line="142"/>
        <source>Reading your account…</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ConfirmDialog</name>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="118"/>
        <source>REAL MONEY: this goes to the exchange.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="120"/>
        <source>Simulated: no real money moves.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>OrderFormPanel</name>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="167"/>
        <source>Order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="172"/>
        <source>Buy: go to the order form</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="173"/>
        <source>Sell: go to the order form</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="174"/>
        <source>Lock real orders</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="183"/>
        <source>Order type</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="186"/>
        <source>Available</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="187"/>
        <location filename="../../../demo_app/panels/order_form.py" line="556"/>
        <source>Price</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="188"/>
        <location filename="../../../demo_app/panels/order_form.py" line="559"/>
        <source>Size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="189"/>
        <location filename="../../../demo_app/panels/order_form.py" line="561"/>
        <location filename="../../../demo_app/panels/order_form.py" line="563"/>
        <source>Total</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="190"/>
        <location filename="../../../demo_app/panels/order_form.py" line="566"/>
        <source>Fee (est.)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="191"/>
        <source>Advanced</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="192"/>
        <location filename="../../../demo_app/panels/order_form.py" line="567"/>
        <source>Time in force</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="193"/>
        <location filename="../../../demo_app/panels/order_form.py" line="568"/>
        <source>Self-match prevention</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="194"/>
        <source>Test</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="195"/>
        <source>Have the exchange check the order without placing it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="483"/>
        <source>Sending…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="500"/>
        <source>More than is available, fee included.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="512"/>
        <source>{percent} above the last price.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="514"/>
        <source>{percent} below the last price.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="553"/>
        <source>Pair</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="554"/>
        <source>Side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="555"/>
        <source>Type</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="569"/>
        <source>{side} {name}?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="586"/>
        <source>Sent: {rows}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_form.py" line="607"/>
        <source>Test passed: the exchange would take this order. Nothing was placed.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>OrderWords</name>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="43"/>
        <source>Buy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="43"/>
        <source>Sell</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="50"/>
        <source>Limit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="52"/>
        <source>Market</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="54"/>
        <source>Best price</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="63"/>
        <source>Until cancelled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="65"/>
        <source>IOC (fill now, cancel the rest)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="67"/>
        <source>FOK (all now or nothing)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="69"/>
        <source>Post only (maker or nothing)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="78"/>
        <source>The exchange&apos;s default</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="80"/>
        <source>Reduce both</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="82"/>
        <source>Cancel the waiting order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="84"/>
        <source>Cancel the new order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="86"/>
        <source>No prevention</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="95"/>
        <source>Waiting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="97"/>
        <source>Reserved</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="99"/>
        <source>Partly filled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="101"/>
        <source>Filled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="103"/>
        <source>Cancelled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="105"/>
        <source>Self-match prevented</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="120"/>
        <source>There are no API keys: enter them in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="122"/>
        <source>Too many requests: nothing was done. Try again in {seconds} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="126"/>
        <source>This order is open no more: it was filled or cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="136"/>
        <source>Real orders are off: start the terminal with --live.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="138"/>
        <source>Real orders need API keys: enter them in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="140"/>
        <source>Real orders are locked: type {phrase} to unlock them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="144"/>
        <source>The confirmation is too old: nothing was sent. Confirm again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="149"/>
        <source>No answer came, and the exchange knows no such order: very probably it was not placed. Look at your open orders before you place it again. Identifier: {identifier}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="155"/>
        <source>No answer came, and the exchange cannot be asked: the order may have been placed. Look at your open orders before you place it again. Identifier: {identifier}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="166"/>
        <source>this computer&apos;s IP address is not on the key&apos;s list: add it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="168"/>
        <source>the key has expired: issue a new one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="170"/>
        <source>the key lacks a permission: issue one that has it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="172"/>
        <source>access key and secret key do not match: enter both again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="174"/>
        <source>check the key, its expiry, its IP addresses and its permissions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="175"/>
        <source>The exchange refused the API key: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="180"/>
        <source>The exchange cannot be reached: check your line and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="182"/>
        <source>The exchange has a problem (HTTP {status}): try again soon.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="187"/>
        <source>Not enough is available, fee included: make the order smaller.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="189"/>
        <source>This market is closed at the moment: try again later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="192"/>
        <source>The exchange refused: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="196"/>
        <source>Between two valid prices: {near} would do.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="200"/>
        <source>Below the minimum total of {least}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="204"/>
        <source>Above the maximum total of {most}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="208"/>
        <source>Too many decimals: {right} would do.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="227"/>
        <source>Price and size must be above zero.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/order_words.py" line="229"/>
        <source>Post only does not go with self-match prevention: leave one out.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>TradingBand</name>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="230"/>
        <source>SIMULATED – no real money</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="231"/>
        <source>LIVE – locked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="231"/>
        <source>Unlock…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="232"/>
        <source>LIVE – real money</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="232"/>
        <source>Lock</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UnlockDialog</name>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="156"/>
        <source>Unlock real orders</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="158"/>
        <source>REAL MONEY: this goes to the exchange.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="163"/>
        <source>Phrase that unlocks real orders</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="169"/>
        <source>Unlock</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="178"/>
        <source>Orders will move real money for 15 minutes, each after a question. Type {phrase} to unlock them.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>_Dialog</name>
    <message>
        <location filename="../../../demo_app/panels/trading_dialogs.py" line="85"/>
        <source>Do nothing</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
