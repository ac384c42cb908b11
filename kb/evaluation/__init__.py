"""Golden questions and what became of them: how often the service finds, answers, refuses and cites rightly."""
