"""Protocol drivers: the only room that imports pymodbus."""
