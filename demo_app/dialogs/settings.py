"""`SettingsDialog`: language, looks, exchange, and the API keys in the system's key store."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from demo_app.preferences import CAUTIONS
from demo_app.style.appearance import Appearance
from demo_app.style.theme import SPACE
from qt_upbit import ConfigError, Credentials, Region, delete_credentials, load_credentials, save_credentials

__all__ = ["SettingsDialog"]

_WIDTH: Final = 560


class SettingsDialog(QDialog):
    """Looks change at once; what needs a restart says so. Keys are neither shown nor stored in the settings.

    Args:
        appearance: changes the looks and gives access to the preferences.
        is_live: whether the terminal talks to Upbit itself, so that new keys can be used at once.
        parent: owner.
    """

    def __init__(self, appearance: Appearance, is_live: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settings")
        self._look = appearance
        self._is_live = is_live
        self.setFixedWidth(_WIDTH)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._content: QWidget | None = None
        self._fill()

    def _fill(self) -> None:
        if self._content is not None:
            self._content.hide()
            self._content.deleteLater()
            self._column.removeWidget(self._content)
        self._content = QWidget()
        self._column.addWidget(self._content)
        self.setWindowTitle(self.tr("Settings"))
        column = QVBoxLayout(self._content)
        column.setContentsMargins(SPACE * 2, SPACE * 2, SPACE * 2, SPACE * 2)
        column.setSpacing(SPACE)
        column.addWidget(self._looks())
        column.addWidget(self._cautions())
        column.addWidget(self._exchange())
        column.addWidget(self._keys())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)
        self._ask_store()

    def changeEvent(self, event: QEvent) -> None:
        """The language may have changed, in this very dialog."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._fill()

    # --- looks -------------------------------------------------------------------------------------

    def _looks(self) -> QWidget:
        box = QGroupBox(self.tr("Appearance"))
        form = QFormLayout(box)
        theme = self._look.state.theme
        self.language = _choice((("ko", "한국어"), ("en", "English")), self._look.language)
        self.theme = _choice((("dark", self.tr("Dark")), ("light", self.tr("Light"))), theme.name)
        self.colours = _choice(
            (
                ("korean", self.tr("Red rises, blue falls")),
                ("western", self.tr("Green rises, red falls")),
                ("safe", self.tr("Blue rises, orange falls (colour-blind safe)")),
            ),
            theme.colours,
        )
        self._row(form, self.tr("Language"), self.language, self._look.set_language)
        self._row(form, self.tr("Theme"), self.theme, self._look.set_theme)
        self._row(form, self.tr("Colours"), self.colours, self._look.set_colours)
        return box

    def _row(self, form: QFormLayout, title: str, box: QComboBox, use: Callable[[str], object]) -> None:
        box.setAccessibleName(title)
        box.activated.connect(functools.partial(_use, box, use))
        form.addRow(title, box)

    # --- orders ------------------------------------------------------------------------------------

    def _cautions(self) -> QWidget:
        box = QGroupBox(self.tr("Ask twice before an order"))
        form = QFormLayout(box)
        preferences = self._look.preferences
        percent, never = self.tr("from {percent} %"), self.tr("never")
        usual = {"caution_distance": "5", "caution_value": "10000000", "caution_share": "50"}
        titles = {
            "caution_distance": self.tr("Away from the last price"),
            "caution_value": self.tr("Value"),
            "caution_share": self.tr("Share of the balance"),
        }
        self.cautions: dict[str, QComboBox] = {}
        for name, values in CAUTIONS.items():
            texts = {"off": never}
            for value in values:
                if value != "off":
                    is_value = name == "caution_value"
                    won = self.tr("from {amount} KRW").format(amount=f"{int(value):,}") if is_value else ""
                    texts[value] = won or percent.format(percent=value)
            chosen = preferences.get(name) or usual[name]
            self.cautions[name] = _choice([(value, texts[value]) for value in values], chosen)
            use = functools.partial(preferences.set, name)
            self._row(form, titles[name], self.cautions[name], use)
        return box

    # --- exchange ----------------------------------------------------------------------------------

    def _exchange(self) -> QWidget:
        box = QGroupBox(self.tr("Exchange"))
        form = QFormLayout(box)
        preferences = self._look.preferences
        names = {
            Region.KR: self.tr("Korea (KRW)"),
            Region.SG: self.tr("Singapore (SGD)"),
            Region.ID: self.tr("Indonesia (IDR)"),
            Region.TH: self.tr("Thailand (THB)"),
        }
        self.environment = _choice(
            (("simulated", self.tr("Simulated exchange")), ("live", self.tr("Upbit, live data"))),
            preferences.get("environment") or "simulated",
        )
        self.region = _choice(
            # A region without a translated name gets its English one.
            tuple(
                (str(region), names.get(region, f"{region.country} ({region.quote_currency})"))
                for region in Region
            ),
            preferences.get("region") or "kr",
        )
        self._row(form, self.tr("Environment"), self.environment, self._choose_environment)
        self._row(form, self.tr("Region"), self.region, self._choose_region)
        self.restart = _hint("")
        form.addRow("", self.restart)
        safe = _hint(
            self.tr(
                "Real orders stay off, whatever is chosen here: they need a start with --live, "
                "API keys, and your confirmation for the session and for each order."
            )
        )
        form.addRow("", safe)
        self.restart.setText(self.tr("Environment and region take effect at the next start."))
        return box

    def _choose_environment(self, name: str) -> None:
        self._look.preferences.set("environment", name)
        self._say_restart()

    def _choose_region(self, name: str) -> None:
        self._look.preferences.set("region", name)
        self._say_restart()

    def _say_restart(self) -> None:
        self.restart.setProperty("kind", "warning")
        self.restart.setText(self.tr("Saved. Restart the terminal for it to take effect."))
        self.restart.style().unpolish(self.restart)
        self.restart.style().polish(self.restart)
        self._fit()

    # --- keys --------------------------------------------------------------------------------------

    def _keys(self) -> QWidget:
        box = QGroupBox(self.tr("API keys"))
        form = QFormLayout(box)
        self.access, self.secret = QLineEdit(), QLineEdit()
        for title, edit in ((self.tr("Access key"), self.access), (self.tr("Secret key"), self.secret)):
            # Both are masked, against onlookers and screenshots.
            edit.setEchoMode(QLineEdit.EchoMode.Password)
            edit.setAccessibleName(title)
            edit.textChanged.connect(self._offer)
            form.addRow(title, edit)
        self.save = QPushButton(self.tr("Save in the key store"))
        self.save.setProperty("role", "primary")
        self.save.setAutoDefault(False)
        self.save.clicked.connect(self._save)
        self.forget = QPushButton(self.tr("Delete saved keys"))
        self.forget.setAutoDefault(False)
        self.forget.clicked.connect(self._forget)
        row = QHBoxLayout()
        row.addWidget(self.save)
        row.addWidget(self.forget)
        row.addStretch(1)
        form.addRow("", row)
        self.store = _hint("")
        form.addRow("", self.store)
        form.addRow("", _hint(self.tr("Stored encrypted by the operating system, never in the settings.")))
        return box

    def _offer(self) -> None:
        self.save.setEnabled(self._has_store and bool(self.access.text() and self.secret.text()))

    def _ask_store(self) -> None:
        try:
            is_there = load_credentials() is not None
        except ConfigError as exc:
            self._has_store = False
            self._say(
                self.tr(
                    "No key store can be used here: install the package keyring, or unlock the store. "
                    "UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY in the environment work without one."
                ),
                warn=True,
            )
            self.store.setToolTip(str(exc))
            is_there = False
        else:
            self._has_store = True
            self._say(self.tr("Keys are saved.") if is_there else self.tr("No keys are saved."))
        self.forget.setEnabled(is_there)
        for edit in (self.access, self.secret):
            edit.setEnabled(self._has_store)
        self._offer()

    def _save(self) -> None:
        try:
            keys = Credentials(access_key=self.access.text().strip(), secret_key=self.secret.text().strip())
            save_credentials(keys)
        except ConfigError as exc:
            self._say_failed(exc)
            return
        finally:
            self.access.clear()
            self.secret.clear()
        self._ask_store()
        if self._is_live:
            self._look.state.manager.set_credentials(keys)
            self._say(self.tr("Keys are saved and used from now on."))
        else:
            self._say(self.tr("Keys are saved. They are used with Upbit, not with the simulated exchange."))

    def _forget(self) -> None:
        try:
            delete_credentials()
        except ConfigError as exc:
            self._say_failed(exc)
            return
        self._ask_store()
        if self._is_live:
            self._say(self.tr("The saved keys are deleted. Until a restart this session still has them."))

    def _say_failed(self, error: ConfigError) -> None:
        self._say(
            self.tr("The keys were not changed: check access key, secret key and the key store."), warn=True
        )
        self.store.setToolTip(str(error))

    def _say(self, text: str, *, warn: bool = False) -> None:
        self.store.setProperty("kind", "warning" if warn else "hint")
        self.store.setText(text)
        self.store.style().unpolish(self.store)
        self.store.style().polish(self.store)
        self._fit()

    def _fit(self) -> None:
        """Fit the height to the wrapped texts at this width: Qt does not do it by itself."""
        layout = self._content.layout() if self._content is not None else None
        if layout is not None:
            layout.activate()
            self.setFixedHeight(layout.totalHeightForWidth(_WIDTH))


def _choice(rows: Sequence[tuple[str, str]], chosen: str) -> QComboBox:
    box = QComboBox()
    for value, text in rows:
        box.addItem(text, value)
    box.setCurrentIndex(box.findData(chosen))
    return box


def _use(box: QComboBox, use: Callable[[str], object], _index: int) -> None:
    use(str(box.currentData()))


def _hint(text: str) -> QLabel:
    hint = QLabel(text)
    hint.setWordWrap(True)
    hint.setProperty("kind", "hint")
    return hint
