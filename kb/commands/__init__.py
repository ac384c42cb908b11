"""Commands of the shell, each in a module of its own; what is heavy is imported when one runs."""
