"""What outlives a disk: backups, what a restore makes of them, and who must stay erased in both."""
