"""Forms as data: labelled fields, their values, errors shown at the field they belong to, and a dialog around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.errors import AppError, FettleError
from core.i18n import _, explain, fill, label
from core.wire.base import Request, View, field_code
from desktop import tasks
from desktop.lists import listed
from desktop.widgets.basics import BusyLine, text_label
from desktop.widgets.fold import Fold
from desktop.widgets.inputs import value_of
from desktop.widgets.wrapped import Wrapped

Save = Callable[[dict[str, Any]], Any]
R = TypeVar("R", bound=Request)


def field_error(code: str, error: FettleError) -> str:
    """What is wrong with one field, in words."""
    for name in (f"field.{code}", f"error.{code}"):
        words = label(name)
        if words != name:
            return fill(words, error.params)
    return explain(error)


class Form(QWidget):
    """Labelled fields by name."""

    changed = Signal()
    turned = Signal()  # a fold was opened or closed

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, QWidget] = {}
        self._errors: dict[str, QLabel] = {}
        self._captions: dict[str, str] = {}
        self._hidden: set[str] = set()
        self._folds: dict[str, Fold] = {}  # of the fields that lie in one
        self._fold: Fold | None = None
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setVerticalSpacing(6)
        self._layout.setHorizontalSpacing(12)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._layout.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)

    def add(self, name: str, words: str, widget: QWidget, hint: str = "") -> QWidget:
        """A field; `hint` is a small line below it. `name` is the field's name in the request."""
        # A form layout squeezes fields when an error line appears below one; it must not.
        least = max(widget.minimumHeight(), widget.sizeHint().height())
        widget.setMinimumHeight(min(least, widget.maximumHeight()))
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(widget)
        if hint:
            layout.addWidget(Wrapped(hint, "muted"))
        error = Wrapped("", "bad")
        error.hide()
        layout.addWidget(error)
        self.fields[name] = widget
        self._errors[name] = error
        self._captions[name] = words
        widget.setAccessibleName(words or widget.accessibleName())
        if hint:
            widget.setAccessibleDescription(hint)
        caption = text_label(words)
        caption.setBuddy(widget)
        # On one line with what stands in the field, also where hints or errors make the row taller.
        line = min(widget.sizeHint().height(), caption.fontMetrics().height() + 12)
        caption.setContentsMargins(0, max(0, (line - caption.fontMetrics().height()) // 2), 0, 0)
        caption.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self._layout.addRow(caption, box)
        self._watch(name, widget)
        if self._fold is not None:
            self._folds[name] = self._fold
            self._layout.setRowVisible(box, self._fold.is_open)
        return widget

    def fold(self, words: str = "", is_open: bool = False) -> None:
        """Put the fields that are added from here on under a line that opens them; no words: back to the open."""
        self._fold = None
        if words:
            made = self._fold = Fold(words, is_open)
            made.turned.connect(lambda _on: self._on_turned(made))
            self._layout.addRow(made)

    def _on_turned(self, fold: Fold) -> None:
        for name, its in self._folds.items():
            if its is fold:
                self._place(name)
        self.turned.emit()

    def adopt(self, name: str, widget: QWidget, error: QLabel, words: str = "") -> None:
        """A field that stands elsewhere, such as on another tab, with the label for its error."""
        self.fields[name] = widget
        self._errors[name] = error
        self._captions[name] = words
        error.hide()
        self._watch(name, widget)

    def add_text(self, text: str, role: str = "muted") -> QLabel:
        """A line of explanation across the form."""
        made = Wrapped(text, role)
        self._layout.addRow(made)
        return made

    def add_row(self, widget: QWidget) -> None:
        """Any widget across the form."""
        self._layout.addRow(widget)

    def show_field(self, name: str, visible: bool) -> None:
        """Show or hide a field with its label; a fold with nothing to show goes too."""
        (self._hidden.discard if visible else self._hidden.add)(name)
        self._place(name)
        fold = self._folds.get(name)
        if fold is not None:
            inside = [one for one, its in self._folds.items() if its is fold]
            self._layout.setRowVisible(fold, any(one not in self._hidden for one in inside))

    def is_shown(self, name: str) -> bool:
        """Whether a field belongs to what is being edited, in a closed fold or not."""
        return name not in self._hidden

    def _place(self, name: str) -> None:
        fold = self._folds.get(name)
        seen = name not in self._hidden and (fold is None or fold.is_open)
        self._layout.setRowVisible(cast(QWidget, self.fields[name].parentWidget()), seen)

    def rename(self, name: str, words: str) -> None:
        """Call a field otherwise, when what it means follows another one."""
        caption = self._layout.labelForField(cast(QWidget, self.fields[name].parentWidget()))
        if isinstance(caption, QLabel) and caption.text() != words:
            caption.setText(words)
            self._captions[name] = words
            self.fields[name].setAccessibleName(words)

    def values(self) -> dict[str, Any]:
        """All values by name; AppError with the field when one cannot be read."""
        found = {}
        for name, widget in self.fields.items():
            try:
                found[name] = value_of(widget)
            except AppError as error:
                if name in self._hidden:
                    found[name] = None  # what is not shown does not count
                    continue
                raise AppError(error.code, error.detail, {name: error.code}, **error.params) from None
        return found

    def clear_errors(self) -> None:
        """Forget what was wrong."""
        for name in self._errors:
            self._mark(name, "")

    def show_errors(self, error: FettleError) -> bool:
        """Show each field's error at the field, and go to the first; False when none belongs to a field here."""
        self.clear_errors()
        first = None
        for name, code in error.fields.items():
            known = self._known(name)
            if known:
                if code == "too_short" and not value_of(self.fields[known]):
                    code = "missing"  # "too short" is no help for an empty field
                self._mark(known, field_error(code, error))
                first = first or self.fields[known]
        if first is not None:
            first.setFocus()
        return first is not None

    def named(self, error: FettleError) -> FettleError:
        """The same error, its fields called as this form calls them."""
        field = self._known(error.params.get("field", ""))
        if field and self._captions.get(field):
            error.params["field"] = self._captions[field]
        if "names" in error.params:
            names = [self._captions.get(self._known(name)) or name for name in error.fields]
            error.params["names"] = listed(dict.fromkeys(names))
        return error

    def _known(self, name: str) -> str:
        """The field of this form that an error's field means; the hub may name a part of it, or its id."""
        guesses = (name, name.rsplit(".", 1)[-1], name.split(".", 1)[0])
        found = [
            known
            for guess in guesses
            for known in (guess, guess.removesuffix("_id"), f"{guess}_id")
            if known in self._errors
        ]
        return next((known for known in found if known not in self._hidden), next(iter(found), ""))

    def _mark(self, name: str, words: str) -> None:
        self._errors[name].setText(words)
        self._errors[name].setVisible(bool(words))
        if words and name in self._folds:
            self._folds[name].setChecked(True)
        widget = self.fields[name]
        widget.setProperty("bad", bool(words))
        widget.style().unpolish(widget)
        widget.style().polish(widget)

    def _on_changed(self, name: str) -> None:
        if not self._errors[name].isHidden():
            self._mark(name, "")  # what was wrong is being put right
        self.changed.emit()

    def _watch(self, name: str, widget: QWidget) -> None:
        for change in (
            "textChanged",
            "valueChanged",
            "toggled",
            "currentIndexChanged",
            "dateChanged",
            "itemChanged",
            "edited",  # of editors that are more than one field
        ):
            signal = getattr(widget, change, None)
            if signal is not None:
                signal.connect(lambda *_what: self._on_changed(name))


class FormDialog(QDialog):
    """A form with OK and Cancel. `save(values)` runs in the background; on success `saved` carries its result.

    An error stays in the dialog: at its field, and in words above the buttons. Nothing typed is lost.
    """

    saved = Signal(object)

    def __init__(self, parent: QWidget, title: str, save: Save, ok: str = "", width: int = 520) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._save = save
        self.form = Form()
        self.form.turned.connect(self.fit)
        self._trouble = text_label("", "bad", wrap=True, selectable=True)
        self._trouble.hide()
        self._busy = BusyLine()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._ok.setText(ok or _("Save"))
        self._ok.setProperty("main", True)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setText(_("Cancel"))
        for part in self.buttons.buttons():
            part.setAccessibleName(part.text())
        self.buttons.accepted.connect(self.submit)
        self.buttons.rejected.connect(self.reject)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self.form)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area = area
        self._middle = QHBoxLayout()
        self._middle.setSpacing(14)
        self._middle.addWidget(area, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self._busy)
        layout.addLayout(self._middle, 1)
        layout.addWidget(self._trouble)
        layout.addWidget(self.buttons)
        self._width = width
        QShortcut(QKeySequence("Ctrl+Return"), self, self.submit)

    def add(self, name: str, words: str, widget: QWidget, hint: str = "") -> QWidget:
        """`Form.add`."""
        return self.form.add(name, words, widget, hint)

    def put_beside(self, widget: QWidget, share: int = 1) -> None:
        """Show a widget at the right of the form, such as what follows from it."""
        self._middle.addWidget(widget, share)

    def showEvent(self, event: Any) -> None:
        self.fit()
        first = next(iter(self.form.fields.values()), None)
        if first is not None:
            first.setFocus()
        super().showEvent(event)

    def fit(self) -> None:
        """As tall as the fields need; they are not made smaller while shown."""
        # Wider than the form wants it is never cut at its right.
        self._area.setMinimumWidth(self.form.minimumSizeHint().width() + 18)
        high = self.form.sizeHint().height() + self.buttons.sizeHint().height() + 70
        if not self._trouble.isHidden():
            high += self._trouble.heightForWidth(self._width - 24) + 6
        most = max(680, self.screen().availableSize().height() * 4 // 5)
        least = self.height() if self.isVisible() else 0
        self.resize(max(self._width, self.width()), max(least, min(high, most)))

    def submit(self) -> None:
        """Try to save what is in the form."""
        if not self._ok.isEnabled():
            return
        try:
            values = self.form.values()
        except AppError as error:
            self._on_failed(error)
            return
        self.form.clear_errors()
        self._trouble.hide()
        self._ok.setEnabled(False)
        self._busy.start()
        save = self._save
        tasks.run(lambda: save(values), self._on_saved, self._on_failed, self)

    def _on_saved(self, result: object) -> None:
        self._busy.stop()
        self.saved.emit(result)
        self.accept()

    def _on_failed(self, error: FettleError) -> None:
        self._busy.stop()
        self._ok.setEnabled(True)
        self.form.show_errors(error)
        self._trouble.setText(explain(self.form.named(error)))
        self._trouble.show()
        self.fit()


def body_of(kind: type[R], view: View, **changes: Any) -> R:
    """The request that saves a thing as it is but for `changes`, also to undo; what it refers to becomes ids."""
    values: dict[str, Any] = {}
    for name in kind.model_fields:
        one, several = name.removesuffix("_id"), name.removesuffix("_ids") + "s"
        if hasattr(view, name):
            values[name] = getattr(view, name)
        elif name.endswith("_ids") and hasattr(view, several):
            values[name] = [thing.id for thing in getattr(view, several)]
        elif hasattr(view, one):
            thing = getattr(view, one)
            values[name] = thing.id if thing is not None else None
    return kind.model_validate(values | changes)


def request(kind: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Build a wire request; what pydantic finds wrong becomes an AppError with the field, before anything is sent."""
    try:
        return kind(**values)
    except ValidationError as error:
        found = error.errors(include_url=False)
        fields = {".".join(str(part) for part in item["loc"]): field_code(item["type"]) for item in found}
        raise AppError("request.invalid", str(error), fields=fields, names=", ".join(fields)) from None
