"""The shop-floor agent: polls devices, decides alarms, delivers each event once."""
