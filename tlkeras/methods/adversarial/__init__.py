"""Methods that play an encoder against a critic."""
