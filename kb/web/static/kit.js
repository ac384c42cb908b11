// What the pages' scripts share: elements, requests with the session's token, texts in the reader's language.
const token = document.querySelector('meta[name="csrf-token"]')?.content;

/** An element with properties (`data` for data-*, any attribute with a hyphen) and children; null children are left out. */
export const make = (name, properties = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "data") Object.assign(element.dataset, value);
    else if (key.includes("-") || key === "role" || key === "lang") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

/** The page's texts for its script: `data-*` of `<template id="texts">`. */
export const texts = document.getElementById("texts")?.dataset ?? {};

/** A text with `{name}` filled in. */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

/** As anybody: without the browser's session, unless `credentials` lets one begin. */
export const post = (url, body, credentials = "omit") => fetch(url, {
  method: "POST", credentials, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
});

/** Where one signs in, to come back here; within another site's page that is a page of its own. */
export const signIn = (next = location.pathname + location.search) => (
  `/signin${self === top ? "" : "/framed"}?next=${encodeURIComponent(next)}`
);

/** As the person who is signed in; where the session is over, the sign-in page leads back here. */
export const asPerson = async (method, url, body, headers = {}) => {
  const json = body === undefined || body instanceof Blob ? {} : { "Content-Type": "application/json" };
  const reply = await fetch(url, {
    method, headers: { ...json, ...(token ? { "X-CSRF-Token": token } : {}), ...headers },
    body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
  });
  if (reply.status === 401) location.assign(signIn());
  return reply;
};

/** What a problem (RFC 9457) says, or a general text where the reply is none. */
export const problemOf = async (reply, otherwise) => {
  try {
    return (await reply.json()).detail || otherwise;
  } catch {
    return otherwise;
  }
};

/** A link's address, null where a browser would run it. */
export const safe = (url) => (/^(https?:|mailto:|tel:)/i.test(url) || /^\/(?![/\\])/.test(url) ? url : null);

/** A citation's page, at the sentence. */
export const cited = (citation) => {
  const url = safe(citation.url || "");
  if (!url || !url.startsWith("/")) return url;
  const span = new URLSearchParams({ revision: citation.revision, from: citation.start, to: citation.end });
  return `${url}?${span}#cited`;
};

/** A link, or the plain label where its address is not safe. */
export const linked = (label, url) => (url && safe(url) ? make("a", { href: url, textContent: label }) : label);

/** Says something in passing, for eyes and screen readers. */
export const say = (text, kind = "") => {
  let place = document.getElementById("said");
  if (!place) document.body.append(place = make("div", { id: "said", className: "toast", role: "status" }));
  place.className = `toast ${kind}`;
  place.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { place.textContent = ""; }, 6000);
};

/** Runs `work` once nothing was asked for `ms` milliseconds. */
export const settled = (work, ms) => {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), ms);
  };
};
