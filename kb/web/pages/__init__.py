"""The pages that people read, in Chinese and English."""
