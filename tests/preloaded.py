"""What every `kb` process of the tests would import and read: their fork server does so once (see kb_process)."""

from kb import cli, diagnosis, service
from kb.ingest.language import detect_language
from kb.search import lexicon, openvino_runtime, translations
from kb.search.terms import question_terms
from kb.web import server

__all__ = ["cli", "diagnosis", "server", "service"]

openvino_runtime._import_openvino()
for text in ("Where is my parcel?", "我的包裹在哪里", "我的包裹在哪裡"):  # dictionaries are read when first needed
    detect_language(text)
    translations.translations(question_terms(text), lambda term: True)
lexicon.common_characters()
lexicon.english_words()
