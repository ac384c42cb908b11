"""The shell's further commands, a module each."""
