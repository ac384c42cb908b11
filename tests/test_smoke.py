from conftest import write_article
def test_x(shell, home):
    write_article(home, "a.md", "# Refund\n\nRefunds take five days.\n")
    r = shell(home, "reindex"); print(r.stdout, r.stderr); assert r.returncode == 0
    r = shell(home, "search", "refund days"); print(r.stdout, r.stderr); assert "five" in r.stdout
def test_s(sample_kb):
    pass
