"""What has become another since somebody who works here last said that they know it, and who has said so."""
