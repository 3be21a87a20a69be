"""Fields for numbers: input is read as meant or marked as wrong, never read as another number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from PySide6.QtCore import QEvent, QLocale, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from demo_app.widgets.number_field import DecimalBox, NumberField, WholeNumberBox

D = Decimal
Enter = Callable[[QLineEdit, str], None]

WRONG = [
    "0,5", "1,23", "1,2345", ",5", ",500", "1,,000", "1,000,00", "1.000,5", "1.234,56", "0,001", "000,001",
    "1,000,", "1000,000", "1,0000,000", "1 000", "155\u00a0772\u00a0000", "１５５", "１,000", "1，000", "٣",
    "1e5", "1E-8", "+5", "-5", "−5", "--5", "NaN", "Infinity", "1_000", "0x10", "1.2.3", "1.,5", ".", ",",
    "5원", "₩5", "1 2", "12a", "1;5", "1'000", "1·5", "½", "²",
]  # fmt: skip
RIGHT = [
    ("155,772,000", D(155_772_000)),
    (" 155772000 ", D(155_772_000)),
    (" 1,234.5\u00a0", D("1234.5")),
    ("0.00000001", D("1E-8")),
    (".5", D("0.5")),
    ("5.", D(5)),
    ("007", D(7)),
    ("1,234,567.12345678", D("1234567.12345678")),
]  # fmt: skip


def _keys(field: QLineEdit, text: str) -> None:
    """Type it, key by key; QTest knows ASCII only."""
    for each in text:
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(field, QKeyEvent(kind, 0, Qt.KeyboardModifier.NoModifier, each))


def _paste(field: QLineEdit, text: str) -> None:
    QApplication.clipboard().setText(text)
    field.paste()


@pytest.fixture(params=[_keys, _paste], ids=["typed", "pasted"])
def enter(request: pytest.FixtureRequest) -> Enter:
    """Replace the text of a field."""

    def put(field: QLineEdit, text: str) -> None:
        field.selectAll()
        request.param(field, text)

    return put


@pytest.fixture
def field(app: QApplication) -> Iterator[NumberField]:
    made = NumberField()
    made.show()
    yield made
    made.close()


@pytest.mark.parametrize("text", WRONG)
def test_text_that_is_not_a_number_stays_visible_and_has_no_value(
    field: NumberField, enter: Enter, text: str
) -> None:
    field.set_value(D(7))
    enter(field, text)
    assert field.value is None
    assert field.text() == text
    assert field.is_wrong
    assert field.problem()
    assert field.property("wrong") is True
    QApplication.sendEvent(field, _focus_out())
    assert (field.value, field.text()) == (None, text)
    enter(field, "5")
    assert (field.value, field.is_wrong, field.problem()) == (D(5), False, "")


@pytest.mark.parametrize(("text", "value"), RIGHT)
def test_a_number_is_read_exactly_and_grouped_afterwards(
    field: NumberField, enter: Enter, text: str, value: D
) -> None:
    enter(field, text)
    assert field.value == value
    assert not field.is_wrong
    QApplication.sendEvent(field, _focus_out())
    assert field.value == value
    assert field.text() == f"{value:,f}"


def test_an_empty_field_is_not_wrong(field: NumberField, enter: Enter) -> None:
    for text in ("", "  "):
        enter(field, text)
        assert (field.value, field.is_wrong) == (None, False)


def test_wrong_and_right_look_different(field: NumberField, enter: Enter) -> None:
    """Also with a style sheet of the panel."""
    field.setStyleSheet('QLineEdit { color: #101010; } QLineEdit[wrong="true"] { color: #ff0000; }')
    enter(field, "15")
    right = field.grab().toImage()
    enter(field, "1,5")
    wrong = field.grab().toImage()
    reds = [
        sum(
            image.pixelColor(x, y).red() > 200 > 100 > image.pixelColor(x, y).green()
            for x in range(image.width())
            for y in range(image.height())
        )
        for image in (right, wrong)
    ]
    assert reds[0] == 0 < reds[1]


@pytest.fixture(params=["C", "ko_KR", "de_DE"])
def locale(request: pytest.FixtureRequest) -> Iterator[None]:
    """The system's locale."""
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield
    QLocale.setDefault(before)


@pytest.mark.usefixtures("locale")
def test_a_box_never_reads_another_number(app: QApplication, enter: Enter) -> None:
    whole, exact = WholeNumberBox(), DecimalBox()
    whole.setRange(1, 200_000_000)
    whole.setPrefix("within ")
    whole.setSuffix(" min")
    exact.setRange(0, 200_000_000)
    exact.setDecimals(8)
    for box in (whole, exact):
        box.show()
        for text in WRONG:
            box.setValue(7)
            enter(box.lineEdit(), text)
            assert box.value() == 7, text
            # Neither Enter nor a step nor leaving puts another number in its place.
            QTest.keyClick(box, Qt.Key.Key_Return)
            QTest.keyClick(box, Qt.Key.Key_Up)
            QApplication.sendEvent(box, _focus_out())
            assert box.value() == 7, text
            assert text in box.text()
            assert box.is_wrong
            assert not box.hasAcceptableInput()
            assert box.property("wrong") is True
            box.setValue(8)
            assert (box.value(), box.is_wrong, box.property("wrong")) == (8, False, False)
        box.close()


@pytest.mark.usefixtures("locale")
def test_a_box_reads_numbers_in_its_range(app: QApplication, enter: Enter) -> None:
    whole, exact = WholeNumberBox(), DecimalBox()
    whole.setRange(1, 1440)
    exact.setRange(0.1, 10)
    exact.setDecimals(1)
    for box, text, value in (
        (whole, "1,440", 1440), (whole, "1440", 1440), (whole, " 12 ", 12), (whole, "12.0", None),
        (whole, "12.5", None), (whole, "1,441", None), (whole, "0", None), (whole, " ", None),
        (exact, "2.5", 2.5), (exact, ".5", 0.5), (exact, "2.55", None), (exact, "11", None),
        (exact, "0", None),
    ):  # fmt: skip
        box.setValue(7)
        enter(box.lineEdit(), text)
        assert box.hasAcceptableInput() == (value is not None), text
        assert box.value() == (7 if value is None else value), text
        QApplication.sendEvent(box, _focus_out())
        assert box.value() == (7 if value is None else value), text
    exact.setValue(2.5)
    assert exact.text() == "2.5"
    QTest.keyClick(exact, Qt.Key.Key_Up)
    assert exact.value() == 3.5


def _focus_out() -> QEvent:
    return QFocusEvent(QEvent.Type.FocusOut)
