"""Handing a conversation over to a person: noticing that it is due, saying so, and telling the centre."""
