"""When readings become an alarm, and when it is over, after ISA-18.2 / IEC 62682: the whole engine, pure.

`rules` say what counts as trouble, `parts` judge one condition each (`trails`: by what was before), `states` is what
has to be remembered, `steps` decides, `shortcuts` says what need not be told, `operations` are people's and the
system's orders, `schedule` is the plant's clock. Knows no points' names, assets, tickets or computers.
"""

from core.domain.alarms.operations import Operation, Verb, acknowledge, operate
from core.domain.alarms.rules import (
    COMBINED,
    FIRST_LEVEL,
    NEEDS,
    OWN,
    Condition,
    Rule,
    Severity,
    Term,
    faults,
)
from core.domain.alarms.schedule import ActiveTimes, counts, next_turn
from core.domain.alarms.shortcuts import calm, heard, look_s, silent
from core.domain.alarms.states import (
    Absence,
    AlarmState,
    Change,
    Cleared,
    Quiet,
    Raised,
    Reminded,
    Service,
    ServiceChange,
    Shelf,
    Status,
    Why,
    freeze,
    service,
    thaw,
)
from core.domain.alarms.steps import due_s, fit, step, tick
from core.domain.alarms.trails import risen

__all__ = [
    "COMBINED", "FIRST_LEVEL", "NEEDS", "OWN", "Absence", "ActiveTimes", "AlarmState", "Change", "Cleared", "Condition",
    "Operation", "Quiet", "Raised", "Reminded", "Rule", "Service", "ServiceChange", "Severity", "Shelf", "Status",
    "Term", "Verb", "Why", "acknowledge", "calm", "counts", "due_s", "faults", "fit", "freeze", "heard", "look_s",
    "next_turn", "operate", "risen", "service", "silent", "step", "thaw", "tick",
]  # fmt: skip
