"""What every `kb` process of the tests would import: the server that forks them imports it once (see kb_process)."""

from kb import cli, diagnosis, service
from kb.search import openvino_runtime
from kb.web import server

__all__ = ["cli", "diagnosis", "openvino_runtime", "server", "service"]

openvino_runtime._import_openvino()
