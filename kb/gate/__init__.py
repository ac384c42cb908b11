"""What an edit would do to answers, found out before it is published."""
