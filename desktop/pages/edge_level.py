"""One level of the edges page: a heading with its buttons over a table. Knows neither devices nor rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtWidgets import QWidget

from core.i18n import _
from desktop.widgets.basics import button, column, row, text_label
from desktop.widgets.table import Table

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
        self.hint = text_label("", "muted")
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
        whole = column(margins=(0, 4, 0, 0), spacing=6)
        whole.addLayout(row(self.heading, self.hint, None, self.copy, self.edit, self.new))
        whole.addWidget(table, 1)
        self.setLayout(whole)
        self.offer()

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

    def _with_current(self, call: Callable[[R], None] | None) -> None:
        thing = self.table.current()
        if thing is not None and call is not None:
            call(thing)
