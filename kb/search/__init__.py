"""A question to ranked passages: embedding, keywords, vectors, fusion, confidence."""
