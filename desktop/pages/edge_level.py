"""One level of the edges page: a heading with its buttons over a table. Knows neither devices nor rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtWidgets import QPushButton, QWidget

from core.i18n import _
from desktop.widgets.basics import button, column, row, text_label
from desktop.widgets.table import Table
from desktop.widgets.wrapped import Elided

R = TypeVar("R")


class Level(QWidget, Generic[R]):
    """`add` and `change` open the dialogs; `copy` a new one like the chosen one."""

    def __init__(
        self,
        heading: str,
        table: Table[R],
        new_words: str,
        add: Callable[[], None],
        change: Callable[[R], None],
        copy: Callable[[R], None] | None = None,
        may_edit: bool = True,
    ) -> None:
        super().__init__()
        self.table = table
        self._may_edit = may_edit
        self._able = True
        self.heading = text_label(heading, "heading")
        self.hint = Elided("", "muted")
        self.new = button(new_words, add, "plus")
        self.edit = button(_("Edit"), lambda: self._with_current(change), "pencil-outline")
        self.edit.setAccessibleName(f"{heading}: {self.edit.text()}")
        self.copy = button(
            _("Copy"),
            lambda: self._with_current(copy),
            "content-copy",
            tip=_("A new one like the chosen one"),
        )
        self.copy.setAccessibleName(f"{heading}: {self.copy.text()}")
        self.new.setVisible(may_edit)
        self.edit.setVisible(may_edit)
        self.copy.setVisible(may_edit and copy is not None)
        table.picked.connect(self.offer)
        table.opened.connect(lambda thing: change(thing) if may_edit else None)
        self._chosen_only: list[tuple[QPushButton, Callable[[R], bool]]] = []
        self._extras: list[QPushButton] = []
        self._bar = row(self.heading, self.hint, self.copy, self.edit, self.new)
        self._whole = column(margins=(0, 4, 0, 0), spacing=6)
        self._bar.setStretch(1, 1)
        self._whole.addLayout(self._bar)
        self._whole.addWidget(table, 1)
        self.setLayout(self._whole)
        self.offer()

    def add_below(self, *widgets: QWidget) -> None:
        """Widgets under the table."""
        self._whole.addLayout(row(*widgets, None))

    def add_extra(self, words: str, clicked: Callable[[], None], icon: str, tip: str, may: bool) -> None:
        """A button for the whole level."""
        made = button(words, clicked, icon, tip=tip)
        made.setVisible(may)
        self._extras.append(made)
        self._bar.insertWidget(self._bar.indexOf(self.copy), made)

    def add_for_chosen(
        self, words: str, clicked: Callable[[R], None], icon: str, suits: Callable[[R], bool], may: bool
    ) -> None:
        """A button that shows only while what is chosen suits it."""
        made = button(words, lambda: self._with_current(clicked), icon)
        made.hide()
        if may:
            self._chosen_only.append((made, suits))
        self._bar.insertWidget(self._bar.indexOf(self.copy), made)

    def set_able(self, able: bool) -> None:
        """Whether there is something above to add to."""
        self._able = able
        self.offer()

    def offer(self) -> None:
        """Enable what can be done with what is chosen."""
        chosen = self.table.current() is not None
        self.new.setEnabled(self._able)
        self.edit.setEnabled(chosen)
        self.copy.setEnabled(chosen)
        for extra in self._extras:
            extra.setEnabled(self._able)
        thing = self.table.current()
        for made, suits in self._chosen_only:
            made.setVisible(thing is not None and suits(thing))

    def _with_current(self, call: Callable[[R], None] | None) -> None:
        thing = self.table.current()
        if thing is not None and call is not None:
            call(thing)
