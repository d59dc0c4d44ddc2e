"""How a register of an older Kitback becomes one of this."""
