// What ran on a page, and what stands there that could.
() => {
  const bad = [...hits.map((hit) => `ran: ${hit}`)];
  const OURS = ".page"; // whose script sets it
  const script = /^[\s\x00-\x1f]*(javascript|data|vbscript):/i;
  for (const e of document.querySelectorAll("*")) {
    for (const { name, value } of e.attributes) {
      if (name.startsWith("on") || name === "srcdoc" || (name === "style" && !e.matches(OURS)) || name === "background") bad.push(`${e.localName} ${name}`);
      if (/^(href|src|action|formaction|data|xlink:href|poster)$/.test(name) && script.test(value)) bad.push(`${e.localName} ${name}=${value}`);
      if (/^(src|action|formaction|data)$/.test(name) && /^(https?:)?\/\//.test(value)) bad.push(`${e.localName} ${name}=${value}`);
    }
    if (/^(iframe|object|embed|base|style|applet|math|set|animate|foreignobject|handler|isindex|keygen)$/.test(e.localName)) bad.push(e.localName);
    if (e.localName === "meta" && e.httpEquiv) bad.push("meta http-equiv");
    if (e.localName === "script" && (!e.src.startsWith(location.origin + "/static/") || e.textContent)) bad.push("script");
    if (e.localName === "link" && !e.href.startsWith(location.origin)) bad.push(`link ${e.href}`);
  }
  return bad;
}
