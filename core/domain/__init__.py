"""Pure rules of maintenance: standard library only, `now` is an argument, no I/O, no logging."""
